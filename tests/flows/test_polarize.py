"""Reply pairs found, drawn and labelled, and what the stage makes of them, on a real warehouse."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from barograph import tables
from barograph.annotate import plan
from barograph.errors import ConfigError
from barograph.home import Home
from barograph.polarization.score import class_of, rules
from barograph.settings import Settings
from barograph.store import Warehouse
from flows import pairs
from flows.polarize import check_topics, chosen, polarize
from flows.progress import Reporter
from flows.stages import Run
from tests.conftest import SHARED

START = date(2024, 3, 1)
CONFIG: dict[str, Any] = {
    "minimum_authors": 0,
    "topic": [{"name": "climate", "keywords": ["climate change", "warming"], "sides": ["concerned", "doubting"]}],
    "annotator": [{"name": "desk", "url": "http://127.0.0.1/v1", "model": "m"}, {"name": "night", "url": "http://127.0.0.1/v1", "model": "n"}],
    "annotation": [
        {"task": task, "topic": "climate", "annotators": ["desk", "night"], "posts": 100} for task in ("stance", "affect", "agreement")
    ],
    "rule": [],
}  # fmt: skip
POST = {**{k: v for k, v in tables.POSTS.schema.items() if k != "segment"}, "line": pl.Int64}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(tmp_path / "warehouse.duckdb") as opened:
        yield opened


def at(day: int, hour: float = 12) -> datetime:
    return datetime.combine(START, datetime.min.time()) + timedelta(days=day, hours=hour)


def land(warehouse: Warehouse, *posts: dict[str, Any]) -> None:
    """Posts by id; each of an author of its own and of the first day unless given."""
    rows = [
        {"source": "s", "lang": "en", "author_key": f"by {post['post_id']}", "created_at": at(0), "text_hash": f"h {post['post_id']}",
         "text": "about climate change", "line": line, **post}
        for line, post in enumerate(posts)
    ]  # fmt: skip
    warehouse.land("s", pl.DataFrame(rows, schema=POST), pl.DataFrame(schema=tables.QUARANTINE.schema), at(40))


def run(tmp_path: Path, now: datetime | None = None, **more: Any) -> Run:
    return Run(Home(tmp_path), Settings.model_validate(CONFIG | more), (), Reporter(silent=True), now=now or at(9))


def asked(of: Run, warehouse: Warehouse, task: str) -> pl.DataFrame:
    [annotation] = [a for a in of.settings.annotation if a.task == task]
    return pairs.items(of, warehouse, annotation, reads_parent=task == "agreement")


def label(of: Run, warehouse: Warehouse, answer: Callable[[str, str], str | None], **more: Any) -> None:
    """Answer all that is asked: `answer(task, post_id)`; None is a refusal."""
    for annotation in of.settings.annotation:
        rows = []
        for item in asked(of, warehouse, annotation.task).iter_rows(named=True):
            said = answer(annotation.task, item["post_id"])
            rows.append({
                "post_id": item["post_id"], "task": annotation.name, "label": said and json.dumps({annotation.task: said}),
                "annotator": "desk", "model": "m", "prompt_version": "v1", "text_hash": item["text_hash"],
                "status": "refused" if said is None else "unclear" if said == "unclear" else "ok",
                "inclusion_probability": item["inclusion_probability"], "tokens_in": 0, "tokens_out": 0, "cost": 0.0,
                "annotated_at": at(40), **more,
            })  # fmt: skip
        if rows:
            warehouse.save({tables.ANNOTATIONS: pl.DataFrame(rows, infer_schema_length=None)})


def all_alike(task: str, _: str) -> str:
    return {"stance": "first", "affect": "yes", "agreement": "agree"}[task]


def thread(*ids: str, day: int = 0, **more: Any) -> list[dict[str, Any]]:
    """A post, then a reply to each before."""
    return [
        {"post_id": post, "parent_id": ids[i - 1] if i else None, "created_at": at(day, 10 + i / 60), **more}
        for i, post in enumerate(ids)
    ]  # fmt: skip


def found(of: Run, warehouse: Warehouse) -> pl.DataFrame:
    return pairs.find(of, warehouse, START, START + timedelta(days=8), of.settings.topic)


def day_of(warehouse: Warehouse, day: int = 0) -> dict[str, Any]:
    """The newest row of a day."""
    rows = warehouse.latest(tables.POLARIZATION, at(30)).filter(pl.col("time_value") == START + timedelta(days=day))
    return rows.row(0, named=True)


# --- finding ---


def test_a_pair_is_about_a_topic_where_either_text_has_a_keyword(warehouse: Warehouse, tmp_path: Path) -> None:
    texts = {
        "own": ("no", "They say WÁRMING is over"), "theirs": ("Climate  change is here", "no"), "both": ("warming", "warming"),
        "neither": ("no", "no"), "part of a word": ("housewarming", "globalwarmings"), "phrase apart": ("climate", "change"),
        "hashtag": ("no", "#ClimateChange now"), "other order": ("change climate", "no"),
    }  # fmt: skip
    for name, (parent, reply) in texts.items():
        first, second = thread(f"{name} p", f"{name} r")
        land(warehouse, first | {"text": parent}, second | {"text": reply})
    got = found(run(tmp_path), warehouse)
    assert set(got["post_id"]) == {"own r", "theirs r", "both r", "hashtag r"}
    assert got["topic"].unique().to_list() == ["climate"]


def test_a_pair_of_two_topics_is_one_of_each(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b", text="climate change and taxes"))
    topics = [*CONFIG["topic"], {"name": "taxes", "keywords": ["tax*"], "sides": ["more", "less"]}]
    got = found(run(tmp_path, topic=topics), warehouse)
    assert sorted(got.select("post_id", "topic").rows()) == [("b", "climate"), ("b", "taxes")]


def test_what_is_no_pair(warehouse: Warehouse, tmp_path: Path) -> None:
    land(
        warehouse,
        {"post_id": "alone"}, {"post_id": "to nobody known", "parent_id": "gone"}, {"post_id": "itself", "parent_id": "itself"},
        {"post_id": "late", "parent_id": "alone", "created_at": at(20)},
        {"post_id": "old", "created_at": at(-20)}, {"post_id": "to the old", "parent_id": "old"},
        {"post_id": "no text", "text": None}, {"post_id": "to no text", "parent_id": "no text"},
        {"post_id": "fine", "parent_id": "alone"},
    )  # fmt: skip
    assert found(run(tmp_path), warehouse)["post_id"].to_list() == ["fine"]


def test_a_conversation_is_all_that_goes_back_to_one_post(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b", "c", "d"), {"post_id": "e", "parent_id": "b"}, *thread("x", "y"),
         {"post_id": "z", "parent_id": "lost"}, {"post_id": "zz", "parent_id": "z"})  # fmt: skip
    got = found(run(tmp_path), warehouse)
    together = got.group_by("conversation").agg("post_id")["post_id"].to_list()
    assert sorted(sorted(one) for one in together) == [["b", "c", "d", "e"], ["y"], ["zz"]]


@pytest.mark.parametrize("word", ["https://example.org", "@ana", "..."])
def test_a_keyword_that_no_post_can_hold_stops_before_any_work(tmp_path: Path, word: str) -> None:
    topics = [{"name": "t", "keywords": ["fine", word], "sides": ["a", "b"]}]
    with pytest.raises(ConfigError, match=r"^topic 't': keywords: got "):
        check_topics(Settings.model_validate({"topic": topics}))


# --- drawing ---


def test_every_post_of_a_drawn_pair_is_an_item_and_pairs_are_asked_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b", "c"), *thread("x", "y"))
    of = run(tmp_path)
    stance, affect, agreement = (asked(of, warehouse, task) for task in ("stance", "affect", "agreement"))
    assert set(stance["post_id"]) == {"a", "b", "c", "x", "y"}
    assert stance.rows() == affect.rows()
    assert dict(stance.select("post_id", "inclusion_probability").rows()) == {"a": 0, "b": 1, "c": 1, "x": 0, "y": 1}
    assert stance["parent"].null_count() == 5
    assert set(agreement.select("post_id", "parent").rows()) == {(post, "about climate change") for post in "bcy"}
    assert set(stance["text_hash"]) == {f"h {post}" for post in "abcxy"}
    assert agreement["text_hash"].n_unique() == 3
    assert list(stance.columns) == ["post_id", "text", "parent", "lang", "inclusion_probability", "text_hash"]


def many(warehouse: Warehouse, n: int = 60, days: int = 6, first: int = 0, name: str = "t", **more: Any) -> None:
    land(warehouse, *(post for day in range(first, days) for i in range(n) for post in thread(f"{name}{day}-{i}", f"{name}{day}-{i}r", day=day, **more)))


def tasks_of(posts: int) -> list[dict[str, Any]]:
    return [{**annotation, "posts": posts} for annotation in CONFIG["annotation"]]


def test_the_three_tasks_draw_the_same_replies_and_again_the_same(warehouse: Warehouse, tmp_path: Path) -> None:
    many(warehouse)
    of = run(tmp_path, annotation=tasks_of(10))
    agreement = asked(of, warehouse, "agreement")
    assert 30 < agreement.height < 95  # ten of each of six days are expected
    assert agreement["inclusion_probability"].unique().to_list() == [pytest.approx(1 / 6)]
    for task in ("stance", "affect"):
        got = asked(of, warehouse, task)
        assert set(got.filter(pl.col("inclusion_probability") > 0)["post_id"]) == set(agreement["post_id"])
        assert got.height == 2 * agreement.height
    assert asked(of, warehouse, "agreement").rows() == agreement.rows()
    # A budget that ends anywhere has asked whole pairs, but for the last one.
    head = asked(of, warehouse, "stance").head(21)["post_id"].str.strip_suffix("r")
    assert head.value_counts()["count"].sort().to_list() == [1, *[2] * 10]


def test_a_task_that_is_added_later_draws_what_the_others_did(warehouse: Warehouse, tmp_path: Path) -> None:
    many(warehouse, n=20)
    first = asked(run(tmp_path, annotation=tasks_of(10)[:1]), warehouse, "stance")
    many(warehouse, n=40, name="late")
    of = run(tmp_path, annotation=tasks_of(10))
    agreement = asked(of, warehouse, "agreement")
    assert set(first.filter(pl.col("inclusion_probability") > 0)["post_id"]) <= set(agreement["post_id"])
    assert agreement["inclusion_probability"].unique().to_list() == [0.5]  # ten of twenty, as it was decided then
    assert set(asked(of, warehouse, "stance").filter(pl.col("inclusion_probability") > 0)["post_id"]) == set(agreement["post_id"])


def test_only_closed_days_are_drawn(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b"), *thread("c", "d", day=1))
    assert asked(run(tmp_path, now=at(1, 5.9)), warehouse, "agreement").height == 0
    assert asked(run(tmp_path, now=at(1, 6)), warehouse, "agreement")["post_id"].to_list() == ["b"]
    assert asked(run(tmp_path, now=at(2, 6)), warehouse, "agreement")["post_id"].sort().to_list() == ["b", "d"]


def test_populations_that_are_sampled_are_those_of_the_annotation(warehouse: Warehouse, tmp_path: Path) -> None:
    many(warehouse, n=10, days=1, name="x", community="x")
    many(warehouse, n=10, days=1, name="y", community="y")
    who = [{"name": name, "where": {"community": name}} for name in ("x", "y")]
    of = run(tmp_path, population=who, annotation=[{**a, "populations": ["x"]} for a in CONFIG["annotation"]])
    assert asked(of, warehouse, "agreement")["post_id"].str.starts_with("x").all()
    label(of, warehouse, all_alike)
    polarize.fn(of, warehouse)
    assert warehouse.read(tables.POLARIZATION)["population"].unique().to_list() == ["x"]


# --- the stage ---


def test_what_was_answered_is_issued_by_day_and_as_a_line_that_is_watched(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b", "c"), *thread("x", "y"), *thread("m", "n", day=2))
    of = run(tmp_path)

    def answer(task: str, post: str) -> str | None:
        stance = {"a": "first", "b": "first", "c": "second", "x": "first", "y": "none", "m": "second", "n": "second"}
        return {"stance": stance[post], "affect": "yes" if post == "b" else "no", "agreement": "agree" if post in "bn" else "disagree"}[task]

    label(of, warehouse, answer)
    polarize.fn(of, warehouse)
    got = day_of(warehouse)
    # b with a: same, affect, agree: 10. c with b: opposite, affect, disagree: 8. y has no side.
    assert (got["mean_score"], got["n_conversations"], got["n_interactions"], got["n_abstained"]) == (9, 1, 2, 1)
    assert (got["population"], got["topic"], got["label_source"], got["n_authors"]) == ("all", "climate", "as desk (m, prompt v1) reads it", 3)
    assert day_of(warehouse, 1)["missing_reason"] == "no reply pairs"
    assert (day_of(warehouse, 2)["mean_score"], day_of(warehouse, 2)["share_extreme"]) == (6, 0)
    line = warehouse.latest(tables.SERIES, at(30)).filter(marker="polarization:climate").sort("time_value")
    assert line.select("unit", "method").unique().rows() == [("interactions", "annotator")]
    assert line["prevalence"].to_list()[:3] == [1, None, 0]
    assert line["time_value"].to_list() == [START + timedelta(days=n) for n in range(9)]
    assert of.counts["cells"] == 9


def test_nothing_new_issues_nothing_and_what_changed_is_an_issue_of_its_own(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b"), *thread("m", "n", day=2))
    of = run(tmp_path)
    label(of, warehouse, all_alike)
    for _ in range(2):
        polarize.fn(run(tmp_path), warehouse)
    assert warehouse.read(tables.POLARIZATION)["issue"].unique().to_list() == [at(9)]
    later = run(tmp_path, now=at(9, 13))
    label(later, warehouse, lambda task, post: "disagree" if (task, post) == ("agreement", "n") else all_alike(task, post), annotated_at=at(41))
    polarize.fn(later, warehouse)
    again = warehouse.read(tables.POLARIZATION).filter(pl.col("issue") > at(9))
    assert again.select("time_value", "mean_score", "issue").rows() == [(START + timedelta(days=2), 8, at(9, 13))]
    same_time = run(tmp_path, now=at(9, 13))
    label(same_time, warehouse, all_alike, annotated_at=at(42))
    polarize.fn(same_time, warehouse)
    assert warehouse.read(tables.POLARIZATION)["issue"].max() == at(9, 13) + timedelta(microseconds=1) == same_time.now


def test_a_pair_counts_once_it_is_answered_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b"), *thread("x", "y"))
    of = run(tmp_path)
    label(of, warehouse, lambda task, post: None if (task, post) == ("stance", "x") else all_alike(task, post))
    warehouse._con.execute("DELETE FROM annotations WHERE post_id = 'a' AND task = 'affect:climate'")
    polarize.fn(of, warehouse)
    assert (day_of(warehouse)["n_interactions"], day_of(warehouse)["n_abstained"]) == (0, 1)  # b waits, y's parent was refused
    label(of, warehouse, all_alike)
    polarize.fn(of, warehouse)
    assert (day_of(warehouse)["n_interactions"], day_of(warehouse)["n_abstained"]) == (2, 0)


def test_without_topics_or_all_their_tasks_there_is_nothing_to_do(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b"))
    for more in ({"topic": [], "annotation": []}, {"annotation": []}, {"annotation": CONFIG["annotation"][:2]}, {}):
        polarize.fn(run(tmp_path, **more), warehouse)
    assert warehouse.read(tables.POLARIZATION).height == warehouse.read(tables.SERIES).height == 0


def test_days_whose_texts_are_gone_stay_as_they_were_published(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, *thread("a", "b"), *thread("m", "n", day=20))
    of = run(tmp_path, now=at(22))
    label(of, warehouse, all_alike)
    polarize.fn(of, warehouse)
    before = day_of(warehouse)
    warehouse._con.execute("UPDATE posts SET text = NULL WHERE created_at < '2024-03-03'")
    label(of, warehouse, lambda task, _: {"stance": "first", "affect": "no", "agreement": "agree"}[task], annotated_at=at(41))
    polarize.fn(run(tmp_path, now=at(23)), warehouse)
    assert day_of(warehouse) == before
    assert day_of(warehouse, 20)["mean_score"] == 6
    assert before["mean_score"] == 10


def rows_of(*rows: tuple[Any, ...]) -> pl.DataFrame:
    names = ("post_id", "annotator", "status", "label", "annotated_at", "prompt_version", "model")
    schema = {**dict.fromkeys(names, pl.String), "annotated_at": pl.Datetime("us")}
    found = pl.DataFrame([(*row, row[1][0]) for row in rows], schema=schema, orient="row")
    return found.with_columns(failures=pl.when(post_id="given up").then(plan.RUNS).otherwise(plan.RUNS - 1))


def test_a_label_counts_before_none_then_the_first_annotator_then_the_last_answer() -> None:
    first, second = '{"stance": "first"}', '{"stance": "second"}'
    rows = rows_of(
        ("refused", "desk", "refused", None, at(1), "v1"), ("refused", "night", "ok", second, at(2), "v1"),
        ("both", "night", "ok", second, at(3), "v1"), ("both", "desk", "ok", first, at(1), "v1"),
        ("again", "desk", "ok", first, at(1), "v1"), ("again", "desk", "unclear", '{"stance": "unclear"}', at(2), "v2"),
        ("none", "desk", "refused", None, at(1), "v1"), ("failed", "desk", "failed", None, at(1), "v1"),
        ("other", "stranger", "ok", first, at(1), "v1"), ("given up", "desk", "failed", None, at(1), "v1"),
    )  # fmt: skip
    got = chosen(rows, Settings.model_validate(CONFIG).annotation[0])
    assert dict(got.select("post_id", "answer").rows()) == {"refused": "second", "both": "first", "again": "unclear", "none": None, "given up": None}
    assert dict(got.select("post_id", "source").rows())["refused"] == "night (n, prompt v1)"


def test_errors_of_the_annotator_are_read_from_the_file_that_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    matrix = {"task": "agreement", "annotator": "desk", "prompt_version": "v1",
              "questions": {"agreement": {"answers": ["agree", "disagree", "unclear"], "counts": [[500, 500, 0], [500, 500, 0], [0, 0, 9]]}}}  # fmt: skip
    path = tmp_path / "confusion.json"
    path.write_text(json.dumps(matrix))
    many(warehouse, n=40, days=1)
    of = run(tmp_path)
    label(of, warehouse, all_alike)
    polarize.fn(of, warehouse)
    assert day_of(warehouse)["mean_score"] == 10
    *others, agreement = CONFIG["annotation"]
    with_errors = run(tmp_path, now=at(10), annotation=[*others, {**agreement, "confusion": path}])
    check_topics(with_errors.settings)
    polarize.fn(with_errors, warehouse)
    got = day_of(warehouse)
    assert 8.6 < got["mean_score"] < 9.4
    assert got["label_source"] == "as desk (m, prompt v1) reads it; errors as validated in part"
    path.write_text(json.dumps(matrix | {"model": "another"}))
    polarize.fn(run(tmp_path, now=at(11), annotation=[*others, {**agreement, "confusion": path}]), warehouse)
    assert day_of(warehouse)["mean_score"] == 10
    path.write_text(json.dumps(matrix | {"model": "m"}))
    polarize.fn(run(tmp_path, now=at(12), annotation=[*others, {**agreement, "confusion": path}]), warehouse)
    assert day_of(warehouse)["mean_score"] == got["mean_score"]


def test_a_test_is_declared_by_the_first_run_that_sees_it_and_judged_when_its_days_have_closed(warehouse: Warehouse, tmp_path: Path) -> None:
    more = {
        "event": [{"name": "vote", "starts_on": START + timedelta(days=6), "population": "*"}],
        "test": [{"event": "vote", "topic": "climate", "window": 3}],
    }  # fmt: skip
    polarize.fn(run(tmp_path, now=at(1), **more), warehouse)
    seen = warehouse.latest(tables.EVENT_TESTS, at(1))
    assert seen.height == 4
    assert seen["declared_at"].unique().to_list() == [at(1)]
    assert seen["seen_at"].min() > datetime(2025, 1, 1)  # by the clock
    many(warehouse, n=15, days=10)
    of = run(tmp_path, now=at(12), **more)

    def answer(task: str, post: str) -> str:
        # More hostile on the three days before the vote; some disagree on every day.
        day, number = (int(part) for part in post.strip("tr").split("-"))
        hot = 3 <= day < 6
        return {"stance": "first", "affect": "yes" if hot else "no", "agreement": "agree" if number % 3 else "disagree"}[task]

    label(of, warehouse, answer)
    polarize.fn(of, warehouse)
    got = warehouse.latest(tables.EVENT_TESTS, at(12))
    row = got.filter(contrast="before-earlier").row(0, named=True)
    # Before: 10, 10, 8 of three; earlier: 6, 6, 2.
    assert row["effect"] == pytest.approx(28 / 3 - 14 / 3)
    assert (row["n_before"], row["n_after"], row["declared_at"], row["confirmatory"]) == (45, 45, at(1), True)
    assert got["verdict"].unique().to_list() == ["anticipation-driven"]
    late = run(tmp_path, now=at(12, 13), **more | {"test": [*more["test"], {"event": "vote", "topic": "climate", "window": 2}]})
    polarize.fn(late, warehouse)
    other = warehouse.latest(tables.EVENT_TESTS, at(13)).filter(window_days=2)
    assert (other["confirmatory"].unique().to_list(), other["verdict"].unique().to_list()) == ([False], [None])


@pytest.mark.shared
def test_real_reply_pairs_are_published_as_counted_by_hand(warehouse: Warehouse, tmp_path: Path) -> None:
    """Real replies with their labels of agreement; stances and affect are made up from the ids."""
    path = SHARED / "posts" / "reply_pairs" / "debagreement_dev.csv"
    if not path.is_file():
        pytest.skip("no real reply pairs: set BAROGRAPH_SHARED to the folder that holds data/posts/reply_pairs")
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["subreddit"] == "climate"]
    posts: dict[str, dict[str, Any]] = {}
    for row in rows:  # of a parent the time is not known: a minute before its first reply
        when = datetime.fromtimestamp(int(row["created_utc"]), UTC).replace(tzinfo=None)
        posts[row["child_id"]] = {"post_id": row["child_id"], "parent_id": row["parent_id"], "created_at": when,
                                  "author_key": row["child_author"], "text": row["child_text"]}  # fmt: skip
    for row in rows:
        when = posts[row["child_id"]]["created_at"] - timedelta(minutes=1)
        known = posts.setdefault(row["parent_id"], {"post_id": row["parent_id"], "parent_id": None, "created_at": when,
                                                    "author_key": row["parent_author"], "text": row["parent_text"]})  # fmt: skip
        known["created_at"] = min(known["created_at"], when)
    assert len(rows) > 300
    land(warehouse, *posts.values())
    said = {row["child_id"]: {"agree": "agree", "disagree": "disagree"}.get(_label(row["label"]), "unclear") for row in rows}

    def answer(task: str, post: str) -> str:
        number = sum(post.encode())
        return {"stance": ("first", "second", "none")[number % 3], "affect": ("yes", "no")[number // 3 % 2],
                "agreement": said.get(post, "unclear")}[task]  # fmt: skip

    first, last = (f(post["created_at"] for post in posts.values()).date() for f in (min, max))
    days = (last - first).days + 2
    words = ["climate", "warming", "carbon", "emissions", "energy", "oil", "nuclear", "planet", "it", "the", "a", "is", "you"]
    of = run(tmp_path, now=datetime.combine(last + timedelta(days=2), datetime.min.time()), retention_days=3000,
             topic=[{**CONFIG["topic"][0], "keywords": words}], annotation=[{**a, "days": min(days, 3650)} for a in CONFIG["annotation"]])  # fmt: skip
    label(of, warehouse, answer)
    polarize.fn(of, warehouse)
    got = warehouse.latest(tables.POLARIZATION, of.moment)

    daily: defaultdict[date, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    abstained: defaultdict[date, int] = defaultdict(int)
    about = set(pairs.find(of, warehouse, first, last, of.settings.topic)["post_id"])
    assert len(about) > 0.95 * len(rows)
    for row in rows:
        reply, parent = row["child_id"], row["parent_id"]
        if reply not in about:
            continue
        root, seen = parent, set()
        while posts[root]["parent_id"] in posts and root not in seen:
            seen.add(root)
            root = posts[root]["parent_id"]
        name = class_of(
            stance=answer("stance", reply), parent_stance=answer("stance", parent), affect=answer("affect", reply),
            parent_affect=answer("affect", parent), agreement=answer("agreement", reply),
        )  # fmt: skip
        day = posts[reply]["created_at"].date()
        if name is None:
            abstained[day] += 1
        else:
            daily[day][root].append(rules()[0].scores[name])
    compared = 0
    for row in got.iter_rows(named=True):
        mine = daily.get(row["time_value"])
        assert row["n_abstained"] == abstained[row["time_value"]]
        if not mine:
            assert row["mean_score"] is None
            continue
        means = [sum(scores) / len(scores) for scores in mine.values()]
        assert row["mean_score"] == pytest.approx(sum(means) / len(means))
        assert row["share_extreme"] == pytest.approx(sum(mean > 7.5 for mean in means) / len(means))
        assert row["n_interactions"] == sum(len(scores) for scores in mine.values())
        compared += 1
    assert compared == len(daily) > 100


def _label(given: str) -> str:
    """The set's label in words: it is written as a word or as 0, 1, 2."""
    return {"0": "disagree", "1": "neutral", "2": "agree"}.get(given, given)
