"""The report says what the snapshot holds of a population and a period, and asks for nothing when it is read."""

import re
from base64 import b64decode
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from barograph import figure as figures
from barograph import gallery, tables
from barograph.errors import InputError
from barograph.figure import Asked
from barograph.language import Reader, speaking
from barograph.report import report
from barograph.store import Snapshot
from flows.pictures import Chart
from tests.dashboard import frames
from tests.dashboard.frames import LAST

A_WEEK = {"first": LAST - timedelta(days=6), "last": LAST}


def published(folder: Path, rows: dict[Any, pl.DataFrame] | None = None) -> Snapshot:
    return Snapshot(frames.snapshot(folder, {tables.SERIES: frames.series()} | (rows or {})))


def text(html: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def row(html: str) -> list[str]:
    """The cells of the first line at a glance."""
    body = html[html.index("<tbody>") : html.index("</tr>", html.index("<tbody>"))]
    return [" ".join(cell.split()) for cell in re.findall(r">([^<>]+)<", body) if cell.strip()]


def test_a_line_at_a_glance_is_as_counted_by_hand(tmp_path: Path) -> None:
    # 59 days at 10 %, then one at 30 % inside the period; one of its seven days is missing, two were high.
    series = frames.series(60, missing={3: "fewer than 20 authors"})
    series = series.with_columns(
        pl.when(pl.col("time_value") == LAST).then(pl.lit(v) if v else pl.col(c)).otherwise(pl.col(c)).alias(c)
        for c, v in {"prevalence": 0.3, "lo": 0.25, "hi": 0.36}.items()
    )
    html = report(published(tmp_path, {tables.SERIES: series, tables.EXCEEDANCES: frames.high_days(0, 2, 30)}), Asked("all", **A_WEEK))
    assert row(html) == [
        "Anxiety (dimension)", "Tue 31 Mar 2026", "30.0 % (25.0–36.0)", "+20.0 points", "2 / 7", "1 / 7",
        "50 authors, 60 posts",
    ]  # fmt: skip
    assert "Days without a value: fewer than 20 authors." in text(html)
    assert "all, 25 Mar – 31 Mar 2026" in text(html)


def test_every_chart_is_a_picture_within_and_nothing_is_asked_of_a_network(tmp_path: Path) -> None:
    html = report(published(tmp_path, {tables.TERM_SHIFTS: frames.shifts()}), Asked("all", **A_WEEK))
    images = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", html)
    assert len(images) == 3  # prevalence, authors, why
    for image in images:
        ET.fromstring(b64decode(image))
    assert "default-src 'none'" in html
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", html) == []
    assert "<script" not in html


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ([frames.alerts()], "Anxiety (dimension): firing 15.0 % (12.0–19.0) on Tue 31 Mar, above 13.0 % (95th percentile) since Mon 30 Mar"),
        ([], "No alert was open in this period"),
        ([frames.alerts("resolved", started_on=date(2026, 2, 1), issue=datetime(2026, 2, 3))], "No alert was open in this period"),
        ([frames.alerts("resolved", started_on=date(2026, 2, 1), issue=datetime(2026, 3, 27))], "Anxiety (dimension): resolved"),
        ([frames.alerts(started_on=LAST + timedelta(days=1))], "No alert was open in this period"),
    ],
)
def test_it_tells_the_alerts_that_were_open_within_the_period(tmp_path: Path, alerts: list[pl.DataFrame], said: str) -> None:
    html = report(published(tmp_path, {tables.ALERTS: pl.concat(alerts)} if alerts else {}), Asked("all", **A_WEEK))
    assert said in text(html)


def test_a_period_without_values_is_not_calm(tmp_path: Path) -> None:
    series = frames.series(60, missing=dict.fromkeys(range(60), "fewer than 20 authors"))
    html = report(published(tmp_path, {tables.SERIES: series}), Asked("all", **A_WEEK))
    assert "No day of this period has a value" in text(html)
    assert "No alert was open" not in text(html)


def test_the_forecast_stands_only_where_the_period_reaches_it(tmp_path: Path) -> None:
    snapshot = published(tmp_path, {tables.FORECASTS: frames.forecasts()})
    asked = Asked("all", "dimension:anxiety")
    whole = figures.read(snapshot, asked)
    assert figures.within(whole, None, None).forecasts.height == 7
    assert figures.within(whole, None, LAST + timedelta(days=3)).forecasts["target"].max() == LAST + timedelta(days=3)
    assert figures.within(whole, None, LAST).forecasts.is_empty()


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    html = report(published(tmp_path, {tables.SERIES: frames.series(population=evil)}), Asked(evil))
    assert evil not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("nowhere"), "population: got 'nowhere', which is not published here; there is all"),
        (Asked("all", unit="posts"), "unit: got 'posts', which is not published here; there is authors"),
        (Asked("all", method="corrected"), "method: got 'corrected'; this line has lexicon"),
        (Asked("all", first=date(2020, 1, 1), last=date(2020, 1, 2)), "--from 2020-01-01 --to 2020-01-02: no day"),
    ],
)
def test_what_is_not_published_is_said_with_what_is(tmp_path: Path, asked: Asked, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        report(published(tmp_path), asked)


def test_it_is_written_in_the_readers_language(tmp_path: Path) -> None:
    with speaking(Reader("es")):
        html = report(published(tmp_path), Asked("all", **A_WEEK))
    assert '<html lang="es">' in html
    assert "mar 31\xa0mar 2026" in html
    assert "10,0\xa0% (8,0–12,5)" in html


@pytest.mark.parametrize("name", ["timeline", "counts", "why", "skill", "coverage", "reliability", "makers", "volumes"])
def test_a_figure_has_its_title_its_sentence_and_its_data(tmp_path: Path, name: str) -> None:
    snapshot = published(tmp_path, {
        tables.TERM_SHIFTS: frames.shifts(), tables.FORECASTS: frames.forecasts(), tables.FORECAST_WEEKS: frames.forecast_weeks(),
        tables.SOURCE_DAYS: frames.source_days(),
    })  # fmt: skip
    (source,) = snapshot.read(tables.SOURCE_DAYS)["source"].unique()
    figure = gallery.draw(name, snapshot, Asked("all", "dimension:anxiety", source=source))
    assert figure.title
    assert figure.sentence.endswith(".")
    assert figure.rows.height > (0 if name in ("makers", "reliability") else 3)


def test_the_command_knows_every_chart() -> None:
    assert set(get_args(Chart)) == set(gallery.FIGURES)


def test_a_chart_of_nothing_says_what_is_missing(tmp_path: Path) -> None:
    snapshot = published(tmp_path)
    with pytest.raises(InputError, match="no word shift of dimension:anxiety in all"):
        gallery.draw("why", snapshot, Asked("all", "dimension:anxiety"))
    with pytest.raises(InputError, match="no topic is published here"):
        gallery.draw("polarization", snapshot, Asked("all", topic="climate"))
    with pytest.raises(InputError, match="no forecast of these lines has met a whole week yet"):
        gallery.draw("skill", snapshot, Asked("*"))
    with pytest.raises(InputError, match="source: got 'x'; there is none"):
        gallery.draw("volumes", snapshot, Asked("*", source="x"))


def test_it_tells_flagged_days_and_what_streams_missed(tmp_path: Path) -> None:
    midnight = datetime(2026, 3, 28)
    rows = {
        tables.FLAGS: frames.flags((3, "gap", "about 25 % of the usual posts missed; files 6.0 h", True)),
        tables.COVERAGE: frames.coverage(
            ("covered", midnight - timedelta(days=30), midnight, None), ("covered", midnight + timedelta(hours=6), frames.NOW, None)
        ),
    }  # fmt: skip
    said = text(report(published(tmp_path, rows), Asked("all", **A_WEEK)))
    assert "1 day flagged as not measured as usual, 1 of them left out of thresholds and forecasts (latest: Sat 28 Mar 2026, gap:" in said
    assert "6 h in 28 days" in said
    assert "not read since" not in said
