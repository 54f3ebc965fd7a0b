"""What may be said of a record of forecasts: its conclusion, and its charts in a sentence each."""

from collections.abc import Mapping

import polars as pl

from barograph import record, wording
from barograph.clustered import Interval
from barograph.language import gettext as _
from barograph.language import noted
from barograph.record import Worth

BASELINES = {"climatology": noted("climatology"), "seasonal naive": noted("the same weekday last week")}
"""Baselines as they are called within a sentence; the keys are those of `record.BASELINES`."""
_FEW = 8


def title(where: Mapping[str, str], horizon: int | None) -> str:
    """What forecasts are of: the columns that their lines equal, and how many days ahead, None: all."""
    marker = wording.label(where["marker"]) if "marker" in where else _("All markers")
    who = where.get("population") or _("all populations")
    ahead = wording.count(horizon, "days") if horizon else _("1 to 7 days")
    return _("{marker} in {population}, {ahead} ahead").format(marker=marker, population=who, ahead=ahead)


def conclude(worth: Worth, baseline: str) -> str:
    """Better, worse or neither; intervals right, too narrow or too wide: only what the bounds allow."""
    skill, held = worth.skill[baseline], worth.coverage[80]
    if skill is None or skill.lo is None or skill.hi is None:
        first = _("Nothing can be said of skill over {baseline}.")
    elif skill.lo > 0:
        first = _("Forecasts were better than {baseline}.")
    elif skill.hi < 0:
        first = _("Forecasts were worse than {baseline}.")
    else:
        first = _("Forecasts cannot be told apart from {baseline}.")
    if held is None or held.lo is None or held.hi is None:
        second = _("Nothing can be said of the width of their intervals.")
    elif held.hi < 0.8:
        second = _("Their intervals are too narrow: what they rule out comes too often.")
    elif held.lo > 0.8:
        second = _("Their intervals are wider than they need to be.")
    else:
        second = _("Nothing speaks against the width of their intervals.")
    return f"{first.format(baseline=_(BASELINES[baseline]))} {second}"


def skill(weeks: pl.DataFrame, worth: Worth, baseline: str, what: str) -> str:
    """The chart of skill. weeks: as `record.by_week`; what: as `title`."""
    found = worth.skill[baseline]
    better = weeks.filter(pl.col(f"skill_{baseline.replace(' ', '_')}") > 0).height
    return _(
        "{what}: skill over {baseline} is {skill} over {weeks}, above 0 in {better} of them; {n}. Rings: single "
        "weeks, larger with more forecasts; line and band: the eight weeks up to each, with 95 % bounds; dashed: no "
        "better."
    ).format(
        what=what, baseline=_(BASELINES[baseline]), skill=wording.skill(*found) if found else "–",
        weeks=wording.count(worth.weeks, "weeks"), better=wording.number(better), n=wording.count(worth.n, "forecasts"),
    )  # fmt: skip


def coverage(weeks: pl.DataFrame, worth: Worth, level: int, what: str) -> str:
    """The chart of coverage at a level of 80 or 95."""
    outside = weeks.filter(~pl.col(f"coverage_{level}").is_between(f"low_{level}", f"high_{level}")).height
    return _(
        "{what}: {level} % intervals held {share} of {n}; {outside} of {weeks} lie outside what chance does "
        "(diamonds). Grey: where 19 of 20 weeks lie if intervals are right and each population’s day counts once."
    ).format(
        what=what, level=level, share=share(worth.coverage[level]), n=wording.count(worth.n, "forecasts"),
        outside=wording.number(outside), weeks=wording.count(worth.weeks, "weeks"),
    )  # fmt: skip


def reliability(rows: pl.DataFrame, what: str) -> str:
    """The chart of p_high. rows: as `record.reliability`."""
    off = rows.filter((pl.col("said") < pl.col("lo")) | (pl.col("said") > pl.col("hi"))).height
    few = rows.filter(pl.col("n") < _FEW).height
    return _(
        "{what}: of {n} tenths of P(high) that were said, {off} came more or less often than said, beyond what weeks "
        "differ by; {few} rest on fewer than 8 forecasts. Bars: 95 % bounds of how often it came; numbers: "
        "forecasts; dashed: came as often as said."
    ).format(what=what, n=wording.number(rows.height), off=wording.number(off), few=wording.number(few))


def makers(rows: pl.DataFrame) -> str:
    """The chart of who made forecasts. rows: as `record.makers`, at least one."""
    lately = rows.filter(pl.col("week") == pl.col("week").max())
    plain = int(lately.filter(pl.col("fallback").is_not_null())["n"].sum())
    return _(
        "In the week of {day} a plain model stood in for {plain} of {n} forecasts of the next day, for the reasons "
        "named."
    ).format(day=wording.day(lately["week"][0]), plain=wording.number(plain), n=wording.number(int(lately["n"].sum())))


def share(found: Interval | None) -> str:
    """A share with its bounds: 79 % (74–83 %)."""
    if found is None:
        return "–"
    if found.lo is None or found.hi is None:
        return wording.chance(found.value)
    return f"{wording.chance(found.value)} ({wording.between(found.lo, found.hi)})"


def few_weeks(worth: Worth) -> str:
    """What is said where too few weeks have closed; empty where they are enough."""
    if worth.enough:
        return ""
    weeks = wording.count(worth.weeks, "weeks")
    text = _("Only {weeks} of {enough} that it takes have closed: conclude nothing yet, whatever the numbers say.")
    return text.format(weeks=weeks, enough=wording.number(record.ENOUGH_WEEKS))
