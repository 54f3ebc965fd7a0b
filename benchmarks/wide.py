"""A snapshot as wide and long as a page must bear, made by chance and published as any other.

Every table that a page reads has rows in the numbers that a monitor leaves which read an archive at once and has run
for `LIVE` days since: of those days two issues each (provisional, closed), a forecast from each of them, a track record
and shifts of words from the last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from barograph import tables
from barograph.publish import current, publish
from barograph.settings import HIGH_PREVALENCE
from barograph.store import Warehouse
from barograph.tables import Table

LAST = date(2026, 3, 31)
"""The latest closed day; the next one is provisional."""
NOW = datetime(2026, 4, 1, 12)
LIVE, HORIZONS, MINIMUM_AUTHORS = 90, 7, 20
METHOD, UNITS = "lexicon", ("authors", "posts")
_METRICS = (
    "crps",
    "crps_climatology",
    "wis",
    "coverage_80",
    "coverage_95",
    "brier",
    "skill_over_climatology",
    "brier_skill",
)
_TERMS = 10


@dataclass(frozen=True)
class Size:
    """How much there is: days, populations, markers (`dimensions` of them)."""

    days: int
    populations: int
    markers: int
    dimensions: int

    @property
    def names(self) -> tuple[list[str], list[str]]:
        """Populations and markers, of names as long as real ones."""
        dimensions = [f"dimension:mood {k + 1:02}" for k in range(self.dimensions)]
        plain = [f"feeling {k + 1:02}" for k in range(self.markers - self.dimensions)]
        return [f"community {k + 1:02}" for k in range(self.populations)], [*dimensions, *plain]

    @property
    def rows(self) -> int:
        """Facts of `series`."""
        return self.days * self.populations * self.markers * len(UNITS)


WHOLE, QUICK = Size(3 * 365, 50, 30, 8), Size(365, 10, 10, 4)


def snapshot(home: Path, size: Size) -> Path:
    """The snapshot of this size in `home`, made where it is not there yet."""
    (home / "published").mkdir(parents=True, exist_ok=True)
    done = current(home / "published")
    if done is not None and done.exists():
        return done
    warehouse_file = home / "warehouse.duckdb"
    with Warehouse(warehouse_file) as warehouse:
        for rows in _tables(size):
            warehouse.save(rows)
        path = publish(warehouse, home / "published")
    warehouse_file.unlink()  # larger than what is published, and no page reads it
    return path


def _tables(size: Size) -> Iterator[dict[Table, pl.DataFrame]]:
    populations, markers = size.names
    chance = np.random.default_rng(7)
    # Authors a day: a few large communities, and some that are now and then too small to be shown.
    authors = np.exp(np.linspace(np.log(24), np.log(4000), size.populations))[:, None] * np.exp(
        chance.normal(0, 0.12, (size.populations, size.days))
    )
    yield {tables.RUNS: _runs(), tables.SOURCES: _sources(), tables.EVENTS: _events(populations)}
    for marker in markers:
        wide = _values(chance, size, authors.astype(np.int64))
        line = _lines(marker, populations)
        closed = _series(line, wide, size)
        yield {
            tables.SERIES: pl.concat([closed, _provisional(closed)]),
            tables.FORECASTS: _forecasts(line, closed),
            tables.EXCEEDANCES: _exceedances(closed),
            tables.EVALUATIONS: _evaluations(line),
            tables.TERM_SHIFTS: _shifts(line),
            tables.ALERTS: _alerts(chance, line, closed),
        }


def _values(chance: np.random.Generator, size: Size, authors: np.ndarray) -> dict[str, np.ndarray]:
    """Of each population and unit (p, u, days): a share that wanders and has weeks, with its error."""
    shape = (size.populations, 1, size.days)
    wander = np.cumsum(chance.normal(0, 0.02, shape), axis=2)
    wander -= wander.mean(axis=2, keepdims=True)
    week = 0.08 * np.sin(2 * np.pi * np.arange(size.days) / 7 + chance.uniform(0, 6))
    level = chance.uniform(-3.6, -1.8, (size.populations, 1, 1)) + wander + week
    share = 1 / (1 + np.exp(-level))
    n = np.repeat(authors[:, None, :], len(UNITS), axis=1)
    stderr = np.sqrt(share * (1 - share) / n)
    value = np.clip(chance.normal(share, stderr), 0, 1)
    return {
        "prevalence": value, "stderr": np.broadcast_to(stderr, value.shape), "lo": np.clip(value - 1.96 * stderr, 0, 1),
        "hi": np.clip(value + 1.96 * stderr, 0, 1), "n_authors": n, "n_posts": (1.7 * n).astype(np.int64),
    }  # fmt: skip


def _lines(marker: str, populations: list[str]) -> pl.DataFrame:
    """A row for each line of a marker, in the order of the arrays."""
    return (
        pl.DataFrame({"population": populations})
        .join(pl.DataFrame({"unit": UNITS}), how="cross")
        .select(pl.lit(marker).alias("marker"), "population", "unit", pl.lit(METHOD).alias("method"))
    )


def _crossed(line: pl.DataFrame, **columns: Sequence[object]) -> pl.DataFrame:
    """Every line with every value of each column, the last varying fastest."""
    rows = line
    for name, values in columns.items():
        rows = rows.join(pl.DataFrame({name: values}), how="cross", maintain_order="left_right")
    return rows


def _series(line: pl.DataFrame, wide: dict[str, np.ndarray], size: Size) -> pl.DataFrame:
    """The closed days: those of the archive of one issue, each later one issued the morning after."""
    days = [LAST - timedelta(days=ago) for ago in range(size.days - 1, -1, -1)]
    rows = _crossed(line, time_value=days).with_columns(
        [pl.Series(name, values.reshape(-1)) for name, values in wide.items()]
    )
    few = pl.col("n_authors") < MINIMUM_AUTHORS
    hidden = [pl.when(~few).then(name).alias(name) for name in ("prevalence", "stderr", "lo", "hi")]
    morning = pl.col("time_value").cast(pl.Datetime("us")) + pl.duration(days=1, hours=7)
    return rows.with_columns(
        *hidden, pl.lit("share").alias("value_kind"), pl.lit(value=False).alias("provisional"),
        pl.when(few).then(pl.lit("fewer than 20 authors")).alias("missing_reason"),
        pl.max_horizontal(morning, pl.lit(_issue(LIVE))).alias("issue"),
    )  # fmt: skip


def _provisional(closed: pl.DataFrame) -> pl.DataFrame:
    """What was said of each of the last days, and of today, before it had closed."""
    recent = closed.filter(pl.col("time_value") > LAST - timedelta(days=LIVE - 1))
    today = recent.filter(pl.col("time_value") == LAST).with_columns(pl.col("time_value") + timedelta(days=1))
    evening = pl.col("time_value").cast(pl.Datetime("us")) + pl.duration(hours=12)
    return pl.concat([recent, today]).with_columns(evening.alias("issue"), pl.lit(value=True).alias("provisional"))


def _issue(ago: int) -> datetime:
    """When the day so many days before LAST was closed."""
    return datetime.combine(LAST - timedelta(days=ago - 1), time(7))


def _forecasts(line: pl.DataFrame, closed: pl.DataFrame) -> pl.DataFrame:
    level = closed.filter(pl.col("time_value") == LAST).select(*tables.LINE, pl.col("prevalence").alias("level"))
    rows = _crossed(line, ago=list(range(LIVE)), horizon=list(range(1, HORIZONS + 1))).join(level, on=tables.LINE)
    target = (pl.lit(LAST) - pl.duration(days="ago") + pl.duration(days="horizon")).cast(pl.Date)
    spread = {q: (0.6 + 0.8 * at) * pl.col("level") for q, at in tables.QUANTILES.items()}
    issue = pl.lit(_issue(0)) - pl.duration(days="ago")
    return rows.drop_nulls("level").select(
        *tables.LINE, target.alias("target"), "horizon", pl.lit("house").alias("model"), pl.col("level").alias("mean"),
        **spread, threshold=1.1 * pl.col("level"), p_high=pl.lit(0.3), issue=issue,
    )  # fmt: skip


def _exceedances(closed: pl.DataFrame) -> pl.DataFrame:
    """Of each line the fifth of its days that is highest."""
    limit = pl.col("prevalence").quantile(0.8).over(tables.LINE)
    high = closed.with_columns(threshold=limit).filter(pl.col("prevalence") > limit)
    level = pl.when(pl.col("lo") > pl.col("threshold")).then(pl.lit("red")).otherwise(pl.lit("yellow"))
    return high.select(
        *tables.LINE, pl.col("time_value").alias("target"), pl.col("prevalence").alias("value"), "threshold", "issue",
        horizon=pl.lit(0), kind=pl.lit("observed"), detector=pl.lit(HIGH_PREVALENCE), percentile=pl.lit(80.0),
        level=level,
    )  # fmt: skip


def _evaluations(line: pl.DataFrame) -> pl.DataFrame:
    worth = {"crps": 0.9, "crps_climatology": 1.0, "wis": 0.01, "coverage_80": 0.79, "coverage_95": 0.94, "brier": 0.14}
    metric = pl.DataFrame({"metric": _METRICS, "value": [worth.get(name, 0.1) for name in _METRICS]})
    last = pl.lit(LAST) - pl.duration(days="ago")
    period = pl.concat_str(
        *((last - pl.duration(days=d)).cast(pl.Date).cast(pl.String) for d in (83, 0)), separator="/"
    )
    rows = _crossed(line, ago=list(range(LIVE))).join(metric, how="cross")
    return rows.select(
        *tables.LINE, "metric", "value", period.alias("period"), model=pl.lit("house"), horizon=pl.lit(0),
        n=pl.lit(588), issue=pl.lit(_issue(0)) - pl.duration(days="ago"),
    )  # fmt: skip


def _shifts(line: pl.DataFrame) -> pl.DataFrame:
    """What moved each line in the last 1, 7 and 28 days up to each of the last seven."""
    terms = [*(f"word {k + 1:02}" for k in range(_TERMS)), tables.OTHER]
    rows = _crossed(line.drop("method"), ago=list(range(7)), length=[1, 7, 28], term=terms)

    def span(first: pl.Expr, last: pl.Expr) -> pl.Expr:
        return pl.concat_str(*(day.cast(pl.Date).cast(pl.String) for day in (first, last)), separator="/")

    last = pl.lit(LAST) - pl.duration(days="ago")
    before = last - pl.duration(days="length")
    day = pl.duration(days=1)
    ends = {
        "lo": -0.002,
        "hi": 0.004,
        "change": 0.011,
        "change_lo": 0.002,
        "change_hi": 0.02,
        "mix": 0.004,
        "mix_lo": 0.001,
    }
    more = {"mix_hi": 0.007, "rate": 0.007, "rate_lo": 0.0, "rate_hi": 0.014, "top_account_share": 0.05}
    counts = ("n_authors", "period_posts", "reference_posts", "period_authors", "reference_authors", "both_authors")
    return rows.select(
        "marker", "population", "unit", "term", period=span(before + day, last),
        reference=span(before - pl.duration(days="length") + day, before), contribution=pl.lit(0.001),
        change_top_account_share=pl.lit(0.05), issue=pl.lit(_issue(0)) - pl.duration(days="ago"),
        **{name: pl.lit(value) for name, value in {**ends, **more}.items()}, **{name: pl.lit(400) for name in counts},
    )  # fmt: skip


def _alerts(chance: np.random.Generator, line: pl.DataFrame, closed: pl.DataFrame) -> pl.DataFrame:
    """A past alert on most lines, and an open one on some of the dimensions' by authors."""
    known = closed.filter(pl.col("time_value") == LAST).drop_nulls("prevalence").join(line, on=tables.LINE)
    known = known.with_columns(draw=pl.Series(chance.random(known.height)))
    open_ = (pl.col("draw") < 0.06) & pl.col("marker").str.starts_with("dimension:") & (pl.col("unit") == "authors")
    state = pl.when(~open_).then(pl.lit("resolved")).when(pl.col("draw") < 0.04).then(pl.lit("firing"))
    name = pl.concat_str("marker", "population", "unit").hash(7).cast(pl.String)
    return known.filter(open_ | (pl.col("draw") > 0.5)).select(
        *tables.LINE, "lo", "hi", "n_posts", "n_authors", "issue", alert_id=name, fingerprint=name,
        state=state.otherwise(pl.lit("pending")), rule=pl.lit("high for two days"), reason=pl.lit("2 days in a row"),
        target=pl.lit(LAST), value="prevalence", threshold=0.9 * pl.col("prevalence"), percentile=pl.lit(95.0),
        level=pl.lit("red"), days=pl.lit(2), started_on=pl.lit(LAST - timedelta(days=1)),
    )  # fmt: skip


def _events(populations: list[str]) -> pl.DataFrame:
    rows = [
        {"name": f"event {k + 1}", "population": where, "kind": "scheduled", "starts_on": LAST - timedelta(days=40 * k),
         "ends_on": LAST - timedelta(days=40 * k - 3), "declared_at": NOW}
        for k, where in enumerate(["*", *populations[:20]])
    ]  # fmt: skip
    return pl.DataFrame(rows)


def _runs() -> pl.DataFrame:
    """A run an hour."""
    began = [NOW - timedelta(hours=k) for k in range(24 * LIVE)]
    counts = {name: 100 for name in tables.RUNS.columns if name.startswith("n_")}
    rows = pl.DataFrame({"run_id": [f"run {k}" for k in range(len(began))], "now": began, "started_at": began})
    said = {"command": "run", "status": "done", "stage": "publish", "version": "0", **counts}
    return rows.with_columns(finished_at="started_at", **{name: pl.lit(value) for name, value in said.items()})


def _sources() -> pl.DataFrame:
    rows = [
        {"source": f"source {k + 1}", "kind": "files", "first_post": datetime(2023, 4, 1), "last_post": NOW,
         "updated_at": NOW, "n_posts": 3_000_000, "n_quarantined": 41, "quarantine_reasons": "41 × text: empty",
         "n_unmeasured": 2_000}
        for k in range(4)
    ]  # fmt: skip
    return pl.DataFrame(rows)
