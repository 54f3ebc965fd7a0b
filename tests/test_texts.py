"""Columns read by their bytes give what Python's own tools give value by value."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barograph import ingest, texts
from tests.conftest import ROOT

KEY = bytes(range(32))


def strings(*values: str | None) -> pl.Series:
    """A column of text."""
    return pl.Series("text", values, dtype=pl.String)


@pytest.mark.parametrize("key", [b"k", KEY, b"q" * 64], ids=["1", "32", "64"])
@pytest.mark.parametrize("size", [1, 8, 16, 64])
def test_hashes_are_those_of_hashlib_at_every_length_around_a_block(key, size):
    values = [None, "", *("é" * (n % 2) + "x" * n for n in (1, 7, 8, 126, 127, 128, 129, 255, 256, 257, 5000)), None]
    expected = [v and hashlib.blake2b(v.encode(), key=key, digest_size=size).hexdigest() for v in values]
    expected[1] = hashlib.blake2b(b"", key=key, digest_size=size).hexdigest()
    assert texts.blake2b(strings(*values), key, size).to_list() == expected
    assert texts.blake2b(strings(*values)[2:], key, size).to_list() == expected[2:]


@given(st.lists(st.none() | st.text(), max_size=20))
def test_hashes_are_those_of_hashlib_whatever_the_text(values):
    expected = [None if v is None else hashlib.blake2b(v.encode(), key=KEY, digest_size=8).hexdigest() for v in values]
    assert texts.blake2b(strings(*values), KEY, 8).to_list() == expected


@given(st.lists(st.none() | st.text(st.characters(max_codepoint=0x100, exclude_categories=["Cs"])), max_size=20))
def test_unusual_is_what_is_not_printable_ascii_or_white_space_of_lines(values):
    expected = [v is not None and re.search(r"[^\t\n\r -~]", v) is not None for v in values]
    assert texts.unusual(strings(*values)).to_list() == expected


def test_a_column_of_nothing_stays_so():
    assert texts.unusual(strings()).to_list() == []
    assert texts.blake2b(strings(), KEY, 8).to_list() == []
    assert texts.blake2b(strings(None, None), KEY, 8).to_list() == [None, None]
    for nothing in (strings(None, None), pl.Series([None, None], dtype=pl.Null)):
        assert texts.unusual(nothing).to_list() == [False, False]
        assert texts.blake2b(nothing, KEY, 8).to_list() == [None, None]


def test_a_slice_is_read_from_where_it_begins():
    values = strings("é", "abc", None, "d\x00", "", "x" * 300, "ñ", None, "ok")
    for start in range(9):
        own = values[start:]
        assert texts.unusual(own).to_list() == [v is not None and bool(re.search(r"[^\t\n\r -~]", v)) for v in own]


def test_what_is_not_normalised_would_stay_as_it_is():
    letters = {c for c in map(chr, range(sys.maxunicode + 1)) if not 0xD800 <= ord(c) < 0xE000}
    steady = {c for c in letters if not re.match(ingest._MAY_COMPOSE, c)}
    assert len(steady) > 3000
    assert all(unicodedata.normalize("NFC", c) == c and unicodedata.combining(c) == 0 for c in steady)
    # Nor does any of them join the one before it.
    parts = (unicodedata.decomposition(c) for c in letters)
    seconds = {chr(int(p.split()[1], 16)) for p in parts if p and not p.startswith("<") and " " in p}
    assert steady.isdisjoint(seconds)


def test_where_nothing_can_be_written_every_process_compiles(tmp_path):
    for room in ("barograph", "lexicons"):
        (tmp_path / room).mkdir()
        for path in (ROOT / room).glob("*.py"):
            shutil.copy(path, tmp_path / room)
        (tmp_path / room / "__pycache__").touch()  # a file, where a folder would be made: not even root can
    code = "import lexicons.match, lexicons.vocabulary as v; from barograph.texts import blake2b; import polars as pl; "
    code += "print(v.__file__, v.seed(1) == v.seed.py_func(1), *blake2b(pl.Series(['a']), b'k', 8))"
    nowhere = {"HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/cache", "PYTHONPATH": str(tmp_path)}
    env = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")} | nowhere
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    expected = hashlib.blake2b(b"a", key=b"k", digest_size=8).hexdigest()
    assert done.stdout.split() == [str(tmp_path / "lexicons" / "vocabulary.py"), "True", expected], done.stderr
