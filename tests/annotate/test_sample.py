"""Who is drawn: half of each stratum, for ever, with the largest of the probabilities of a post's populations."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from barograph.annotate.sample import decide, drawn, permanent, with_inclusion
from barograph.privacy import Keyed
from barograph.settings import Annotation
from barograph.tables import DRAWS

NOW = datetime(2024, 3, 20)
DAY = date(2024, 3, 1)


def annotation(**changes: Any) -> Annotation:
    return Annotation.model_validate({"task": "emotions", "annotators": ["a"], "posts": 20} | changes)


def counts(*rows: tuple[str, int, bool, int]) -> pl.DataFrame:
    """(population, days after DAY, hit, n)"""
    schema = {"population": pl.String, "day": pl.Int64, "hit": pl.Boolean, "n": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(time_value=pl.lit(DAY) + pl.duration(days="day")).drop("day")


def posts(n: int, **columns: Any) -> pl.DataFrame:
    given = {"time_value": DAY, "hit": False, "source": "s", "community": None, "lang": "en", "geo": None} | columns
    return pl.DataFrame({"post_id": [f"s:{i}" for i in range(n)]}).with_columns(
        (pl.Series(k, v) if isinstance(v, list) else pl.lit(v).alias(k)) for k, v in given.items()
    )


def probabilities(rows: pl.DataFrame) -> dict[str, float]:
    return dict(rows.select("stratum", "probability").rows())


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    """A key that is the same in every run."""
    (tmp_path / "key").write_bytes(bytes(range(32)))
    return Keyed(tmp_path / "key")


@pytest.mark.parametrize(
    ("hit", "none", "expected"),
    [
        (100, 900, {"hit": 0.1, "none": 10 / 900}),
        (4, 996, {"hit": 1.0, "none": 16 / 996}),  # six of the hits' half go to the others
        (996, 4, {"hit": 16 / 996, "none": 1.0}),
        (3, 5, {"hit": 1.0, "none": 1.0}),
        (0, 400, {"hit": 0.05, "none": 0.05}),  # what comes late is drawn as the day is
    ],
)
def test_half_is_drawn_of_each_stratum_where_there_are_enough(hit: int, none: int, expected: dict[str, float]) -> None:
    rows = decide(counts(("all", 0, True, hit), ("all", 0, False, none)), annotation(), now=NOW)
    assert probabilities(rows) == pytest.approx(expected)
    assert dict(rows.select("stratum", "n_posts").rows()) == {"hit": hit, "none": none}
    assert rows["task"].unique().to_list() == ["emotions"]


def test_without_strata_every_post_of_a_day_is_alike() -> None:
    rows = decide(
        counts(("all", 0, True, 100), ("all", 0, False, 300), ("all", 1, False, 8)), annotation(strata="uniform"), now=NOW
    )
    assert rows.select("stratum", "n_posts", "probability").rows() == [("all", 400, 0.05), ("all", 8, 1.0)]


@hypothesis_settings(derandomize=True, max_examples=200)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 500), st.sampled_from(["lexicon", "uniform"]))
def test_as_many_as_asked_for_are_expected_or_all_there_are(hit: int, none: int, wanted: int, strata: str) -> None:
    rows = decide(
        counts(("all", 0, True, hit), ("all", 0, False, none)), annotation(posts=wanted, strata=strata), now=NOW
    )
    expected = (rows["n_posts"] * rows["probability"]).sum()
    assert expected == pytest.approx(min(wanted, hit + none))
    assert rows.height == (0 if hit + none == 0 else 2 if strata == "lexicon" else 1)


def test_what_was_decided_stays_and_other_days_populations_and_tasks_are_decided() -> None:
    given = counts(*(("all", day, hit, 100) for day in (0, 1) for hit in (True, False)), ("here", 0, True, 50))
    before = decide(given.filter(population="all", time_value=DAY), annotation(), now=NOW)
    more = decide(given, annotation(posts=50), now=NOW + timedelta(days=1), decided=before)
    assert set(more.select("population", "time_value").rows()) == {("all", DAY + timedelta(days=1)), ("here", DAY)}
    assert decide(given, annotation(posts=50), now=NOW, decided=pl.concat([before, more])).is_empty()
    other = decide(given, annotation(task="expression"), now=NOW, decided=pl.concat([before, more]))
    assert other.height == 6


def test_a_post_has_the_largest_probability_of_its_populations() -> None:
    rows = [
        ("emotions", "all", DAY, "hit", 0.2), ("emotions", "all", DAY, "none", 0.01),
        ("emotions", "here", DAY, "hit", 0.1), ("emotions", "here", DAY, "none", 0.05),
        ("emotions", "gone", DAY, "hit", 0.9), ("expression", "all", DAY, "hit", 0.8),
        ("emotions", "everyone", DAY + timedelta(days=1), "all", 0.3),
    ]  # fmt: skip
    schema = ["task", "population", "time_value", "stratum", "probability"]
    draws = DRAWS.validate(pl.DataFrame(rows, schema=schema, orient="row").with_columns(n_posts=1, drawn_at=NOW))
    given = posts(
        5, hit=[True, False, True, False, True], community=["here", "here", "there", None, None],
        time_value=[DAY] * 4 + [DAY + timedelta(days=1)],
    )  # fmt: skip
    populations = {"all": {}, "here": {"community": ["here"]}, "everyone": {"lang": ["en"]}}
    found = with_inclusion("emotions", given, draws, populations)
    assert found["inclusion_probability"].to_list() == [0.2, 0.05, 0.2, 0.01, 0.3]
    assert found.drop("inclusion_probability").equals(given)
    assert with_inclusion("stance:x", given, draws, populations)["inclusion_probability"].to_list() == [0.0] * 5


def test_posts_are_drawn_as_often_as_was_decided(keyed: Keyed) -> None:
    hit = [True] * 20_000 + [False] * 80_000
    draws = decide(counts(("all", 0, True, 20_000), ("all", 0, False, 80_000)), annotation(posts=8000), now=NOW)
    sample = drawn("emotions", posts(100_000, hit=hit), draws, {"all": {}}, keyed)
    of_stratum = sample.join(posts(100_000, hit=hit), on="post_id").group_by("hit").len()
    for (is_hit, n), p in zip(of_stratum.sort("hit").rows(), (0.05, 0.2), strict=True):
        size = 20_000 if is_hit else 80_000
        assert abs(n - size * p) < 4 * np.sqrt(size * p * (1 - p))
    assert (1 / sample["inclusion_probability"]).sum() == pytest.approx(100_000, rel=0.04)
    u = permanent("emotions", posts(100_000)["post_id"], keyed).to_numpy()
    assert (u.min() >= 0, u.max() < 1) == (True, True)
    assert np.bincount((u * 10).astype(int)) == pytest.approx(np.full(10, 10_000), rel=0.04)


def test_who_is_drawn_does_not_depend_on_when(keyed: Keyed) -> None:
    draws = decide(counts(("all", 0, True, 1000), ("all", 0, False, 1000)), annotation(posts=200), now=NOW)
    early = drawn("emotions", posts(1500), draws, {"all": {}}, keyed)
    late = drawn("emotions", posts(2000)[::-1], draws, {"all": {}}, keyed)
    assert set(early["post_id"]) == set(late["post_id"]) & set(posts(1500)["post_id"])
    assert late.height > early.height


def test_a_wider_sample_holds_a_narrower_one_and_the_order_is_that_of_samples(keyed: Keyed) -> None:
    given = posts(4000, hit=[i % 4 == 0 for i in range(4000)])
    n = counts(("all", 0, True, 1000), ("all", 0, False, 3000))
    few, many = (
        drawn("emotions", given, decide(n, annotation(posts=size), now=NOW), {"all": {}}, keyed) for size in (200, 800)
    )
    assert set(few["post_id"]) < set(many["post_id"])
    # A quarter of the larger sample's list is, in both strata, the smaller sample.
    assert set(many["post_id"][: few.height]) == set(few["post_id"])


def test_the_tasks_of_a_topic_draw_the_same_posts_and_others_their_own(keyed: Keyed) -> None:
    ids = posts(1000)["post_id"]
    of = {task: permanent(task, ids, keyed) for task in ("stance:x", "affect:x", "agreement:x", "stance:y", "emotions")}
    assert of["stance:x"].equals(of["affect:x"])
    assert of["stance:x"].equals(of["agreement:x"])
    for other in ("stance:y", "emotions"):
        assert abs(np.corrcoef(of["stance:x"], of[other])[0, 1]) < 0.1
