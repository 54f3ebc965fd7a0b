"""How each rule has done: the skill card that an alert carries. From what people said, and apart from what followed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

import polars as pl

from barograph.rules import held_days, watched
from barograph.settings import HIGH_PREVALENCE, Rule
from barograph.tables import LINE, SKILL_CARDS

AHEAD = 7
"""Days after an alert in which what it warned of must begin or go on; days before a period in which it may be found."""
BASELINE = timedelta(days=28)
"""Days at the beginning of a line on which nothing can be told high."""
RUN = 2
"""Days of high prevalence in a row that make a period; of single days one in five comes by definition."""


def cards(
    rules: Sequence[Rule],
    series: pl.DataFrame,
    exceedances: pl.DataFrame,
    alerts: pl.DataFrame,
    dispositions: pl.DataFrame,
    *,
    since: Mapping[str, date],
    now: datetime,
) -> pl.DataFrame:
    """Rows of `skill_cards`, two for each rule that watches a line, `issue` = now.

    series: closed days, as `detect.closed_series` returns them; exceedances, alerts and dispositions: all issues up to
    `now`. An alert counts from its first firing row. By *series* it was right where of the 7 days after the one that
    decided at least two in a row are of high prevalence; it is judged once these have closed. A *period* is a run of
    at least two such days, found by an alert decided at most 7 days before its first day or on one of its first two.
    Days of a line count from its 29th, as before there is no threshold, and from `since`, the rule's first decision: of
    an archive read at once only the last day was decided on. By *dispositions* the latest verdict counts.
    """
    known = pl.col("prevalence").is_not_null()
    high = exceedances.filter(pl.col("detector") == HIGH_PREVALENCE, pl.col("kind") == "observed")
    firing = alerts.filter(pl.col("state") == "firing").sort("issue").unique("alert_id", keep="first")
    fired = held_days(firing).select("alert_id", "rule", *LINE, pl.col("last").alias("day"))
    verdicts = dispositions.sort("decided_at").unique("alert_id", keep="last")
    rows: list[dict[str, Any]] = []
    for rule in rules:
        lines = watched(series, rule).filter(known)
        mine = fired.filter(pl.col("rule") == rule.name)
        day = pl.col("time_value")
        begin = pl.max_horizontal(day.min() + BASELINE, pl.lit(since.get(rule.name)))
        days = lines.group_by(LINE).agg(begin.alias("first"), day.max().alias("last"))
        days = days.filter(pl.col("first") <= pl.col("last")).sort(LINE)
        first, last = days["first"].min(), days["last"].max()
        if not (isinstance(first, date) and isinstance(last, date)):
            continue  # no line has a threshold yet
        whole = {"rule": rule.name, "period": f"{first}/{last}", "n_lines": days.height, "n_alerts": mine.height}
        weeks = ((last - first).days + 1) / 7
        rows += [
            whole | _judged(mine.join(verdicts.drop("rule", "issue"), on="alert_id"), weeks),
            whole | _followed(mine, high.join(days, on=LINE, how="semi"), days, weeks),
        ]
    return SKILL_CARDS.validate(pl.DataFrame(rows, schema=SKILL_CARDS.schema).with_columns(issue=pl.lit(now)))


def changed(cards: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The cards that say something else than the latest known ones."""
    names = [name for name in SKILL_CARDS.columns if name != "issue"]
    return cards.join(known.select(names), on=names, how="anti", nulls_equal=True)


def _judged(verdicts: pl.DataFrame, weeks: float) -> dict[str, Any]:
    """What people said of the alerts of one rule."""
    said = verdicts["verdict"]
    right, wrong = int((said == "true").sum()), int((said == "false").sum())
    leads = verdicts.filter(pl.col("verdict") == "true").select((pl.col("began_on") - pl.col("day")).dt.total_days())
    return {
        "basis": "dispositions", "n_judged": right + wrong, "n_true": right,
        "n_unclear": int((said == "unclear").sum()),
        "precision": right / (right + wrong) if right + wrong else None,
        "false_alarms_per_week": wrong / weeks if right + wrong else None,
        "lead_days": leads.to_series().median(),
    }  # fmt: skip


def _followed(fired: pl.DataFrame, high: pl.DataFrame, days: pl.DataFrame, weeks: float) -> dict[str, Any]:
    """What followed the alerts of one rule in its series, beside what would follow any day."""
    of_line: dict[tuple[Any, ...], list[date]] = {
        key: sorted(set(rows["day"])) for key, rows in fired.group_by(LINE, maintain_order=True)
    }
    on_line = {key: set(rows["target"]) for key, rows in high.group_by(LINE)}
    judged = right = young = periods = found = open_days = open_high = 0
    expected, leads = 0.0, []
    for line in days.iter_rows(named=True):
        key = tuple(line[name] for name in LINE)
        alarms, on = of_line.get(key, []), on_line.get(key, set())
        runs = [begin for begin in _runs(on) if begin >= line["first"]]
        length = (line["last"] - line["first"]).days + 1
        follows = [
            _follows(on, line["first"] + timedelta(days=n)) for n in range(max(length - AHEAD, 0))
        ]  # of each day whose week has closed
        open_days, open_high = open_days + len(follows), open_high + sum(follows)
        told = [day for day in alarms if 0 <= (day - line["first"]).days < len(follows)]
        judged, young = judged + len(told), young + len(alarms) - len(told)
        right += sum(_follows(on, day) for day in told)
        for begin in runs:
            earliest, latest = begin - timedelta(days=AHEAD), begin + timedelta(days=RUN - 1)
            hits = [day for day in alarms if earliest <= day <= latest]
            periods, found = periods + 1, found + bool(hits)
            window = (min(latest, line["last"]) - max(earliest, line["first"])).days + 1
            expected += 1 - (1 - window / length) ** len(alarms)
            leads += [(begin - hits[0]).days] if hits else []
    recall, chance = (found / periods, expected / periods) if periods else (None, None)
    return {
        "basis": "series", "n_judged": judged, "n_true": right, "n_unclear": young,
        "precision": right / judged if judged else None,
        "chance_precision": open_high / open_days if open_days else None,
        "false_alarms_per_week": (judged - right) / weeks if judged else None,
        "lead_days": float(median(leads)) if leads else None,
        "n_periods": periods, "recall": recall, "chance_recall": chance,
        "corrected_recall": (recall - chance) / (1 - chance) if recall is not None and chance is not None and chance < 1
        else None,
    }  # fmt: skip


def _runs(high: set[date]) -> list[date]:
    """First days of the runs of at least two days in a row."""
    day = timedelta(days=1)
    return sorted(d for d in high if d - day not in high and all(d + n * day in high for n in range(RUN)))


def _follows(high: set[date], day: date) -> bool:
    """Whether at least two days in a row of the week after `day` are in `high`."""
    on = [day + timedelta(days=n) in high for n in range(1, AHEAD + 1)]
    return any(on[n] and on[n + 1] for n in range(AHEAD - 1))
