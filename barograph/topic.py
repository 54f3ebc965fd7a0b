"""Polarization of one topic in one population: its days in words."""

import polars as pl

from barograph import wording

LOW, HIGH = 2.5, 7.5


def class_words(name: str) -> str:
    """`c_same_affect_agree` → same side, hostile, agrees."""
    side, affect, agreement = name.removeprefix("c_").split("_")
    hostile = "hostile" if affect == "affect" else "not hostile"
    return f"{side} side{'s' if side == 'opposite' else ''}, {hostile}, {agreement}s"


def scored(rows: pl.DataFrame) -> pl.DataFrame:
    """The days of `polarization` that have values."""
    return rows.filter(pl.col("mean_score").is_not_null()).sort("time_value")


def score(value: float, low: float | None, high: float | None) -> str:
    """6.1 (5.0–7.2), out of 10."""
    return f"{value:.1f}" if low is None or high is None else f"{value:.1f} ({low:.1f}\N{EN DASH}{high:.1f})"


def describe(rows: pl.DataFrame) -> str:
    """The days in one sentence, for whoever cannot see them."""
    days = scored(rows)
    if days.is_empty():
        return "No day has a score."
    last = days.row(-1, named=True)
    told = score(last["mean_score"], last["lo"], last["hi"])
    return (
        f"The latest score is {told} of 10 on {wording.day(last['time_value'])}; {days.height} of "
        f"{wording.count(rows.height, 'days')} have one; other tables of scores would give "
        f"{last['band_low']:.1f} to {last['band_high']:.1f}."
    )
