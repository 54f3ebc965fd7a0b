"""What the aggregate stage adds where annotators have labelled: their reading, and all posts corrected to it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from barograph import answers, labelled, tables
from barograph.populations import Where
from barograph.settings import Settings
from barograph.store import Warehouse


def labelled_rows(
    warehouse: Warehouse,
    settings: Settings,
    languages: Sequence[str],
    populations: Mapping[str, Where],
    calibrations: pl.DataFrame,
    activity: pl.DataFrame,
    days: pl.DataFrame,
    issued: Sequence[date],
    **limits: Any,
) -> pl.DataFrame:
    """Rows of `series` of the methods `annotator` and `corrected` for the days `issued`; none without labels.

    activity, days, calibrations: as the other readings take them. limits: `now, minimum_authors, closing_hours`.
    """
    first, now = warehouse.first_labelled(), limits["now"]
    wanted = [day for day in issued if first and day >= min(first.values())]
    if not wanted or not settings.annotation:
        return tables.SERIES.empty()
    known, of_tasks = read(warehouse, settings, languages, wanted, now)
    predicted = warehouse.predicted(wanted, now, languages, of_tasks, calibrations)
    whole = known._replace(
        activity=activity.filter(pl.col("time_value").is_in(wanted)), predicted=predicted, days=days,
        calibrations=calibrations, first=first,
    )  # fmt: skip
    frozen = warehouse.get("frozen")
    return labelled.labelled_series(
        whole, populations, settings.annotation, [m.name for m in settings.marker], wanted,
        frozen=date.fromisoformat(frozen) if frozen else None, **limits,
    )  # fmt: skip


def read(
    warehouse: Warehouse, settings: Settings, languages: Sequence[str], days: Sequence[date], now: datetime
) -> tuple[answers.Tables, dict[str, list[str]]]:
    """The labels that these days rest on, and the markers of each task; of all posts nothing yet."""
    back = range(labelled.WINDOW_DAYS)
    window = sorted({day - timedelta(days=before) for day in days for before in back})
    chains = {annotation.name: annotation.annotators for annotation in settings.annotation}
    labels, sizes = warehouse.labelled(window, now, languages, chains)
    empty = pl.DataFrame()
    known = answers.Tables(
        labels, sizes, warehouse.audited(), warehouse.read_in(labels["post_id"]), warehouse.read(tables.DRAWS),
        empty, empty, empty, empty, {},
    )  # fmt: skip
    return known, answers.measured(labels, [m.name for m in settings.marker])
