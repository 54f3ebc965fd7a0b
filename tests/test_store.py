"""The warehouse on real files: what lands, what is read back as of any time, and who may write."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph import tables
from barograph.errors import InputError, Terminal, Transient
from barograph.home import Home
from barograph.store import Landed, Warehouse
from barograph.store.database import create

DAY = date(2024, 3, 1)
NOON = datetime(2024, 3, 1, 12)
CLOCK = datetime(2024, 4, 1)
INCOMING = {**{k: v for k, v in tables.POSTS.schema.items() if k != "segment"}, "line": pl.Int64}


def at(day: int, hour: float = 12) -> datetime:
    """A time on the day so many days after DAY."""
    return datetime.combine(DAY, datetime.min.time()) + timedelta(days=day, hours=hour)


def batch(*posts: dict[str, Any]) -> pl.DataFrame:
    """What `ingest` hands over, one row a dict; what a dict leaves out is usual."""
    usual = {"source": "s", "lang": "en", "author_key": "ann", "created_at": NOON, "text": "hello", "text_hash": "h"}
    rows = [{**usual, "line": line, **post} for line, post in enumerate(posts, start=1)]
    return pl.DataFrame(rows, schema=INCOMING)


def rejects(*reasons: str, source: str = "s") -> pl.DataFrame:
    """Rows set aside, one a reason."""
    rows = [
        {"source": source, "file": "f", "line": line, "reason": reason, "raw_hash": "r"}
        for line, reason in enumerate(reasons, start=1)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.QUARANTINE.schema)


def land(warehouse: Warehouse, *posts: dict[str, Any], source: str = "s", reasons: Sequence[str] = ()) -> Landed:
    """Land one batch."""
    return warehouse.land(source, batch(*posts), rejects(*reasons, source=source), CLOCK)


def cell(**values: Any) -> dict[str, Any]:
    """A row of `series`."""
    return {
        "marker": "anxiety", "population": "all", "unit": "posts", "method": "lexicon", "time_value": DAY,
        "value_kind": "share", "prevalence": 0.1, "n_posts": 10, "n_authors": 5, "provisional": False,
        "issue": at(1), **values,
    }  # fmt: skip


def series(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of `series`."""
    return pl.DataFrame(rows, schema=tables.SERIES.schema)


def run(**values: Any) -> pl.DataFrame:
    """A row of `runs`."""
    counts = {name: 0 for name in tables.RUNS.columns if name.startswith("n_")}
    return pl.DataFrame([{
        "run_id": "1", "command": "run", "started_at": NOON, "status": "running", "stage": "load", "version": "0",
        **counts, **values,
    }], schema=tables.RUNS.schema)  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty one."""
    with Warehouse(tmp_path / "warehouse.duckdb") as opened:
        yield opened


_NUMBERS = count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where examples make their warehouses."""
    return tmp_path_factory.mktemp("warehouses")


def fresh(folder: Path) -> Warehouse:
    """A warehouse nobody has used."""
    return Warehouse(folder / f"{next(_NUMBERS)}.duckdb")


# Landing.


def test_a_batch_falls_into_new_duplicate_and_conflicting_and_the_first_is_kept(warehouse: Warehouse) -> None:
    first = batch(
        {"post_id": "s:1", "text_hash": "a", "text": "first"},
        {"post_id": "s:1", "text_hash": "a", "text": "first"},
        {"post_id": "s:1", "text_hash": "b", "text": "second"},
        {"post_id": "s:2", "text_hash": "a", "text": "first"},
    )
    # The order within the batch is that of `line`, not that of the rows.
    assert warehouse.land("s", first.reverse(), rejects(), CLOCK) == Landed(new=2, duplicate=1, conflicting=1)
    again = [{"post_id": "s:1", "text_hash": "a"}, {"post_id": "s:1", "text_hash": "b"}, {"post_id": "s:3"}]
    assert land(warehouse, *again) == Landed(new=1, duplicate=1, conflicting=1)
    kept = warehouse.read(tables.POSTS).sort("post_id")
    assert kept.select("post_id", "text", "segment").rows() == [("s:1", "first", 1), ("s:2", "first", 1), ("s:3", "hello", 2)]
    assert warehouse.read(tables.SEGMENTS).rows() == [(1, "s", 2, CLOCK, None), (2, "s", 1, CLOCK, None)]


def test_landing_the_same_batch_again_changes_nothing(warehouse: Warehouse) -> None:
    posts = [{"post_id": f"s:{i}", "created_at": at(i)} for i in range(5)]
    assert land(warehouse, *posts, reasons=["text: empty"]) == Landed(new=5)
    warehouse.save({}, aggregated=[DAY + timedelta(days=i) for i in range(5)])
    before = [warehouse.read(table).rows() for table in tables.ALL]
    assert land(warehouse, *posts, reasons=["text: empty"]) == Landed(duplicate=5)
    assert [warehouse.read(table).rows() for table in tables.ALL] == before


def test_a_batch_of_nothing_makes_no_segment(warehouse: Warehouse) -> None:
    assert land(warehouse, reasons=["line: not UTF-8", "text: empty"]) == Landed()
    assert warehouse.read(tables.SEGMENTS).height == 0
    assert warehouse.read(tables.QUARANTINE)["reason"].sort().to_list() == ["line: not UTF-8", "text: empty"]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(batches=st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=6), max_size=4))
def test_however_posts_arrive_the_first_text_of_each_is_kept(folder: Path, batches: list[list[tuple[str, str]]]) -> None:
    known: dict[str, str] = {}
    with fresh(folder) as warehouse:
        for posts in batches:
            fates: Counter[str] = Counter()
            for name, text in posts:
                fates["new" if name not in known else "duplicate" if known[name] == text else "conflicting"] += 1
                known.setdefault(name, text)
            assert land(warehouse, *({"post_id": n, "text_hash": t} for n, t in posts)) == Landed(**fates)
        assert dict(warehouse.read(tables.POSTS).select("post_id", "text_hash").rows()) == known


# What has to be done again.


def test_a_day_is_dirty_until_it_is_aggregated_and_once_more_when_a_post_arrives(warehouse: Warehouse) -> None:
    land(warehouse, {"post_id": "s:1", "created_at": at(0)}, {"post_id": "s:2", "created_at": at(2)})
    first, third = DAY, DAY + timedelta(days=2)
    assert warehouse.dirty_days(at(5)) == [first, third]
    assert warehouse.dirty_days(at(1)) == [first]  # the third is yet to come
    issued = [cell(time_value=day, issue=at(5)) for day in (first, third)]
    warehouse.save({tables.SERIES: series(*issued)}, aggregated=[first, third], now=at(5))
    assert warehouse.dirty_days(at(5)) == []
    land(warehouse, {"post_id": "s:1", "created_at": at(0)})
    assert warehouse.dirty_days(at(5)) == []  # a duplicate changes nothing
    land(warehouse, {"post_id": "s:3", "created_at": at(2, 23.9)})
    assert warehouse.dirty_days(at(5)) == [third]


def test_a_provisional_day_stays_dirty_until_an_issue_says_that_it_closed(warehouse: Warehouse) -> None:
    land(warehouse, {"post_id": "s:1"})
    open_, closed = cell(provisional=True, issue=at(0, 20)), cell(provisional=False, issue=at(1, 8))
    warehouse.save({tables.SERIES: series(open_)}, aggregated=[DAY], now=at(0, 20))
    assert warehouse.dirty_days(at(0, 21)) == [DAY]
    warehouse.save({tables.SERIES: series(closed)}, aggregated=[DAY], now=at(1, 8))
    assert warehouse.dirty_days(at(1, 9)) == []
    assert warehouse.dirty_days(at(0, 22)) == [DAY]  # as of then it was still open


def test_a_day_never_issued_by_then_is_dirty_even_where_it_was_issued_later(warehouse: Warehouse) -> None:
    land(warehouse, {"post_id": "s:1"})
    warehouse.save({tables.SERIES: series(cell(issue=at(9)))}, aggregated=[DAY], now=at(9))
    assert warehouse.dirty_days(at(9)) == []
    assert warehouse.dirty_days(at(8)) == [DAY]


def test_replaying_the_past_does_not_hide_a_change_from_the_present(warehouse: Warehouse) -> None:
    land(warehouse, {"post_id": "s:1"})
    warehouse.save({tables.SERIES: series(cell(issue=at(9)))}, aggregated=[DAY], now=at(9))
    land(warehouse, {"post_id": "s:2"})
    replayed = series(cell(issue=at(3), n_posts=11))
    warehouse.save({tables.SERIES: replayed}, aggregated=[DAY], now=at(3))
    assert warehouse.dirty_days(at(10)) == [DAY]  # the issue of the ninth does not know of the second post
    warehouse.save({tables.SERIES: series(cell(issue=at(10), n_posts=11))}, aggregated=[DAY], now=at(10))
    assert warehouse.dirty_days(at(10)) == []


def test_another_way_to_aggregate_makes_every_day_dirty_once(warehouse: Warehouse) -> None:
    land(warehouse, {"post_id": "s:1"}, {"post_id": "s:2", "created_at": at(1)})
    both = [DAY, DAY + timedelta(days=1)]
    for fingerprint in ("one", "two"):
        issued = series(*(cell(time_value=day, issue=at(2)) for day in both))
        warehouse.save({tables.SERIES: issued}, aggregated=both, now=at(2))
        assert warehouse.dirty_days(at(2)) == []
        warehouse.aggregate_as(fingerprint)
        assert warehouse.dirty_days(at(2)) == both
        warehouse.save({}, aggregated=both, now=at(2))
        warehouse.aggregate_as(fingerprint)
        assert warehouse.dirty_days(at(2)) == []
        assert warehouse.get("aggregated_as") == fingerprint


def test_scoring_with_other_lexicons_replaces_what_can_be_read_and_keeps_what_cannot(warehouse: Warehouse) -> None:
    land(warehouse, {"post_id": "s:old", "created_at": at(0)}, {"post_id": "s:new", "created_at": at(9)})
    assert warehouse.unscored("v1") == [1]
    scores = {"post_id": ["s:old", "s:new"], "marker": ["fear", "fear"], "hits": [1, 2], "weight": [1.0, 2.0]}
    warehouse.save_scores(1, pl.DataFrame(scores), "v1")
    assert (warehouse.unscored("v1"), warehouse.unscored("v2")) == ([], [1])
    warehouse.save({}, aggregated=[DAY, DAY + timedelta(days=9)])
    assert warehouse.forget_texts(at(5)) == 1
    assert warehouse.segment_texts(1).rows() == [("s:new", "en", "hello")]
    warehouse.save_scores(1, pl.DataFrame([{"post_id": "s:new", "marker": "joy", "hits": 1, "weight": 1.0}]), "v2")
    kept = warehouse.read(tables.SCORES).sort("post_id").drop("probability")
    assert kept.rows() == [("s:new", "joy", 1, 1.0), ("s:old", "fear", 1, 1.0)]
    assert warehouse.read(tables.DIRTY_DAYS).sort("time_value")["time_value"].to_list() == [DAY, DAY + timedelta(days=9)]


# Counting, against an oracle.

POST = st.fixed_dictionaries({
    "author_key": st.sampled_from([None, "ann", "bob"]), "hours": st.integers(0, 71), "source": st.sampled_from("st"),
    "community": st.sampled_from([None, "c"]), "lang": st.sampled_from(["en", "es", "fr", "und"]),
    "geo": st.sampled_from([None, "g"]), "markers": st.sets(st.sampled_from(["fear", "stress", "joy"])),
})  # fmt: skip
DIMENSIONS = {"anxiety": ["fear", "stress"], "all": ["fear", "stress", "joy"], "none": []}


def number_of(who: str) -> int:
    """What stands for an author, or for a post of nobody known."""
    return duckdb.execute("SELECT hash(?)", [who]).fetchall()[0][0]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    posts=st.lists(POST, max_size=25), asked=st.sets(st.integers(0, 2)), now=st.integers(0, 71),
    languages=st.sets(st.sampled_from(["en", "es"])),
)  # fmt: skip
def test_activity_is_what_counting_post_by_post_gives(
    folder: Path, posts: list[dict[str, Any]], asked: set[int], now: int, languages: set[str]
) -> None:
    columns = ["source", "community", "lang", "geo", "author_key"]
    with fresh(folder) as warehouse:
        named = [
            {"post_id": f"p{i}", "created_at": at(0, post["hours"]), **{c: post[c] for c in columns}}
            for i, post in enumerate(posts)
        ]  # fmt: skip
        land(warehouse, *named)
        scores = [
            {"post_id": f"p{i}", "marker": marker, "hits": 2, "weight": 2.0}
            for i, post in enumerate(posts) for marker in sorted(post["markers"])
        ]  # fmt: skip
        if posts:
            warehouse.save_scores(1, pl.DataFrame(scores, schema=tables.SCORES.schema), "v")
        days = [DAY + timedelta(days=d) for d in sorted(asked)]
        activity, expressions = warehouse.activity(days, at(0, now), sorted(languages), DIMENSIONS)
        measured = warehouse.days(at(0, now), sorted(languages))

    n: Counter[tuple[Any, ...]] = Counter()
    x: Counter[tuple[Any, ...]] = Counter()
    populated = set()
    for i, post in enumerate(posts):
        if post["hours"] > now or post["lang"] not in languages | {"und"}:
            continue
        day = DAY + timedelta(days=post["hours"] // 24)
        where = tuple(post[c] for c in ("source", "community", "lang", "geo"))
        populated.add((*where, day))
        if day not in days:
            continue
        cluster = (number_of(post["author_key"] or f"p{i}"), post["author_key"] is not None)
        n[(day, *where, *cluster)] += 1
        read = {f"dimension:{name}" for name, members in DIMENSIONS.items() if post["markers"] & set(members)}
        for marker in post["markers"] | read:
            x[(day, *where, *cluster, marker)] += 1
    key = ["time_value", "source", "community", "lang", "geo", "cluster", "known"]
    assert {row[:-1]: row[-1] for row in activity.select(*key, "n").rows()} == n
    assert {row[:-1]: row[-1] for row in expressions.select(*key, "marker", "n").rows()} == x
    assert set(measured.select("source", "community", "lang", "geo", "time_value").rows()) == populated
    assert len(set(activity.select(key).rows())) == activity.height


def test_the_posts_of_a_day_come_with_a_number_for_whoever_wrote_them(warehouse: Warehouse) -> None:
    land(
        warehouse, {"post_id": "s:1", "created_at": at(0, 0)}, {"post_id": "s:2", "created_at": at(0, 23.99), "lang": "und"},
        {"post_id": "s:3", "author_key": None}, {"post_id": "s:4", "author_key": None, "community": "c", "geo": "g"},
        {"post_id": "s:5", "lang": "fr"}, {"post_id": "s:6", "created_at": at(1, 0)}, {"post_id": "s:7", "created_at": at(-1)},
    )  # fmt: skip
    posts = warehouse.posts_of([DAY], at(5), ["en"]).sort("post_id")
    assert posts["post_id"].to_list() == ["s:1", "s:2", "s:3", "s:4"]
    assert posts["time_value"].to_list() == [DAY] * 4
    assert posts["known"].to_list() == [True, True, False, False]
    one, other, nobody, another = posts["cluster"]
    assert one == other
    assert len({one, nobody, another}) == 3
    assert posts.select("source", "community", "lang", "geo", "text").row(3) == ("s", "c", "en", "g", "hello")
    assert warehouse.posts_of([DAY], at(0, 6), ["en"])["post_id"].to_list() == ["s:1"]
    apart = [DAY - timedelta(days=1), DAY + timedelta(days=1)]
    assert sorted(warehouse.posts_of(apart, at(5), ["en"])["post_id"]) == ["s:6", "s:7"]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    posts=st.lists(POST, max_size=25), asked=st.sets(st.integers(0, 2)), now=st.integers(0, 71),
    languages=st.sets(st.sampled_from(["en", "und"])),
)  # fmt: skip
def test_readings_are_those_of_each_post(
    folder: Path, posts: list[dict[str, Any]], asked: set[int], now: int, languages: set[str]
) -> None:
    columns = ["source", "community", "lang", "geo", "author_key"]
    level = {"fear": 0.25, "stress": 0.5, "joy": None}
    with fresh(folder) as warehouse:
        named = [
            {"post_id": f"p{i}", "created_at": at(0, post["hours"]), **{c: post[c] for c in columns}}
            for i, post in enumerate(posts)
        ]  # fmt: skip
        land(warehouse, *named)
        scores = [
            {"post_id": f"p{i}", "marker": marker, "hits": 0, "weight": 0.0, "probability": level[marker]}
            for i, post in enumerate(posts) for marker in sorted(post["markers"])
        ]  # fmt: skip
        if posts:
            warehouse.save_scores(1, pl.DataFrame(scores, schema=tables.SCORES.schema), "v")
        days = [DAY + timedelta(days=d) for d in sorted(asked)]
        places, found, levels, read = warehouse.readings(days, at(0, now), sorted(languages))
        assert warehouse.activity(days, at(0, now), ["en"], DIMENSIONS)[1].is_empty()  # none has a hit

    expected: Counter[tuple[Any, ...]] = Counter()
    for post in posts:
        day = DAY + timedelta(days=post["hours"] // 24)
        if post["hours"] <= now and post["lang"] in languages and day in days:
            mine = {marker: level[marker] for marker in post["markers"] if level[marker]}
            where = tuple(post[c] for c in columns[:4])
            expected[day, *where, post["author_key"] is not None, tuple(sorted(mine.items()))] += 1
    named_levels = dict(zip(levels["level"], levels.select("marker", "probability").rows(), strict=True))
    by_post: dict[int, list[tuple[str, float]]] = {number: [] for number in found["post"]}
    for number, what in read.rows():
        by_post[number].append(named_levels[what])
    rows = found.join(places, on="place").select("time_value", *columns[:4], "known", "post").rows()
    assert Counter((*row[:-1], tuple(sorted(by_post[row[-1]]))) for row in rows) == expected
    assert sorted(found["post"]) == list(range(found.height))
    # An author is one cluster, a post of nobody known one of its own.
    people = {post["author_key"] for post in posts} - {None}
    assert found.filter("known")["cluster"].n_unique() <= len(people)
    assert found.filter(~pl.col("known"))["cluster"].is_unique().all()


def test_a_community_counts_from_its_least_number_of_posts_up_to_now(warehouse: Warehouse) -> None:
    posts = [("b", 0), ("b", 1), ("a", 0), ("a", 0), ("c", 0), (None, 0), (None, 0)]
    land(warehouse, *({"post_id": str(i), "community": c, "created_at": at(d)} for i, (c, d) in enumerate(posts)))
    assert warehouse.communities(at(1), 2, 0) == ["a", "b"]
    assert warehouse.communities(at(0), 2, 0) == ["a"]
    assert warehouse.communities(at(1), 3, 0) == []


def test_the_newest_and_oldest_posts_are_those_of_the_source_and_not_after_now(warehouse: Warehouse) -> None:
    assert warehouse.newest_post(at(9)) is None
    assert warehouse.oldest_post("s") is None
    land(warehouse, *({"post_id": str(d), "created_at": at(d), "source": "st"[d % 2]} for d in range(4)))
    assert warehouse.newest_post(at(9)) == at(3)
    assert warehouse.newest_post(at(2)) == at(2)
    assert warehouse.newest_post(at(1, 11)) == at(0)
    assert warehouse.newest_post(at(9), "s") == at(2)
    assert (warehouse.oldest_post("s"), warehouse.oldest_post("t"), warehouse.oldest_post("u")) == (at(0), at(1), None)


# Versions.

ISSUES = st.dictionaries(
    st.tuples(st.sampled_from(["fear", "joy"]), st.integers(0, 2), st.integers(0, 9)), st.floats(0, 1), max_size=25
)  # fmt: skip


@settings(max_examples=40, deadline=None, derandomize=True)
@given(issues=ISSUES, now=st.integers(-1, 10))
def test_the_latest_rows_are_those_known_at_the_time_and_no_later_ones(
    folder: Path, issues: dict[tuple[str, int, int], float], now: int
) -> None:
    rows = [
        cell(marker=marker, time_value=DAY + timedelta(days=day), issue=at(issue), prevalence=value)
        for (marker, day, issue), value in issues.items()
    ]  # fmt: skip
    known: dict[tuple[str, date], float] = {}
    for (marker, day, issue), value in sorted(issues.items(), key=lambda item: item[0][2]):
        if issue <= now:
            known[marker, DAY + timedelta(days=day)] = value
    with fresh(folder) as warehouse:
        warehouse.save({tables.SERIES: series(*rows)})
        got = warehouse.latest(tables.SERIES, at(now))
        assert {row[:2]: row[2] for row in got.select("marker", "time_value", "prevalence").rows()} == known
        assert got.height == len(known)
        assert warehouse.last_issue() == max((at(issue) for _, _, issue in issues), default=None)


def test_an_issue_counts_from_its_very_moment(warehouse: Warehouse) -> None:
    warehouse.save({tables.SERIES: series(cell(issue=at(1)))})
    assert warehouse.latest(tables.SERIES, at(1)).height == 1
    assert warehouse.latest(tables.SERIES, at(1) - timedelta(microseconds=1)).height == 0


def test_saving_replaces_the_row_of_the_same_key_and_saving_new_leaves_it(warehouse: Warehouse) -> None:
    warehouse.save({tables.SERIES: series(cell(n_posts=10))})
    warehouse.save({tables.SERIES: series(cell(n_posts=11))})
    warehouse.save_new({tables.SERIES: series(cell(n_posts=12), cell(n_posts=13, issue=at(2)))})
    assert warehouse.read(tables.SERIES)["n_posts"].to_list() == [11, 13]


def test_a_row_that_breaks_its_contract_keeps_out_the_rows_of_the_other_table_too(warehouse: Warehouse) -> None:
    for save in (warehouse.save, warehouse.save_new):
        with pytest.raises(Terminal, match=r"runs\.status"):
            save({tables.SERIES: series(cell()), tables.RUNS: run(status="asleep")})
    assert (warehouse.read(tables.SERIES).height, warehouse.read(tables.RUNS).height) == (0, 0)


def test_a_save_that_fails_in_its_last_step_leaves_nothing_of_the_first(warehouse: Warehouse) -> None:
    land(warehouse, {"post_id": "s:1"})
    with pytest.raises(duckdb.BinderException):  # the mistake itself, and no story of a full disk
        warehouse.save({tables.SERIES: series(cell()), tables.RUNS: run()}, aggregated=["no day"])  # type: ignore[list-item]
    assert (warehouse.read(tables.SERIES).height, warehouse.read(tables.RUNS).height) == (0, 0)
    assert warehouse.dirty_days(at(9)) == [DAY]
    warehouse.save({tables.SERIES: series(cell())})
    assert warehouse.read(tables.SERIES).height == 1


# Housekeeping.


def test_texts_are_forgotten_only_when_old_and_scored(warehouse: Warehouse) -> None:
    land(warehouse, {"post_id": "s:1", "created_at": at(0)}, {"post_id": "s:2", "created_at": at(3)})
    assert warehouse.forget_texts(at(9)) == 0  # nobody has read them yet
    warehouse.save_scores(1, tables.SCORES.empty(), "v")
    land(warehouse, {"post_id": "s:3", "created_at": at(0)})
    assert warehouse.forget_texts(at(3)) == 1
    assert warehouse.forget_texts(at(3)) == 0
    texts = warehouse.read(tables.POSTS).sort("post_id").select("post_id", "text").rows()
    assert texts == [("s:1", None), ("s:2", "hello"), ("s:3", "hello")]
    assert land(warehouse, {"post_id": "s:1"}, {"post_id": "s:1", "text_hash": "b"}) == Landed(0, 1, 1)
    assert warehouse.read(tables.POSTS)["text"].null_count() == 1  # read again, it stays forgotten


def test_sources_are_counted_by_hand(warehouse: Warehouse) -> None:
    langs = ["en", "es", "fr", "und", "fr"]
    land(warehouse, *({"post_id": f"s:{i}", "lang": lang, "created_at": at(i)} for i, lang in enumerate(langs)),
         reasons=["text: empty", "line: not UTF-8", "text: empty", "created_at: missing"])  # fmt: skip
    land(warehouse, {"post_id": "t:1", "source": "t"}, source="t")
    warehouse.count_source_days(["en", "es"], at(8), 2)
    warehouse.count_sources({"s": "files", "quiet": "simulated"}, ["en", "es"], at(8))
    warehouse.count_sources({"s": "files", "quiet": "simulated"}, ["en", "es"], at(9))
    reasons = "2 × text: empty; 1 × created_at: missing; 1 × line: not UTF-8"
    assert warehouse.read(tables.SOURCES).rows() == [
        ("quiet", "simulated", None, None, 0, 0, None, 0, at(9)),
        ("s", "files", at(0), at(4), 5, 4, reasons, 2, at(9)),
    ]


def test_posts_by_day_are_counted_where_posts_came_and_languages_only_of_enough_authors(warehouse: Warehouse) -> None:
    def days(*counts: tuple[int, int, str]) -> list[dict[str, Any]]:
        """(number of the post, day, author) each."""
        return [{"post_id": f"s:{n}", "created_at": at(24 * day), "author_key": who, "lang": "fr" if n % 2 else "und"} for n, day, who in counts]

    land(warehouse, *days((1, 0, "a"), (2, 0, "b"), (3, 0, "b"), (4, 2, "a")))
    warehouse.count_source_days(["en"], at(50), 2)
    first = [("s", at(0).date(), 3, 2, 2, None, at(50)), ("s", at(48).date(), 1, 1, None, "fewer than 2 authors", at(50))]
    assert warehouse.read(tables.SOURCE_DAYS).rows() == first
    warehouse.count_source_days(["en"], at(60), 2)
    assert warehouse.read(tables.SOURCE_DAYS).rows() == first  # nothing came
    land(warehouse, *days((5, 2, "b")), {"post_id": "s:6", "created_at": at(72), "author_key": None})
    warehouse.count_source_days(["en"], at(70), 2)
    assert warehouse.read(tables.SOURCE_DAYS).rows() == [
        first[0], ("s", at(48).date(), 2, 2, None, "fewer than 2 authors", at(70)), ("s", at(72).date(), 1, 0, None, "authors unknown", at(70)),
    ]  # fmt: skip


def test_all_days_are_counted_anew_where_they_count_otherwise(warehouse: Warehouse) -> None:
    who = [{"post_id": f"s:{n}", "created_at": at(0), "author_key": str(n % 3), "lang": "fr"} for n in range(6)]
    land(warehouse, *who)
    told = []
    for languages, least in ((["en"], 3), (["en"], 4), (["en", "fr"], 3)):
        warehouse.count_source_days(languages, at(50), least)
        told += warehouse.read(tables.SOURCE_DAYS).select("n_posts", "n_unmeasured", "missing_reason").rows()
    assert told == [(6, 6, None), (6, None, "fewer than 4 authors"), (6, 0, None)]


def test_lexicons_are_those_in_use_and_no_others(warehouse: Warehouse) -> None:
    def used(*names: str, version: str = "1") -> pl.DataFrame:
        return pl.DataFrame([
            {"marker": "fear", "lexicon": name, "language": "en", "version": version, "n_terms": 3, "updated_at": at(0)} for name in names
        ])  # fmt: skip

    warehouse.keep_lexicons(used("a", "b"))
    warehouse.keep_lexicons(used("b", "c", version="2"))
    assert warehouse.read(tables.LEXICONS).select("lexicon", "version").rows() == [("b", "2"), ("c", "2")]


def test_nothing_to_count_is_no_error(warehouse: Warehouse) -> None:
    warehouse.count_source_days(["en"], at(50), 2)
    assert warehouse.read(tables.SOURCE_DAYS).is_empty()
    assert warehouse.get("source_days_segment") is None


def test_runs_that_never_said_how_they_ended_are_interrupted(warehouse: Warehouse) -> None:
    for name, status in {"1": "running", "2": "done", "3": "failed"}.items():
        warehouse.save({tables.RUNS: run(run_id=name, status=status)})
    warehouse.interrupt_runs()
    assert warehouse.read(tables.RUNS)["status"].to_list() == ["interrupted", "done", "failed"]


def test_a_notification_is_due_from_its_time_on_and_loses_its_body_once_settled(warehouse: Warehouse) -> None:
    def told(name: str, due: datetime | None, status: str = "waiting") -> dict[str, Any]:
        return {"notification_id": name, "alert_id": "a", "state": "firing", "receiver": "r", "status": status,
                "attempts": 0, "created_at": at(0), "next_attempt_at": due}  # fmt: skip

    rows = [told("b", at(1)), told("a", at(1)), told("later", at(2)), told("dead", at(0), "dead")]
    rows = [{**row, "alert_id": row["notification_id"]} for row in rows]
    bodies = pl.DataFrame({"notification_id": ["a", "b", "later", "dead"], "body": ["A", "B", "L", "D"]})
    warehouse.save({tables.NOTIFICATIONS: pl.DataFrame(rows), tables.OUTBOX: bodies})
    assert warehouse.due(at(1) - timedelta(microseconds=1)).height == 0
    due = warehouse.due(at(1))
    assert due.select("notification_id", "body").rows() == [("a", "A"), ("b", "B")]
    assert due.drop("body", "about").columns == list(tables.NOTIFICATIONS.columns)
    settled = [told("a", None, "delivered"), told("b", at(3))]
    warehouse.settle(pl.DataFrame(settled, schema_overrides={"next_attempt_at": tables.TIMESTAMP}))
    assert warehouse.due(at(3))["notification_id"].to_list() == ["b", "later"]
    assert sorted(warehouse.read(tables.OUTBOX)["notification_id"]) == ["b", "dead", "later"]


# Who may write.


def python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """A process of its own that runs `code`."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


OPEN = """
import sys; from pathlib import Path
from barograph.errors import BarographError
from barograph.store import Warehouse
try:
    Warehouse(Path(sys.argv[1]))
except BarographError as error:
    print(type(error).__name__, error)
"""


def test_a_second_process_is_told_that_the_warehouse_is_open_elsewhere(warehouse: Warehouse) -> None:
    said, wrong = python(OPEN, warehouse.path).communicate(timeout=60)
    assert said == f"Transient {warehouse.path} is open in another process; wait for it or end it\n", wrong


@pytest.mark.parametrize(
    ("said", "becomes"),
    [("Query interrupted", KeyboardInterrupt), ("anything else", RuntimeError)],  # the first are DuckDB's words
)
def test_ctrl_c_during_a_query_is_an_interruption_and_no_failure(
    tmp_path: Path, said: str, becomes: type[BaseException]
) -> None:
    with pytest.raises(becomes), Warehouse(tmp_path / "warehouse.duckdb"):
        raise RuntimeError(said)


def test_a_warehouse_that_is_none_is_not_taken_for_a_locked_one(tmp_path: Path) -> None:
    path = tmp_path / "locked up" / "warehouse.duckdb"
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(InputError, match="cannot be opened"):
        Warehouse(path)
    with pytest.raises(InputError, match="cannot be opened"):
        Warehouse(tmp_path / "locked away" / "warehouse.duckdb")  # no such folder


HOLD = """
import sys; from pathlib import Path
from barograph.home import Home
with Home(Path(sys.argv[1])).lock(sys.argv[2]):
    print("mine", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A prepared one."""
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def test_the_second_to_come_is_told_who_holds_the_home_and_gives_up(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with python(HOLD, home.path, "backfill") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(Transient) as error, home.lock("run", wait=0.1):
            pass
        told = rf"{home.path} is in use by process {holder.pid} (barograph backfill, since "
        assert str(error.value).startswith(told)
        assert str(error.value).endswith(" UTC); try again when it has ended")
        assert capsys.readouterr().err.startswith(told)
        holder.communicate("\n", timeout=60)
    with home.lock("run", wait=0):
        pass


def test_the_second_to_come_goes_on_as_soon_as_the_first_has_ended(home: Home) -> None:
    with home.lock("run"):
        waiter = python(HOLD, home.path, "up")
        assert waiter.stderr is not None
        assert "(barograph run, since" in waiter.stderr.readline()  # it waits
    said, _ = waiter.communicate("\n", timeout=60)
    assert (said, waiter.returncode) == ("mine\n", 0)


def test_the_lock_of_a_killed_process_is_gone_with_it(home: Home) -> None:
    with python(HOLD, home.path, "run") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait(60)
    with home.lock("run", wait=0):
        assert (home.path / "lock.json").exists()
    assert not (home.path / "lock.json").exists()


def test_the_lock_is_given_back_by_a_run_that_fails(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), home.lock("run"):
        raise ZeroDivisionError
    with home.lock("run", wait=0):
        pass


@pytest.mark.parametrize("place", ["file", "file/home"])
def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as error:
        Home(tmp_path / place).prepare()
    assert str(error.value).startswith(f"{tmp_path / place}: cannot be written (")
    assert str(error.value).endswith("name another with --home")


def test_preparing_a_home_leaves_nothing_behind_and_can_be_repeated(home: Home) -> None:
    home.prepare()
    assert [path.name for path in home.path.iterdir()] == ["published"]


# --- a file of an earlier version ---


def earlier(path: Path, *statements: str) -> Path:
    """A warehouse with what these statements make."""
    with duckdb.connect(path) as con:
        for statement in statements:
            con.execute(statement)
    return path


SCORES_BEFORE = "CREATE TABLE scores (post_id VARCHAR, marker VARCHAR, hits BIGINT, weight DOUBLE)"


def test_columns_an_earlier_version_did_not_have_are_added(tmp_path: Path) -> None:
    path = earlier(tmp_path / "w.duckdb", SCORES_BEFORE, "INSERT INTO scores VALUES ('s:0', 'joy', 1, 2.0)")
    new = {"post_id": "s:1", "marker": "joy", "hits": 0, "weight": 0.0, "probability": 0.25}
    for _ in range(2):  # the second time there is nothing left to do
        with Warehouse(path) as warehouse:
            pass
    with Warehouse(path) as warehouse:
        land(warehouse, {"post_id": "s:1"})
        warehouse.save_scores(1, pl.DataFrame([new], schema=tables.SCORES.schema), "v")
        assert warehouse.read(tables.SCORES).rows() == [("s:0", "joy", 1, 2.0, None), tuple(new.values())]


def test_values_find_their_columns_in_whatever_order_these_were_added(tmp_path: Path) -> None:
    row = cell(issue=NOON, stderr=0.5, lo=0.25)
    columns = create(tables.SERIES).replace("stderr DOUBLE, ", "")
    assert columns != create(tables.SERIES)
    path = earlier(tmp_path / "w.duckdb", columns, "INSERT INTO series BY NAME SELECT 'x' AS marker, 'all' AS population, "
                   "'posts' AS unit, 'lexicon' AS method, DATE '2024-03-01' AS time_value, NOW()::TIMESTAMP AS issue, "
                   "'share' AS value_kind, 1 AS n_posts, 1 AS n_authors, false AS provisional")  # fmt: skip
    with Warehouse(path) as warehouse:
        warehouse.save({tables.SERIES: pl.DataFrame([row], schema=tables.SERIES.schema)})
        kept = warehouse.read(tables.SERIES).filter(marker="anxiety")
        assert kept.select("stderr", "lo").rows() == [(0.5, 0.25)]
        assert kept.columns == warehouse.latest(tables.SERIES, datetime.max).columns == list(tables.SERIES.columns)
        warehouse.copy_published(tmp_path / "snapshot.duckdb")
    with duckdb.connect(tmp_path / "snapshot.duckdb", read_only=True) as con:
        assert con.sql("SELECT stderr, lo FROM series WHERE marker = 'anxiety'").fetchall() == [(0.5, 0.25)]


def test_an_empty_table_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    path = earlier(tmp_path / "w.duckdb", "CREATE TABLE term_shifts (marker VARCHAR PRIMARY KEY)")
    with Warehouse(path) as warehouse:
        assert warehouse.read(tables.TERM_SHIFTS).columns == list(tables.TERM_SHIFTS.columns)


def test_what_was_tested_is_forgotten_where_an_earlier_version_kept_it_otherwise(tmp_path: Path) -> None:
    columns = ", ".join(f"{name} VARCHAR" for name in (*tables.LINE, "detector"))
    before = f"CREATE TABLE tested ({columns}, through DATE)", "INSERT INTO tested (marker) VALUES ('joy')"
    with Warehouse(earlier(tmp_path / "w.duckdb", *before)) as warehouse:
        assert warehouse.read(tables.TESTED).equals(tables.TESTED.empty())


def test_a_column_that_must_have_a_value_cannot_be_added(tmp_path: Path) -> None:
    before = "CREATE TABLE scores (post_id VARCHAR, marker VARCHAR)", "INSERT INTO scores VALUES ('s:0', 'joy')"
    path = earlier(tmp_path / "w.duckdb", *before)
    with pytest.raises(InputError, match="got a table scores without hits, weight, from another version .* take a new home"):
        Warehouse(path)
    with duckdb.connect(path) as con:  # nothing was changed
        assert con.sql("SELECT table_name FROM duckdb_tables()").fetchall() == [("scores",)]
