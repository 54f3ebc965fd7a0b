"""`barograph report` and `barograph chart`: files from the command line, and what is said where there are none."""

from pathlib import Path

import pytest

from barograph import tables
from tests.conftest import Command
from tests.dashboard import frames


@pytest.fixture
def home(tmp_path: Path) -> Path:
    frames.snapshot(tmp_path / "home", {tables.SERIES: frames.series(), tables.FORECASTS: frames.forecasts()})
    return tmp_path / "home"


def test_a_report_is_one_file(barograph: Command, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = barograph("report", "--home", home, "--population", "all", "--from", "2026-03-01", "--to", "2026-03-31", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "all, 1\xa0Mar – 31\xa0Mar 2026" in out.read_text()
    assert done.stdout.startswith(f"{out}: ")


@pytest.mark.parametrize(("name", "begins"), [("t.png", b"\x89PNG"), ("t.svg", b"<svg")])
def test_a_chart_is_a_picture(barograph: Command, home: Path, tmp_path: Path, name: str, begins: bytes) -> None:
    out = tmp_path / name
    done = barograph("chart", "timeline", "--home", home, "--population", "all", "--marker", "dimension:anxiety", "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--marker", "dimension:anxiety", "--out", "x.pdf"), "--out x.pdf: got a file that ends in '.pdf'; expected .png or .svg"),
        (("--marker", "joy", "--out", "x.png"), "marker: got 'joy', which is not published here; there is dimension:anxiety"),
        (("--marker", "dimension:anxiety", "--out", "no/such/folder/x.png"), "cannot be written"),
    ],
)
def test_a_wrong_asking_is_refused_with_what_would_be_right(barograph: Command, home: Path, arguments: tuple[str, ...], said: str) -> None:
    done = barograph("chart", "timeline", "--home", home, "--population", "all", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_before_the_first_run_it_says_so(barograph: Command, tmp_path: Path) -> None:
    done = barograph("report", "--home", tmp_path, "--population", "all", "--out", tmp_path / "r.html")
    assert done.returncode == 2
    assert "nothing is published" in done.stderr


def test_a_chart_of_many_lines_is_a_picture_too(barograph: Command, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "heat.svg"
    done = barograph("chart", "heatmap", "--home", home, "--population", "all", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "Markers in all" in out.read_text()
