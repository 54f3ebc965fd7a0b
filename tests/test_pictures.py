"""Charts as pictures: whole, titled, in the reader's language, and drawn without a network."""

from io import BytesIO
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from barograph import charts, pictures, tables
from barograph.language import Reader, speaking
from tests.dashboard import frames

CHARTS = {
    "timeline": lambda: charts.timeline(
        frames.series(), frames.forecasts(), frames.high_days(3), frames.events(("exam week", "*", frames.LAST, frames.LAST))
    ),
    "counts": lambda: charts.counts(frames.series(), tables.FORECASTS.empty(), "authors"),
    "shift": lambda: charts.shift(frames.shifts()),
}


def words(svg: str) -> str:
    return " ".join(ET.fromstring(svg).itertext())


@pytest.mark.parametrize("name", CHARTS)
def test_a_picture_has_its_title_what_it_says_and_twice_the_pixels(name: str) -> None:
    svg = pictures.svg(CHARTS[name](), "Fear in all", "What is seen, in a sentence.")
    assert "Fear in all" in words(svg)
    assert "What is seen, in a sentence." in words(svg)
    drawn = Image.open(BytesIO(pictures.png(CHARTS[name](), "Fear in all", "What is seen.")))
    assert drawn.width >= 1800
    assert len(drawn.convert("RGB").getcolors(1 << 24) or []) > 5


def test_a_long_subtitle_is_wrapped_within_the_picture() -> None:
    svg = pictures.svg(CHARTS["counts"](), "Fear", "a long sentence " * 30)
    assert float(ET.fromstring(svg).attrib["width"]) < 1000


def test_months_are_named_as_the_reader_names_them() -> None:
    with speaking(Reader("es", ZoneInfo("UTC"))):
        assert "ene" in words(pictures.svg(charts.timeline(
            frames.series(90), frames.forecasts(), frames.high_days(), frames.events(),
        ), "x", "y"))  # fmt: skip
