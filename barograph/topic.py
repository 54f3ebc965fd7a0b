"""Polarization of one topic in one population: its days in words."""

import polars as pl

from barograph import wording
from barograph.language import gettext as _

LOW, HIGH = 2.5, 7.5


def class_words(name: str) -> str:
    """`c_same_affect_agree` → same side, hostile, agrees."""
    side, affect, agreement = name.removeprefix("c_").split("_")
    sides = _("same side") if side == "same" else _("opposite sides")
    hostile = _("hostile") if affect == "affect" else _("not hostile")
    return f"{sides}, {hostile}, {_('agrees') if agreement == 'agree' else _('disagrees')}"


def scored(rows: pl.DataFrame) -> pl.DataFrame:
    """The days of `polarization` that have values."""
    return rows.filter(pl.col("mean_score").is_not_null()).sort("time_value")


def score(value: float, low: float | None, high: float | None) -> str:
    """6.1 (5.0–7.2), out of 10."""
    said = wording.written(f"{value:.1f}")
    if low is None or high is None:
        return said
    return f"{said} ({wording.written(f'{low:.1f}')}\N{EN DASH}{wording.written(f'{high:.1f}')})"


def describe(rows: pl.DataFrame) -> str:
    """The days in one sentence, for whoever cannot see them."""
    days = scored(rows)
    if days.is_empty():
        return _("No day has a score.")
    last = days.row(-1, named=True)
    told = score(last["mean_score"], last["lo"], last["hi"])
    return _(
        "The latest score is {score} of 10 on {day}; {scored} of {days} have one; other tables of scores would give "
        "{low} to {high}."
    ).format(
        score=told, day=wording.day(last["time_value"]), scored=days.height, days=wording.count(rows.height, "days"),
        low=wording.written(f"{last['band_low']:.1f}"), high=wording.written(f"{last['band_high']:.1f}"),
    )  # fmt: skip
