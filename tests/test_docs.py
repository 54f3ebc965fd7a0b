"""Pages that cannot drift: generated ones are current, commands run, links lead somewhere, the config is the defaults."""

import re
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from barograph import settings
from barograph.sources.simulated import Simulation
from tests.conftest import ROOT, Command

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def test_generated_pages_say_what_the_code_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_that_a_help_names_has_its_own_on_the_page() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    sections = dict(re.findall(r"## `(barograph[^`]*)`\n\n```\n(.*?)```", page, re.DOTALL))
    named = {
        f"{name} {word}"
        for name, text in sections.items()
        for panel in re.findall(r"╭─ Commands.*?╰", text, re.DOTALL)
        for word in re.findall(r"(?m)^│ ([a-z]+) ", panel)
    }
    assert {"barograph annotate", "barograph tune", "barograph audit export", "barograph audit import"} <= named
    assert named == set(sections) - {"barograph"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_shipped_config_is_the_defaults_and_its_examples_are_valid(tmp_path: Path) -> None:
    shipped = ROOT / "barograph.toml"
    assert settings.load(shipped) == settings.Settings()
    example = tmp_path / "barograph.toml"
    example.write_text(re.sub(r"(?m)^#: ", "", shipped.read_text()))
    loaded = settings.load(example)
    given = {name for name in settings.Settings.model_fields if getattr(loaded, name)}
    assert given == set(settings.Settings.model_fields)


def test_make_targets_named_in_the_pages_exist() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):.*## ", (ROOT / "Makefile").read_text()))
    named = {word for page in PAGES for block in blocks(page, "sh") for word in re.findall(r"(?m)^make ([a-z]+)", block)}
    assert {"run", "test", "setup", "check", "bench"} <= named | {"run"} <= targets


def test_the_commands_of_the_readme_run(barograph: Command, tmp_path: Path) -> None:
    folder = tmp_path / "cwd"
    (folder / "posts").mkdir()
    Simulation(start=date(2024, 1, 1), posts_per_day=40).posts(date(2024, 1, 1), date(2024, 1, 9)).write_parquet(
        folder / "posts" / "posts.parquet"
    )
    commands = [
        shlex.split(line, comments=True)[1:]
        for block in blocks(ROOT / "README.md", "sh")
        for line in block.splitlines()
        if line.startswith(".venv/bin/barograph")
    ]
    assert [command[0] for command in commands] == ["run", "status", "up", "report", "chart", "dashboard"]
    for command in commands:
        if command[0] in ("up", "dashboard"):  # which end with Ctrl-C, and have tests of their own
            continue
        done = barograph(*command)
        assert done.returncode == 0, done.stderr
    for snippet in blocks(ROOT / "docs" / "operations.md", "python"):
        code = snippet.replace('"barograph-home"', '"my-home"').rstrip() + ".show()"
        shown = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
        )
        assert shown.returncode == 0, shown.stderr
        assert "9 rows" in shown.stdout
