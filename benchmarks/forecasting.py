"""How good forecasts are, of all models in one run, and how fast the house model is.

`python -m benchmarks.forecasting [--quick]` reads the daily marker shares beside the project (BAROGRAPH_SHARED). Every
model forecasts the 7 days after each weekly origin from 2 June 2019 to 30 April 2020, days on which nothing was chosen
or trained. AutoARIMA would take too long: it has a part of the windows, with its ratios to AutoETS there. The house
model's coverage is that of daily origins. `benchmarks.published` replays what the published network is said to find.
It prints tables and ends with one JSON line, which a full run keeps for the card in forecasting.json; `n_` of a figure
is how many windows it was measured on (peaks, where they are found; series, where time is measured). Definitions:
docs/methods.md.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import forecasting
from benchmarks import published
from forecasting import evaluation, skill
from forecasting.backtest import Outcome, Windows, run, windows
from forecasting.models import MODELS

SERIES = (
    Path(os.environ.get("BAROGRAPH_SHARED", Path(__file__).parent.parent.parent / "shared"))
    / "data/series/markers_daily.parquet"
)
FIRST, LAST = date(2019, 6, 2), date(2020, 4, 30)
APART = date(2020, 4, 1)
"""The month that is reported, not judged."""
TRAIN_DAYS, PUBLISHED_DAYS = (7, 28, 84), (7, 14, 21)
HOUSE, RIVAL, SLOW = "house", "auto_ets", "auto_arima"
COMPARED = (
    HOUSE, "auto", "climatology", "seasonal_naive", "random_walk", RIVAL, "auto_theta", "mfles", "best", "var", "gru",
)  # fmt: skip
FIGURES = (
    "scrps", "wis", "coverage_80", "coverage_95", "mape", "brier_skill", "average_precision", "precision", "recall",
    "calibration_error", "false_alarms_per_week", "random_recall", "always_precision", "seconds",
)  # fmt: skip
AT_MOST = {"house_7_scrps_ratio": 0.87, "house_28_scrps_ratio": 0.85, "house_84_scrps_ratio": 0.86, "speed_s": 10.0}
AT_LEAST = {
    "house_7_brier_skill": 0.15, "house_28_brier_skill": 0.19, "house_84_brier_skill": 0.21,
    "house_7_average_precision_ratio": 1.12, "house_28_average_precision_ratio": 1.17,
    "house_84_average_precision_ratio": 1.12,
}  # fmt: skip
COVERED, COVERED_A_MONTH = (0.76, 0.84), (0.68, 0.90)
"""Coverage of the 80 % interval: over the window, and in every month but the one apart."""
N_SERIES, N_DAYS = 1000, 14


def part(history: pl.DataFrame, every: int) -> pl.DataFrame:
    """Every n-th place, with all its markers, since these are read together."""
    place = pl.col("unique_id").str.extract("/(.*)$")
    places = history.select(place.unique().sort()).to_series().gather_every(every)
    return history.filter(place.is_in(places.to_list()))


def against(found: Windows, one: Outcome, other: Outcome, draws: int) -> dict[str, float]:
    """sCRPS and average precision of one outcome over those of another, with their intervals on the same windows."""
    a, b = (skill.Evaluated.of(found, outcome) for outcome in (one, other))

    def ratios(rows: np.ndarray | slice) -> np.ndarray:
        x, y = a.figures(rows), b.figures(rows)
        return np.array([x[name] / y[name] for name in ("scrps", "average_precision")])

    values = ratios(slice(None))
    ends = evaluation.bootstrap(ratios, found.panel.names, found.weeks, draws)
    return {
        f"{name}_ratio{end}": float(of[i])
        for i, name in enumerate(("scrps", "average_precision"))
        for end, of in (("", values), ("_low", ends[0]), ("_high", ends[1]))
    }


def compare(found: Windows, every: int, draws: int) -> dict[str, float]:
    """`MODEL_DAYS_FIGURE` of every model, and the ratios to AutoETS of the house model and, on a part, of AutoARIMA."""
    figures: dict[str, float] = {}
    outcomes = {(o.model, o.train_days): o for o in _asked(found, COMPARED)}
    for (name, days), outcome in outcomes.items():
        row = skill.Evaluated.of(found, outcome).figures() | {"seconds": outcome.seconds}
        figures |= _counted({f"{name}_{days}_{f}": row[f] for f in FIGURES}, len(found))
    which = np.isin(found.panel.ends, np.unique(found.panel.ends)[::every])
    sample = found.rows(which)
    for outcome in _asked(sample, (SLOW,)):
        outcomes[SLOW, outcome.train_days] = outcome
    for days in TRAIN_DAYS:
        rival = outcomes[RIVAL, days]
        for name, of, other in ((HOUSE, found, rival), (SLOW, sample, rival.rows(which))):
            ratios = against(of, outcomes[name, days], other, draws)
            figures |= _counted({f"{name}_{days}_{ratio}": value for ratio, value in ratios.items()}, len(of))
    return figures


def _asked(found: Windows, names: Sequence[str]) -> list[Outcome]:
    return list(run(found, {name: MODELS[name] for name in names}, TRAIN_DAYS))


def coverage(daily: Windows) -> dict[str, float]:
    """`coverage_DAYS` of the house model's 80 % interval over the window, and `coverage_DAYS_MONTH` in each month."""
    figures: dict[str, float] = {}
    for outcome in _asked(daily, (HOUSE,)):
        key = f"coverage_{outcome.train_days}"
        whole = float(evaluation.covered(outcome.quantiles, daily.truth, 0.8).mean())
        figures |= _counted({key: whole}, len(daily))
        for month, n, value in skill.coverage_by_month(daily, outcome).iter_rows():
            figures |= _counted({f"{key}_{month:%Y_%m}": value}, n // daily.truth.shape[1])
    return figures


def speed(n: int) -> float:
    """Seconds in which `n` series of 84 days are read and forecast 14 days ahead, once the model is loaded."""
    rng = np.random.default_rng(0)
    share = 1 / (1 + np.exp(3 - rng.normal(0, 0.1, (n, 84)).cumsum(axis=1)))
    days = [FIRST + timedelta(days=d) for d in range(84)]
    history = pl.concat([
        pl.DataFrame({"unique_id": f"marker/{i}", "ds": days, "y": share[i]}) for i in range(n)
    ])  # fmt: skip
    forecasting.forecast(history.head(84 * 2), N_DAYS)
    began = time.perf_counter()
    forecasting.forecast(history, N_DAYS)
    return time.perf_counter() - began


def replayed(history: pl.DataFrame, last: date) -> dict[str, float]:
    """`found_MODEL_DAYS_FIGURE` of the published network, the house model and climatology."""
    models = {name: MODELS[name] for name in ("var", "gru", HOUSE, "climatology")}
    figures: dict[str, float] = {}
    for row in published.replay(history, models, PUBLISHED_DAYS, FIRST, last):
        name, days = row.pop("model"), row.pop("train_days")
        key = f"found_{name}_{days}" if days else f"found_{name}"
        figures |= _counted({f"{key}_{f}": float(v) for f, v in row.items()}, int(row["n_peaks"]))
    return figures


def _counted(figures: dict[str, float], n: int) -> dict[str, float]:
    return {**figures, **{f"n_{name}": n for name in figures}}


def measure(*, quick: bool) -> dict[str, float]:
    """All figures."""
    history = pl.read_parquet(SERIES)
    few = part(history, 4)
    found = windows(few if quick else history, first=FIRST, last=LAST, step=70 if quick else 7)
    daily = windows(few if quick else history, first=FIRST, last=LAST, step=6 if quick else 1)
    n = N_SERIES // 10 if quick else N_SERIES
    end = FIRST + timedelta(days=20 * 7) if quick else LAST  # the first twelve weeks are only held against
    return {
        **_counted({"speed_s": speed(n)}, n),
        **compare(found, 7 if quick else 4, 50 if quick else 400),
        **coverage(daily),
        **replayed(part(history, 13) if quick else history, end),
    }


def missed(figures: dict[str, float]) -> list[str]:
    """A sentence for each figure that is not where it should be."""
    # What is NaN is missed: it is neither below nor above.
    said = [f"{n}: got {figures[n]:.4g}; expected at most {b:g}" for n, b in AT_MOST.items() if not figures[n] <= b]
    said += [f"{n}: got {figures[n]:.4g}; expected at least {b:g}" for n, b in AT_LEAST.items() if not figures[n] >= b]
    for days in TRAIN_DAYS:
        key = f"coverage_{days}"
        for name in [n for n in figures if n == key or n.startswith(f"{key}_")]:
            low, high = COVERED if name == key else COVERED_A_MONTH
            if f"{APART:%Y_%m}" not in name and not low <= figures[name] <= high:
                said.append(f"{name}: got {figures[name]:.3f}; expected {low:.2f} to {high:.2f}")
    return said


def table(figures: dict[str, float]) -> str:
    """A line a model and training length, then the ratios, the months, and the peaks found."""
    shown = FIGURES[:-3]
    lines = [f"{'':<20}" + "".join(f"{name.replace('average_precision', 'AP')[:12]:>13}" for name in shown)]
    for name in COMPARED:
        for days in TRAIN_DAYS:
            values = "".join(f"{_shown(figures[f'{name}_{days}_{f}']):>13}" for f in shown)
            lines.append(f"{name + ' ' + str(days):<20}{values}")
    rest = [n for n in figures if n.startswith(("coverage", "found", "speed")) or "_ratio" in n]
    return "\n".join([*lines, "", *(f"{name:<44}{_shown(figures[name]):>10}" for name in rest)])


def _shown(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.4g}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer places and origins, in under a minute")
    given = parser.parse_args()
    if not SERIES.is_file():
        parser.exit(1, f"{SERIES}: no such file; set BAROGRAPH_SHARED to the folder that holds data/series\n")
    figures = measure(quick=given.quick)
    print(table(figures))
    told = {name: None if np.isnan(value) else round(value, 4) for name, value in figures.items()}
    line = json.dumps({"benchmark": "forecasting", "figures": told, "misses": missed(figures)})
    if not given.quick:
        Path(__file__).with_suffix(".json").write_text(line + "\n")
    print(line)


if __name__ == "__main__":
    main()
