"""Why a marker moved: by hand, against shifterator, by what must always hold, and on populations drawn a hundred times."""

import collections
import collections.abc
import warnings
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicons import shift
from lexicons.shift import OTHER, count_terms, word_shift

collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]  # shifterator 0.3 asks for the old name
from shifterator import WeightedAvgShift  # noqa: E402

FIRST = date(2024, 3, 1)
BEFORE, AFTER = (FIRST, FIRST), (FIRST + timedelta(days=1), FIRST + timedelta(days=1))
Post = tuple[int, str | None, Sequence[str]]
"""Day 0 (reference) or 1 (period), author, and the terms that count: `term`, or `marker:term`."""


def near(value: object) -> object:
    """Equal but for the steps of 2⁻³² in which parts of posts are counted."""
    return pytest.approx(value, abs=1e-8)


def counts(posts: Sequence[Post], dimensions: dict[str, list[str]] | None = None) -> pl.DataFrame:
    """What `count_terms` makes of these posts; a term without marker belongs to fear."""
    frame = pl.DataFrame({
        "post_id": [f"p{i}" for i in range(len(posts))],
        "time_value": [FIRST + timedelta(days=day) for day, _, _ in posts],
        "source": "s", "community": None, "lang": "en", "geo": None,
        "cluster": [author or f"post {i}" for i, (_, author, _) in enumerate(posts)],
        "known": [author is not None for _, author, _ in posts],
    }, schema_overrides={"post_id": pl.String, "time_value": pl.Date, "cluster": pl.String, "known": pl.Boolean,
                         "source": pl.String, "community": pl.String, "lang": pl.String, "geo": pl.String})  # fmt: skip
    found = [
        (f"p{i}", *(("fear:" + term).split(":")[-2:])) for i, (_, _, terms) in enumerate(posts) for term in terms
    ]
    occurrences = pl.DataFrame(found, schema={"post_id": pl.String, "marker": pl.String, "term": pl.String}, orient="row")
    return count_terms(frame, occurrences.with_columns(hits=1, weight=1.0), dimensions or {})


def shifted(posts: Sequence[Post], **options: object) -> dict[str, dict[str, object]]:
    """Term → its row, of the marker fear."""
    rows = word_shift(counts(posts), AFTER, BEFORE, **options)  # type: ignore[arg-type]
    return {row["term"]: row for row in rows.filter(pl.col("marker") == "fear").iter_rows(named=True)}


SMALL: list[Post] = [
    (0, "a", ["panic"]), (0, "a", []), (0, "b", []), (0, "b", []),
    (1, "a", ["panic", "worried"]), (1, "b", ["worried"]), (1, "c", ["panic"]), (1, "c", []),
]  # fmt: skip


def test_a_small_shift_by_hand() -> None:
    rows = shifted(SMALL)
    assert list(rows) == ["worried", "panic"]
    worried, panic = rows.values()
    # 3 of 4 posts against 1 of 4; the post with both terms gives a half to each.
    assert (worried["contribution"], panic["contribution"]) == pytest.approx((1.5 / 4, 1.5 / 4 - 1 / 4))
    assert panic["change"] == worried["change"] == pytest.approx(0.5)
    # a: ½(1/4 + 2/4)(1 − ½), b: ½(1/4 + 2/4)(1 − 0)
    assert panic["rate"] == pytest.approx(0.1875 + 0.375)
    # c came with ½ · ½; the weights of a and b fell by 1/4, at mean shares ¾ and ½
    assert panic["mix"] == pytest.approx(0.25 - 0.1875 - 0.125)
    # panic: a −⅛, c +¼; worried: a +⅛, b +¼; together: a 0, b ¼, c ¼
    assert (worried["top_account_share"], panic["top_account_share"]) == pytest.approx((2 / 3, 2 / 3))
    assert panic["change_top_account_share"] == pytest.approx(0.5)
    assert (worried["n_authors"], panic["n_authors"]) == (2, 2)
    names = ("period_posts", "reference_posts", "period_authors", "reference_authors", "both_authors")
    assert tuple(panic[name] for name in names) == (4, 4, 3, 2, 2)


def test_the_same_shift_by_authors_by_hand() -> None:
    rows = shifted([*SMALL, (1, None, ["panic"]), (0, None, [])], unit="authors")
    # After: a ½ + ½, b 1, c ½, of three authors; before: a ½, of two. Nobody's posts are left out.
    assert rows["panic"]["contribution"] == pytest.approx(1 / 3 - 0.5 / 2)
    assert rows["worried"]["contribution"] == pytest.approx(1.5 / 3)
    assert rows["panic"]["change"] == pytest.approx(2.5 / 3 - 0.5 / 2)
    assert rows["panic"]["rate"] == pytest.approx((1 / 3 + 1 / 2) / 2 * (0.5 + 1))
    assert (rows["panic"]["period_posts"], rows["panic"]["reference_posts"]) == (4, 4)


def test_a_post_of_nobody_known_counts_as_a_post_but_not_as_an_author() -> None:
    rows = shifted([*SMALL, (1, None, ["panic"]), (0, None, [])])
    assert rows["panic"]["contribution"] == pytest.approx(2.5 / 5 - 1 / 5)
    assert (rows["panic"]["n_authors"], rows["panic"]["period_authors"], rows["panic"]["both_authors"]) == (2, 3, 2)


def test_a_term_of_two_markers_is_one_term_of_their_dimension() -> None:
    posts = [(0, "a", []), (1, "a", ["fear:panic", "stress:panic", "stress:deadline"]), (1, "b", ["anger:rage"])]
    table = counts(posts, {"strain": ["fear", "stress"], "none": []})
    rows = word_shift(table, AFTER, BEFORE)
    of = rows.group_by("marker").agg(pl.col("term").sort(), pl.col("contribution").sum().round(9)).sort("marker")
    assert of.rows() == [
        ("anger", ["rage"], 0.5), ("dimension:strain", ["deadline", "panic"], 0.5),
        ("fear", ["panic"], 0.5), ("stress", ["deadline", "panic"], 0.5),
    ]  # fmt: skip


# What must always hold.

TERMS = "abcde"
posts_of_anyone = st.lists(
    st.tuples(
        st.integers(0, 1), st.none() | st.sampled_from(["ann", "bob", "cem", "dai"]),
        st.lists(st.sampled_from(TERMS), unique=True, max_size=3),
    ), max_size=30,
)  # fmt: skip
units = st.sampled_from(["posts", "authors"])


def prevalence(posts: Sequence[Post], day: int, unit: str) -> float | None:
    """The marker's value, counted in the plainest way; None where nobody posts."""
    mine = [(author, bool(terms)) for on, author, terms in posts if on == day and (author or unit == "posts")]
    if unit == "posts":
        return float(np.mean([hit for _, hit in mine])) if mine else None
    own = defaultdict(list)
    for author, hit in mine:
        own[author].append(hit)
    return float(np.mean([np.mean(hits) for hits in own.values()])) if own else None


@given(posts_of_anyone, units)
@settings(max_examples=200, deadline=None)
def test_terms_add_up_to_the_change_and_so_do_mix_and_rate(posts: list[Post], unit: str) -> None:
    rows = shifted(posts, unit=unit, replicates=5)
    before, after = (prevalence(posts, day, unit) for day in (0, 1))
    if before is None or after is None:
        assert rows == {}
        return
    change = after - before
    assert sum(row["contribution"] for row in rows.values()) == near(change if rows else 0)  # type: ignore[misc]
    for row in rows.values():
        assert row["change"] == near(change)
        assert row["mix"] + row["rate"] == near(change)  # type: ignore[operator]
        assert row["top_account_share"] is None or 0 < row["top_account_share"] <= 1 + 1e-12  # type: ignore[operator]
    if not rows:
        assert change == 0


@given(posts_of_anyone, units, st.integers(0, 3), st.none() | st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_the_other_way_round_every_part_has_the_other_sign(posts: list[Post], unit: str, fewest: int, terms: int | None) -> None:
    table = counts(posts)
    there, back = (
        word_shift(table, *periods, unit=unit, minimum_authors=fewest, terms=terms, replicates=5).sort("marker", "term")
        for periods in ((AFTER, BEFORE), (BEFORE, AFTER))
    )
    assert there.select("term", "n_authors").equals(back.select("term", "n_authors"))
    for name in ("contribution", "change", "mix", "rate"):
        one, other = (frame[name].fill_null(0).to_list() for frame in (there, back))
        assert one == near([-value for value in other])
    for name in ("", "change_"):
        assert there[f"{name}lo"].fill_null(0).to_list() == near((-back[f"{name}hi"].fill_null(0)).to_list())


@given(posts_of_anyone)
@settings(max_examples=100, deadline=None)
def test_shifterator_finds_the_same_contributions(posts: list[Post]) -> None:
    """A term's frequency is its posts in parts, score 1; posts without any are a type of score 0."""
    frequencies: list[defaultdict[str, float]] = [defaultdict(float), defaultdict(float)]
    for day, _, terms in posts:
        for term in terms or ["none"]:
            frequencies[day][term] += 1 / max(len(terms), 1)
    rows = shifted(posts, replicates=5)
    if not rows:
        return
    scores = {term: float(term != "none") for term in (*TERMS, "none")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where nothing changed
        theirs = WeightedAvgShift(*frequencies, scores, scores, reference_value=0, normalization=None)
    assert theirs.diff == near(next(iter(rows.values()))["change"])
    for term in TERMS:
        ours = rows[term]["contribution"] if term in rows else 0.0
        assert ours == near(theirs.type2shift_score.get(term, 0.0))


@given(posts_of_anyone, units, st.integers(1, 4), st.none() | st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_nothing_rests_on_few_authors(posts: list[Post], unit: str, fewest: int, most: int | None) -> None:
    rows = shifted(posts, unit=unit, minimum_authors=fewest, terms=most, replicates=5)
    users: list[defaultdict[str, set[str]]] = [defaultdict(set), defaultdict(set)]
    for day, author, terms in posts:
        for term in terms:
            if author:
                users[day][term].add(author)
    on_day = [{author for day, author, _ in posts if author and day == one} for one in (0, 1)]
    both = on_day[0] & on_day[1]
    named = [term for term in rows if term != OTHER]
    assert len(named) <= (most or len(TERMS))
    assert all(min(len(used[term]) for used in users) >= fewest for term in named)
    assert all(row["n_authors"] >= fewest for row in rows.values())  # type: ignore[operator]
    for row in rows.values():
        assert min(row["period_authors"], row["reference_authors"]) >= fewest  # type: ignore[type-var]
        assert row["both_authors"] == (len(both) if len(both) >= fewest else None)
        assert (row["rate"] is None) == (row["mix"] is None) == (row["both_authors"] is None)
        assert sum(r["contribution"] for r in rows.values()) == near(row["change"])  # type: ignore[misc]
    if OTHER in rows:
        rest = [{name for term, names in used.items() if term not in named for name in names} for used in users]
        assert min(map(len, rest)) >= fewest
        assert rows[OTHER]["n_authors"] == len(rest[0] | rest[1])


def test_a_rest_of_one_author_takes_a_named_term_with_it() -> None:
    posts = [(day, name, ["common", *(["rare"] if name == "p0" else []), *(["usual"] if int(name[1:]) < 4 else [])])
             for day in (0, 1) for name in (f"p{i}" for i in range(6))]  # fmt: skip
    posts += [(1, f"p{i}", ["common"]) for i in range(6)]
    # Less common and usual, the change would be what p0 alone says: so usual, the smaller, is not named either.
    assert {term: row["n_authors"] for term, row in shifted(posts, minimum_authors=3).items()} == {"common": 6, OTHER: 4}
    assert set(shifted(posts)) == {"common", "usual", "rare"}


def test_the_rest_of_each_period_has_enough_authors() -> None:
    crowd = [f"p{i}" for i in range(6)]
    posts: list[Post] = [(day, name, ["common"]) for day in (0, 1) for name in crowd]
    posts += [(0, name, ["gone"]) for name in crowd[:4]]
    # Four left `gone`, and one alone says `secret`: what is left over would tell it apart in the period.
    assert {term: row["n_authors"] for term, row in shifted([*posts, (1, "p5", ["secret"])], minimum_authors=3).items()} == {OTHER: 6}
    several = [*posts, *((1, name, ["secret"]) for name in crowd[:3])]
    assert {term: row["n_authors"] for term, row in shifted(several, minimum_authors=3).items()} == {"common": 6, OTHER: 4}


def test_a_marker_of_too_few_authors_in_one_period_has_no_shift() -> None:
    posts: list[Post] = [(day, f"p{i}", ["panic"] if day == 0 or i == 0 else []) for day in (0, 1) for i in range(6)]
    assert shifted(posts, minimum_authors=3) == {}
    assert list(shifted(posts, minimum_authors=1)) == ["panic"]


def test_a_term_that_one_account_moves_is_not_named() -> None:
    crowd = [f"p{i}" for i in range(20)]
    posts: list[Post] = [(day, name, terms) for day in (0, 1) for name in crowd for terms in (["worried"], ["panic"], [])]
    # Everyone says both as often as before, one of them `panic` 20 times more: all others' moves are ¹⁄₆₀ − ¹⁄₈₀.
    posts += [(1, "p0", ["panic"]) for _ in range(20)]
    open_, held = shifted(posts, minimum_authors=20), shifted(posts, minimum_authors=20, largest_account=0.5)
    one, rest = 21 / 80 - 1 / 60, 1 / 60 - 1 / 80
    assert open_["panic"]["top_account_share"] == near(one / (one + 19 * rest))
    assert open_["worried"]["top_account_share"] == near(1 / 20)
    assert list(held) == ["worried", OTHER]
    assert held[OTHER]["contribution"] == open_["panic"]["contribution"]
    assert set(shifted(posts, minimum_authors=20, largest_account=one / (one + 19 * rest) + 1e-6)) == {"panic", "worried"}


def test_a_population_of_few_authors_has_no_shift() -> None:
    posts = [(day, f"p{i}", ["panic"]) for day, n in ((0, 3), (1, 5)) for i in range(n)]
    assert shifted(posts, minimum_authors=4) == {}
    assert shifted(posts, minimum_authors=3) != {}
    assert shifted([(1, "a", ["panic"])]) == {}
    assert shifted([]) == {}


def test_one_account_doing_everything_has_the_whole_share() -> None:
    crowd: list[Post] = [(day, f"p{i}", []) for day in (0, 1) for i in range(50)]
    row = shifted([*crowd, *((1, "loud", ["panic"]) for _ in range(30))])["panic"]
    assert row["top_account_share"] == row["change_top_account_share"] == 1
    assert row["n_authors"] == 1
    assert row["lo"] == 0  # a third of the replicates do not draw the account at all


def test_who_came_is_mix_and_who_changed_is_rate() -> None:
    stable: list[Post] = [(day, f"p{i}", []) for day in (0, 1) for i in range(20)]
    came = shifted([*stable, *((1, f"new {i}", ["panic"]) for i in range(20))])["panic"]
    assert (came["mix"], came["rate"]) == pytest.approx((0.5, 0))
    changed = shifted([*((0, f"p{i}", []) for i in range(20)), *((1, f"p{i}", ["panic"]) for i in range(20))])["panic"]
    assert (changed["mix"], changed["rate"]) == pytest.approx((0, 1))


def test_periods_of_several_days_are_pooled_and_other_days_do_not_enter() -> None:
    posts: list[Post] = [(day, f"p{i}", ["panic"] if i < day else []) for day in range(8) for i in range(10)]
    period, reference = ((FIRST + timedelta(days=a), FIRST + timedelta(days=b)) for a, b in ((5, 6), (3, 4)))
    row = word_shift(counts(posts), period, reference).row(0, named=True)
    assert (row["change"], row["period_posts"], row["reference_posts"]) == (pytest.approx(11 / 20 - 7 / 20), 20, 20)


# The intervals.


def population(chance: np.random.Generator, authors: int, *, effect: float = 0.0) -> pl.DataFrame:
    """Authors of one to many posts who differ in how often each says a, b or both; some post in one period only."""
    posts: list[Post] = []
    said = chance.beta(1, 4, (authors, 2))
    for day in (0, 1):
        n = chance.geometric(0.4, authors) * (chance.random(authors) < 0.8)
        who = np.repeat(np.arange(authors), n)
        says = chance.random((len(who), 2)) < said[who] + effect * day * (1 - said[who])
        posts += [(day, f"p{i}", [t for t, yes in zip("ab", s, strict=True) if yes]) for i, s in zip(who, says, strict=True)]
    return counts(posts)


def expected(effect: float) -> dict[str, float]:
    """The same population's contributions, were it infinite: E over authors, by integration on a fine grid."""
    from scipy import stats

    said = stats.beta(1, 4).ppf((np.arange(400) + 0.5) / 400)
    found = []
    for day in (0, 1):
        now = said + effect * day * (1 - said)
        a, b = np.meshgrid(now, now)
        found.append((a * (1 - b) + a * b / 2).mean())
    # a and b are alike; together they are the share of posts with either
    return {"a": found[1] - found[0], "b": found[1] - found[0], "change": 2 * (found[1] - found[0])}


@pytest.mark.parametrize("groups", [500, 60])
def test_intervals_hold_the_truth_in_about_95_of_a_hundred(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift, "GROUPS", groups)  # 60: about two authors a group
    chance, effect, times = np.random.default_rng(5), 0.05, 400
    truth = expected(effect)
    held = dict.fromkeys(truth, 0)
    for _ in range(times):
        rows = word_shift(population(chance, 120, effect=effect), AFTER, BEFORE)
        for row in rows.iter_rows(named=True):
            held[row["term"]] += row["lo"] <= truth[row["term"]] <= row["hi"]
        held["change"] += bool(rows["change_lo"][0] <= truth["change"] <= rows["change_hi"][0])
    assert all(0.92 <= n / times <= 0.98 for n in held.values()), held


def test_the_same_counts_in_any_order_give_the_same_bounds() -> None:
    table = population(np.random.default_rng(1), 80)
    one, other = (word_shift(t, AFTER, BEFORE).sort("term") for t in (table, table.sample(fraction=1, shuffle=True, seed=2)))
    for name in one.columns[2:]:
        assert one[name].to_list() == other[name].to_list()
    assert (one["lo"] < one["contribution"]).all()
    assert (one["contribution"] < one["hi"]).all()
