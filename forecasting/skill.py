"""What a backtest comes to: one row a model and training length, beside alarms that know nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from forecasting import evaluation
from forecasting.backtest import Outcome, Windows

BESIDE = ("scrps", "wis", "coverage_80", "brier_skill", "average_precision", "precision", "recall",
          "false_alarms_per_week")  # fmt: skip
"""Figures that have the ends of their 95 % interval beside them, as `_low` and `_high`."""


@dataclass(frozen=True, eq=False)
class Evaluated:
    """One outcome, evaluated: kept a window (n,) where they are means, so that figures of any windows are quick.

    `limit` is the alert level: p_high from which on a day counts as alarmed.
    """

    means: dict[str, np.ndarray]
    p_high: np.ndarray
    high: np.ndarray
    before: np.ndarray
    limit: float

    @classmethod
    def of(cls, found: Windows, outcome: Outcome, limit: float = evaluation.ALERT_LEVEL) -> "Evaluated":
        """Evaluate every window."""
        q, truth = outcome.quantiles, found.truth
        high = found.high
        means = {
            "scrps": evaluation.scrps(q, truth, found.scale[:, None]),
            "wis": evaluation.wis(q, truth),
            **{f"coverage_{level}": evaluation.covered(q, truth, level / 100) for level in (80, 90, 95)},
            "mape": evaluation.relative_error(q, truth),
            "brier": (outcome.p_high - high) ** 2,
            "brier_constant": (evaluation.CONSTANT - high) ** 2,
        }
        with np.errstate(invalid="ignore"):
            kept = {name: _mean(values, axis=1) for name, values in means.items()}
        return cls(kept, outcome.p_high, high, found.panel.y[:, -1] > found.threshold, limit)

    def figures(self, rows: np.ndarray | slice = slice(None)) -> dict[str, float]:
        """Every figure of some windows, some of them perhaps repeated.

        Those with `random_` are of random alarms of the same number, those with `always_` of an alarm on every day of
        every week.
        """
        p_high, high = self.p_high[rows], self.high[rows]
        means = {name: float(_mean(values[rows], axis=0)) for name, values in self.means.items()}
        skill = 1 - means.pop("brier") / means.pop("brier_constant")
        lead = evaluation.lead_time(p_high, high, self.before[rows], self.limit)
        alarms = evaluation.alarms(p_high, high, self.limit)
        chance = {
            "random": evaluation.random_alarms(int((p_high >= self.limit).sum()), high),
            "always": evaluation.every_week_alarm(high),
        }
        return {
            **means, "brier_skill": skill, "calibration_error": evaluation.calibration_error(p_high, high),
            "average_precision": evaluation.average_precision(p_high, high),
            **alarms._asdict(), "lead_days": lead.days, "onsets_caught": lead.caught,
            **{f"{who}_{name}": value for who, worth in chance.items() for name, value in worth._asdict().items()},
        }  # fmt: skip


def summary(
    found: Windows, outcomes: Iterable[Outcome], limit: float = evaluation.ALERT_LEVEL, draws: int = 200
) -> pl.DataFrame:
    """`model, train_days, n_windows, n_series`, every figure of `Evaluated`, the intervals, `fallbacks, seconds`.

    Intervals are from a block bootstrap over series and weeks; without draws there are none. `fallbacks` is the share
    of windows on which a plainer model stood in. What has no denominator is NULL.
    """
    rows = []
    for outcome in outcomes:
        scores = Evaluated.of(found, outcome, limit)
        row = scores.figures()
        if draws:
            row |= _intervals(found, scores, draws)
        rows.append({
            "model": outcome.model, "train_days": outcome.train_days, "n_windows": len(found),
            "n_series": len(np.unique(found.panel.names)), **row,
            "fallbacks": float(np.mean([why is not None for why in outcome.fallbacks])), "seconds": outcome.seconds,
        })  # fmt: skip
    return pl.DataFrame(rows).with_columns(pl.col(pl.Float64).fill_nan(None))


def _intervals(found: Windows, scores: Evaluated, draws: int) -> dict[str, float]:
    def drawn(rows: np.ndarray) -> np.ndarray:
        figures = scores.figures(rows)
        return np.array([figures[name] for name in BESIDE])

    ends = evaluation.bootstrap(drawn, found.panel.names, found.weeks, draws)
    return {
        f"{name}_{end}": float(values[i])
        for i, name in enumerate(BESIDE)
        for end, values in zip(("low", "high"), ends, strict=True)
    }


def coverage_by_month(found: Windows, outcome: Outcome, level: float = 0.8) -> pl.DataFrame:
    """`month` (its first day), `n` (days forecast) and `coverage` of the central interval, by month of the target."""
    days = found.panel.ends[:, None] + np.arange(1, found.truth.shape[1] + 1).astype("timedelta64[D]")
    held = evaluation.covered(outcome.quantiles, found.truth, level)
    rows = pl.DataFrame({"month": days.ravel(), "held": held.ravel()})
    return (
        rows.group_by(pl.col("month").dt.truncate("1mo"))
        .agg(pl.len().alias("n"), pl.col("held").mean().alias("coverage")).sort("month")
    )  # fmt: skip


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    n = there.sum(axis=axis)
    return np.divide(np.where(there, values, 0).sum(axis=axis), n, out=np.full(np.shape(n), np.nan), where=n > 0)
