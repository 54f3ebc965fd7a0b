"""What is validated once a week: that what is published is as promised, and how well forecasters and annotators do.

It reads the published snapshot and labelled files alone, so that nobody waits for it. Figures go to
HOME/validation/DAY.json; they hold no text, post or author.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from barograph import detect as detection
from barograph import publish, tables
from barograph.annotate.labelled import read_labelled
from barograph.annotate.validity import evaluate
from barograph.errors import Terminal
from barograph.home import Home
from barograph.settings import Settings
from barograph.store import Snapshot
from flows.annotators import annotator_of, link, task_of
from flows.stages import shares
from flows.validate import answers
from forecasting import backtest, skill
from forecasting.models import MODELS
from forecasting.panel import DAYS

_LINES = 40
"""Lines that forecasters are compared on, those with most posts."""
_WEEKS = 12
"""Weeks of origins, one origin a week."""
_HORIZON = 7
_FORECASTERS = ("auto", "climatology", "seasonal_naive", "ets")
_POSTS = 200
"""Labelled posts that an annotator is asked for, evenly spaced in its file."""


def validated(home: Home, settings: Settings, now: datetime) -> list[str]:
    """Validate and keep the figures. Returns what came of it, in words.

    Raises `Terminal` where a published table is not as `barograph.tables` promises, or an annotation's labelled posts
    cannot be read; annotators and forecasters that do badly raise nothing.
    """
    snapshot, rows, forecasters = publish.newest(home.published), dict[str, int](), list[dict[str, Any]]()
    if snapshot is None:
        said = ["nothing is published yet"]
    else:
        rows = {table.name: table.validate(snapshot.read(table)).height for table in tables.PUBLISHED}
        forecasters = _forecasters(snapshot)
        said = [
            f"{sum(rows.values()):,} rows of {len(rows)} tables are as promised",
            _compared(forecasters) if forecasters else "too few days to compare forecasters",
        ]
    annotators = list(_annotators(settings))
    said += [_agreement(figures) for figures in annotators]
    _keep(
        home.path / "validation" / f"{now:%Y-%m-%d}.json",
        {
            "snapshot": snapshot and snapshot.path.name, "at": now, "rows": rows, "forecasters": forecasters,
            "annotators": annotators,
        },
    )  # fmt: skip
    return said


def _forecasters(snapshot: Snapshot) -> list[dict[str, Any]]:
    """What forecasters would have been worth on lines of this home: rows of `forecasting.skill.summary`."""
    series = shares(detection.closed_series(snapshot.read(tables.SERIES))).filter(
        pl.col("unit") == "posts", pl.col("method") == "lexicon"
    )
    most = series.group_by(tables.LINE).agg(pl.col("n_posts").sum()).sort("n_posts", *tables.LINE, descending=True)
    history = series.join(most.head(_LINES), on=tables.LINE, how="semi").select(
        pl.concat_str("marker", "population", separator="/").alias("unique_id"), pl.col("time_value").alias("ds"),
        pl.col("prevalence").alias("y"), "n_posts", "marker", "population",
    )  # fmt: skip
    last = history["ds"].max()
    if not isinstance(last, date):
        return []
    try:
        windows = backtest.windows(history, _HORIZON, first=last - timedelta(weeks=_WEEKS))
    except Terminal:  # no line has days enough without a gap
        return []
    outcomes = backtest.run(windows, {name: MODELS[name] for name in _FORECASTERS}, [DAYS])
    return skill.summary(windows, outcomes, draws=0).to_dicts()


def _compared(rows: list[dict[str, Any]]) -> str:
    each = ", ".join(f"{row['model']} {row['scrps']:.3f}" for row in rows if row["scrps"] is not None)
    return f"sCRPS over {rows[0]['n_windows']:,} windows of {_WEEKS} weeks: {each}"


def _annotators(settings: Settings) -> Iterator[dict[str, Any]]:
    """How well each annotator answers beside labels by people, where there are some: as `barograph validate`."""
    for annotation in settings.annotation:
        if annotation.labelled is None:
            continue
        asked = task_of(settings, annotation.name)
        labelled = read_labelled(annotation.labelled, asked, _POSTS)
        for name in annotation.annotators:
            asking = link(annotator_of(settings, asked, name), asked)
            who = asking.annotator
            figures = evaluate(labelled, answers(asking, labelled.items, lambda _done: None), None)
            yield {
                "task": asked.name, "annotator": who.name, "model": who.model, "prompt_version": who.prompt_version(),
                **figures,
            }  # fmt: skip


def _agreement(figures: dict[str, Any]) -> str:
    questions = figures["questions"]
    each = ", ".join(
        f"{name} {row['accuracy']['value']:.2f}"
        for name, row in questions.items()
        if row["accuracy"]["value"] is not None
    )
    return f"{figures['task']} by {figures['annotator']}: accuracy {each or 'unknown, as nothing was answered clearly'}"


def _keep(path: Path, figures: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2, default=str, ensure_ascii=False) + "\n", encoding="utf-8")
