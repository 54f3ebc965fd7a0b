"""The base rate, the probabilities read at it, and their variance: by hand, against quapy, against resampling."""

import math
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
import quapy
from hypothesis import given, settings
from hypothesis import strategies as st
from quapy.method.aggregative import EMQ

from barograph import tables
from barograph.aggregate import aggregate_calibrated
from barograph.calibration import base_rates, likelihoods, shifted
from barograph.readings import Readings

DAY = date(2024, 3, 1)
NOW = datetime(2024, 6, 1)
P = np.array([0.05, 0.4, 0.8])
"""Probability of a post at each level of evidence, fitted at a base rate of .2."""
FITTED_AT = 0.2


def test_bayes_rule_by_hand() -> None:
    # .8 at a base rate of .2: odds 4, over odds 1/4 a likelihood ratio of 16; at a base rate of .5 the odds are 16.
    expressed, absent = likelihoods(np.array([0.8]), 0.2)
    assert expressed[0] / absent[0] == pytest.approx(16)
    probability, slope = shifted(expressed, absent, np.array([0.2, 0.5]))
    assert probability[0] == pytest.approx([0.8, 16 / 17])
    nearby = [shifted(expressed, absent, np.array([rate]))[0].item() for rate in (0.2 - 1e-6, 0.2 + 1e-6)]
    assert slope[0, 0] == pytest.approx((nearby[1] - nearby[0]) / 2e-6, rel=1e-5)


def test_the_base_rate_of_two_levels_by_hand() -> None:
    # Two levels: of posts that express it 3/4 are at the upper one, of others 1/8. At a share of 3/8 there,
    # π solves ¾π + ⅛(1 − π) = ⅜, so π = 2/5.
    expressed, absent = np.array([1 / 4, 3 / 4]), np.array([7 / 8, 1 / 8])
    assert base_rates(np.array([[50.0], [30.0]]), expressed, absent) == pytest.approx([0.4], abs=1e-9)
    # Where even more or fewer are there than a base rate of 1 or 0 would have, it stays just inside.
    assert base_rates(np.array([[10.0, 95.0], [90.0, 5.0]]), expressed, absent) == pytest.approx([0.9999, 0.0001])


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(1, 300), min_size=3, max_size=3),
    levels=st.lists(st.floats(0.02, 0.98), min_size=3, max_size=3, unique=True), fitted_at=st.floats(0.05, 0.6),
)  # fmt: skip
def test_the_base_rate_is_quapys(counts: list[int], levels: list[float], fitted_at: float) -> None:
    p = np.array(sorted(levels))
    posteriors = np.repeat(np.stack([1 - p, p], axis=1), counts, axis=0)
    expressed, absent = likelihoods(p, fitted_at)
    found = base_rates(np.array(counts, float)[:, None], expressed, absent)
    EMQ.MAX_ITER = 50_000
    theirs, posterior = EMQ.EM(np.array([1 - fitted_at, fitted_at]), posteriors, epsilon=1e-11)
    assert quapy.error.mae(theirs, np.array([1 - found[0], found[0]])) < 3e-4
    if 0.01 < theirs[1] < 0.99:
        assert found[0] == pytest.approx(theirs[1], abs=1e-5)
        probability, _ = shifted(expressed, absent, found)
        assert probability[:, 0] == pytest.approx(posterior[np.cumsum(counts) - 1, 1], abs=1e-4)
        assert np.average(probability[:, 0], weights=counts) == pytest.approx(found[0])  # the fixed point


# Cells.

CALIBRATION: dict[str, Any] = {
    "marker": "anger", "lang": "en", "probability": P[0], "base_rate": FITTED_AT, "power": 0.5, "fitted_on": "a set",
}  # fmt: skip
KEYS = {"time_value": pl.Date, "source": pl.String, "community": pl.String, "lang": pl.String, "geo": pl.String,
        "cluster": pl.String, "known": pl.Boolean}  # fmt: skip


def cells(posts: pl.DataFrame, calibrations: list[dict[str, Any]] | None = None, **options: Any) -> pl.DataFrame:
    """`series` of posts with `day, author, level` and perhaps `lang, community`; level 0 is no evidence."""
    usual = {"lang": "en", "community": "c", "source": "s"}
    posts = posts.with_columns(pl.lit(v).alias(k) for k, v in usual.items() if k not in posts.columns)
    posts = posts.with_row_index().select(
        time_value=pl.lit(DAY) + pl.duration(days="day"), source="source", community="community", lang="lang",
        geo=pl.lit(None, pl.String), cluster=pl.coalesce("author", pl.format("post {}", "index")),
        known=pl.col("author").is_not_null(), level="level",
    ).cast(KEYS)  # fmt: skip
    place = ["source", "community", "lang", "geo"]
    days = posts.group_by(*place, "time_value").agg(n=pl.len())
    places = posts.select(place).unique().with_row_index("place")
    posts = posts.join(places, on=place, nulls_equal=True).with_row_index("post")
    readings = Readings(
        places, posts.select("post", "place", "time_value", pl.col("cluster").hash(), "known"),
        pl.DataFrame({"level": [0, 1], "marker": ["anger", "anger"], "probability": P[1:]}),
        posts.filter(pl.col("level") > 0).select("post", pl.col("level") - 1),
    )  # fmt: skip
    given = {"now": NOW, "minimum_authors": 0, "closing_hours": 6, **options}
    issued = given.pop("issued", days["time_value"].unique().to_list())
    rows = aggregate_calibrated(
        readings, days, given.pop("populations", {"all": {}}), pl.DataFrame(calibrations or [CALIBRATION]), issued, **given,
    )  # fmt: skip
    return tables.SERIES.validate(rows).sort("population", "unit", "time_value", descending=[False, True, False])


def cell(posts: pl.DataFrame, unit: str, day: int = 0, **options: Any) -> dict[str, Any]:
    """The row of one unit and day."""
    at = (pl.col("unit") == unit) & (pl.col("time_value") == DAY + timedelta(days=day))
    return cells(posts, **options).row(by_predicate=at, named=True)


def few(**levels: list[int]) -> pl.DataFrame:
    """Posts of one day, author → levels."""
    rows = [(0, author, level) for author, mine in levels.items() for level in mine]
    return pl.DataFrame(rows, schema={"day": pl.Int64, "author": pl.String, "level": pl.Int64}, orient="row")


def test_four_authors_by_hand() -> None:
    posts = few(a=[2, 0, 0, 0], b=[1], c=[0], d=[0, 2])
    found = cell(posts, "posts")
    x, n = np.array([0.8 + 3 * 0.05, 0.4, 0.05, 0.85]), np.array([4, 1, 1, 2])
    p = x.sum() / 8
    assert found["prevalence"] == pytest.approx(p)
    assert found["stderr"] == pytest.approx(math.sqrt(4 / 3 * ((x - p * n) ** 2).sum() / 64))
    assert (found["method"], found["n_posts"], found["n_authors"]) == ("calibrated", 8, 4)
    assert found["label_source"] == "a set; base rate as fitted: fewer than 1,000 posts in 28 days"
    found = cell(posts, "authors")
    assert found["prevalence"] == pytest.approx((x / n).mean())
    assert found["stderr"] == pytest.approx(np.std(x / n, ddof=1) / 2)
    assert found["lo"] < found["prevalence"] < found["hi"]


def test_posts_of_unknown_authors_count_as_posts_alone() -> None:
    posts = pl.concat([few(a=[0], b=[1]), pl.DataFrame({"day": [0] * 3, "author": [None] * 3, "level": [2] * 3})])
    assert cell(posts, "posts")["prevalence"] == pytest.approx((0.05 + 0.4 + 3 * 0.8) / 5)
    assert cell(posts, "authors")["prevalence"] == pytest.approx((0.05 + 0.4) / 2)
    nobody = cell(posts[2:], "authors")
    assert (nobody["prevalence"], nobody["missing_reason"]) == (None, "authors unknown")


def test_a_day_whose_posts_all_have_one_probability_still_has_an_interval() -> None:
    found = cell(few(**{f"a{i}": [0] for i in range(50)}), "posts")
    assert (found["prevalence"], found["stderr"]) == (pytest.approx(0.05), pytest.approx(0, abs=1e-12))
    assert found["hi"] - found["lo"] > 0.1


def test_small_cells_are_censored() -> None:
    found = cell(few(a=[1], b=[0]), "authors", minimum_authors=3)
    assert (found["prevalence"], found["hi"], found["missing_reason"]) == (None, None, "fewer than 3 authors")


def population(
    rng: np.random.Generator, days: int = 28, posts: int = 60, authors: int = 150, rate: float = 0.35
) -> pl.DataFrame:
    """Authors with leanings of their own; levels of posts that express anger and of others as at the fitting."""
    expressed, absent = levels_given()
    lean = rng.beta(2, 2 * (1 - rate) / rate, size=authors)
    weight = rng.gamma(1.0, size=authors)
    author = rng.choice(authors, size=days * posts, p=weight / weight.sum())
    angry = rng.random(days * posts) < lean[author]
    draws = rng.random(days * posts)[:, None]
    level = np.where(angry, (draws > np.cumsum(expressed)).sum(axis=1), (draws > np.cumsum(absent)).sum(axis=1))
    return pl.DataFrame({
        "day": np.repeat(np.arange(days), posts), "author": [f"a{i}" for i in author], "level": level, "angry": angry,
        "true_posts": np.average(lean, weights=weight),
        "true_authors": np.average(lean, weights=1 - (1 - weight / weight.sum()) ** posts),
    })  # fmt: skip


def levels_given() -> tuple[np.ndarray, np.ndarray]:
    """P(level | anger) and P(level | none) that make P right at the base rate it was fitted at."""
    share = np.linalg.solve(np.stack([np.ones(3), P, P - P**2]), [1, FITTED_AT, 0.09])
    return share * P / FITTED_AT, share * (1 - P) / (1 - FITTED_AT)


def test_the_base_rate_comes_from_the_trailing_28_days_and_never_from_a_later_one() -> None:
    posts = population(np.random.default_rng(1), days=60)
    first, last = 27, 28
    told = cell(posts, "posts", last)
    # As of that day, with the same posts, and with those of later days or of those before the window gone.
    for part in (posts.filter(pl.col("day") <= last), posts.filter(pl.col("day").is_between(last - 27, last))):
        assert cell(part, "posts", last) == told
    assert told["label_source"] == "a set; base rate of the 28 days"
    inside = posts.filter(pl.col("day").is_between(last - 27, last))
    counts = np.bincount(inside["level"], minlength=3).astype(float)
    expressed, absent = likelihoods(P, FITTED_AT)
    rate = base_rates(counts[:, None], expressed, absent)
    probability = shifted(expressed, absent, rate)[0][:, 0]
    today = np.bincount(posts.filter(pl.col("day") == last)["level"], minlength=3)
    assert told["prevalence"] == pytest.approx(probability @ today / today.sum())
    # 60 posts a day: the seventeenth day is the first with 1,000.
    sources = cells(posts).filter(pl.col("unit") == "posts")["label_source"]
    assert sources.str.contains("as fitted").to_list() == [True] * 16 + [False] * 44
    assert first < last
    # Only what is asked for is issued.
    assert cells(posts, issued=[DAY])["time_value"].unique().to_list() == [DAY]


def test_a_weak_calibration_is_never_adjusted() -> None:
    posts = population(np.random.default_rng(2))
    weak = [{**CALIBRATION, "power": 0.19}]
    found = cell(posts, "posts", 27, calibrations=weak)
    today = posts.filter(pl.col("day") == 27)["level"].to_numpy()
    assert found["prevalence"] == pytest.approx(P[today].mean())
    assert found["label_source"] == "a set; base rate as fitted: TPR − FPR below 0.2"


@pytest.mark.parametrize("unit", ["posts", "authors"])
def test_the_standard_error_is_that_of_resampling_authors_with_the_base_rate(unit: str) -> None:
    posts = population(np.random.default_rng(3))
    rng = np.random.default_rng(4)
    mine = posts.with_columns(size=pl.len().over("day", "author"))
    who, place = np.unique(mine["author"], return_inverse=True)
    expressed, absent = likelihoods(P, FITTED_AT)
    weight = 1 / mine["size"].to_numpy() if unit == "authors" else np.ones(mine.height)
    level, today = mine["level"].to_numpy(), (mine["day"] == 27).to_numpy()
    estimates = []
    for _ in range(1500):
        times = np.bincount(rng.integers(len(who), size=len(who)), minlength=len(who))[place] * weight
        rate = base_rates(np.bincount(level, times, minlength=3)[:, None], expressed, absent)
        probability = shifted(expressed, absent, rate)[0][:, 0]
        estimates.append(np.average(probability[level[today]], weights=times[today]))
    found = cell(posts, unit, 27)
    assert found["stderr"] == pytest.approx(np.std(estimates), rel=0.2)
    # The day alone, its base rate taken for known, would say too little.
    assert found["stderr"] > 1.15 * np.std(P[level[today]]) / math.sqrt(today.sum())


def test_languages_are_read_at_base_rates_of_their_own() -> None:
    rng = np.random.default_rng(5)
    low, high = population(rng, rate=0.1), population(rng, rate=0.6)
    both = pl.concat([low.with_columns(lang=pl.lit("en")), high.with_columns(lang=pl.lit("es"), author="s" + pl.col("author"))])
    english, spanish = CALIBRATION, {**CALIBRATION, "lang": "es", "fitted_on": "another set"}
    found = cell(both, "posts", 27, calibrations=[english, spanish])
    parts = [cell(part, "posts", 27)["prevalence"] for part in (low, high)]
    assert found["prevalence"] == pytest.approx(np.mean(parts))
    assert parts[1] - parts[0] > 0.3
    assert found["label_source"] == "a set; base rate of the 28 days and another set; base rate of the 28 days"


def test_a_language_without_a_calibration_is_left_out_or_leaves_the_line_out() -> None:
    posts = pl.DataFrame({"day": [0] * 200, "author": [f"a{i}" for i in range(200)], "level": [1] * 100 + [0] * 100})
    for n, known in ((10, True), (11, False)):
        foreign = posts.with_columns(lang=pl.when(pl.int_range(pl.len()) < n).then(pl.lit("es")).otherwise(pl.lit("en")))
        rows = cells(foreign)
        assert rows.height == 2 * known
        if known:
            assert rows["n_posts"].to_list() == [190, 190]
            assert rows["prevalence"].to_list() == pytest.approx([(90 * 0.4 + 100 * 0.05) / 190] * 2)
    later = pl.concat([posts.with_columns(lang=pl.lit("en")), foreign.with_columns(pl.col("day") + 1, lang=pl.lit("es"))])
    assert cells(later)["missing_reason"].to_list() == [None, "under 95 % of posts in a language with a calibration"] * 2


def test_every_calendar_day_has_a_row() -> None:
    posts = few(a=[1], b=[0])
    rows = cells(pl.concat([posts, posts.with_columns(day=pl.lit(3, pl.Int64))])).filter(pl.col("unit") == "posts")
    assert rows["missing_reason"].to_list() == [None, "no posts", "no posts", None]


def test_it_is_near_the_truth_where_hits_and_the_unadjusted_mean_are_not_and_its_intervals_hold_it() -> None:
    errors: dict[str, list[float]] = {"adjusted": [], "unadjusted": [], "hits": []}
    held = {"posts": 0, "authors": 0}
    replicates = 250
    for seed in range(replicates):
        posts = population(np.random.default_rng([9, seed]), posts=300, authors=1500)
        rows = cells(posts, issued=[DAY + timedelta(days=27)])
        for row in rows.iter_rows(named=True):
            held[row["unit"]] += row["lo"] <= posts[f"true_{row['unit']}"][0] <= row["hi"]
        truth = posts["true_posts"][0]
        errors["adjusted"].append(rows["prevalence"][0] - truth)
        today = posts.filter(pl.col("day") == 27)["level"].to_numpy()
        errors["unadjusted"].append(P[today].mean() - truth)
        errors["hits"].append((today > 0).mean() - truth)
    mean = {name: float(np.abs(values).mean()) for name, values in errors.items()}
    assert mean["adjusted"] < 0.5 * mean["hits"], mean
    assert mean["adjusted"] < 0.5 * mean["unadjusted"], mean
    assert 0.92 <= held["posts"] / replicates <= 0.98, held
    assert 0.92 <= held["authors"] / replicates <= 0.98, held
