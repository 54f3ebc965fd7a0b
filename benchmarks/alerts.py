"""How detectors do on outbreaks of known start and size, at the same rate of false alarms.

`python -m benchmarks.alerts [--quick]` reads the daily marker shares beside the project (BAROGRAPH_SHARED). Each
detector is held to one alarm a series-year on 2013 to 2016; an alarm is a run of alarmed days, each at most a week
after the one before, and real events count as false. Then 1,000 outbreaks are added to days of 2017 and 2018: a step
of 1, 2 or 3 standard deviations of the 84 days before, for 3 to 14 days. One is found where one of its days is alarmed.
Beside them stand alarms on random days, the same windows without an outbreak, and eEARS as the European peer runs it,
α = .025. It ends with one JSON line.
"""

import argparse
import json
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from barograph.detect import discovery, ladder
from barograph.detect.baseline import Floats, trailing
from benchmarks.forecasting import SERIES

FIRST, TUNED, TESTED = date(2012, 12, 31), date(2017, 1, 1), date(2019, 1, 1)
"""A Monday; tuned on days before the second, tested on days before the third."""
YEAR = 365.25
LONGEST, BEFORE = 14, 84
HISTORY = 1862
"""Days before an outbreak that detectors may look back on: whole weeks."""
APART = 7
"""Days without an alarm after which the next one is another."""
PER_YEAR = 5
"""Outbreaks a series-year where precision is told: 1,000 in 200."""
PEER_ALPHA = 0.025
WANTED_RATIO = 1.3
SEED = 11


@dataclass(frozen=True)
class Shares:
    """Daily shares (lines, days) from FIRST on, the posts they rest on, and binomial standard errors."""

    names: list[str]
    values: Floats
    posts: Floats

    @property
    def error(self) -> Floats:
        """√(p(1 − p)/n)."""
        inside = self.values.clip(0, 1)
        return np.asarray(np.sqrt(inside * (1 - inside) / self.posts))

    def column(self, day: date) -> int:
        """The column of a day."""
        return (day - FIRST).days

    def windows(self, rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> "Shares":
        """A line for each row and start: the HISTORY days before and LONGEST from it on."""
        at = starts[:, None] + np.arange(-HISTORY, LONGEST)
        inside = np.clip(at, 0, None)
        cut = [np.where(at < 0, np.nan, of[rows[:, None], inside]) for of in (self.values, self.posts)]
        return Shares([self.names[row] for row in rows], *cut)


def read() -> Shares:
    """The series beside the project."""
    series = pl.read_parquet(SERIES)
    names = series["unique_id"].unique().sort().to_list()
    days = pl.date_range(FIRST, series["ds"].cast(pl.Date).max(), eager=True)  # type: ignore[arg-type]
    wide = series.with_columns(pl.col("ds").cast(pl.Date)).pivot("unique_id", index="ds", values=["y", "n_posts"])
    wide = pl.DataFrame({"ds": days}).join(wide, on="ds", how="left").sort("ds")
    values, posts = (
        wide.select(pl.col(f"{column}_{name}").cast(pl.Float64) for name in names).to_numpy().T
        for column in ("y", "n_posts")
    )
    return Shares(names, np.ascontiguousarray(values), np.ascontiguousarray(posts))


@dataclass(frozen=True)
class Outbreaks:
    """Windows with and without, and which of the LONGEST days each outbreak lasts."""

    quiet: Shares
    loud: Shares
    lasts: npt.NDArray[np.bool_]
    size: npt.NDArray[np.int64]

    @property
    def days(self) -> npt.NDArray[np.int64]:
        """How long each lasts."""
        return self.lasts.sum(axis=1)


def outbreaks(shares: Shares, n: int) -> Outbreaks:
    """So many, on lines and days of 2017 and 2018 drawn at random whose days before and after are all known."""
    random = np.random.default_rng(SEED)
    known = np.isfinite(shares.values)
    usable = [
        (row, start)
        for row in range(len(known))
        for start in range(shares.column(TUNED), shares.column(TESTED) - LONGEST)
        if known[row, start - BEFORE : start + LONGEST].all()
    ]
    rows, starts = np.array(usable)[random.choice(len(usable), n, replace=False)].T
    quiet = shares.windows(rows, starts)
    size, length = random.integers(1, 4, n), random.integers(3, LONGEST + 1, n)
    lasts = np.arange(LONGEST) < length[:, None]
    spread = quiet.values[:, HISTORY - BEFORE : HISTORY].std(axis=1, ddof=1)
    values = quiet.values.copy()
    values[:, HISTORY:] += lasts * (size * spread)[:, None]
    return Outbreaks(quiet, replace(quiet, values=values), lasts, size)


def ranks(detector: str, shares: Shares, first: int = 0) -> Floats:
    """p of every day from column `first` on: a detector's own, the ladder's as measured.

    The peer's eEARS knows no measurement error.
    """
    error = None if detector == "peer" else shares.error
    tests = ladder.run("eears" if detector == "peer" else detector, shares.values, shares.posts, error, first)
    values = shares.values[:, first:]
    return tests.p(values) if detector == ladder.LADDER else tests.baselines[0].p(values)


def alarms(p: Floats, limit: float) -> npt.NDArray[np.bool_]:
    """The first day of each alarm."""
    alarmed: npt.NDArray[np.bool_] = np.asarray(p <= limit)  # NaN is not
    summed = np.cumsum(np.pad(alarmed, ((0, 0), (APART + 1, 0))), axis=1)
    before: npt.NDArray[np.int64] = summed[:, APART:-1] - summed[:, : -APART - 1]
    return np.logical_and(alarmed, before == 0)


def years(p: Floats) -> float:
    """How many series-years were tested."""
    return float(np.isfinite(p).sum() / YEAR)


def a_year(p: Floats, limit: float) -> float:
    """Alarms a series-year."""
    return float(alarms(p, limit).sum() / years(p))


def held_to(p: Floats, wanted: float) -> float:
    """The highest p at or below which there are at most so many alarms a series-year, by bisection."""
    steps = np.unique(p[np.isfinite(p)])
    steps = steps[: max(np.searchsorted(steps, 0.2), 1)]
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a_year(p, steps[middle]) <= wanted else (low, middle - 1)
    return float(steps[low])


def found(p: Floats, limit: float, which: Outbreaks) -> dict[str, float]:
    """Sensitivity, by size and length, and days to detection."""
    hit: npt.NDArray[np.bool_] = np.logical_and(p <= limit, which.lasts)
    any_hit, long = np.max(hit, axis=1), np.asarray(which.days >= 7)
    said = {
        "sensitivity": any_hit.mean(),
        "days_to_detection": np.median(hit.argmax(axis=1)[any_hit]) if any_hit.any() else np.nan,
    }
    for size in (1, 2, 3):
        for name, length in (("short", ~long), ("long", long)):
            said[f"sensitivity_{name}_{size}sd"] = any_hit[length & (which.size == size)].mean()
    return {name: float(value) for name, value in said.items()}


def ratio(p: Floats, limit: float, other: Floats, other_limit: float, which: Outbreaks) -> tuple[float, float, float]:
    """Sensitivity over another's for 7 to 14 days at 2 sd, with a 95 % interval of 2,000 draws of outbreaks."""
    chosen = np.asarray((which.days >= 7) & (which.size == 2))
    ours, theirs = (np.max((q <= at) & which.lasts, axis=1)[chosen] for q, at in ((p, limit), (other, other_limit)))
    draws = np.random.default_rng(SEED).integers(0, len(ours), (2000, len(ours)))
    many = ours[draws].sum(axis=1) / theirs[draws].sum(axis=1).clip(1)
    low, high = np.quantile(many, (0.025, 0.975))
    return float(ours.sum() / max(theirs.sum(), 1)), float(low), float(high)


def march_2020(shares: Shares, limits: dict[str, float]) -> dict[str, float]:
    """Anxiety: the share of places alarmed within three days of their first day above mean + 3 sd after 1 March.

    Each detector at its limit; `red`: among all lines of the day, at a false discovery rate of 1 %; `observed`: its
    95 % interval lies above the 80th percentile of the 84 days before.
    """
    march = shares.column(date(2020, 3, 1))
    until = march + 45
    before = shares.values[:, march - BEFORE : march]
    mean, spread = np.nanmean(before, axis=1), np.nanstd(before, axis=1, ddof=1)
    above = shares.values[:, march:until] > (mean + 3 * spread)[:, None]
    mine = [row for row, name in enumerate(shares.names) if name.startswith("anxiety/") and above[row].any()]
    start = march // 7 * 7
    cut = replace(shares, values=shares.values[:, :until], posts=shares.posts[:, :until])
    p = {name: ranks(name, cut, start)[:, march - start :] for name in limits}
    alarmed = {name: p[name] <= limit for name, limit in limits.items()}
    alarmed["ladder_red"] = discovery.rates(p["ladder"]) <= 0.01
    usual = np.nanquantile(trailing(cut.values, 1, BEFORE)[:, march:], 0.8, axis=2)
    alarmed["observed_red"] = cut.values[:, march:] - 1.96 * cut.error[:, march:] > usual
    found = {
        f"march_2020_{name}": float(np.mean([red[row, above[row].argmax() :][:4].any() for row in mine]))
        for name, red in alarmed.items()
    }
    return {"n_march_2020": len(mine), **found}


def measure(n: int, detectors: tuple[str, ...]) -> tuple[dict[str, float], list[str]]:
    """All figures, and what was wanted and is not met."""
    shares = read()
    until = replace(
        shares, values=shares.values[:, : shares.column(TESTED)], posts=shares.posts[:, : shares.column(TESTED)]
    )
    which, split = outbreaks(shares, n), shares.column(TUNED)
    figures: dict[str, float] = {"n_outbreaks": n}
    loud: dict[str, Floats] = {}
    limits: dict[str, float] = {}
    for name in detectors:
        calm = ranks(name, until)
        before, after = calm[:, :split], calm[:, split:]
        limit = PEER_ALPHA if name == "peer" else held_to(before, 1)
        limits[name], loud[name] = limit, ranks(name, which.loud, HISTORY)
        said = found(loud[name], limit, which)
        said |= {"p_limit": limit, "tuned_a_year": a_year(before, limit), "false_alarms_a_year": a_year(after, limit)}
        said["alarmed_days_a_year"] = float((after <= limit).sum() / years(after))
        said["sensitivity_without"] = found(ranks(name, which.quiet, HISTORY), limit, which)["sensitivity"]
        said["precision"] = (
            PER_YEAR * said["sensitivity"] / (PER_YEAR * said["sensitivity"] + said["false_alarms_a_year"])
        )
        figures |= {f"{name}_{what}": value for what, value in said.items()}
        known = before[np.isfinite(before)]
        figures |= {f"{name}_p_of_{rate:g}_days": float(np.quantile(known, rate / 365)) for rate in ladder.RATES}
        figures |= {f"n_{name}_tuned_years": years(before), f"n_{name}_tested_years": years(after)}
    figures["random_sensitivity"] = float((1 - (1 - 1 / YEAR) ** which.days).mean())
    figures |= dict(zip(
        ("ratio_to_eears", "ratio_to_eears_lo", "ratio_to_eears_hi"),
        ratio(loud["ladder"], limits["ladder"], loud["eears"], limits["eears"], which), strict=True,
    ))  # fmt: skip
    figures |= march_2020(shares, limits)
    missed = (
        []
        if figures["ratio_to_eears"] >= WANTED_RATIO
        else [f"ratio_to_eears: got {figures['ratio_to_eears']:.2f}; wanted {WANTED_RATIO}"]
    )
    return figures, missed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 outbreaks, four detectors")
    given = parser.parse_args()
    if not SERIES.is_file():
        parser.exit(1, f"{SERIES}: no such file; set BAROGRAPH_SHARED to the folder that holds data/series\n")
    some = ("ladder", "eears", "peer", "ewma")
    rest = ("c1", "c2", "c3", "regression", "own_year", "farrington")
    figures, missed = measure(100, some) if given.quick else measure(1000, some + rest)
    figures = {name: float(f"{value:.3g}") for name, value in figures.items()}
    print("\n".join(f"{name:<40}{value:>12g}" for name, value in figures.items()))
    print(json.dumps({"benchmark": "alerts", "figures": figures, "misses": missed}))


if __name__ == "__main__":
    main()
