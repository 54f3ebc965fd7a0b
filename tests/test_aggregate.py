"""Prevalence against hand arithmetic, and against a slow reading of the formulas post by post."""

import math
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from barograph import tables
from barograph.aggregate import aggregate, changed

DAY = date(2024, 3, 1)
NOW = datetime(2024, 3, 10, 12)
KEYS = ("time_value", "source", "community", "lang", "geo", "cluster", "known")


def frames(posts: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """What the warehouse hands over for these posts: {day, author or None, marked, community}."""
    n: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    x: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    for number, post in enumerate(posts):
        author = post.get("author")
        day = DAY + timedelta(days=post.get("day", 0))
        key = (day, "s", post.get("community", "c"), "en", None, author or f"post {number}", author is not None)
        n[key] += 1
        x[key] += bool(post["marked"])
    base = dict(zip(KEYS, (pl.Date, *[pl.String] * 5, pl.Boolean), strict=True))
    activity = pl.DataFrame([(*k, v) for k, v in n.items()], schema={**base, "n": pl.Int64}, orient="row")
    marked = [(*k, "anxiety", v) for k, v in x.items() if v]
    expressions = pl.DataFrame(marked, schema={**base, "marker": pl.String, "n": pl.Int64}, orient="row")
    days = activity.select("source", "community", "lang", "geo", "time_value").unique()
    return activity, expressions, days


def series(posts: list[dict[str, Any]], **options: Any) -> pl.DataFrame:
    """The whole of `aggregate` for one marker."""
    given: dict[str, Any] = {"now": NOW, "minimum_authors": 0, "closing_hours": 6, **options}
    populations = given.pop("populations", {"all": {}})
    rows = aggregate(*frames(posts), populations, given.pop("markers", ["anxiety"]), **given)
    return tables.SERIES.validate(rows).sort("population", "unit", "time_value", descending=[False, True, False])


def cell(posts: list[dict[str, Any]], unit: str, **options: Any) -> dict[str, Any]:
    """The only row of a unit."""
    return series(posts, **options).row(by_predicate=pl.col("unit") == unit, named=True)


def test_four_authors_by_hand() -> None:
    # a: 2 of 4 posts, b: 0 of 1, c: 1 of 1, d: 0 of 2
    spread = [("a", [1, 1, 0, 0]), ("b", [0]), ("c", [1]), ("d", [0, 0])]
    posts = [{"author": who, "marked": m} for who, marks in spread for m in marks]

    by_posts = cell(posts, "posts")
    p = 3 / 8
    residuals = [2 - 4 * p, 0 - 1 * p, 1 - 1 * p, 0 - 2 * p]
    variance = 4 / 3 * sum(e * e for e in residuals) / 8**2
    assert by_posts["prevalence"] == pytest.approx(p)
    assert by_posts["stderr"] == pytest.approx(math.sqrt(variance))
    assert (by_posts["n_posts"], by_posts["n_authors"]) == (8, 4)

    by_authors = cell(posts, "authors")
    assert by_authors["prevalence"] == pytest.approx((0.5 + 0 + 1 + 0) / 4)
    assert by_authors["stderr"] == pytest.approx(np.std([0.5, 0, 1, 0], ddof=1) / 2)


def test_the_interval_is_wilsons_where_every_author_writes_once() -> None:
    posts = [{"author": f"a{i}", "marked": i < 30} for i in range(400)]
    found = cell(posts, "posts")
    z, t = stats.norm.ppf(0.975), stats.t.ppf(0.975, 399)
    expected = stats.binomtest(30, 400).proportion_ci(method="wilson")
    # Independent posts: the design effect is 1 (to 399/400) and only the t-quantile widens Wilson's interval.
    assert found["lo"] == pytest.approx(expected.low, abs=2e-4 + 0.001 * (t / z - 1))
    assert found["hi"] == pytest.approx(expected.high, abs=2e-4 + 0.001 * (t / z - 1))


def test_a_busy_account_counts_once_among_authors() -> None:
    posts = [{"author": "loud", "marked": True}] * 90 + [{"author": f"quiet {i}", "marked": False} for i in range(10)]
    assert cell(posts, "posts")["prevalence"] == pytest.approx(0.9)
    assert cell(posts, "authors")["prevalence"] == pytest.approx(1 / 11)
    # Ninety posts of one account are not ninety witnesses: the interval says so.
    assert cell(posts, "posts")["hi"] - cell(posts, "posts")["lo"] > 0.3


def test_posts_without_an_author_count_as_posts_alone() -> None:
    posts = [{"author": None, "marked": True}] * 5 + [{"author": "a", "marked": False}, {"author": "b", "marked": False}]
    by_posts, by_authors = cell(posts, "posts"), cell(posts, "authors")
    assert (by_posts["prevalence"], by_posts["n_posts"], by_posts["n_authors"]) == (pytest.approx(5 / 7), 7, 2)
    assert (by_authors["prevalence"], by_authors["n_posts"]) == (0, 2)
    assert cell(posts[:5], "authors")["missing_reason"] == "authors unknown"


def test_a_share_of_none_or_all_still_has_an_interval() -> None:
    for marked in (False, True):
        found = cell([{"author": f"a{i % 30}", "marked": marked} for i in range(60)], "posts")
        assert found["prevalence"] == float(marked)
        assert found["stderr"] == 0
        assert 0.05 < found["hi"] - found["lo"] < 0.2


def test_small_cells_are_censored_with_the_reason() -> None:
    posts = [{"author": f"a{i}", "marked": i == 0} for i in range(19)]
    for unit in ("posts", "authors"):
        found = cell(posts, unit, minimum_authors=20)
        assert [found[c] for c in ("prevalence", "stderr", "lo", "hi")] == [None] * 4
        assert found["missing_reason"] == "fewer than 20 authors"
        assert found["n_authors"] == 19
    assert cell([*posts, {"author": "a19", "marked": False}], "posts", minimum_authors=20)["prevalence"] == 1 / 20


def test_every_calendar_day_has_a_row() -> None:
    rows = series([{"author": "a", "marked": True, "day": d} for d in (0, 3)]).filter(pl.col("unit") == "posts")
    assert rows["time_value"].to_list() == [DAY + timedelta(days=d) for d in range(4)]
    assert rows["missing_reason"].to_list() == [None, "no posts", "no posts", None]
    assert rows["n_posts"].to_list() == [1, 0, 0, 1]


def test_a_marker_nobody_expresses_is_zero_not_missing() -> None:
    rows = series([{"author": "a", "marked": True}], markers=["anxiety", "joy"])
    assert dict(rows.filter(pl.col("unit") == "posts").select("marker", "prevalence").rows()) == {"anxiety": 1, "joy": 0}


def test_populations_are_filters() -> None:
    posts = [{"author": f"a{i}", "marked": i % 2, "community": "north" if i < 4 else "south"} for i in range(10)]
    rows = series(posts, populations={"all": {}, "North": {"community": ["north"]}, "None": {"community": ["x"]}})
    counts = rows.filter(pl.col("unit") == "posts").select("population", "n_posts").rows()
    assert dict(counts) == {"all": 10, "North": 4}


def test_a_day_is_provisional_until_it_closes() -> None:
    posts = [{"author": "a", "marked": True, "day": d} for d in range(3)]
    for now, expected in (
        (datetime(2024, 3, 3, 5, 59), [False, True, True]), (datetime(2024, 3, 3, 6), [False, False, True])
    ):  # fmt: skip
        rows = series(posts, now=now).filter(pl.col("unit") == "posts")
        assert rows["provisional"].to_list() == expected
        assert rows["issue"].unique().to_list() == [now]


def test_only_changed_cells_are_issued_again() -> None:
    posts = [{"author": f"a{i}", "marked": i == 0, "day": i % 3} for i in range(9)]
    known = series(posts)
    assert changed(series(posts[::-1], now=NOW + timedelta(days=1)), known).is_empty()
    more = series([*posts, {"author": "z", "marked": False, "day": 1}], now=NOW + timedelta(days=1))
    assert changed(more, known)["time_value"].unique().to_list() == [DAY + timedelta(days=1)]


post = st.fixed_dictionaries({
    "author": st.one_of(st.none(), st.sampled_from("abcdefgh")), "marked": st.booleans(), "day": st.integers(0, 2),
})  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(post, min_size=1, max_size=60))
def test_agrees_with_a_slow_reading_of_the_formulas(posts: list[dict[str, Any]]) -> None:
    rows = {(r["time_value"], r["unit"]): r for r in series(posts).iter_rows(named=True)}
    for day in range(3):
        today = [p for p in posts if p["day"] == day]
        if not today:
            continue
        found = {unit: rows[DAY + timedelta(days=day), unit] for unit in ("posts", "authors")}
        clusters: defaultdict[Any, list[bool]] = defaultdict(list)
        for number, one in enumerate(today):
            clusters[one["author"] or number].append(one["marked"])
        p = sum(map(sum, clusters.values())) / len(today)
        m = len(clusters)
        assert found["posts"]["prevalence"] == pytest.approx(p)
        if m > 1:
            variance = m / (m - 1) * sum((sum(c) - p * len(c)) ** 2 for c in clusters.values()) / len(today) ** 2
            assert found["posts"]["stderr"] == pytest.approx(math.sqrt(variance), abs=1e-6)
            _check_interval(found["posts"], p, variance, [len(c) for c in clusters.values()])
        people = [c for who, c in clusters.items() if isinstance(who, str)]
        if people:
            shares = [sum(c) / len(c) for c in people]
            assert found["authors"]["prevalence"] == pytest.approx(np.mean(shares))
            if len(people) > 1:
                variance = float(np.var(shares, ddof=1)) / len(people)
                assert found["authors"]["stderr"] == pytest.approx(math.sqrt(variance), abs=1e-6)
                _check_interval(found["authors"], float(np.mean(shares)), variance, [len(c) for c in people])


def _check_interval(found: dict[str, Any], p: float, variance: float, sizes: list[int]) -> None:
    """The bounds solve (p̂ − π)² = z² π (1 − π) / n_eff, which is what makes an interval Wilson's."""
    n, z = sum(sizes), stats.norm.ppf(0.975)
    effective = n / max(1.0, variance * n / (p * (1 - p))) if variance > 1e-15 else n ** 2 / sum(s * s for s in sizes)
    effective *= (z / stats.t.ppf(0.975, len(sizes) - 1)) ** 2
    for bound in (found["lo"], found["hi"]):
        assert 0 <= bound <= 1
        if 0 < bound < 1 and abs(bound - p) > 1e-9:
            assert (p - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / effective, rel=1e-5, abs=1e-9)
