"""From posts to published shifts: for the last days, for alerts, for high days; once, of enough authors, of nobody."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from barograph import publish, tables
from barograph.explain import newest
from barograph.home import Home
from barograph.settings import Settings, Source
from barograph.store import Snapshot, Warehouse
from barograph.store.database import create
from flows import stages
from flows.decide import alert
from flows.detect import detect
from flows.explain import explain
from flows.load import load
from flows.progress import Reporter
from tests.conftest import Command

START, DAYS, AUTHORS = date(2024, 3, 1), 62, 60
CALM, PANIC, WORRY, BOTH, ODD = (
    "The bus was on time", "I had a panic attack", "I am so worried", "So worried I had a panic attack", "What a nightmare scenario",
)  # fmt: skip


def write(path: Path, says: Callable[[int, int], str], days: int = DAYS, authors: int = AUTHORS) -> Path:
    """Every author writes once a day what `says` says."""
    with path.open("w") as file:
        for day in range(days):
            for author in range(authors):
                file.write(json.dumps({
                    "id": f"{day}-{author}", "author": f"person {author}", "lang": "en",
                    "created_at": f"{START + timedelta(days=day)}T{author % 24:02d}:10:00Z", "text": says(day, author),
                }) + "\n")  # fmt: skip
    return path


def storm(day: int, author: int) -> str:
    """A quarter speak of panic, at last two thirds and half of these of worry too; three always of something odd."""
    if author >= AUTHORS - 3:
        return ODD
    if day >= DAYS - 3:
        return (BOTH if author < 22 else PANIC) if author < 40 else CALM
    return WORRY if day % 7 == 3 and author < 20 else PANIC if author < 22 else CALM


def run(home: Path, posts: Path, *, as_of: date | None = None, **values: object) -> Snapshot:
    """All stages but delivery, in order."""
    place = Home(home)
    place.prepare()
    own = {"anxiety": "panic attack\nworried\nnightmare", "fear": "panic\nnightmare scenario"}
    for name, terms in own.items():
        (place.path / f"{name}_en.csv").write_text("term,marker\n" + "".join(f"{t},x\n" for t in terms.split("\n")))
    settings = Settings.model_validate({"marker": [
        {"name": name, "lexicons": [str(place.path / f"{name}_en.csv")]} for name in own
    ], "dimension": [{"name": "unease", "markers": ["anxiety", "fear"]}], **values})  # fmt: skip
    doing = stages.Run(place, settings, (Source(name="s", path=(str(posts),)),), Reporter(silent=True), as_of=as_of)
    with Warehouse(place.warehouse) as warehouse:
        for stage in (load, stages.score, stages.aggregate, stages.forecast, detect, alert, explain, stages.publish):
            stage.fn(doing, warehouse)
    path = publish.current(place.published)
    assert path is not None
    return Snapshot(path)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Snapshot]:
    folder = tmp_path_factory.mktemp("storm")
    posts = write(folder / "posts.jsonl", storm)
    receiver = {"name": "desk", "url": "http://localhost:9/", "secret_env": "NO_SECRET"}
    return folder / "home", posts, run(folder / "home", posts, receiver=[receiver])


def test_every_period_asked_for_is_explained_and_adds_up(published: tuple[Path, Path, Snapshot]) -> None:
    snapshot = published[2]
    shifts, series = snapshot.read(tables.TERM_SHIFTS), snapshot.read(tables.SERIES)
    assert shifts["population"].unique().to_list() == ["all"]
    assert sorted(shifts["marker"].unique()) == ["anxiety", "dimension:unease", "fear"]
    closed = date(2024, 4, 30)  # the day after is still open
    last = {f"{closed - timedelta(days=n - 1)}/{closed}" for n in (1, 7, 28)}
    assert last <= set(shifts["period"])
    of = shifts.group_by(tables.SHIFT).agg(pl.col("contribution").sum(), pl.col("change").first(), pl.col("mix", "rate").first())
    for row in of.iter_rows(named=True):
        assert row["contribution"] == pytest.approx(row["change"], abs=14 * 5e-5)
        assert row["mix"] + row["rate"] == pytest.approx(row["change"], abs=3 * 5e-5 + 1e-9)
    # A shift of one day against the day before is the difference of two published values.
    values = {(r["marker"], r["unit"], r["time_value"]): r["prevalence"] for r in series.iter_rows(named=True)}
    days = of.filter(pl.col("period") == f"{closed}/{closed}")
    assert days.height == 6
    for row in days.iter_rows(named=True):
        line = row["marker"], row["unit"]
        assert row["change"] == pytest.approx(values[*line, closed] - values[*line, closed - timedelta(days=1)], abs=6e-5)


def test_terms_say_what_was_written(published: tuple[Path, Path, Snapshot]) -> None:
    shifts = published[2].read(tables.TERM_SHIFTS, where={"marker": "anxiety", "unit": "posts"})
    week = shifts.filter(pl.col("period") == "2024-04-24/2024-04-30").sort("contribution", descending=True)
    assert week["reference"].unique().to_list() == ["2024-04-17/2024-04-23"]
    rows = {row["term"]: row for row in week.iter_rows(named=True)}
    # Of 420 posts a week: panic 5 × 22 + 2 × (11 + 18) against 6 × 22 + 2, worried 2 × 11 against 20.
    # `nightmare` is three people's, so the smaller of the two goes with it.
    assert list(rows) == ["panic attack", "(other)"]
    panic, other = rows.values()
    assert panic["contribution"] == pytest.approx((168 - 134) / 420, abs=6e-5)
    assert other["contribution"] == pytest.approx((22 - 20) / 420, abs=6e-5)
    assert (panic["n_authors"], other["n_authors"]) == (40, 22 + 3)
    assert panic["rate"] == pytest.approx(panic["change"], abs=6e-5)  # the same people wrote as often
    assert panic["period_posts"] == panic["reference_posts"] == 7 * AUTHORS


def test_no_term_of_few_authors_and_nobody_is_in_what_is_published(published: tuple[Path, Path, Snapshot]) -> None:
    home, _, snapshot = published
    shifts = snapshot.read(tables.TERM_SHIFTS)
    assert shifts["n_authors"].min() >= 20
    assert not shifts["term"].str.contains("nightmare").any()
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        keys = {key for (key,) in con.execute("SELECT DISTINCT author_key FROM posts").fetchall()}
        held = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        columns = {name for (name,) in con.execute("SELECT column_name FROM duckdb_columns() WHERE table_name != 'term_shifts'").fetchall()}
    assert len(keys) == AUTHORS
    everything = b"".join(path.read_bytes() for path in (home / "published").iterdir())
    assert not [key for key in keys if key.encode() in everything]
    for text in (CALM, PANIC, WORRY, BOTH, ODD):
        assert text.encode() not in everything
    # No words of a person are kept even in the warehouse, but for the texts themselves.
    assert "term_counts" not in held
    assert "term" not in columns


def test_firing_alerts_tell_why(published: tuple[Path, Path, Snapshot]) -> None:
    home, _, snapshot = published
    firing = snapshot.read(tables.ALERTS).filter(pl.col("state") == "firing", pl.col("rule") == "high for two days")
    (alert,) = firing.to_dicts()
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        bodies = [json.loads(body) for (body,) in con.execute("SELECT body FROM outbox").fetchall()]
    (body,) = [b for b in bodies if b["data"]["alert_id"] == alert["alert_id"]]
    why = body["data"]["why"]
    assert (why["period"], why["reference"]) == ("2024-04-29/2024-04-30", "2024-04-27/2024-04-28")
    shown = newest(snapshot.read(tables.TERM_SHIFTS, where={"marker": alert["marker"], "unit": alert["unit"], "period": why["period"]}))
    assert why["change"] == shown["change"][0] == pytest.approx((40 - 22) / AUTHORS)
    named = shown.filter(pl.col("term") != "(other)")
    assert [(t["term"], t["contribution"]) for t in why["terms"]] == named.select("term", "contribution").sort("contribution", descending=True).rows()
    assert set(why["terms"][0]) == {"term", "contribution", "lo", "hi", "n_authors", "top_account_share"}


def test_again_nothing_new_is_issued(published: tuple[Path, Path, Snapshot], tmp_path: Path) -> None:
    posts = published[1]
    first = run(tmp_path / "home", posts).read(tables.TERM_SHIFTS)
    assert run(tmp_path / "home", posts).read(tables.TERM_SHIFTS).equals(first)
    with Warehouse(tmp_path / "home" / "warehouse.duckdb") as warehouse:
        warehouse.set(explained_as="forgotten")  # computed anew, and found the same
    assert run(tmp_path / "home", posts).read(tables.TERM_SHIFTS).equals(first)


def test_a_late_post_issues_the_shifts_of_its_days_anew_but_not_on_the_same_day(tmp_path: Path) -> None:
    posts = write(tmp_path / "posts.jsonl", storm)
    before = run(tmp_path / "home", posts).read(tables.TERM_SHIFTS)

    def issued_after(name: str, when: str, text: str) -> pl.DataFrame:
        """Every issue, once this post has come too."""
        post = {"id": name, "author": "person 50", "lang": "en", "created_at": when, "text": text}
        with posts.open("a") as file:
            file.write(json.dumps(post) + "\n")
        run(tmp_path / "home", posts)
        with duckdb.connect(tmp_path / "home" / "warehouse.duckdb", read_only=True) as con:
            return con.sql("SELECT * FROM term_shifts").pl()

    assert issued_after("late", "2024-04-30T12:00:00Z", PANIC).height == before.height
    issued = issued_after("next day", "2024-05-02T00:10:00Z", CALM)
    after = issued.filter(pl.col("issue") > before["issue"].max())
    assert issued.height == before.height + after.height
    anew = after.join(before, on=tables.SHIFT, how="semi")
    assert anew["period_posts"].max() == before["period_posts"].max() + 1
    assert anew.height > 0
    assert anew.filter(~pl.col("period").str.ends_with("2024-04-30")).height == 0


def test_nothing_is_compared_with_days_whose_texts_are_gone(tmp_path: Path) -> None:
    posts, home = write(tmp_path / "posts.jsonl", storm), tmp_path / "home"
    first = run(home, posts, retention_days=10).read(tables.TERM_SHIFTS)
    assert first["reference"].str.head(10).min() == "2024-04-27"  # the alert; a week takes longer
    with Warehouse(home / "warehouse.duckdb") as warehouse:
        assert warehouse.last_day_without_text() == date(2024, 4, 21)
        warehouse.set(explained_as="forgotten")
    again = run(home, posts, retention_days=90).read(tables.TERM_SHIFTS)  # what is gone stays gone
    assert again.equals(first)


def test_a_run_goes_on_where_nothing_says_why(barograph: Command, tmp_path: Path) -> None:
    posts, home, own = write(tmp_path / "posts.jsonl", storm), tmp_path / "home", tmp_path / "barograph.toml"
    home.mkdir()
    with duckdb.connect(home / "warehouse.duckdb") as con:
        con.execute(f"{create(tables.TERM_SHIFTS)[:-1]}, CHECK (false))")  # it takes no row
    (tmp_path / "anxiety_en.csv").write_text("term,marker\npanic attack,x\nworried,x\n")
    own.write_text('[[marker]]\nname = "anxiety"\nlexicons = ["anxiety_en.csv"]\n'
                   '[[receiver]]\nname = "desk"\nurl = "http://localhost:9/"\nsecret_env = "DESK"\nallow_hosts = ["localhost"]\n'
                   '[[rule]]\nname = "high"\npercentile = 50\nmarkers = ["anxiety"]\n')  # fmt: skip
    done = barograph("run", posts, "--home", home, "--config", own, DESK="whsec_" + "c2VjcmV0" * 4)
    assert done.returncode == 0, done.stderr
    assert "notified    " in done.stdout, done.stdout
    assert "unexplained nothing says why markers moved: ConstraintException: " in done.stdout
    path = publish.current(home / "published")
    assert path is not None
    assert Snapshot(path).read(tables.RUNS)["status"].to_list() == ["unexplained"]

    with duckdb.connect(home / "warehouse.duckdb") as con:
        con.execute(f"DROP TABLE term_shifts; {create(tables.TERM_SHIFTS)}")
    again = barograph("run", posts, "--home", home, "--config", own, DESK="whsec_" + "c2VjcmV0" * 4)
    assert "unexplained" not in again.stdout
    path = publish.current(home / "published")
    assert path is not None
    assert Snapshot(path).read(tables.RUNS)["status"].to_list() == ["unexplained", "done"]
    assert Snapshot(path).read(tables.TERM_SHIFTS).height > 0
