"""The key is made once, for its owner alone; what it hashes can be compared, never recomputed without it."""

import hashlib
import multiprocessing
import os
import stat

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barograph.errors import InputError
from barograph.privacy import Keyed


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    return Keyed(tmp_path_factory.mktemp("home") / "key")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_key_is_created_for_its_owner_alone(tmp_path, mask):
    before = os.umask(mask)
    try:
        Keyed(tmp_path / "key")
    finally:
        os.umask(before)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert len((tmp_path / "key").read_bytes()) == 32


def _create(began, folder, hashes):
    for attempt in range(20):
        began.wait()
        hashes.put((attempt, Keyed(folder / f"key{attempt}").hash("ann")))


def test_processes_that_create_it_at_once_get_the_same_key(tmp_path):
    context = multiprocessing.get_context("fork")
    began, hashes = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_create, args=(began, tmp_path, hashes)) for _ in range(4)]
    for process in processes:
        process.start()
    got = {hashes.get(timeout=30) for _ in range(80)}
    for process in processes:
        process.join(30)
    assert got == {(attempt, Keyed(tmp_path / f"key{attempt}").hash("ann")) for attempt in range(20)}
    assert {path.name for path in tmp_path.iterdir()} == {f"key{attempt}" for attempt in range(20)}


def test_a_key_is_created_once_and_kept(tmp_path):
    first = Keyed(tmp_path / "key")
    key = (tmp_path / "key").read_bytes()
    second = Keyed(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == key
    assert first.hash("ann") == second.hash("ann")


def test_what_a_killed_process_left_behind_is_no_key(tmp_path):
    (tmp_path / f"key.{os.getpid()}").write_bytes(b"half")
    Keyed(tmp_path / "key")
    assert len((tmp_path / "key").read_bytes()) == 32
    assert not (tmp_path / f"key.{os.getpid()}").exists()


def test_two_homes_have_different_keys(tmp_path):
    one, two = Keyed(tmp_path / "one"), Keyed(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "two").read_bytes()
    assert one.hash("ann") != two.hash("ann")


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_a_damaged_key_is_refused_and_left_as_it_is(tmp_path, size):
    path = tmp_path / "key"
    path.write_bytes(b"k" * size)
    with pytest.raises(InputError) as error:
        Keyed(path)
    assert str(error.value) == (
        f"{path}: got {size} bytes, expected 32: without the key that made it, this home cannot tell its authors "
        "apart; restore the file from a backup"
    )
    assert path.read_bytes() == b"k" * size


@pytest.mark.parametrize(
    ("value", "raw"), [("ann", b"ann"), ("añn", "añn".encode()), (b"\xff\x00", b"\xff\x00"), ("", b""), ("\ud800", b"\xed\xa0\x80")]
)
@pytest.mark.parametrize("size", [8, 12, 16])
def test_a_hash_is_keyed_blake2b(tmp_path, value, raw, size):
    (tmp_path / "key").write_bytes(bytes(range(32)))
    expected = hashlib.blake2b(raw, key=bytes(range(32)), digest_size=size).hexdigest()
    assert Keyed(tmp_path / "key").hash(value, size) == expected


def test_a_hash_says_nothing_of_the_key_or_the_value(tmp_path):
    (tmp_path / "key").write_bytes(b"k" * 32)
    keyed = Keyed(tmp_path / "key")
    assert "kkk" not in repr(keyed) + str(keyed)
    assert keyed.hash("ann") != hashlib.blake2b(b"ann", digest_size=16).hexdigest()


@given(st.lists(st.none() | st.text(max_size=4), max_size=12), st.sampled_from([8, 16]))
def test_a_column_is_hashed_value_by_value_and_null_stays_null(keyed, values, size):
    hashed = keyed.column(pl.Series("author", values, dtype=pl.String), size)
    assert hashed.dtype == pl.String
    assert hashed.to_list() == [None if value is None else keyed.hash(value, size) for value in values]
