"""A chart as a picture to take away: PNG or SVG, drawn here, with no network and no browser."""

from typing import Any

import altair as alt

from barograph.charts.frame import Layers, locale

_WIDTH = 900
_SCALE = 2
_PAPER: dict[str, Any] = {
    "background": "#FFFFFF",
    "font": "sans-serif",
    "padding": 14,
    "title": {"anchor": "start", "fontSize": 17, "subtitleFontSize": 12, "subtitlePadding": 6, "offset": 12},
    "view": {"stroke": None},
    "axis": {"domainColor": "#B8C0C8", "gridColor": "#E6EAEE", "tickColor": "#B8C0C8", "labelFontSize": 12},
}
"""A picture leaves the page and its theme: it stands on white paper, with its own title."""
_LETTERS = 130
"""Letters of a subtitle that fit into the picture's width."""


def png(chart: alt.Chart | Layers, title: str = "", subtitle: str = "") -> bytes:
    """The chart 900 points wide, twice as many pixels; title over it, where one is given, and the wrapped subtitle."""
    import vl_convert

    return vl_convert.vegalite_to_png(_standing_alone(chart, title, subtitle), scale=_SCALE)


def svg(chart: alt.Chart | Layers, title: str = "", subtitle: str = "") -> str:
    """The same as `png`, as SVG."""
    import vl_convert

    return vl_convert.vegalite_to_svg(_standing_alone(chart, title, subtitle))


def _standing_alone(chart: alt.Chart | Layers, title: str, subtitle: str) -> dict[str, Any]:
    from textwrap import wrap

    spec = chart.to_dict()
    if spec.get("width") == "container":
        spec["width"] = _WIDTH
    if title:
        spec["title"] = {"text": title, "subtitle": wrap(subtitle, _LETTERS)}
    spec["config"] = spec.get("config", {}) | _PAPER | locale()
    spec.pop("padding", None)  # that of a page
    return spec
