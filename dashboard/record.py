"""How forecasts have done: skill, whether intervals and probabilities can be believed, alarms, who made them."""

from typing import Any

import polars as pl
import streamlit as st

from barograph import charts, record, wording
from barograph.language import gettext as _
from barograph.language import noted
from barograph.record import Worth
from barograph.store import Snapshot
from dashboard import drawn, panels, selection, show
from dashboard.headline import STYLE, cell
from dashboard.show import Shown

_ALL = "*"
_BASELINES = {"climatology": noted("Climatology"), "seasonal naive": noted("Same weekday last week")}
_FEWEST_BELOW = 8


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Snapshot: lambda s: str(s.path)})
def _sums(snapshot: Snapshot, where: dict[str, str], horizon: int | None) -> pl.DataFrame:
    return snapshot.forecast_weeks(where, horizon)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Snapshot: lambda s: str(s.path)})
def _makers(snapshot: Snapshot, where: dict[str, str]) -> pl.DataFrame:
    return snapshot.forecast_makers(where)


def page(shown: Shown) -> None:
    """Choose lines, days ahead and a baseline → what may be concluded → the charts behind it."""
    st.header(_("Forecast record"), anchor=False)
    st.caption(
        _(
            "Every forecast is kept as it was first published and held against what its day showed, week by week, "
            "once the week has closed."
        )
    )
    where, horizon, baseline = _choose(shown.lines)
    sums, title = _sums(shown.snapshot, where, horizon), _title(where, horizon)
    worth = record.worth(sums)
    if worth is None:
        panels.empty(
            _("No forecast of these lines has met a whole week yet"),
            _("A week counts from when its Sunday has closed; days without a value are met by none."),
        )
    else:
        weeks = record.by_week(sums)
        _headline(worth, baseline)
        _skill(weeks, worth, baseline, title)
        _coverage(weeks, worth, title)
    left, right = st.columns([3, 2], gap="medium")
    if worth is not None:
        with left:
            _calibration(sums, title)
    with right if worth is not None else st.container():
        _fallbacks(_makers(shown.snapshot, where), title)


def _choose(lines: pl.DataFrame) -> tuple[dict[str, str], int | None, str]:
    """The columns that lines must equal, the days ahead (None: all), and a key of BASELINES."""
    view, where = selection.View(), selection.bar()
    populations = [_ALL, *lines["population"].unique().sort()]
    population = view.one(
        where.selectbox, _("Population"), "population", populations, _ALL,
        format_func=lambda p: _("All populations") if p == _ALL else p,
    )  # fmt: skip
    markers = [_ALL, *sorted(lines["marker"].unique(), key=lambda m: (":" not in m, m))]
    marker = view.one(
        where.selectbox, _("Marker"), "marker", markers, _ALL,
        format_func=lambda m: _("All markers") if m == _ALL else wording.label(m),
    )  # fmt: skip
    units = sorted(lines["unit"].unique())
    unit = view.one(where.selectbox, _("Unit"), "unit", units, "authors", format_func=_named)
    methods = lines.filter(pl.col("unit") == unit)["method"].unique().sort().to_list()
    method = view.one(
        where.selectbox, _("Method"), "method", methods, "lexicon", format_func=_named, help=wording.methods(methods)
    )
    ahead = view.one(
        where.selectbox, _("Days ahead"), "ahead", [_ALL, *(str(n) for n in range(1, 8))], _ALL, lasts=False,
        format_func=lambda n: _("1 to 7") if n == _ALL else n,
    )  # fmt: skip
    baseline = view.one(
        where.selectbox, _("Against"), "against", list(_BASELINES), "climatology", lasts=False,
        format_func=lambda name: _(_BASELINES[name]),
        help=_(
            "Climatology: the days to come are like those of the 84 days before. The same weekday last week: as it "
            "says. Both know nothing else."
        ),
    )  # fmt: skip
    view.keep()
    given = {"population": population, "marker": marker, "unit": unit, "method": method}
    return {k: v for k, v in given.items() if v != _ALL}, None if ahead == _ALL else int(ahead), baseline


def _named(word: str) -> str:
    return _(word).capitalize()


def _title(where: dict[str, str], horizon: int | None) -> str:
    """What the forecasts are of."""
    marker = wording.label(where["marker"]) if "marker" in where else _("All markers")
    who = where.get("population") or _("all populations")
    ahead = wording.count(horizon, "days") if horizon else _("1 to 7 days")
    return _("{marker} in {population}, {ahead} ahead").format(marker=marker, population=who, ahead=ahead)


def _headline(worth: Worth, baseline: str) -> None:
    """What may be concluded, in a sentence and in five numbers."""
    text = conclude(worth, baseline)
    if worth.enough:
        st.markdown(f"**{wording.plain(text)}**")
    else:
        few = _("Only {weeks} have closed: too few to conclude anything, whatever the numbers below say.")
        weeks = wording.count(worth.weeks, "weeks")
        st.info(f"**{few.format(weeks=weeks)}** {wording.plain(text)}", icon=":material/hourglass_top:")
    skill, held, alarms = worth.skill[baseline], worth.coverage[80], worth.alarms
    cells = [
        cell(
            _("Skill over {baseline}").format(baseline=_(_BASELINES[baseline]).lower()),
            wording.skill(*skill) if skill else "–", _("0: no better, 1: perfect; 95 % interval"),
        ),
        cell(_("80 % intervals held"), _interval(held), _("95 % intervals: {share}").format(
            share=_interval(worth.coverage[95]))),
        cell(
            _("Alarms that were right"), _share(alarms.precision),
            _("{n} days with P(high) of 50 % or more; by chance {share}").format(
                n=wording.number(alarms.alarmed), share=_share(alarms.chance_precision)
            ), "calm" if alarms.alarmed else "blind",
        ),
        cell(
            _("High days alarmed"), _share(alarms.recall),
            _("of {n}; by chance {share}; {false} false days a week and line").format(
                n=wording.number(alarms.high), share=_share(alarms.chance_recall),
                false="–" if alarms.false_a_week is None else wording.level(alarms.false_a_week, "mean"),
            ),
        ),
        cell(
            _("Behind it"), wording.count(worth.n, "forecasts"),
            _("{weeks}, {days}").format(
                weeks=wording.count(worth.weeks, "weeks"), days=wording.days(worth.first, worth.last)
            ),
        ),
    ]  # fmt: skip
    st.html(f"{STYLE}<dl class='headline' style='padding:0'>{''.join(cells)}</dl>")
    st.caption(
        _(
            "A day counts once for each day ahead. 95 % intervals are by how much weeks differ: what lines and days ahead "
            "of one week share is in them, what lasts longer is not. A high day is above the 80th percentile of the 84 "
            "days before the forecast; by chance: as many alarms on days drawn at random."
        )
    )


def conclude(worth: Worth, baseline: str) -> str:
    """What may be said of it: better, worse or neither; intervals right, too narrow or too wide."""
    against = _(_BASELINES[baseline]).lower()
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
        second = _("Nothing can be said of the width of intervals.")
    elif held.hi < 0.8:
        second = _("Their intervals are too narrow: what they rule out comes too often.")
    elif held.lo > 0.8:
        second = _("Their intervals are wider than they need to be.")
    else:
        second = _("Nothing speaks against the width of their intervals.")
    return f"{first.format(baseline=against)} {second}"


def _skill(weeks: pl.DataFrame, worth: Worth, baseline: str, title: str) -> None:
    against, skill = _(_BASELINES[baseline]).lower(), worth.skill[baseline]
    key = baseline.replace(" ", "_")
    better = weeks.filter(pl.col(f"skill_{key}") > 0).height
    sentence = _(
        "{title}: skill over {baseline} is {skill} over {weeks}, better in {better} of them; {n}. Points: single weeks, "
        "larger with more forecasts; line and band: the eight weeks up to each with 95 % bounds; dashed: no better."
    ).format(
        title=title, baseline=against, skill=wording.skill(*skill) if skill else "–",
        weeks=wording.count(worth.weeks, "weeks"), better=wording.number(better),
        n=wording.count(worth.n, "forecasts"),
    )  # fmt: skip
    drawn.chart(
        charts.skill(weeks, baseline), key="skill", title=_("Skill over {baseline}").format(baseline=against),
        sentence=sentence, rows=weeks, name=f"skill_{title}",
    )  # fmt: skip


def _coverage(weeks: pl.DataFrame, worth: Worth, title: str) -> None:
    for level, column in zip((80, 95), st.columns(2, gap="medium"), strict=True):
        held = worth.coverage[level]
        outside = weeks.filter(~pl.col(f"coverage_{level}").is_between(f"low_{level}", f"high_{level}")).height
        sentence = _(
            "{title}: {level} % intervals held {share} of {n}; {outside} of {weeks} lie outside what chance does. Grey: "
            "where 19 of 20 weeks lie if intervals are right and each population’s day counts once."
        ).format(
            title=title, level=level, share=_interval(held), n=wording.count(worth.n, "forecasts"),
            outside=wording.number(outside), weeks=wording.count(worth.weeks, "weeks"),
        )  # fmt: skip
        with column:
            drawn.chart(
                charts.coverage(weeks, level), key=f"coverage-{level}",
                title=_("How often {level} % intervals held").format(level=level), sentence=sentence, rows=weeks,
                name=f"coverage-{level}_{title}",
            )  # fmt: skip


def _calibration(sums: pl.DataFrame, title: str) -> None:
    rows = record.reliability(sums)
    if rows.is_empty():
        st.markdown(f":gray[{_('None of these forecasts had a threshold: a line’s first 28 known days have none.')}]")
        return
    off = rows.filter((pl.col("said") < pl.col("lo")) | (pl.col("said") > pl.col("hi"))).height
    few = wording.number(rows.filter(pl.col("n") < _FEWEST_BELOW).height)
    sentence = _(
        "{title}: of {n} tenths of what was said, {off} came more or less often than said, beyond what weeks differ by; "
        "{few} rest on fewer than 8 forecasts. Bars: 95 % bounds of how often it came; numbers: forecasts; dashed: came "
        "as often as said."
    ).format(title=title, n=wording.number(rows.height), off=wording.number(off), few=few)
    drawn.chart(
        charts.reliability(rows), key="reliability", title=_("Whether P(high) can be believed"), sentence=sentence,
        rows=rows, name=f"reliability_{title}",
    )  # fmt: skip


def _fallbacks(found: pl.DataFrame, title: str) -> None:
    """Who makes the forecasts of the next day, and why a plain model stands in."""
    if found.is_empty():
        st.markdown(f":gray[{_('None of these lines has been forecast.')}]")
        return
    rows = record.makers(found)
    week = rows["week"].max()
    lately = rows.filter(pl.col("week") == week)
    plain = int(lately.filter(pl.col("fallback").is_not_null())["n"].sum())
    sentence = _(
        "In the week of {day} a plainer model stood in for {plain} of {n} forecasts of the next day: the same line may "
        "be forecast by either, day by day."
    ).format(
        day=wording.day(week), plain=wording.number(plain), n=wording.number(int(lately["n"].sum()))  # type: ignore[arg-type]
    )  # fmt: skip
    drawn.chart(
        charts.fallbacks(rows), key="fallbacks", title=_("Model behind each week’s forecasts, and why a plain one"),
        sentence=sentence, rows=rows.sort("week", "made"), name=f"fallbacks_{title}",
    )  # fmt: skip


def _interval(found: Any) -> str:
    if found is None:
        return "–"
    value, low, high = found
    return wording.chance(value) if low is None else f"{wording.chance(value)} ({wording.between(low, high)})"


def _share(value: float | None) -> str:
    return "–" if value is None else wording.chance(value)


show.run(page)
