"""The key of the timeline, as HTML that wraps: what is drawn, and no more, each swatch as it is drawn."""

from collections.abc import Sequence
from datetime import timedelta
from html import escape

import polars as pl

from barograph import charts, wording
from barograph.language import gettext as _
from barograph.line import Line

_SIGNS = {"firing": "▼", "acknowledged": "◇", "resolved": "○"}
_STYLE = """<style>
.key {display:flex; flex-wrap:wrap; gap:.25rem 1.1rem; font-size:.82rem; line-height:1.3}
.key span {display:inline-flex; align-items:center; gap:.4em; opacity:.9}
.key i {display:inline-block; width:1.5em; height:.8em; box-sizing:border-box; flex:none}
</style>"""


def of(shown: Line, names: Sequence[str], *, smooth: int, past: bool) -> str:
    """The key of a timeline. shown: the line over the days drawn; names: its own and those of lines beside it.

    smooth: days of the mean, 0 for none; past: whether the line as it is known now stands behind it.
    """
    several, grey = len(names) > 1, charts.MUTED
    entries = _lines(names, smooth)
    if past:
        entries.append((f"height:0; border-top:2px dotted {grey}", _("as it is known now")))
    if shown.series["provisional"].any():
        dot = f"width:.7em; height:.7em; border-radius:50%; border:2px solid {charts.OBSERVED}"
        entries.append((dot, _("provisional")))
    entries += _ahead(shown, several=several)
    if shown.exceedances.height and not several:
        swatch = f"background:{charts.HIGH}66; border-bottom:2px solid {charts.THRESHOLD}"
        entries.append((swatch, _("high-prevalence day (darker: its whole interval is above) and its own threshold")))
    if charts.visible(shown.events, shown.series, shown.forecasts).height:
        entries.append((f"background:{grey}33", _("event")))
    if shown.flags.height:
        swatch = f"height:.35em; background:linear-gradient(90deg,{grey}73 50%,{grey} 50%)"
        entries.append((swatch, _("flagged: not measured as usual (dark: left out of thresholds and forecasts)")))
    items = [f"<span><i style='{style}'></i>{text}</span>" for style, text in entries]
    if shown.series["prevalence"].is_null().any():
        items.append(_sign("×", grey, _("no value")))
    first, last = shown.series["time_value"][0], shown.series["time_value"][-1]
    happened = shown.marks.filter(pl.col("day").is_between(first, last))["what"].unique().to_list()
    items += [
        _sign(sign, charts.THRESHOLD, _("alert {what}").format(what=_(charts.STATES[what])))
        for what, sign in _SIGNS.items()
        if what in happened
    ]
    return f"{_STYLE}<div class='key'>{''.join(items)}</div>"


def _lines(names: Sequence[str], smooth: int) -> list[tuple[str, str]]:
    """Swatch and words of each line."""
    alone = _("{n}-day mean, mean interval").format(n=smooth) if smooth else _("observed, 95&nbsp;% interval")
    entries = []
    for place, name in enumerate(names):
        ink, style = charts.colour(place), "solid" if place == 0 else "dashed"
        text = escape(name) if len(names) > 1 else alone
        entries.append((f"background:{ink}33; border-top:2px {style} {ink}", text))
    return entries


def _ahead(shown: Line, *, several: bool) -> list[tuple[str, str]]:
    """Swatch and words of the forecast and its threshold; beside other lines in the colour of their own."""
    fan, limit = (charts.OBSERVED, charts.OBSERVED) if several else (charts.FORECAST, charts.THRESHOLD)
    entries = []
    if shown.forecasts.height:
        bands = f"linear-gradient({fan}44 25%,{fan}99 25% 75%,{fan}44 75%)"
        entries.append((f"background:{bands}", _("forecast, 80 and 95&nbsp;%")))
    if shown.threshold is not None:
        origin = shown.forecasts["target"][0] - timedelta(days=int(shown.forecasts["horizon"][0]))
        text = _("threshold {level}: 80th percentile of the 84 days to {day}").format(
            level=wording.level(shown.threshold, shown.kind), day=wording.short_day(origin)
        )
        entries.append((f"height:0; border-top:2px dashed {limit}", text))
    return entries


def _sign(sign: str, colour: str, text: str) -> str:
    return f"<span><b style='color:{colour}'>{sign}</b>{text}</span>"
