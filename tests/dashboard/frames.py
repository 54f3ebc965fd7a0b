"""Small snapshots made by hand: one fact a row, so that a test can say what the page must show."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from streamlit.testing.v1 import AppTest

from barograph import tables
from barograph.publish import publish
from barograph.store import Warehouse
from barograph.tables import Table
from lexicons import load
from tests.conftest import ROOT

LAST = date(2026, 3, 31)
"""The latest closed day of every snapshot here; the day after is provisional."""
NOW = datetime(2026, 4, 1, 12, 0)
LINE = {"marker": "dimension:anxiety", "population": "all", "unit": "authors", "method": "lexicon"}


def series(days: int = 60, *, missing: dict[int, str] | None = None, provisional: bool = True, **over: Any) -> pl.DataFrame:
    """`days` closed days up to LAST, 10 % each, and the provisional day after; missing: days before LAST → reason."""
    gaps = missing or {}
    rows = []
    for ago in range(-1 if provisional else 0, days):
        row = LINE | {
            "time_value": LAST - timedelta(days=ago), "value_kind": "share", "prevalence": 0.1, "stderr": 0.01,
            "lo": 0.08, "hi": 0.125, "n_posts": 60, "n_authors": 50, "provisional": ago < 0, "issue": NOW,
        }  # fmt: skip
        if ago in gaps:
            row |= {"prevalence": None, "stderr": None, "lo": None, "hi": None, "n_authors": 7, "missing_reason": gaps[ago]}
        rows.append(row | over)
    return tables.SERIES.validate(pl.DataFrame(rows[::-1], infer_schema_length=None))


def forecasts(*, threshold: float | None = 0.12, fallback: str | None = None, **over: Any) -> pl.DataFrame:
    """Seven days after LAST, the fourth most likely high."""
    rows = [
        LINE | {
            "target": LAST + timedelta(days=h), "horizon": h, "model": "climatology" if fallback else "house",
            "mean": 0.1, **{q: 0.05 + 0.1 * level for q, level in tables.QUANTILES.items()}, "threshold": threshold,
            "p_high": None if threshold is None else 0.62 if h == 4 else 0.2, "fallback": fallback, "issue": NOW,
        } | over
        for h in range(1, 8)
    ]  # fmt: skip
    return tables.FORECASTS.validate(pl.DataFrame(rows, infer_schema_length=None))


def high_days(*ago: int, level: str = "yellow") -> pl.DataFrame:
    """Observed high-prevalence days so many days before LAST."""
    rows = [
        LINE | {
            "target": LAST - timedelta(days=n), "horizon": 0, "kind": "observed", "detector": "high prevalence",
            "percentile": 80.0, "value": 0.1, "threshold": 0.09, "level": level, "issue": NOW,
        }
        for n in ago
    ]  # fmt: skip
    return tables.EXCEEDANCES.validate(pl.DataFrame(rows))


def events(*rows: tuple[str, str, date, date]) -> pl.DataFrame:
    """(name, population, first day, last day) each."""
    names = ("name", "population", "starts_on", "ends_on")
    found = [dict(zip(names, row, strict=True)) | {"kind": "scheduled", "declared_at": NOW} for row in rows]
    return tables.EVENTS.validate(pl.DataFrame(found))


def alerts(state: str = "firing", **over: Any) -> pl.DataFrame:
    """One alert in a state."""
    row = LINE | {
        "alert_id": "a-1", "fingerprint": "a", "rule": "high for two days", "state": state, "reason": "2 days in a row",
        "target": LAST, "value": 0.15, "lo": 0.12, "hi": 0.19, "n_posts": 60, "n_authors": 50, "threshold": 0.13,
        "percentile": 95.0, "p_high": None, "level": "red", "days": 2, "started_on": LAST - timedelta(days=1), "issue": NOW,
    }  # fmt: skip
    return tables.ALERTS.validate(pl.DataFrame([row | over], infer_schema_length=None))


def evaluations(n: int = 588, coverage: float = 0.79, skill: float = 0.12) -> pl.DataFrame:
    """How the line's forecasts did up to the day before LAST, and a worse record a day older."""
    rows = [
        LINE | {
            "model": "house", "metric": metric, "horizon": 0, "value": value - worse, "n": n, "issue": NOW,
            "period": f"{LAST - timedelta(days=84 + ago)}/{LAST - timedelta(days=1 + ago)}",
        }
        for ago, worse in ((0, 0.0), (1, 0.5))
        for metric, value in {"coverage_80": coverage, "crps": 1 - skill, "crps_climatology": 1.0}.items()
    ]  # fmt: skip
    return tables.EVALUATIONS.validate(pl.DataFrame(rows))


def forecast_weeks(weeks: int = 12, *, crps: float = 0.9, held: int = 8, high: int = 2, **over: Any) -> pl.DataFrame:
    """Whole weeks before LAST, ten forecasts each: half said P(high) .15, half .65, of which `high` came; `held` of ten."""
    monday = LAST - timedelta(days=LAST.weekday())
    rows = [
        LINE | {
            "model": "house", "horizon": 1, "week": monday - timedelta(weeks=ago), "tenth": tenth, "n": 5,
            "crps": crps * (1 + 0.1 * (ago % 2)), "crps_climatology": 1.0, "crps_seasonal_naive": 1.2,
            "n_80": held // 2, "n_95": 5, "said": said, "n_high": came, "issue": NOW,
        } | over
        for ago in range(1, weeks + 1) for tenth, said, came in ((1, 0.75, 1), (6, 3.25, high))
    ]  # fmt: skip
    return tables.FORECAST_WEEKS.validate(pl.DataFrame(rows))


def source_days(days: int = 60, *, gaps: tuple[int, ...] = (), odd: dict[int, int] | None = None, source: str = "files") -> pl.DataFrame:
    """100 posts of 40 authors a day up to LAST; gaps: days before LAST without a post; odd: days before LAST → posts."""
    rows = [
        {"source": source, "time_value": LAST - timedelta(days=ago), "n_posts": (odd or {}).get(ago, 100), "n_authors": 40,
         "n_unmeasured": 1, "updated_at": NOW}
        for ago in range(days) if ago not in gaps
    ]  # fmt: skip
    return tables.SOURCE_DAYS.validate(pl.DataFrame(rows))


def flags(*rows: tuple[int, str, str | None, bool], issue: datetime = NOW) -> pl.DataFrame:
    """(days before LAST, kind, reason, whether it is left out) each, of population all."""
    found = [("all", LAST - timedelta(days=ago), *rest, issue) for ago, *rest in rows]
    return pl.DataFrame(found, schema=tables.FLAGS.schema, orient="row")


def coverage(*rows: tuple[str, datetime, datetime, str | None], source: str = "files") -> pl.DataFrame:
    """(state, from, to, reason) each, a thousand events of which ten are ignored in every covered one."""
    found = [
        (source, *row, *((1000, 10) if row[0] == "covered" else (0, 0))) for row in rows
    ]  # fmt: skip
    return pl.DataFrame(found, schema=tables.COVERAGE.schema, orient="row")


def lexicons() -> pl.DataFrame:
    """Two lists in use, one of ours and one of the analyst's."""
    rows = [
        {"marker": marker, "lexicon": name, "language": "en", "version": load("fear_en").version, "n_terms": 12, "updated_at": NOW}
        for marker, name in (("fear", "fear_en"), ("mine", "own"))
    ]  # fmt: skip
    return tables.LEXICONS.validate(pl.DataFrame(rows))


def shifts(days: int = 7, **over: Any) -> pl.DataFrame:
    """What moved the line in its last days: two terms up, one down, and the rest; they sum to +5 points."""
    first, before = LAST - timedelta(days=days - 1), LAST - timedelta(days=days)
    whole = {
        **LINE, "period": f"{first}/{LAST}", "reference": f"{before - timedelta(days=days - 1)}/{before}", "change": 0.05,
        "change_lo": 0.02, "change_hi": 0.08, "mix": -0.01, "mix_lo": -0.02, "mix_hi": 0.0, "rate": 0.06, "rate_lo": 0.03,
        "rate_hi": 0.09, "change_top_account_share": 0.05, "period_posts": 400, "reference_posts": 380,
        "period_authors": 90, "reference_authors": 85, "both_authors": 60, "issue": NOW,
    }  # fmt: skip
    del whole["method"]
    terms = {"worried": 0.04, "panic attack": 0.02, "afraid": -0.015, "(other)": 0.005}
    rows = [
        whole | {"term": term, "contribution": part, "lo": part - 0.01, "hi": part + 0.01, "n_authors": 30, "top_account_share": 0.1} | over
        for term, part in terms.items()
    ]  # fmt: skip
    return tables.TERM_SHIFTS.validate(pl.DataFrame(rows, infer_schema_length=None))


def cues(days: int = 7, *, ago: int = 0, **over: Any) -> pl.DataFrame:
    """What annotators saw on so many days, the last of them `ago` days before LAST: worry 42 %, a joke 12 %."""
    last = LAST - timedelta(days=ago)
    rows = [
        {
            "marker": "fear", "population": "all", "unit": "authors", "period": f"{last - timedelta(days=days - 1)}/{last}",
            "cue": cue, "share": share, "lo": share - 0.06, "hi": share + 0.07, "n_posts": 147, "n_authors": 97,
            "label_source": "as desk (m, prompt 01234567) reads it", "issue": NOW,
        } | over
        for cue, share in {"worry": 0.42, "joke": 0.12}.items()
    ]  # fmt: skip
    return tables.CUES.validate(pl.DataFrame(rows))


def run(now: datetime = NOW, command: str = "run", started_at: datetime = NOW) -> pl.DataFrame:
    """A finished run."""
    counts = {name: 0 for name in tables.RUNS.columns if name.startswith("n_")}
    row = {
        "run_id": "r1", "command": command, "now": now, "started_at": started_at, "finished_at": started_at,
        "status": "done", "stage": "publish", "version": "0", **counts,
    }  # fmt: skip
    return tables.RUNS.validate(pl.DataFrame([row]))


def sources() -> pl.DataFrame:
    """One source, some of its rows quarantined."""
    row = {
        "source": "files", "kind": "files", "first_post": datetime(2026, 1, 1), "last_post": NOW, "n_posts": 12345,
        "n_quarantined": 6, "quarantine_reasons": "6 × text: empty", "n_unmeasured": 2, "updated_at": NOW,
    }  # fmt: skip
    return tables.SOURCES.validate(pl.DataFrame([row]))


def snapshot(home: Path, rows: dict[Table, pl.DataFrame]) -> Path:
    """Publish a snapshot of these rows in `home`."""
    (home / "published").mkdir(parents=True, exist_ok=True)
    with Warehouse(home / "warehouse.duckdb") as warehouse:
        warehouse.save({tables.RUNS: run(), tables.SOURCES: sources()} | rows)
        return publish(warehouse, home / "published")


def opened(page: str = "", **query: str) -> AppTest:
    """The app at one of its pages (`timeline.py`; none: the first), with these query parameters, as Streamlit runs it."""
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=30)
    if page:
        app.run()
        app.switch_page(page)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()
