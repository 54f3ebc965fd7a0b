"""The rules of the house: who may import whom, what has one home, what every module owes its reader."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("barograph", "dashboard", "flows", "forecasting", "lexicons")
MAY_IMPORT = {
    "flows": {"barograph", "forecasting", "lexicons"},
    "dashboard": {"barograph", "forecasting", "lexicons"},
    "lexicons": {"barograph.tables", "barograph.errors"},
    "forecasting": {"barograph.tables", "barograph.errors"},
    "barograph": {"barograph"},
}
STAGES = {"ingest", "annotate", "polarization", "aggregate", "detect", "alerts", "explain", "notify"}
ONE_HOME = {
    "prefect": ("flows",),
    "streamlit": ("dashboard",),
    "torch": ("forecasting", "barograph.annotate"),
    "duckdb": ("barograph.store",),
    "httpx": ("barograph.sources", "barograph.annotate", "barograph.notify"),
    "httpcore": ("barograph.notify",),
    "openai": ("barograph.annotate",),
    "websockets": ("barograph.sources",),
    "mastodon": ("barograph.sources",),
    "praw": ("barograph.sources",),
    "prawcore": ("barograph.sources",),
    "requests": ("barograph.sources",),
    "urllib3": ("barograph.sources",),
    "smtplib": ("barograph.notify",),
}
SQL = ("SELECT ", "WITH ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "ATTACH ", "COPY ", "DROP ", "PRAGMA ")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
every_module = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


def name_of(path: Path) -> str:
    """barograph/ingest.py → barograph.ingest"""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file may mean, wherever in it: `from a import b` means a and a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, homes: tuple[str, ...] | set[str]) -> bool:
    """Whether a dotted name is one of `homes` or inside one."""
    return any(name == home or name.startswith(f"{home}.") for home in homes)


def undocumented(node: ast.Module | ast.ClassDef | ast.FunctionDef, name: str) -> Iterator[str]:
    """A module's or class's own name, and those of its public members, that have no docstring."""
    if not ast.get_docstring(node):
        yield name
    members = node.body if not isinstance(node, ast.FunctionDef) else []
    for member in members:
        if isinstance(member, ast.FunctionDef | ast.ClassDef) and not member.name.startswith("_"):
            yield from undocumented(member, f"{name}.{member.name}")


def test_the_rooms_are_all_there() -> None:
    assert {name_of(path).split(".")[0] for path in FILES} == set(ROOMS)
    assert {"barograph.ingest", "barograph.aggregate", "barograph.detect"} <= {name_of(path) for path in FILES}


@every_module
def test_a_room_imports_only_the_rooms_it_may(path: Path) -> None:
    room = name_of(path).split(".")[0]
    ours = {name for name in imports(path) if within(name, set(ROOMS) | {"tests"})}
    assert {name for name in ours if not within(name, MAY_IMPORT[room] | {room})} == set()


@every_module
def test_a_stage_imports_no_other_stage(path: Path) -> None:
    stage = next((s for s in STAGES if within(name_of(path), (f"barograph.{s}",))), None)
    if stage:
        others = {f"barograph.{other}" for other in STAGES - {stage}}
        assert {name for name in imports(path) if within(name, others)} == set()


@every_module
def test_a_package_with_one_home_is_imported_nowhere_else(path: Path) -> None:
    foreign = {package for package, homes in ONE_HOME.items() if not within(name_of(path), homes)}
    assert [name for name in imports(path) if within(name, foreign)] == []


@every_module
def test_sql_is_written_only_in_the_store(path: Path) -> None:
    constants = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    queries = [text for text in constants if isinstance(text, str) and text.lstrip().startswith(SQL)]
    assert not queries or within(name_of(path), ("barograph.store",)), queries


@every_module
def test_a_module_stays_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500


@every_module
def test_everything_public_says_what_it_is(path: Path) -> None:
    assert list(undocumented(ast.parse(path.read_text()), name_of(path))) == []
