"""`barograph report` and `barograph chart`: what the page shows, as files to hand on."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from barograph.errors import InputError
from barograph.home import Home
from barograph.store import Snapshot
from flows.options import DEFAULT_HOME, HomeOption

if TYPE_CHECKING:
    from barograph.language import Reader

Population = Annotated[str, Parameter(help="Name of a population.")]
Chart = Literal[
    "timeline",
    "counts",
    "why",
    "parts",
    "cues",
    "heatmap",
    "months",
    "together",
    "events",
    "polarization",
    "classes",
    "skill",
    "coverage",
    "reliability",
    "makers",
    "volumes",
]
Unit = Annotated[Literal["authors", "posts", "interactions"], Parameter(help="What is counted.")]
Method = Annotated[
    Literal["lexicon", "calibrated", "annotator", "corrected"] | None,
    Parameter(help="How a post is read; default the one that the page shows."),
]
First = Annotated[date | None, Parameter("--from", help="First day; default that of the line.")]
Last = Annotated[date | None, Parameter("--to", help="Last day; default the last one forecast.")]
Language = Annotated[Literal["en", "es"], Parameter(help="Language of what is written.")]
Zone = Annotated[str, Parameter(help="Time zone of times, e.g. Europe/Madrid; UTC stands beside.")]


def report(
    *,
    population: Population,
    out: Annotated[Path, Parameter(help="The HTML file that is written.")],
    first: First = None,
    last: Last = None,
    marker: Annotated[
        tuple[str, ...], Parameter(help="One or several; default the dimensions, without any all markers.", negative="")
    ] = (),
    unit: Unit = "authors",
    method: Method = None,
    language: Language = "en",
    zone: Zone = "UTC",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write what is published of a population over some days as one HTML file that needs nothing else."""
    from barograph import report as reporting
    from barograph.figure import Asked
    from barograph.language import speaking

    snapshot = _newest(home)
    with speaking(_reader(language, zone)):
        html = reporting.report(snapshot, Asked(population, "", unit, method, first, last), marker)
    _write(out, html.encode())


def chart(
    name: Annotated[Chart, Parameter(help="Which chart.")],
    *,
    out: Annotated[Path, Parameter(help="The file that is written, .png or .svg.")],
    population: Annotated[str, Parameter(help="A population; `*`: each, where a chart shows many.")] = "*",
    marker: Annotated[str, Parameter(help="A marker, or dimension:NAME.")] = "",
    topic: Annotated[str | None, Parameter(help="A topic, for polarization and classes.")] = None,
    source: Annotated[str | None, Parameter(help="A source, for volumes.")] = None,
    unit: Unit = "authors",
    method: Method = None,
    first: First = None,
    last: Last = None,
    language: Language = "en",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Draw one chart of the page as a picture."""
    from barograph import gallery, pictures
    from barograph.figure import Asked
    from barograph.language import speaking

    if out.suffix not in (".png", ".svg"):
        raise InputError(f"--out {out}: got a file that ends in {out.suffix!r}; expected .png or .svg")
    asked = Asked(population, marker, unit, method, first, last, topic, source)
    with speaking(_reader(language, "UTC")):
        figure = gallery.draw(name, _newest(home), asked)
        if out.suffix == ".png":
            drawn = pictures.png(figure.chart, figure.title, figure.said)
        else:
            drawn = pictures.svg(figure.chart, figure.title, figure.said).encode()
    _write(out, drawn)


def _newest(home: Path) -> Snapshot:
    from barograph.publish import newest

    if (snapshot := newest(Home(home).published)) is None:
        raise InputError(f"nothing is published in {home}: `barograph run` publishes a snapshot")
    return snapshot


def _reader(language: str, zone: str) -> "Reader":
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from barograph.language import Reader

    try:
        return Reader(language, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        raise InputError(f"--zone: got {zone!r}; expected a name such as Europe/Madrid") from None


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written: {error.strerror}") from None
    print(f"{out}: {len(content) / 1e6:.1f} MB")
