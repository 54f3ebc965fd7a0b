"""A line so small that it stands beside a number: frames of a board → SVG, drawn without a script."""

from base64 import b64encode
from collections.abc import Sequence

from barograph.charts import FORECAST, OBSERVED

_WIDTH, _HEIGHT, _MARGIN = 120.0, 28.0, 2.0


def sparkline(
    values: Sequence[float | None], lows: Sequence[float | None], highs: Sequence[float | None],
    ahead: Sequence[float | None],
) -> str:  # fmt: skip
    """An SVG of days in a row as an address of an image (`data:`), which a page may show where it may show no SVG.

    Values with their 95 % intervals, broken where there is none, and medians ahead, dashed; from 0 to the highest.
    """
    every = [v for v in (*values, *lows, *highs, *ahead) if v is not None]
    n, top = len(values) + len(ahead), max(every, default=0.0) or 1.0

    def at(place: int, value: float) -> str:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * place / max(n - 1, 1)
        y = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * value / top
        return f"{x:.1f},{y:.1f}"

    bands, lines = [], []
    for run in _runs(values):
        upper = [at(k, highs[k] or 0) for k in run if highs[k] is not None]
        lower = [at(k, lows[k] or 0) for k in reversed(run) if lows[k] is not None]
        bands.append(f"<polygon points='{' '.join((*upper, *lower))}' fill='{OBSERVED}' opacity='.22'/>")
        lines.append(_line([at(k, values[k] or 0) for k in run], OBSERVED))
    expected = [at(len(values) + k, value) for k, value in enumerate(ahead) if value is not None]
    dashed = _line(expected, FORECAST, "stroke-dasharray='3 2'") if expected else ""
    size = f"viewBox='0 0 {_WIDTH:g} {_HEIGHT:g}' width='{_WIDTH:g}' height='{_HEIGHT:g}' preserveAspectRatio='none'"
    drawn = f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{''.join(bands)}{''.join(lines)}{dashed}</svg>"
    return f"data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()}"


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """Places of days in a row that have a value."""
    found: list[list[int]] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        if found and found[-1][-1] == place - 1:
            found[-1].append(place)
        else:
            found.append([place])
    return found


def _line(points: Sequence[str], colour: str, also: str = "") -> str:
    if len(points) == 1:  # a day alone has no length
        x, y = points[0].split(",")
        return f"<circle cx='{x}' cy='{y}' r='1.4' fill='{colour}'/>"
    return f"<polyline points='{' '.join(points)}' fill='none' stroke='{colour}' stroke-width='1.4' {also}/>"
