"""`barograph backtest`: what each model would have been worth on series of one's own."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import polars as pl
from cyclopts import Parameter

from barograph.clock import utc_now
from barograph.errors import ConfigError, InputError, Terminal

if TYPE_CHECKING:
    from forecasting.backtest import Windows

NAMED_ONLY = ("auto_arima", "gru", "var")
"""Models that are only asked where they are named: AutoARIMA is slow, VAR and the GRU are of a publication."""
MOST = 366
"""Days ahead, and between origins, that can be asked for."""
SUFFIXES = (".csv", ".parquet")
_DAY = r"^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$"  # a time of day may follow


def backtest(
    *,
    series: Annotated[
        Path,
        Parameter(
            help="CSV or Parquet: unique_id, ds (day), y (share from 0 to 1); optionally n_posts, marker, population, "
            "flagged (true: the day counts as unknown). Without marker and population they are what stands before and "
            "after the last / of unique_id."
        ),
    ],
    out: Annotated[Path, Parameter(help="CSV or Parquet that gets a row a model and training length.")],
    train_days: Annotated[str, Parameter(help="Days before an origin that models see; up to 84.")] = "7,28,84",
    horizon: Annotated[int, Parameter(help="Days forecast.")] = 7,
    first: Annotated[
        date | None, Parameter(name="--from", help="First origin, the last day known; default the 84th day there is.")
    ] = None,
    last: Annotated[
        date | None, Parameter(name="--to", help="No day after it is forecast; default the last there is.")
    ] = None,
    step: Annotated[int, Parameter(help="Days between origins.")] = 7,
    models: Annotated[
        str | None,
        Parameter(
            help="Names with commas between: climatology, seasonal_naive, random_walk, ets, auto_ets, auto_theta, "
            "mfles, auto_arima, best (of the four before it but auto_arima), var, gru, house (the network), auto (what "
            "is published: house, or climatology where house had no skill of late); default all but auto_arima, gru, "
            "var."
        ),
    ] = None,
) -> None:
    """Replay forecasts on series of your own, beside plain models and alarms that know nothing.

    From each origin models forecast the days after it, knowing the days before it alone; high is a day above the 80th
    percentile of the 84 days before.
    """
    lengths, names = _lengths(train_days), _names(models)
    for option, number in (("--horizon", horizon), ("--step", step)):
        if not 1 <= number <= MOST:
            raise ConfigError(f"{option}: got {number}; expected at least 1 day and at most {MOST}")
    if first and last and first >= last:
        raise ConfigError(f"--from and --to: got {first} and {last}; expected an origin before the last day forecast")
    if out.suffix not in SUFFIXES or out.is_dir():
        raise ConfigError(f"--out: got {out}; expected a file that ends in .csv or .parquet")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out: got {out}; its folder cannot be made: {error.strerror}") from None
    from forecasting import backtest as rolling

    history = read(series)
    if (late := history.filter(pl.col("ds").cast(pl.Date, strict=False) > utc_now().date())).height:
        got = late.row(0, named=True)
        raise InputError(f"{series}: {got['unique_id']} on {got['ds']}: a day to come; expected days up to today")
    try:
        windows = rolling.windows(history, horizon, first, last, step)
    except Terminal as error:
        raise InputError(f"{series}: {error}") from None
    print(_heading(series, windows, names))
    rows = []
    for row in _rows(windows, names, lengths):
        rows.append(row)
        print(_line(row.row(0, named=True)), flush=True)
    table = pl.concat(rows)
    print(_footing(table.row(0, named=True)))
    (table.write_csv if out.suffix == ".csv" else table.write_parquet)(out)
    print(f"{out}: {table.height} rows, with 95 % intervals and alarms that know nothing beside them")


def _lengths(given: str) -> list[int]:
    from forecasting.panel import DAYS

    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdigit() and 1 <= int(part) <= DAYS for part in parts):
        raise ConfigError(f"--train-days: got {given!r}; expected days from 1 to {DAYS}, e.g. 7,28,84")
    return list(dict.fromkeys(map(int, parts)))


def _names(given: str | None) -> list[str]:
    from forecasting.models import MODELS

    if given is None:
        return [name for name in MODELS if name not in NAMED_ONLY]
    names = [part.strip() for part in given.split(",")]
    if unknown := [name for name in names if name not in MODELS]:
        raise ConfigError(f"--models: got {unknown[0]!r}; expected some of {', '.join(MODELS)}")
    return list(dict.fromkeys(names))


def read(path: Path) -> pl.DataFrame:
    """A file of series, its days as dates. Raises `InputError` where it cannot be read so."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected series as CSV or Parquet")
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: got a file that ends in {path.suffix!r}; expected .csv or .parquet")
    from forecasting.panel import OPTIONAL

    try:
        if path.suffix == ".csv":
            frame = pl.read_csv(path, infer_schema_length=None, schema_overrides={"unique_id": pl.String})
        else:
            frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    if missing := [name for name in ("unique_id", "ds", "y") if name not in frame.columns]:
        raise InputError(
            f"{path}: no column {missing[0]}; got {', '.join(frame.columns)}; expected unique_id, ds, y and optionally "
            f"{', '.join(OPTIONAL)} (without marker and population they are what stands before and after the last / of "
            "unique_id); rename the columns"
        )
    if not (frame.schema["ds"] == pl.String or frame.schema["ds"].is_temporal()):
        raise InputError(f"{path}: ds is {frame.schema['ds']}, e.g. {frame['ds'][0]}; expected a day, e.g. 2019-05-31")
    if frame.schema["ds"] == pl.String:
        days = frame["ds"].str.extract(_DAY).str.to_date("%Y-%m-%d", strict=False)
        if (wrong := frame.filter(days.is_null() & frame["ds"].is_not_null())).height:
            got = wrong.row(0, named=True)
            raise InputError(f"{path}: ds of {got['unique_id']} is {got['ds']!r}; expected a day, e.g. 2019-05-31")
        frame = frame.with_columns(days)
    return frame


def _rows(windows: "Windows", names: list[str], lengths: list[int]) -> Iterator[pl.DataFrame]:
    from forecasting import skill
    from forecasting.backtest import run
    from forecasting.models import MODELS

    for outcome in run(windows, {name: MODELS[name] for name in names}, lengths):
        yield skill.summary(windows, [outcome])


def _learned_from(windows: "Windows", names: list[str]) -> list[str]:
    from forecasting.models import REVIEWED

    if not set(names) & set(REVIEWED):
        return []
    from forecasting.network import load

    until = date.fromisoformat(load().about["trained_until"])
    if windows.panel.ends.min() >= np.datetime64(until, "D"):
        return []
    return [
        f"the shipped weights were trained on days up to {until}; earlier windows of the series they learned from "
        "flatter them"
    ]


def _heading(path: Path, windows: "Windows", names: list[str]) -> str:
    ends, still = windows.panel.ends, int((windows.scale == 0).sum())
    said = [
        f"{path}: {len(windows):,} windows of {len(set(windows.panel.names)):,} series and {len(set(ends)):,} origins, "
        f"{ends[0]} to {ends[-1]}; {windows.skipped:,} left out for days that are not known",
        f"{windows.high.mean():.1%} of the days forecast came high",
        *([f"{still:,} windows never moved before: they have no sCRPS"] if still else []),
        *_learned_from(windows, names),
        "",
        f"{'model':<16}{'days':>5}{'sCRPS':>8}{'in 80 %':>9}{'in 95 %':>9}{'MAPE':>8}{'Brier skill':>13}{'AP':>7}"
        f"{'precision':>14}{'recall':>14}{'false alarms':>15}{'seconds':>9}",
    ]
    return "\n".join(said)


def _line(row: dict[str, Any]) -> str:
    beside = "".join(
        f"{_number(row[name], 2)} ({_number(row[f'random_{name}'], 2)})".rjust(width)
        for name, width in (("precision", 14), ("recall", 14), ("false_alarms_per_week", 15))
    )
    return (
        f"{row['model']:<16}{row['train_days']:>5}{_number(row['scrps'], 3):>8}{_number(row['coverage_80'], 2):>9}"
        f"{_number(row['coverage_95'], 2):>9}{_number(row['mape'], 3):>8}{_number(row['brier_skill'], 3):>13}"
        f"{_number(row['average_precision'], 3):>7}{beside}{row['seconds']:>9.1f}"
    )


def _footing(row: dict[str, Any]) -> str:
    return "\n".join([
        "",
        f"An alarm on every day of every week: precision {_number(row['always_precision'], 2)}, "
        f"recall {_number(row['always_recall'], 2)}, false alarms {_number(row['always_false_alarms_per_week'], 2)}.",
        "Lower sCRPS is better; in 80 % should be .80; intervals of figures are in the file.",
        "In brackets: as many alarms on days drawn at random. An alarm is a day with p_high of at least .5; false",
        "alarms are days in a week of one series; seconds are without what a model loads.",
    ])  # fmt: skip


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
