"""Readers are spoken to in their language and their zone; every translation fits what it stands for."""

import json
import re
import subprocess
import sys
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import lexicons
from barograph import charts, wording
from barograph.charts.frame import locale
from barograph.gather import gather
from barograph.language import LANGUAGES, Reader, gettext, ngettext, speaking
from barograph.settings import Settings
from barograph.stored import MARKERS, stored
from tests.conftest import ROOT

LOCALE = ROOT / "barograph" / "locale"
MADRID = Reader("es", ZoneInfo("Europe/Madrid"))


def catalog(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="es")


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The sentences that the code marks, gathered as `make messages` does."""
    out = tmp_path_factory.mktemp("messages") / "messages.pot"
    subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg", "-k", "noted", "-k", "noted_pair:1,2",
         "--omit-header", "-o", str(out), "."], cwd=ROOT, check=True,
    )  # fmt: skip
    return catalog(out)


def test_every_marked_sentence_is_translated_and_nothing_else(marked: Catalog) -> None:
    spanish = {m.id: m.string for m in catalog(LOCALE / "es.po") if m.id}
    assert {m.id for m in marked if m.id} == set(spanish)
    assert [said for said, translation in spanish.items() if not all([translation] if isinstance(translation, str) else translation)] == []


def test_a_sentence_within_another_is_gathered_and_what_is_no_sentence_is_not() -> None:
    code = "f'**{_(\"Hidden\")}**'; ngettext('{n} day', '{n} days', n); _(WORDS['key']); other('No')"
    found = gather(BytesIO(code.encode()), ["_", "ngettext"], (), {})
    assert {said for _line, _name, said, _comments in found} == {"Hidden", ("{n} day", "{n} days", None)}


def test_a_translation_has_the_places_of_its_sentence() -> None:
    for message in catalog(LOCALE / "es.po"):
        if message.id:
            said = message.id if isinstance(message.id, tuple) else (message.id,)
            translated = (message.string,) if isinstance(message.string, str) else message.string
            places = {tuple(sorted(re.findall(r"{(\w*)[^}]*}", text))) for text in (*said, *translated)}
            assert len(places) == 1, message.id


def test_every_language_but_english_has_its_file() -> None:
    assert {path.stem for path in LOCALE.glob("*.po")} | {"en"} == set(LANGUAGES)


def test_english_is_said_as_it_is_written_and_so_is_what_has_no_translation() -> None:
    assert (gettext("Now"), ngettext("post", "posts", 2)) == ("Now", "posts")
    with speaking(MADRID):
        assert gettext("Now") == "Ahora"
        assert gettext("No translation of this was ever made") == "No translation of this was ever made"
    assert gettext("Now") == "Now"


def test_days_and_numbers_are_written_as_the_reader_writes_them() -> None:
    day = date(2026, 9, 3)
    assert (wording.day(day), wording.count(12045, "posts"), wording.interval(0.0421, 0.03, 0.056)) == (
        "Thu 3\xa0Sep 2026", "12,045\xa0posts", "4.2\xa0% (3.0–5.6)",
    )  # fmt: skip
    with speaking(MADRID):
        assert wording.day(day) == "jue 3\xa0sept 2026"
        assert wording.number(12045) == "12.045"
        assert wording.interval(0.0421, 0.03, 0.056) == "4,2\xa0% (3,0–5,6)"


def test_a_time_is_told_in_the_readers_zone_with_utc_beside() -> None:
    late = datetime(2026, 11, 23, 23, 5)
    assert wording.moment(late) == "23\xa0Nov 2026, 23:05\xa0UTC"
    with speaking(Reader("en", ZoneInfo("Europe/Madrid"))):
        assert wording.moment(late) == "24\xa0Nov 2026, 00:05\xa0CET (23\xa0Nov, 23:05\xa0UTC)"
        assert wording.moment(datetime(2026, 7, 1, 12, 0)) == "1\xa0Jul 2026, 14:00\xa0CEST (12:00\xa0UTC)"


def test_charts_name_months_as_the_reader_does() -> None:
    assert locale() == {}
    with speaking(MADRID):
        said = locale()["locale"]
    assert (said["number"]["decimal"], said["time"]["days"][0], said["time"]["months"][0]) == (",", "domingo", "enero")
    assert len(said["time"]["shortDays"]) == 7
    assert len(said["time"]["shortMonths"]) == 12


def test_charts_say_it_to_the_reader_whichever_thread_writes_it() -> None:
    days = [date(2026, 9, n) for n in range(1, 11)]
    posts = pl.DataFrame({"time_value": days, "n_posts": [7] * 10, "usual": [7.0] * 10, "n_authors": [5] * 10, "kind": ["usual"] * 10})
    with speaking(MADRID):
        said = json.dumps(charts.volumes(posts).to_dict())
    for words in ("jue 3\xa0sept 2026", "7\xa0publicaciones", "5\xa0autores", "lo habitual"):
        assert json.dumps(words)[1:-1] in said or words in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no posts", "sin publicaciones"),
        ("fewer than 20 authors", "menos de 20 autores"),
        ("fewer than 20 authors on its last days; last value on 2026-03-01", "menos de 20 autores en sus últimos días; último valor el 2026-03-01"),
        ("2 days in a row above the threshold", "2 días seguidos por encima del umbral"),
        ("a reason {nobody} foresaw, 5 times", "a reason {nobody} foresaw, 5 times"),
        ("another reason, 5.5 times", "another reason, 5.5 times"),
    ],
)
def test_what_tables_hold_is_told_in_the_readers_language(text: str, said: str) -> None:
    assert stored(text) == text
    with speaking(MADRID):
        assert stored(text) == said


def test_markers_that_come_with_it_are_named_in_the_readers_language() -> None:
    markers = {re.sub("_(en|es)(_learned)?$", "", name) for name in lexicons.names()}
    dimensions = {dimension.name for dimension in Settings().dimension}
    assert {wording.label(name) for name in markers | dimensions} <= set(MARKERS)
    with speaking(MADRID):
        assert (wording.label("moral_outrage"), wording.label("dimension:fear")) == ("Indignación moral", "Miedo (dimensión)")
        assert wording.label("rents") == "Rents"
