"""What a missed part of a day does to a share, and what forecasts gain where such days count as unknown.

`python -m benchmarks.gaps [--quick]` reads posts and daily marker shares beside the project (BAROGRAPH_SHARED). In the
shares one day in twenty of each place, from 2018 on, loses some posts; the house model forecasts the 7 days after each
weekly origin from 2 June 2019 to 31 March 2020 from 84 days of what is left, with the days that lost posts as they are
and as unknown, and is evaluated on the shares as they were. What is lost:

- `hours_H`: H hours in a row. How many posts an hour has, and how often they express a marker, is that of the college
  posts, smoothed by two harmonics of the day. `swing_H`: the same where shares swing by 11 % over the day.
- `mix_P`: a source that makes P % of the posts, all day. A population is two places, each a source.
- `volume`: nothing; but days count as unknown whose real volume is odd (`barograph.flags`).

It ends with one JSON line: sCRPS with these days unknown over that with them kept, over windows that have one (below 1:
leaving them out helps), with 95 % intervals; `moved_…`: how far a day moves, in mean absolute daily changes.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

import lexicons
from barograph import flags
from benchmarks.forecasting import SERIES, part
from forecasting import evaluation, skill
from forecasting.backtest import Windows, run, windows
from forecasting.models import MODELS

POSTS = SERIES.parent.parent / "posts" / "college_reddit"
SINCE, FIRST, LAST = date(2018, 1, 1), date(2019, 6, 2), date(2020, 3, 31)
HOURS, SWUNG, PARTS = (1, 3, 6, 12, 18), (6, 12, 18), (5, 10, 20, 50)
RATE = 0.05
SWING = 0.11
PAIRS = (
    ("UK", "Spain"), ("USA", "CanadaEnglish"), ("Germany", "Italy"), ("Australia", "Chile"), ("Mexico", "LosAngeles"),
    ("Switzerland", "BelgiumDutch"), ("Ecuador", "UK"), ("Italy", "Spain"),
)  # fmt: skip
_PLACE, _MARKER = pl.col("unique_id").str.extract("/(.*)$"), pl.col("unique_id").str.extract("^(.*)/")
_NAMES = ("unique_id", "ds", "y", "n_posts")
MARKERS = {"anxiety": "anxiety_en", "anger": "anger_en", "sadness": "sadness_en", "positive": "joy_en"}
_TURN = 2 * np.pi * np.arange(24) / 24
_HARMONICS = np.column_stack([np.ones(24), *(f(k * _TURN) for k in (1, 2) for f in (np.cos, np.sin))])


def profile() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Part of a day's posts (24,) that each hour has, and of each marker the share among them over that of the day."""
    posts = pl.concat(
        [pl.read_ndjson(path, infer_schema_length=None).select("created_utc", "title", "text")
         for path in sorted(POSTS.glob("*.jsonl.gz"))], how="vertical_relaxed",
    )  # fmt: skip
    hour = (posts["created_utc"] // 3600 % 24).to_numpy()
    n = np.bincount(hour, minlength=24)
    texts = pl.select(
        pl.concat_str(posts["title"].fill_null(""), posts["text"].fill_null(""), separator=" ")
    ).to_series()
    found = {}
    for marker, name in MARKERS.items():
        with_it = np.unique(lexicons.match_arrays(texts, [lexicons.load(name)]).post)
        share = _smooth(np.bincount(hour[with_it], minlength=24) / n)
        found[marker] = share
    part_of_day = _smooth(n / n.sum())
    part_of_day /= part_of_day.sum()
    return part_of_day, {marker: share / (part_of_day @ share) for marker, share in found.items()}


def _smooth(values: np.ndarray) -> np.ndarray:
    return np.asarray(_HARMONICS @ np.linalg.lstsq(_HARMONICS, values, rcond=None)[0])


def left(part_of_day: np.ndarray, shares: np.ndarray, hours: int) -> np.ndarray:
    """What the share of a day is multiplied by (24,) where so many hours are lost from each hour of the day on."""
    factors = np.empty(24)
    for start in range(24):
        kept = np.ones(24, dtype=bool)
        kept[(start + np.arange(hours)) % 24] = False
        factors[start] = (part_of_day[kept] @ shares[kept]) / part_of_day[kept].sum()
    return factors


def lost(history: pl.DataFrame, hours: int, of: tuple[np.ndarray, Mapping[str, np.ndarray]]) -> pl.DataFrame:
    """`history` with `y` as if days had lost so many hours, and `flagged` of those days."""
    rng = np.random.default_rng(hours)
    days = history.select(_PLACE.alias("place"), "ds").unique().sort("place", "ds")
    days = days.with_columns(
        flagged=pl.Series(rng.random(days.height) < RATE), start=pl.Series(rng.integers(0, 24, days.height))
    )
    factors = pl.DataFrame([
        {"marker": name, "start": start, "factor": factor}
        for name, shares in of[1].items() for start, factor in enumerate(left(of[0], shares, hours).tolist())
    ])  # fmt: skip
    rows = history.with_columns(_PLACE.alias("place"), _MARKER.alias("marker")).join(days, on=["place", "ds"])
    rows = rows.join(factors, on=["marker", "start"])
    return rows.with_columns(y=pl.when("flagged").then((pl.col("y") * pl.col("factor")).clip(0, 1)).otherwise("y"))


def mixed(history: pl.DataFrame, part: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Populations of two sources, as they were, and as they are where days lack the source that makes `part`."""
    rng = np.random.default_rng(0)
    rows = history.with_columns(_PLACE.alias("place"), _MARKER.alias("marker"))
    made = []
    for one, other in PAIRS:
        both = rows.filter(place=one).join(rows.filter(place=other), on=["marker", "ds"], suffix="_other")
        days = both.select("ds").unique().sort("ds")
        days = days.with_columns(flagged=pl.Series(rng.random(days.height) < RATE))
        both = both.with_columns(
            unique_id=pl.concat_str("marker", pl.lit(f"/{one}, {other}")),
            whole=(1 - part) * pl.col("y") + part * pl.col("y_other"), n_posts=pl.lit(100_000),
        ).join(days, on="ds")  # fmt: skip
        made.append(both)
    rows = pl.concat(made).sort("unique_id", "ds")
    lacking = rows.with_columns(y=pl.when("flagged").then("y").otherwise("whole"))
    return rows.with_columns(y=pl.col("whole")).select(_NAMES), lacking.select(*_NAMES, "flagged")


def odd(history: pl.DataFrame) -> pl.DataFrame:
    """`history` with `flagged` of days of odd volume."""
    place = _PLACE.alias("population")
    days = history.select(place, pl.col("ds").alias("time_value"), "n_posts").unique(["population", "time_value"])
    found = flags.volumes(days).select("population", pl.col("time_value").alias("ds"), flagged=pl.lit(value=True))
    rows = history.with_columns(place).join(found, on=["population", "ds"], how="left")
    return rows.with_columns(pl.col("flagged").fill_null(value=False))


def gained(history: pl.DataFrame, changed: pl.DataFrame, draws: int) -> dict[str, float]:
    """sCRPS with flagged days unknown over that with them kept, how far they moved, and how many windows have one."""
    truth, seen, at = (
        windows(frame.select(_NAMES), 7, FIRST, LAST)
        for frame in (history, changed, changed.with_columns(y=pl.col("flagged").cast(pl.Float64), n_posts=1))
    )
    which = np.flatnonzero((at.panel.y > 0).any(axis=1))
    found, out, y = truth.rows(which), at.panel.y[which] > 0, seen.panel.y[which]
    scores = []
    for given in (np.where(out, np.nan, y), y):
        asked = Windows(replace(found.panel, y=given), found.truth, found.threshold, found.scale, 0)
        (outcome,) = run(asked, {"house": MODELS["house"]})
        scores.append(skill.Evaluated.of(found, outcome))

    def ratio(rows: np.ndarray | slice) -> np.ndarray:
        unknown, kept = (scored.figures(rows)["scrps"] for scored in scores)
        return np.array([unknown / kept])

    low, high = evaluation.bootstrap(ratio, found.panel.names, found.weeks, draws)
    moved = (np.abs(y - found.panel.y) / found.scale[:, None])[out].mean()
    return {
        "": float(ratio(slice(None))[0]), "_low": float(low[0]), "_high": float(high[0]), "_moved": float(moved),
        "_windows": len(found),
    }  # fmt: skip


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the places, few draws")
    quick = parser.parse_args().quick
    history = pl.read_parquet(SERIES).filter(pl.col("ds").is_between(SINCE, LAST))
    some = part(history, 3) if quick else history
    of = profile()
    swung = 1 + SWING * np.sin(_TURN)
    swing = (of[0], dict.fromkeys(MARKERS, swung / (of[0] @ swung)))
    cases = {f"hours_{h}": (some, lost(some, h, of)) for h in HOURS}
    cases |= {f"swing_{h}": (some, lost(some, h, swing)) for h in SWUNG}
    cases |= {f"mix_{p}": mixed(history, p / 100) for p in PARTS}
    cases["volume"] = (some, odd(some))
    figures: dict[str, float] = {}
    for name, (whole, changed) in cases.items():
        mine = {f"{name}{end}": round(value, 3) for end, value in gained(whole, changed, 50 if quick else 500).items()}
        print("  ".join(f"{key} {value}" for key, value in mine.items()), flush=True)
        figures |= mine
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
