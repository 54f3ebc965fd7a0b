"""Many texts asked of a chain: who is asked what, how often, and when it ends."""

import asyncio
import json
from collections import Counter
from datetime import datetime, timedelta

import polars as pl
import pytest

from barograph.annotate import plan
from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.endpoint import Endpoint
from barograph.annotate.work import PATIENCE, Budget, Health, Job, Link, ask
from barograph.errors import ConfigError
from barograph.tables import ANNOTATIONS
from tests.annotate.serving import MODEL, Task, annotator, completion, error, replies, says, serving

AT = datetime(2026, 3, 1, 12)


def jobs(n: int, **given) -> list[Job]:
    """Texts of one post each."""
    return [Job(Item(f"a:{i}", f"text {i}."), f"h{i}", ((f"a:{i}", 0.5),), **given) for i in range(n)]


def work(todo, *servers, budget=None, in_flight=4, prices=(0, 0), keep=None, health=None, **given):
    """The tally and the rows landed. servers: of one annotator each, named first, second …"""
    landed = []

    async def kept(rows):
        landed.extend(rows)

    async def all_():
        chain = [
            Endpoint(annotator(server.url, name=name, tries=1), Task())
            for name, server in zip(("first", "second", "third"), servers, strict=False)
        ]
        for one in chain:
            await one.__aenter__()
        try:
            links = [Link(one, in_flight, *prices, health or Health()) for one in chain]
            return await ask("emotions", todo, links, keep or kept, budget or Budget(), now=lambda: AT, **given)
        finally:
            for one in chain:
                await one.__aexit__(None, None, None)

    tally = asyncio.run(all_())
    return tally, landed


def test_every_text_is_asked_once_and_every_post_gets_its_row():
    todo = [*jobs(9), Job(Item("a:9", "text 9."), "h9", (("a:9", 0.5), ("b:9", 0.25)))]
    seen = []
    with serving() as server:
        tally, rows = work(todo, server, prices=(10, 20), done=lambda: seen.append(1))
    assert Counter(server.texts) == Counter(f"text {i}." for i in range(10))
    assert server.most_at_once <= 4
    assert tally.outcomes == {("first", "ok"): 10}
    assert (tally.left, tally.tokens) == (0, 1200)
    assert tally.cost == pytest.approx(10 * (100 * 10 + 20 * 20) / 1e6)
    assert len(seen) == 10
    frame = ANNOTATIONS.validate(
        pl.DataFrame([{**row, "annotated_at": datetime.fromisoformat(row["annotated_at"])} for row in rows])
    ).sort("post_id")
    assert frame.row(9, named=True) == {
        "post_id": "a:9", "task": "emotions", "label": '{"joy":"weak"}', "cues": '["relief"]', "explanation": "it says so",
        "annotator": "first", "model": MODEL, "prompt_version": Task().version, "text_hash": "h9", "status": "ok",
        "reason": None, "failures": None, "inclusion_probability": 0.5, "tokens_in": 100, "tokens_out": 20,
        "cost": pytest.approx(0.0014), "annotated_at": AT,
    }  # fmt: skip
    copy = frame.row(10, named=True)
    assert (copy["post_id"], copy["inclusion_probability"], copy["label"]) == ("b:9", 0.25, '{"joy":"weak"}')
    assert (copy["tokens_in"], copy["tokens_out"], copy["cost"]) == (0, 0, 0)


def test_what_one_refuses_is_its_refusal_and_the_next_is_asked():
    refusal = says(completion("", refusal="no"))
    with serving(**{"text 1.": refusal, "text 2.": refusal}) as first, serving(**{"text 2.": refusal}) as second:
        tally, rows = work(jobs(3), first, second)
    assert second.texts.count("text 0.") == 0
    said = {(row["post_id"], row["annotator"]): row["status"] for row in rows}
    assert said == {
        ("a:0", "first"): "ok", ("a:1", "first"): "refused", ("a:2", "first"): "refused",
        ("a:1", "second"): "ok", ("a:2", "second"): "refused",
    }  # fmt: skip
    assert all(
        row["label"] is None and row["reason"] == "the model refused" for row in rows if row["status"] == "refused"
    )
    assert tally.left == 0


def test_a_text_that_the_first_refused_in_an_earlier_run_is_asked_of_the_second_alone():
    with serving() as first, serving() as second:
        work(jobs(2, first=1), first, second)
    assert (len(first.heard), len(second.heard)) == (0, 2)


def test_invalid_and_unclear_answers_are_outcomes_and_nobody_else_is_asked():
    unclear = replies(json.dumps({"explanation": "", "answers": {"joy": "unclear"}, "cues": []}))
    with serving(**{"text 0.": replies("hm"), "text 1.": unclear}) as first, serving() as second:
        tally, rows = work(jobs(2), first, second)
    assert tally.outcomes == {("first", "invalid"): 1, ("first", "unclear"): 1}
    assert {row["status"]: row["label"] for row in rows} == {"invalid": None, "unclear": '{"joy":"unclear"}'}
    assert second.heard == []


def test_a_failure_counts_the_runs_it_failed_in():
    with serving(error(500)) as server:
        _, rows = work([*jobs(1), *jobs(1, failures=2)], server, in_flight=1)
    assert [(row["status"], row["failures"], row["label"]) for row in rows] == [
        ("failed", 1, None),
        ("failed", 3, None),
    ]


def test_an_annotator_that_fails_on_and_on_is_left_alone():
    with serving(error(500)) as server:
        tally, rows = work(jobs(100), server, in_flight=4)
    assert PATIENCE + 4 <= len(server.heard) == len(rows) <= PATIENCE + 2 * 4
    assert tally.left == 100 - len(rows)
    assert tally.stopped == {"first": "500"}


def test_one_that_was_left_alone_is_asked_nothing_of_another_task_either():
    health, said = Health(), []
    with serving(error(500)) as server:
        for _ in range(3):
            tally, _ = work(jobs(50), server, in_flight=2, health=health)
            said.append((tally.left, tally.stopped))
        n = len(server.heard)
    assert n <= PATIENCE + 2 * 2
    assert said == [(50 - n, {"first": "500"}), (50, {"first": "500"}), (50, {"first": "500"})]


def test_failures_that_are_not_in_a_row_stop_nothing():
    with serving(*([error(500)] * 10 + [says()]) * 10) as server:
        tally, _ = work(jobs(100), server, in_flight=1)
    assert (len(server.heard), tally.left, tally.stopped) == (100, 0, {})


def test_a_refused_key_ends_it_and_what_landed_stays():
    with serving(says(), says(), error(401)) as server, pytest.raises(ConfigError, match="got 401"):
        work(jobs(10), server, in_flight=1)
    assert len(server.heard) == 3


def test_a_slot_is_free_only_when_what_it_brought_is_on_the_disk():
    began, allowed = [], 3

    async def keep(rows):
        began.append(rows)
        if len(began) > allowed:  # the disk takes no more
            raise OSError(28, "No space left on device")
        await asyncio.sleep(0.01)

    with serving() as server, pytest.raises(OSError, match="No space left"):
        work(jobs(100), server, in_flight=2, keep=keep)
    assert len(server.heard) <= allowed + 2 + 2


# --- budgets ---


@pytest.mark.parametrize(
    ("budget", "asked", "told"),
    [
        (Budget(posts=7), 7, "posts 7 a day: 7 now, 0 before"),
        (Budget(posts=7, spent_posts=5), 2, "posts 7 a day: 2 now, 5 before"),
        (Budget(posts=7, spent_posts=9), 0, "posts 7 a day: 0 now, 9 before"),
        (Budget(tokens=600), 5, "tokens 600 a day: 600 now, 0 before"),  # of 120 each
        (Budget(tokens=719), 5, "tokens 719 a day: 600 now, 0 before"),
        (Budget(tokens=720, spent_tokens=240), 4, "tokens 720 a day: 480 now, 240 before"),
        (Budget(tokens=240, spent_tokens=240), 0, "tokens 240 a day: 0 now, 240 before"),
        (Budget(money=0.005), 3, "money 0.005 a day: 0.0042 now, 0.0000 before"),  # of 0.0014 each
        (Budget(money=0.005, spent_money=0.0029), 1, "money 0.005 a day: 0.0014 now, 0.0029 before"),
        (Budget(), 20, ""),
    ],
)
def test_a_budget_ends_the_asking_and_what_is_left_is_told(budget, asked, told):
    with serving() as server:
        tally, rows = work(jobs(20), server, budget=budget, in_flight=1, prices=(10, 20))
    assert len(server.heard) == len(rows) == asked
    assert tally.left == 20 - asked
    assert budget.told == told


def test_with_many_in_flight_only_the_first_ones_can_go_beyond_a_budget():
    budget = Budget(tokens=1000)
    with serving() as server:
        work(jobs(100), server, budget=budget, in_flight=4)
    assert 4 * 120 <= budget.spent_tokens <= 1000
    budget = Budget(tokens=100)
    with serving() as server:
        work(jobs(100), server, budget=budget, in_flight=4)
    assert budget.spent_tokens == 4 * 120


def test_time_is_over_when_the_clock_says_so():
    moments = iter(range(0, 10_000, 20))
    budget = Budget(seconds=60, clock=lambda: next(moments))
    with serving() as server:
        tally, _ = work(jobs(20), server, budget=budget, in_flight=1)
    assert (len(server.heard), tally.left, budget.told) == (2, 18, "minutes 1 a run")


def test_a_budget_that_ends_between_refusal_and_second_leaves_the_text_for_the_next_run():
    with serving(says(completion("", refusal="no"))) as first, serving() as second:
        tally, rows = work(jobs(1), first, second, budget=Budget(posts=1))
    assert [row["annotator"] for row in rows] == ["first"]
    assert (tally.left, second.heard) == (1, [])


# --- what is still to ask ---


def drawn(*posts: str) -> pl.DataFrame:
    """Posts with a text of their own."""
    return pl.DataFrame({
        "post_id": posts, "text": [f"text {p}" for p in posts], "parent": [None] * len(posts), "lang": ["en"] * len(posts),
        "inclusion_probability": [0.5] * len(posts), "text_hash": [f"h{p}" for p in posts], "position": range(len(posts)),
    }, schema_overrides={"parent": pl.String})  # fmt: skip


@pytest.mark.parametrize(
    ("status", "failures", "hours", "expected"),
    [
        ("ok", None, 99, "neither"), ("unclear", None, 99, "neither"), ("invalid", None, 99, "neither"),
        ("refused", None, 0, "refused"),
        ("failed", 1, 0.16, "neither"), ("failed", 1, 0.17, "ask"),  # ten minutes
        ("failed", 2, 0.66, "neither"), ("failed", 2, 0.67, "ask"),  # forty
        ("failed", 5, 42.6, "neither"), ("failed", 5, 42.7, "ask"),
        ("failed", 6, 9999, "neither"),
    ],
)  # fmt: skip
def test_what_was_answered_is_never_asked_again_and_what_failed_a_few_times(status, failures, hours, expected):
    standing = pl.DataFrame(
        [("p", status, failures, AT)], orient="row",
        schema={"post_id": pl.String, "status": pl.String, "failures": pl.Int64, "annotated_at": pl.Datetime("us")},
    )  # fmt: skip
    ask_, refused = plan.split(drawn("p", "q"), standing, AT + timedelta(hours=hours))
    assert ask_["post_id"].to_list() == (["p", "q"] if expected == "ask" else ["q"])
    assert refused["post_id"].to_list() == (["p"] if expected == "refused" else [])
    assert ask_.filter(pl.col("post_id") == "q")["failures"].to_list() == [0]


def test_posts_of_one_text_are_one_job_and_jobs_keep_their_order():
    posts = drawn("c", "a", "b", "d").with_columns(text_hash=pl.Series(["x", "y", "x", "z"]))
    first = posts.filter(pl.col("post_id") != "d").with_columns(failures=pl.Series([0, 0, 2]))
    second = posts.filter(pl.col("post_id") == "d").with_columns(failures=pl.lit(0, pl.Int64))
    made = list(plan.each(plan.jobs([first, second])))
    assert made == [
        Job(Item("c", "text c", "en", None), "x", (("c", 0.5), ("b", 0.5)), 0, 2),
        Job(Item("a", "text a", "en", None), "y", (("a", 0.5),), 0, 0),
        Job(Item("d", "text d", "en", None), "z", (("d", 0.5),), 1, 0),
    ]


def test_an_outcome_without_a_label_has_neither_answers_nor_cues():
    assert Annotation("refused", reason="x").answers == {}
