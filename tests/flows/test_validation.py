"""The weekly validation: a snapshot that breaks its contract is found, annotators are held against people's labels."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from barograph import publish, tables
from barograph.errors import ConfigError, Terminal
from barograph.home import Home
from barograph.settings import Settings, load
from barograph.store import Warehouse
from flows import annotators
from flows.validation import validated
from tests.annotate.answering import desk

NOW = datetime(2024, 5, 6, 4, 20)
ANNOTATION = '[[annotation]]\ntask = "stance"\ntopic = "trams"\nannotators = ["desk"]\nlabelled = "labelled.csv"\n'
ROWS = [("trams, yes", "first"), ("no trams", "second"), ("a tram", "none"), ("trams!", "first"), ("no!", "second"), ("hm", "none")]


def home(folder: Path, days: int) -> Home:
    """A home with a snapshot of one line that rises and falls by the week."""
    place = Home(folder / "home")
    place.prepare()
    first = NOW.date() - timedelta(days=days)
    rows = [
        {
            "marker": "hope", "population": "all", "time_value": first + timedelta(days=n), "unit": "posts",
            "method": "lexicon", "value_kind": "share", "prevalence": 0.1 + 0.02 * (n % 7), "stderr": 0.01,
            "lo": 0.08, "hi": 0.12, "n_posts": 1000, "n_authors": 500, "provisional": False, "issue": NOW,
        }
        for n in range(days)
    ]  # fmt: skip
    with Warehouse(place.warehouse) as warehouse:
        warehouse.save({tables.SERIES: tables.SERIES.validate(pl.DataFrame(rows))})
        publish.publish(warehouse, place.published)
    return place


def test_forecasters_are_compared_on_what_was_published(tmp_path: Path) -> None:
    """Of 105 days three weekly origins have 84 days up to them and 7 after them: the 84th, the 91st and the 98th."""
    place = home(tmp_path, 105)
    said = validated(place, Settings(), NOW)
    assert said[0] == f"{106} rows of {len(tables.PUBLISHED)} tables are as promised"  # and its row of `lines`
    kept = json.loads((place.path / "validation" / "2024-05-06.json").read_text())
    assert kept["rows"]["series"] == 105
    by_name = {row["model"]: row for row in kept["forecasters"]}
    assert set(by_name) == {"auto", "climatology", "seasonal_naive", "ets"}
    assert {row["n_windows"] for row in by_name.values()} == {3}
    # The same day a week before is exactly right, what is usual is not.
    assert by_name["seasonal_naive"]["scrps"] < by_name["climatology"]["scrps"]
    assert said[1].startswith("sCRPS over 3 windows of 12 weeks: auto ")
    assert f"seasonal_naive {by_name['seasonal_naive']['scrps']:.3f}" in said[1]


def test_a_short_history_compares_nothing(tmp_path: Path) -> None:
    assert validated(home(tmp_path, 30), Settings(), NOW)[1] == "too few days to compare forecasters"


def test_a_snapshot_that_breaks_its_contract_is_found(tmp_path: Path) -> None:
    place = home(tmp_path, 30)
    path = publish.current(place.published)
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE series SET n_posts = -1 WHERE time_value = DATE '2024-05-01'")
    with pytest.raises(Terminal, match=r"series\.n_posts: got -1 in 1 rows"):
        validated(place, Settings(), NOW)
    assert not (place.path / "validation").exists()


def test_annotators_are_held_against_labels(tmp_path: Path) -> None:
    place = Home(tmp_path / "home")
    place.prepare()
    (tmp_path / "labelled.csv").write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in ROWS))

    def stance(message: str, _: object) -> dict[str, str] | str:
        if "hm" in message:
            return "no JSON at all"
        return {"stance": "second" if "no" in message.partition(">\n")[2].partition("\n<")[0] else "first"}

    with desk(tmp_path, stance, ANNOTATION) as config:
        said = validated(place, load(config), NOW)
    # Of six one is no answer; of the other five the tram that nobody takes a side on is read as for trams.
    assert said == ["nothing is published yet", "stance:trams by desk: accuracy stance 0.80"]
    written = (place.path / "validation" / "2024-05-06.json").read_text()
    (figures,) = json.loads(written)["annotators"]
    assert figures["statuses"] == {"invalid": 1, "ok": 5}
    assert not [text for text, _ in ROWS if text in written]


def test_a_file_of_labels_that_is_not_there_is_found_before_any_run(tmp_path: Path) -> None:
    with desk(tmp_path, lambda _text, _chat: "", ANNOTATION) as config, pytest.raises(ConfigError) as caught:
        annotators.check(load(config))
    assert str(caught.value) == f"annotation stance:trams: labelled: got {tmp_path}/labelled.csv; expected a file"
