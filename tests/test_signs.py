"""What a word shift is likely to be: each sign on figures made by hand, on either side of its limit."""

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from barograph import signs, tables
from barograph.signs import ALERT, HIGH, ROLLING, cues_about, moves, periods, reading
from tests.dashboard import frames
from tests.dashboard.frames import LAST


def shift(parts: dict[str, float], **over: Any) -> pl.DataFrame:
    """One shift of these contributions, all else as in `frames.shifts`."""
    row = frames.shifts().head(1)
    whole = sum(parts.values())
    rows = [row.with_columns(term=pl.lit(term), contribution=pl.lit(part), change=pl.lit(whole)) for term, part in parts.items()]
    return pl.concat(rows).with_columns(**{name: pl.lit(value, dtype=row.schema[name]) for name, value in over.items()})


MANY = dict.fromkeys("abcdef", 0.01) | {"(other)": 0.005}


def cues(**shares: float) -> pl.DataFrame:
    rows = [
        {
            "marker": "anxiety", "population": "all", "unit": "authors", "period": "2026-03-25/2026-03-31", "cue": cue,
            "share": share, "lo": share - 0.05, "hi": share + 0.05, "n_posts": 120, "n_authors": 80,
            "label_source": "as desk reads it", "issue": datetime(2026, 4, 1),
        }
        for cue, share in shares.items()
    ]  # fmt: skip
    return tables.CUES.validate(pl.DataFrame(rows)) if rows else tables.CUES.empty()


def found(rows: pl.DataFrame, **shares: float) -> list[tuple[str, str]]:
    return [(sign.about, sign.look) for sign in signs.signs(rows, cues(**shares))]


def said(rows: pl.DataFrame, **shares: float) -> str:
    return reading(signs.signs(rows, cues(**shares)))


def text(rows: pl.DataFrame, about: str, **shares: float) -> str:
    return next(s.text for s in signs.signs(rows, cues(**shares)) if s.about == about).replace("\xa0", " ")


def test_moves_are_counted_by_their_size_whatever_their_way() -> None:
    spread = moves(shift({"a": 0.04, "b": 0.02, "c": -0.03, "(other)": 0.01}))
    # Sizes: .04, .03, .02, .01 of .10; half is reached with the second.
    assert spread.terms == ("a", "c", "b")
    assert spread.half == 2
    assert (spread.rest, spread.against) == pytest.approx((0.1, 0.3))
    falling = moves(shift({"a": -0.04, "b": 0.01}))
    assert falling.against == pytest.approx(0.2)
    assert moves(shift({"a": 0.01, "(other)": 0.05})).half is None
    assert moves(shift({"a": 0.0})).terms == ()


def test_many_words_and_authors_look_like_a_mood() -> None:
    assert found(shift(MANY)) == [
        ("chance", "calm"), ("account", "calm"), ("term", "calm"), ("people", "calm"), ("cues", "blind")
    ]  # fmt: skip
    assert said(shift(MANY)) == "It looks like a mood: many words, many authors"
    assert text(shift(MANY), "term") == "4 terms make half of all moves: no single word does."


@pytest.mark.parametrize(("low", "high", "look"), [
    (0.001, 0.09, "calm"), (0.0, 0.09, "flag"), (-0.01, 0.09, "flag"), (-0.09, -0.01, "calm"), (None, None, "flag"),
])  # fmt: skip
def test_a_change_whose_interval_holds_zero_may_be_chance(low: float | None, high: float | None, look: str) -> None:
    rows = shift(MANY, change_lo=low, change_hi=high)
    assert found(rows)[0] == ("chance", look)
    assert (said(rows) == "No clear change") == (look == "flag")


@pytest.mark.parametrize(("share", "look"), [(0.25, "calm"), (0.3, "flag"), (0.55, "flag"), (None, "blind")])
def test_one_account_is_pointed_out(share: float | None, look: str) -> None:
    rows = shift(MANY, change_top_account_share=share)
    assert found(rows)[1] == ("account", look)
    assert (said(rows) == "It may be one account") == (look == "flag")


def test_one_account_on_one_term_is_pointed_out() -> None:
    rows = shift(MANY).with_columns(top_account_share=pl.when(pl.col("term") == "c").then(0.4).otherwise(0.1))
    assert [s.text for s in signs.signs(rows, cues()) if s.look == "flag"] == [
        "On “c” a single account makes more than a quarter of the moves."
    ]  # fmt: skip
    assert said(rows) == "It may be one account"


def test_a_word_that_carries_half_is_named() -> None:
    rows = shift({"storm": 0.06, "a": 0.02, "b": 0.01, "(other)": 0.01})
    assert ("term", "flag") in found(rows)
    assert text(rows, "term").startswith("Half of all moves are of “storm”: a title,")
    assert said(rows) == "It may be a word or two"
    two = shift({"storm": 0.03, "flood": 0.03, "a": 0.02, "b": 0.02})
    assert text(two, "term").startswith("Half of all moves are of “flood” and “storm”")


def test_what_is_not_named_is_said() -> None:
    rows = shift({"a": 0.01, "(other)": 0.04})
    assert ("rest", "flag") in found(rows)
    assert said(rows) == "What moved it cannot be named"
    assert text(rows, "rest").startswith("80 % of all moves")


def test_terms_that_disagree() -> None:
    rows = shift(MANY | {"x": -0.02, "y": -0.02})
    assert "Terms disagree: 38 % of all moves go against the change." in [
        s.text.replace("\xa0", " ") for s in signs.signs(rows, cues())
    ]  # fmt: skip


@pytest.mark.parametrize(("mix", "rate", "look", "words"), [
    ((-0.03, -0.04, -0.02), (0.06, 0.03, 0.09), "flag", "disagree"),
    ((-0.03, -0.06, 0.01), (0.06, 0.03, 0.09), "calm", "same authors"),
    ((0.05, 0.03, 0.07), (0.01, -0.01, 0.03), "flag", "Most of it is mix"),
    ((0.02, 0.01, 0.03), (0.04, 0.02, 0.06), "calm", "same authors"),
    ((0.02, -0.01, 0.05), (0.03, -0.01, 0.07), "blind", "Neither"),
    ((None, None, None), (None, None, None), "blind", "Too few authors"),
])  # fmt: skip
def test_who_posts_against_what_they_express(mix: Any, rate: Any, look: str, words: str) -> None:
    ends = {f"{part}{end}": value for part, values in (("mix", mix), ("rate", rate)) for end, value in zip(("", "_lo", "_hi"), values, strict=True)}
    rows = shift(MANY, **ends)
    assert ("people", look) in found(rows)
    assert words in text(rows, "people")
    assert said(rows) == {
        "flag": "It may be other people who post", "calm": "It looks like a mood: many words, many authors",
        "blind": "It cannot be told which",
    }[look]  # fmt: skip


def test_cues_that_speak_of_a_thing_are_pointed_out() -> None:
    assert found(shift(MANY), worry=0.5, joke=0.24)[-1] == ("cues", "calm")
    assert found(shift(MANY), worry=0.5, joke=0.25)[-1] == ("cues", "flag")
    assert text(shift(MANY), "cues", worry=0.5, figure_of_speech=0.3) == (
        "Annotators saw “figure of speech” in 30.0 % (25.0–35.0) of the posts: talk about it, perhaps, rather than feeling."
    )
    assert said(shift(MANY), joke=0.5) == "It may be talk about it rather than feeling"


def test_every_cue_that_is_pointed_out_is_of_a_packaged_task() -> None:
    from barograph.annotate import task

    packaged = {cue for name in ("emotions", "expression") for cue in task.load(name).cues}
    assert packaged >= signs.NOT_FELT


def test_the_most_serious_doubt_is_said_first() -> None:
    doubtful = shift({"storm": 0.06, "(other)": 0.01}, change_top_account_share=0.4)
    assert said(doubtful, joke=0.6) == "It may be one account"


def test_periods_say_what_they_are() -> None:
    rows = pl.concat([frames.shifts(7), frames.shifts(1), frames.shifts(3)])
    old = frames.shifts(2).with_columns(period=pl.lit("2026-03-01/2026-03-02"))
    kinds = periods(pl.concat([rows, old]), frames.alerts(days=3, target=LAST), LAST)
    assert kinds == {
        "2026-03-25/2026-03-31": ROLLING, "2026-03-31/2026-03-31": ROLLING, "2026-03-29/2026-03-31": ALERT,
        "2026-03-01/2026-03-02": HIGH,
    }  # fmt: skip
    assert signs.usual(list(kinds)) == "2026-03-25/2026-03-31"
    assert signs.usual(["2026-03-31/2026-03-31", "2026-03-01/2026-03-07"]) == "2026-03-31/2026-03-31"
    resolved = frames.alerts("resolved", days=3, target=LAST)
    assert periods(frames.shifts(3), resolved, LAST) == {"2026-03-29/2026-03-31": ROLLING}


def test_cues_are_of_the_days_or_of_the_fewest_that_hold_them() -> None:
    def of(period: str) -> pl.DataFrame:
        return cues(worry=0.4).with_columns(period=pl.lit(period))

    known = pl.concat([of(p) for p in ("2026-03-25/2026-03-31", "2026-03-31/2026-03-31", "2026-03-04/2026-03-31")])
    for period, about in (
        ("2026-03-25/2026-03-31", ["2026-03-25/2026-03-31"]), ("2026-03-29/2026-03-30", ["2026-03-25/2026-03-31"]),
        ("2026-03-10/2026-03-11", ["2026-03-04/2026-03-31"]), ("2026-03-01/2026-03-31", []),
        ("2026-03-31/2026-03-31", ["2026-03-31/2026-03-31"]),
    ):  # fmt: skip
        assert cues_about(known, period)["period"].to_list() == about
    assert date(2026, 3, 31) == LAST
