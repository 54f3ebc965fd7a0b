"""How forecasts have done: skill, whether intervals and probabilities can be believed, alarms, who made them."""

import polars as pl
import streamlit as st

from barograph import gallery, record, verdict, wording
from barograph.language import gettext as _
from barograph.language import noted
from barograph.record import Worth
from barograph.store import Snapshot
from dashboard import drawn, panels, selection, show
from dashboard.headline import STYLE, cell
from dashboard.show import Shown

_ALL = "*"
_PERIODS = {"26": noted("26 weeks"), "52": noted("52 weeks"), _ALL: noted("All weeks")}


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Snapshot: lambda s: str(s.path)})
def _sums(snapshot: Snapshot, where: dict[str, str], horizon: int | None, weeks: int | None) -> pl.DataFrame:
    return snapshot.forecast_weeks(where, horizon, weeks)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Snapshot: lambda s: str(s.path)})
def _makers(snapshot: Snapshot, where: dict[str, str], weeks: int | None) -> pl.DataFrame:
    return snapshot.forecast_makers(where, weeks)


def page(shown: Shown) -> None:
    """Choose lines, days ahead and a baseline → what may be concluded → the charts behind it."""
    st.header(_("Forecast record"), anchor=False)
    st.caption(
        _(
            "Every forecast is kept as it was first published and held against what its day showed, week by week, "
            "once the week has closed."
        )
    )
    where, horizon, weeks, baseline = _choose(shown.lines)
    sums, title = _sums(shown.snapshot, where, horizon, weeks), verdict.title(where, horizon)
    worth = record.worth(sums)
    if worth is None:
        panels.empty(
            _("No forecast of these lines has met a whole week yet"),
            _("A week counts once its Sunday has closed; a day without a value is met by none."),
        )
        _who_made_them(_makers(shown.snapshot, where, weeks), title)
        return
    by_week = record.by_week(sums)
    _headline(worth, baseline)
    drawn.figure(gallery.skill(by_week, worth, baseline, title), key="skill", name=f"skill_{title}")
    for level, column in zip((80, 95), st.columns(2, gap="medium"), strict=True):
        with column:
            held = gallery.coverage(by_week, worth, level, title)
            drawn.figure(held, key=f"coverage-{level}", name=f"coverage-{level}_{title}")
    left, right = st.columns(2, gap="medium")
    with left:
        _calibration(sums, title)
    with right:
        _who_made_them(_makers(shown.snapshot, where, weeks), title)


def _choose(lines: pl.DataFrame) -> tuple[dict[str, str], int | None, int | None, str]:
    """The columns that lines must equal, the days ahead and the last weeks (None: all), and a baseline."""
    view, where = selection.View(), selection.bar()
    populations = [_ALL, *lines["population"].unique().sort()]
    population = view.one(
        where.selectbox, _("Population"), "population", populations, _ALL,
        format_func=lambda name: _("All populations") if name == _ALL else name,
    )  # fmt: skip
    markers = [_ALL, *sorted(lines["marker"].unique(), key=selection.dimensions_first)]
    marker = view.one(
        where.selectbox, _("Marker"), "marker", markers, _ALL,
        format_func=lambda name: _("All markers") if name == _ALL else wording.label(name),
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
    weeks = view.one(
        where.selectbox, _("Period"), "weeks", list(_PERIODS), "26", lasts=False,
        format_func=lambda n: _(_PERIODS[n]),
    )  # fmt: skip
    baseline = view.one(
        where.selectbox, _("Against"), "against", list(verdict.BASELINES), "climatology", lasts=False,
        format_func=lambda name: _named(verdict.BASELINES[name]),
        help=_(
            "Climatology says that the days to come are like those of the 84 days before; the other, that each is "
            "like the same weekday of the week before. Neither knows anything else."
        ),
    )  # fmt: skip
    view.keep()
    given = {"population": population, "marker": marker, "unit": unit, "method": method}
    horizon, last = (None if chosen == _ALL else int(chosen) for chosen in (ahead, weeks))
    return {k: v for k, v in given.items() if v != _ALL}, horizon, last, baseline


def _named(word: str) -> str:
    words = _(word)
    return words[:1].upper() + words[1:]


def _headline(worth: Worth, baseline: str) -> None:
    """What may be concluded, in a sentence and in five numbers."""
    conclusion = wording.plain(verdict.conclude(worth, baseline))
    if few := verdict.few_weeks(worth):
        st.info(f"**{wording.plain(few)}** {conclusion}", icon=":material/hourglass_top:")
    else:
        st.markdown(f"**{conclusion}**")
    skill, alarms = worth.skill[baseline], worth.alarms
    false = "–" if alarms.false_a_week is None else wording.level(alarms.false_a_week, "mean")
    cells = [
        cell(
            _("Skill over {baseline}").format(baseline=_(verdict.BASELINES[baseline])),
            wording.skill(*skill) if skill else "–", _("95 % interval; 0: no better, 1: perfect"),
        ),
        cell(
            _("80 % intervals held"), verdict.share(worth.coverage[80]),
            _("95 % intervals held {share}").format(share=verdict.share(worth.coverage[95])),
        ),
        cell(
            _("Alarmed days that were high"), _share(alarms.precision),
            _("of {n} with P(high) of 50 % or more; by chance {share}").format(
                n=wording.number(alarms.alarmed), share=_share(alarms.chance_precision)
            ), "calm" if alarms.alarmed else "blind",
        ),
        cell(
            _("High days that were alarmed"), _share(alarms.recall),
            _("of {n}; by chance {share}; {false} false alarms a week and line").format(
                n=wording.number(alarms.high), share=_share(alarms.chance_recall), false=false
            ), "calm" if alarms.high else "blind",
        ),
        cell(
            _("Behind it"), wording.count(worth.n, "forecasts"),
            _("{weeks}: {days}").format(
                weeks=wording.count(worth.weeks, "weeks"), days=wording.days(worth.first, worth.last)
            ),
        ),
    ]  # fmt: skip
    st.html(f"{STYLE}<dl class='headline' style='padding:0'>{''.join(cells)}</dl>")
    st.caption(
        _(
            "A day counts once for each day ahead. Bounds are by how much weeks differ: what lines and days ahead of "
            "one week share is in them, what lasts longer is not. A high day is above the 80th percentile of the 84 "
            "days before the forecast; by chance: as many alarms on days drawn at random."
        )
    )


def _calibration(sums: pl.DataFrame, title: str) -> None:
    if (figure := gallery.reliability(sums, title)) is None:
        st.markdown(f":gray[{_('None of these forecasts had a threshold: it takes 28 known days.')}]")
        return
    drawn.figure(figure, key="reliability", name=f"reliability_{title}")


def _who_made_them(made: pl.DataFrame, title: str) -> None:
    if (figure := gallery.makers(made)) is None:
        st.markdown(f":gray[{_('None of these lines has been forecast.')}]")
        return
    drawn.figure(figure, key="fallbacks", name=f"fallbacks_{title}")


def _share(value: float | None) -> str:
    return "–" if value is None else wording.chance(value)


show.run(page)
