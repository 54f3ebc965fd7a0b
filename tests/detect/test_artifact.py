"""Days that stand out because of the posts, not the people: one case for each reason, and none where all is as usual."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from barograph import tables
from barograph.detect import closed_series, drifting, suspected
from tests.detect.test_thresholds import LINE, NOW, day, series

ALL_DAY = (1 << 24) - 1


def lines(**last: Any) -> pl.DataFrame:
    """Forty days of 100 posts a day, the last one with other values."""
    whole = series([0.2] * 40, unit="posts").with_columns(n_posts=pl.lit(100, pl.Int64), label_source=pl.lit("one"))
    at = pl.col("time_value") == day(39)
    return closed_series(whole.with_columns(
        pl.when(at).then(pl.lit(value)).otherwise(name).cast(whole.schema[name]).alias(name) for name, value in last.items()
    ))  # fmt: skip


def found(**values: Any) -> pl.DataFrame:
    """The last day stands out."""
    row = {**LINE, "unit": "posts", "target": day(39), "horizon": 0, "kind": "aberration", "detector": "r", "percentile": 95.0,
           "value": 0.5, "threshold": 0.3, "level": "red", "issue": NOW, **values}  # fmt: skip
    return pl.DataFrame([row], schema=tables.EXCEEDANCES.schema)


def volumes(hours: int = ALL_DAY, sources: tuple[tuple[str, int], ...] = (("a", 80), ("b", 20))) -> pl.DataFrame:
    """Posts at every hour from a and b, the last day otherwise."""
    rows = [
        {"population": "all", "time_value": day(n), "source": source, "hours": hours if n == 39 else ALL_DAY, "n": count}
        for n in range(11, 40) for source, count in (sources if n == 39 else (("a", 80), ("b", 20)))
    ]  # fmt: skip
    return pl.DataFrame(rows)


def repeated(*rows: tuple[str, int]) -> pl.DataFrame:
    """So many posts of one account or text."""
    return pl.DataFrame(
        [{"marker": LINE["marker"], "time_value": day(39), "n": n, "population": "all", "what": what} for what, n in rows],
        schema={"marker": pl.String, "time_value": pl.Date, "n": pl.Int64, "population": pl.String, "what": pl.String},
    )


def flags(*rows: tuple[str, str | None, bool], population: str = "all") -> pl.DataFrame:
    """What the last day is flagged for."""
    return pl.DataFrame(
        [(population, day(39), *row, NOW) for row in rows], schema=tables.FLAGS.schema, orient="row",
    )  # fmt: skip


FEW = flags(("volume", "10 posts, usually 100", False))
MISSING_THREE = ALL_DAY & ~(0b111 << 9)
CASES = [
    ({}, {"flags": flags(("volume", "33 posts, usually 100", False))}, "volume: 33 posts, usually 100"),
    ({}, {"flags": flags(("gap", "half", True))}, "gap: half"),
    ({}, {"flags": flags(("gap", "an hour", False), ("volume", None, False))}, None),
    ({}, {"flags": flags(("gap", "half", True), ("volume", "few", False), population="others")}, None),
    ({"label_source": "two"}, {}, "read otherwise than the day before: two"),
    ({}, {"frozen": day(30)}, "lexicons changed after 2024-01-31"),
    ({}, {"frozen": day(39)}, None),
    ({}, {"frozen": day(39) - timedelta(days=85)}, None),
    ({}, {"volumes": volumes(MISSING_THREE)}, "coverage: no posts in 3 hours that usually have some"),
    ({}, {"volumes": volumes(ALL_DAY & ~(0b11 << 9))}, None),
    ({}, {"volumes": volumes(sources=(("a", 45), ("c", 35), ("b", 20)))},
     "sources: 35 % of the posts come from elsewhere than usual, most from c"),
    ({}, {"volumes": volumes(sources=(("a", 60), ("b", 40)))}, None),
    # 50 of 100 posts express it. Without 30 of one account 20 of 70 do, .286, under .3; without 25, 25 of 75, .333.
    ({}, {"repeated": repeated(("one account", 30))},
     "one account makes 60 % of the posts with the marker; without it the day does not stand out"),
    ({}, {"repeated": repeated(("one account", 25), ("one text", 25))}, None),
]  # fmt: skip


@pytest.mark.parametrize(("last", "given", "reason"), CASES)
def test_each_reason(last: dict[str, Any], given: dict[str, Any], reason: str | None) -> None:
    usual: dict[str, Any] = {"volumes": volumes(), "repeated": repeated(), "flags": flags(), "frozen": None}
    usual |= given
    got = suspected(found(), lines(**last), usual["volumes"], usual["repeated"], usual["flags"], frozen=usual["frozen"])
    assert got["suspect_reason"].to_list() == [reason]
    assert tables.EXCEEDANCES.validate(got).drop("suspect_reason").equals(found().drop("suspect_reason"))


def test_several_reasons_are_all_said() -> None:
    got = suspected(found(), lines(), volumes(MISSING_THREE), repeated(), FEW, frozen=None)["suspect_reason"][0]
    assert got == "volume: 10 posts, usually 100; coverage: no posts in 3 hours that usually have some"


def test_a_share_of_authors_and_days_ahead_know_no_repeats_or_gaps() -> None:
    many = repeated(("one text", 50))
    assert suspected(found(unit="authors"), lines(), volumes(), many, flags(), frozen=None)["suspect_reason"].to_list() == [None]
    ahead = suspected(found(kind="forecast"), lines(), volumes(MISSING_THREE), many, FEW, frozen=day(30))
    assert ahead["suspect_reason"].to_list() == [None]


def test_a_young_line_has_nothing_usual() -> None:
    young = lines().filter(pl.col("time_value") > day(33))
    few = volumes(0, (("z", 5),)).filter(pl.col("time_value") > day(33))
    assert suspected(found(), young, few, repeated(), flags(), frozen=None)["suspect_reason"].to_list() == [None]


DESK, OTHER = "desk (m, prompt 01234567)", "other (m, prompt 01234567)"


def canaries(*annotators: str, drifts: bool = True, prompt_version: str = "0123456789abcdef") -> pl.DataFrame:
    rows = [
        {"annotator": name, "task": "emotions", "model": "m", "prompt_version": prompt_version, "n": 20, "agreement": 0.625,
         "accuracy": 0.9, "bound": 0.8, "drifting": drifts, "issue": NOW} for name in annotators
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.CANARIES.schema)


@pytest.mark.parametrize("kind", ["observed", "forecast"])
@pytest.mark.parametrize(
    ("source", "method", "told", "expected"),
    [
        (f"as {DESK} reads it", "corrected", canaries("desk"), 1),
        (f"as {DESK} and {OTHER} read it; corrected to audits", "annotator", canaries("other"), 1),
        (f"as {DESK} reads it", "corrected", canaries("desk", drifts=False), 0),
        (f"as {DESK} reads it", "corrected", canaries("desk", prompt_version="another0"), 0),
        (f"as {DESK} reads it", "corrected", canaries("other"), 0),
        (f"as {DESK} reads it", "calibrated", canaries("desk"), 0),
        (None, "lexicon", canaries("desk"), 0),
        (f"as {DESK} and {OTHER} read it", "corrected", canaries("desk", "other"), 2),
    ],
)
def test_what_a_drifting_annotator_reads_is_suspect(
    kind: str, source: str, method: str, told: pl.DataFrame, expected: int
) -> None:
    read = lines().with_columns(method=pl.lit(method), label_source=pl.lit(source, pl.String))
    given = found(method=method, kind=kind, target=day(41 if kind == "forecast" else 39))
    got = drifting(given.with_columns(suspect_reason=pl.lit("copies")), read, told)
    names = told["annotator"].to_list()[:expected]
    said = [f"annotator {name} drifts: 0.62 of its answers are as they were, 0.8 should be" for name in names]
    assert got["suspect_reason"].to_list() == ["; ".join(["copies", *said])]
    alone = drifting(given, read, told)["suspect_reason"].to_list()
    assert alone == ["; ".join(said) or None]
