"""How the house model does on places it was never trained on, and on markers it has no name for.

`python -m benchmarks.unseen [--quick]` trains it twice on the daily marker shares beside the project (BAROGRAPH_SHARED)
up to 31 May 2018, once without every third place, and asks both for these places' weeks from June 2018 to May 2019, the
one trained on all also with the markers' names hidden. AutoETS is beside them. Ten minutes on two cores; the weights
that ship are not touched. It ends with one JSON line, which a full run keeps in unseen.json; `n_` of a
figure is how many windows it was measured on.
"""

import argparse
import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.forecasting import SERIES, TRAIN_DAYS
from forecasting import skill
from forecasting.backtest import Outcome, Windows, run, windows
from forecasting.features import inputs
from forecasting.models import MODELS
from forecasting.network import House
from forecasting.panel import Model, Panel, Predicted
from forecasting.train import read, train

UNTIL, FIRST, LAST = date(2018, 5, 31), date(2018, 6, 3), date(2019, 5, 31)
SEED = 1


@dataclass(frozen=True)
class Trained:
    """A house model as a model of panels, told the markers' names or not."""

    house: House
    named: bool = True

    def __call__(self, panel: Panel, horizon: int) -> Predicted:
        """Quantiles of every row, as its networks give them."""
        panel = panel if self.named else replace(panel, markers=np.full(len(panel), "", dtype=object))
        quantiles = self.house.quantiles(inputs(panel, horizon, self.house.calendar))
        return Predicted(quantiles, ["house"] * len(panel), [None] * len(panel))


def figures_of(found: Windows, outcomes: list[Outcome]) -> dict[str, float]:
    """`MODEL_DAYS_FIGURE` of each."""
    rows = skill.summary(found, outcomes, draws=0).iter_rows(named=True)
    said = {
        f"{row['model']}_{row['train_days']}_{name}": float(row[name])
        for row in rows
        for name in ("scrps", "brier_skill", "average_precision", "coverage_80")
    }
    return {**said, **{f"n_{name}": len(found) for name in said}}


def measure(*, quick: bool) -> dict[str, float]:
    """All figures."""
    archive = read(SERIES, UNTIL)
    places = sorted(set(archive.populations))[1::3]
    small = {"networks": 1, "rounds": 1, "epochs": 2} if quick else {"networks": 3}
    seen, unseen = train(archive, SEED, **small), train(read(SERIES, UNTIL, places), SEED, **small)
    history = pl.read_parquet(SERIES).filter(pl.col("unique_id").str.extract("/(.*)$").is_in(places))
    found = windows(history, first=FIRST, last=LAST, step=56 if quick else 7)
    models: dict[str, Model] = {
        "seen": Trained(seen), "unseen": Trained(unseen), "unnamed": Trained(seen, named=False),
        "auto_ets": MODELS["auto_ets"], "climatology": MODELS["climatology"],
    }  # fmt: skip
    return figures_of(found, list(run(found, models, TRAIN_DAYS)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one hasty network each, and fewer weeks")
    given = parser.parse_args()
    if not SERIES.is_file():
        parser.exit(1, f"{SERIES}: no such file; set BAROGRAPH_SHARED to the folder that holds data/series\n")
    figures = {name: round(value, 4) for name, value in measure(quick=given.quick).items()}
    print("\n".join(f"{name:<40}{value:>10}" for name, value in figures.items() if not name.startswith("n_")))
    line = json.dumps({"benchmark": "unseen", "figures": figures, "misses": []})
    if not given.quick:
        Path(__file__).with_suffix(".json").write_text(line + "\n")
    print(line)


if __name__ == "__main__":
    main()
