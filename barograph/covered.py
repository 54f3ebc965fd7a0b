"""From when to when a stream was read, and what of it was missed: intervals, joined where they touch."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from barograph.sources import Missed
from barograph.tables import COVERAGE

COVERED, MISSED = "covered", "missed"


class Interval(NamedTuple):
    """A row of `coverage` but for its source."""

    state: str
    starts_at: datetime
    ends_at: datetime
    reason: str | None = None
    n_events: int = 0
    n_ignored: int = 0


def told(
    known: Iterable[Interval],
    covered: tuple[datetime, datetime] | None,
    missed: Sequence[Missed],
    n_events: int,
    n_ignored: int,
) -> list[Interval]:
    """All intervals of a source after it told of one more, in order of time.

    What was told last holds: a time that is read after all is no longer missed, and the other way round; of one telling
    what was missed holds. Events are those of the covered interval.
    """
    new = [Interval(MISSED, *_ordered(one.starts_at, one.ends_at), one.reason) for one in missed]
    new = [one for one in new if one.starts_at < one.ends_at]
    if covered:
        mine = [Interval(COVERED, *_ordered(*covered), None, n_events, n_ignored)]
        for one in new:
            mine = [part for whole in mine for part in _without(whole, one)]
        new += mine
    old = list(known)
    for one in new:
        old = [part for whole in old for part in (_without(whole, one) if whole.state != one.state else [whole])]
    return sorted([*_joined(COVERED, old + new), *_joined(MISSED, old + new)], key=lambda i: (i.starts_at, i.state))


def _ordered(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """A clock that was set back between the two says them the other way round."""
    return (start, end) if start <= end else (end, start)


def _without(whole: Interval, cut: Interval) -> list[Interval]:
    """What is left of an interval; its events are those of the first part."""
    if cut.ends_at <= whole.starts_at or cut.starts_at >= whole.ends_at:
        return [whole]
    parts = []
    if whole.starts_at < cut.starts_at:
        parts.append(whole._replace(ends_at=cut.starts_at))
    if cut.ends_at < whole.ends_at:
        parts.append(whole._replace(starts_at=cut.ends_at))
    return [parts[0], *(part._replace(n_events=0, n_ignored=0) for part in parts[1:])] if parts else []


def _joined(state: str, intervals: Sequence[Interval]) -> list[Interval]:
    """Those of one state, one after another; those that touch are one where their reason is the same."""
    joined: list[Interval] = []
    for one in sorted((i for i in intervals if i.state == state), key=lambda i: (i.starts_at, i.ends_at)):
        before = joined[-1] if joined else None
        if before and one.starts_at <= before.ends_at and one.reason == before.reason:
            joined[-1] = before._replace(
                ends_at=max(before.ends_at, one.ends_at),
                n_events=before.n_events + one.n_events,
                n_ignored=before.n_ignored + one.n_ignored,
            )
        elif before and one.starts_at < before.ends_at:  # missed for two reasons: the first is said
            if one.ends_at > before.ends_at:
                joined.append(one._replace(starts_at=before.ends_at))
        else:
            joined.append(one)
    return joined


def rows(source: str, intervals: Sequence[Interval]) -> pl.DataFrame:
    """Rows of `coverage`."""
    return pl.DataFrame(
        [{"source": source, **one._asdict()} for one in intervals], schema=COVERAGE.schema, orient="row"
    )


def intervals_of(coverage: pl.DataFrame) -> list[Interval]:
    """The intervals of rows of `coverage` of one source."""
    return [Interval(**row) for row in coverage.drop("source").iter_rows(named=True)]
