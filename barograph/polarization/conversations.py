"""Polarization of a topic by population and day: rows of `polarization`, and of `series` what of them is watched."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from barograph.polarization.errors import combined
from barograph.polarization.estimate import (
    Conversations,
    Interactions,
    bounds,
    conversations,
    means,
    mix,
    scores,
    shares,
)
from barograph.polarization.score import ABSTAINED, Floats, Ints, Rules, rules
from barograph.populations import Where, inside
from barograph.tables import CLASSES, POLARIZATION, SERIES, Table

_ROUNDED = 12
"""Digits, so that the order of a sum is not mistaken for a change that deserves a new issue."""


def polarization(
    topic: str,
    found: Interactions,
    populations: Mapping[str, Where],
    days: Sequence[date],
    *,
    now: datetime,
    minimum_authors: int,
    tables: Sequence[Rules] | None = None,
) -> pl.DataFrame:
    """Rows of `polarization` with `issue` = now: one for each population and each of `days`.

    A reply is in a population when its own post is. tables: scores, the published ones first.
    """
    rows = [
        _of_population(found, where, days, minimum_authors, tuple(tables or rules())).with_columns(
            population=pl.lit(name)
        )
        for name, where in populations.items()
    ]
    frame = pl.concat([pl.DataFrame(schema={"time_value": pl.Date}), *rows], how="diagonal")
    return POLARIZATION.validate(frame.with_columns(topic=pl.lit(topic), issue=pl.lit(now)))


def members(frame: pl.DataFrame, where: Where) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows a population's filter lets through."""
    return frame.select(inside(where).alias("inside")).to_series().to_numpy()


def _of_population(
    found: Interactions, where: Where, days: Sequence[date], minimum_authors: int, tables: Sequence[Rules]
) -> pl.DataFrame:
    number = pl.DataFrame({"time_value": list(days)}, schema={"time_value": pl.Date}).with_row_index("cell")
    cell = found.frame.select("time_value").join(number, on="time_value", how="left", maintain_order="left")["cell"]
    cell_of = cell.cast(pl.Int64).fill_null(-1).to_numpy()
    cell_of = np.where(members(found.frame, where), cell_of, -1)
    of = conversations(found, cell_of, len(days))
    counts = counted(found, of)
    outcomes = outcomes_of(of, found.codes, tables)
    frame = number.drop("cell").with_columns(*counts, *(pl.Series(k, v).fill_nan(None) for k, v in outcomes.items()))
    frame = frame.with_columns(label_source=pl.when(pl.col("n_read") > 0).then(pl.lit(found.label_source, pl.String)))
    few, some = pl.col("n_authors") < minimum_authors, pl.col("n_read_authors") >= minimum_authors
    reason = (
        pl.when(pl.col("n_found") == 0).then(pl.lit("no reply pairs"))
        .when(pl.col("n_read") == 0).then(pl.lit("no reply pairs read"))
        .when(~some).then(pl.lit(f"fewer than {minimum_authors} authors"))
        .when(pl.col("n_interactions") == 0).then(pl.lit("all reply pairs abstained"))
        .when(few).then(pl.lit(f"fewer than {minimum_authors} authors"))
    )  # fmt: skip
    values = [name for name in outcomes if name != "share_abstained"]
    return (
        frame.with_columns(reason.alias("missing_reason"))
        .with_columns(pl.when(pl.col("missing_reason").is_null()).then(pl.col(c).round(_ROUNDED)) for c in values)
        .with_columns(pl.when(some).then(pl.col("share_abstained").round(_ROUNDED)))
        .select(pl.exclude("n_found", "n_read", "n_read_authors"))
    )


def counted(found: Interactions, of: Conversations) -> list[pl.Series]:
    """By cell: `n_found` (conversations), `n_read` (sampled pairs), `n_interactions`, `n_abstained`, `n_conversations`.

    And known authors, of reply or parent: `n_authors` of scored pairs, `n_read_authors` of sampled ones.
    """
    read, n = found.read[of.pair] != ABSTAINED, of.n_cells
    cell = of.cell[of.of]

    def number(cells: Ints) -> Ints:
        return np.bincount(cells, minlength=n).astype(np.int64)

    scored = np.unique(of.of[read])
    people = found.frame.select("author", "parent_author")[of.pair].with_columns(cell=pl.Series(cell, dtype=pl.Int64))
    each = {
        "n_found": number(of.cell), "n_read": number(cell), "n_interactions": number(cell[read]),
        "n_abstained": number(cell[~read]), "n_conversations": number(of.cell[scored]),
        "n_authors": _authors(people.filter(pl.Series(read)), n), "n_read_authors": _authors(people, n),
    }  # fmt: skip
    return [pl.Series(name, value, dtype=pl.Int64) for name, value in each.items()]


def _authors(people: pl.DataFrame, n: int) -> Ints:
    """How many known people each cell has."""
    every = people.unpivot(["author", "parent_author"], index="cell", value_name="one").select("cell", "one")
    cells = every.drop_nulls("one").unique()["cell"].to_numpy()
    return np.bincount(cells, minlength=n).astype(np.int64)


def outcomes_of(of: Conversations, codes: Ints, tables: Sequence[Rules]) -> dict[str, Floats]:
    """By cell, the values of `polarization`; NaN where there is none."""
    first, *others = [_estimates(of, codes, table) for table in tables]
    values = dict(first)
    for outcome, name in (("mean_score", "band"), ("share_extreme", "extreme_band")):
        several = np.array([other[outcome] for other in others] or [first[outcome]])
        values |= {f"{name}_low": several.min(axis=0), f"{name}_high": several.max(axis=0)}
    there = codes[0, of.pair] == ABSTAINED
    cell = of.cell[of.of]
    with np.errstate(invalid="ignore"):
        abstained = np.bincount(cell[there], of.pair_weight[there], minlength=of.n_cells)
        values["share_abstained"] = abstained / np.bincount(cell, of.pair_weight, minlength=of.n_cells)
    return values | dict(zip(CLASSES, mix(of, codes).T, strict=True))


def _estimates(of: Conversations, codes: Ints, table: Rules) -> dict[str, Floats]:
    score = scores(of, codes, table.array)
    low, extreme = shares(score)
    mean, variance, df, effective = _combined(of, score)
    lo, hi = bounds(mean, variance, df, effective, top=10)
    share, share_variance, share_df, _ = _combined(of, extreme)
    share_lo, share_hi = bounds(share, share_variance, share_df, effective)
    return {
        "mean_score": mean, "stderr": np.sqrt(variance), "lo": lo, "hi": hi, "share_low": _combined(of, low)[0],
        "share_extreme": share, "share_extreme_stderr": np.sqrt(share_variance), "share_extreme_lo": share_lo,
        "share_extreme_hi": share_hi,
    }  # fmt: skip


def _combined(of: Conversations, values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, variance, degrees of freedom and effective number of conversations of each cell."""
    each = means(of, values)
    with np.errstate(invalid="ignore", divide="ignore"):
        there = (~np.isnan(each.mean)).sum(axis=0)
        df = np.nansum(each.n, axis=0) / there - 1
        effective = np.nansum(each.effective, axis=0) / there
    return (*combined(each.mean, each.variance, df), effective)


def watched(rows: pl.DataFrame, *, now: datetime, closing_hours: float) -> pl.DataFrame:
    """Rows of `series` from rows of `polarization`: the share of extreme conversations, in unit `interactions`."""
    closes = pl.col("time_value").cast(pl.Datetime("us")) + timedelta(days=1, hours=closing_hours)
    return SERIES.validate(
        rows.select(
            ("polarization:" + pl.col("topic")).alias("marker"), "population", "time_value",
            pl.lit("interactions").alias("unit"), pl.lit("annotator").alias("method"),
            pl.lit("share").alias("value_kind"), pl.col("share_extreme").alias("prevalence"),
            pl.col("share_extreme_stderr").alias("stderr"), pl.col("share_extreme_lo").alias("lo"),
            pl.col("share_extreme_hi").alias("hi"), pl.col("n_interactions").alias("n_posts"), "n_authors",
            (closes > now).alias("provisional"), "missing_reason", "label_source", "issue",
        )
    )  # fmt: skip


def changed(rows: pl.DataFrame, known: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows that say something else than the latest known issue of the same fact."""
    names = [name for name in table.columns if name != "issue"]
    return rows.join(known.select(names), on=names, how="anti", nulls_equal=True).select(rows.columns)
