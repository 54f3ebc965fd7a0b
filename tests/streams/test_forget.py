"""After `forget` no byte of the home holds a post's text, its id, its author or the author's key; nor does it come back."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from barograph import tables
from barograph.errors import InputError
from barograph.home import Home
from barograph.landing import Landing
from barograph.privacy import Keyed
from barograph.settings import Marker, Settings
from barograph.store import Warehouse, compact
from flows.forgetting import forget
from flows.progress import Reporter
from flows.reading import Reading
from flows.stages import Run, score
from tests.conftest import Command
from tests.streams.landed import CLOCK, NOON, arrived, event, home_at, land, loaded, texts

GONE, STAYS = "did:plc:gonegonegone", "did:plc:staysstays"
ID, OTHER, REPLY = (f"at://{who}/app.bsky.feed.post/{key}" for who, key in
                    ((GONE, "3gonepost1"), (GONE, "3gonepost2"), (STAYS, "3reply")))  # fmt: skip
SAID = "the violet heron sang of joy beneath quiet turbines"
ALSO = "another sentence of hers about marmalade scaffolds"
QUOTED = "it says that a violet heron sang"


def every_byte(home: Path) -> Iterator[tuple[str, bytes]]:
    """Each file of a home as it lies there; of those that are packed also what is in them."""
    for path in sorted(home.rglob("*")):
        if not path.is_file():
            continue
        yield path.name, path.read_bytes()
        if path.suffix == ".parquet":
            rows = io.BytesIO()
            pl.read_parquet(path).write_ndjson(rows)
            yield path.name, rows.getvalue()
        elif path.suffix == ".duckdb":
            with duckdb.connect(path, read_only=True) as con:
                for (table,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    yield f"{path.name}:{table}", json.dumps(con.execute(f"FROM {table}").fetchall(), default=str).encode()


def holding(home: Path, *words: str) -> set[str]:
    """The files that hold any of these."""
    return {name for name, data in every_byte(home) for word in words if word.encode() in data}


def annotation(post_id: str, text_hash: str, task: str = "emotions") -> dict[str, object]:
    """A row of `annotations`, with an explanation that quotes."""
    return {
        "post_id": post_id, "task": task, "label": "{}", "cues": "[]", "explanation": QUOTED, "annotator": "a", "model": "m",
        "prompt_version": "v", "text_hash": text_hash, "status": "ok", "inclusion_probability": 1.0, "tokens_in": 1,
        "tokens_out": 1, "cost": 0.0, "annotated_at": NOON, "reason": None, "failures": None,
    }  # fmt: skip


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Home:
    """A copy of it."""
    return Home(shutil.copytree(made, tmp_path / "home"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where one person is everywhere: posts, scores, answers taken in and landed, audits, replies, landing."""
    place = home_at(tmp_path_factory.mktemp("made"))
    others = [event("post", f"at://{STAYS}/app.bsky.feed.post/{n}", author=STAYS, text=f"quiet words {n}") for n in range(50)]
    land(place, arrived(event("post", ID, author=GONE, text=SAID),
                        event("post", REPLY, author=STAYS, parent_id=ID, text="a reply that stays"), *others))  # fmt: skip
    loaded(place)
    keyed = Keyed(place.key)
    with Warehouse(place.warehouse) as warehouse:
        run = Run(place, Settings(), (), Reporter(silent=True), clock=CLOCK)
        run.reading = Reading((Marker(name="joy", lexicons=("joy_en",)),))
        score.fn(run, warehouse)
        assert "sky:" + ID in warehouse.read(tables.SCORES)["post_id"]
        both = keyed.hash("both texts", 8)
        rows = [annotation(f"sky:{ID}", keyed.hash(SAID, 8)), annotation(f"sky:{REPLY}", both, "agreement:t"),
                {**annotation(f"sky:{REPLY}", keyed.hash("a reply that stays", 8)), "explanation": "of the reply alone"}]  # fmt: skip
        warehouse.keep_labels(pl.DataFrame(rows, schema=tables.ANNOTATIONS.schema))
        audit = {"post_id": f"sky:{ID}", "task": "emotions", "rater": "r", "label": "{}", "inclusion_probability": 1.0,
                 "imported_at": NOON}  # fmt: skip
        warehouse.keep_audits(pl.DataFrame([audit], schema=tables.AUDITS.schema))
    place.annotations.mkdir()
    (place.annotations / "000001.jsonl").write_text(json.dumps(annotation(f"sky:{ID}", "h", "stance:t"), default=str) + "\n")
    land(place, arrived(event("post", OTHER, author=GONE, text=ALSO), event("update", ID, author=GONE, text=SAID + "!"),
                        event("post", f"at://{STAYS}/app.bsky.feed.post/late", author=STAYS, parent_id=OTHER, text="late")),
         arrived(event("delete", OTHER), event("leave", author=GONE), cursor="{}"))  # fmt: skip
    return place.path


def test_nothing_of_an_author_is_in_any_byte_of_the_home(barograph: Command, home: Home) -> None:
    key = Keyed(home.key).hash(f"sky:{GONE}")
    traces = (SAID, ALSO, QUOTED, ID, OTHER, GONE, key)
    before = holding(home.path, *traces)
    assert {"warehouse.duckdb", "000001.jsonl", *(f"warehouse.duckdb:{t}" for t in ("posts", "scores", "annotations", "audits"))} <= before
    assert sum(name.endswith(".parquet") for name in before) == 2
    done = barograph("forget", "--author", GONE, "--home", home.path)
    assert done.returncode == 0, done.stderr
    assert "forgotten: 1 post in the warehouse, rows of 2 landed segments" in done.stdout
    assert holding(home.path, *traces) == set()
    assert GONE not in done.stdout + done.stderr
    # Others are all there, and what was read in them alone.
    loaded(home)
    assert len(texts(home)) == 52
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.read(tables.ANNOTATIONS)["explanation"].to_list() == ["of the reply alone"]
        assert warehouse.read(tables.POSTS)["parent_id"].null_count() == 52


def test_what_is_told_again_of_the_forgotten_stays_out(barograph: Command, home: Home) -> None:
    assert barograph("forget", "--author", GONE, "--home", home.path).returncode == 0
    land(home, arrived(event("return", author=GONE), event("post", ID, author=GONE, text=SAID),
                       event("post", "at://x/new", author=GONE, text=ALSO),
                       event("post", "at://y/reply", author=STAYS, parent_id=ID, text="late reply")))  # fmt: skip
    run = loaded(home)
    assert run.counts["kept_out"] == 2
    compact(home.warehouse)
    assert holding(home.path, SAID, ALSO, ID, Keyed(home.key).hash(f"sky:{GONE}")) == set()


def test_one_post_is_forgotten_and_the_others_of_its_author_stay(barograph: Command, home: Home) -> None:
    done = barograph("forget", "--post", ID, "--source", "sky", "--home", home.path)
    assert done.returncode == 0, done.stderr
    assert holding(home.path, SAID, QUOTED, ID) == set()
    assert holding(home.path, ALSO) != set()


def test_a_deleted_post_is_in_free_blocks_until_compaction(home: Home) -> None:
    land(home, arrived(event("delete", ID)))
    loaded(home)
    with duckdb.connect(home.warehouse, read_only=True) as con:
        assert con.execute("SELECT count(*) FROM posts WHERE post_id = ?", [f"sky:{ID}"]).fetchone() == (0,)
    assert holding(home.path, SAID) == {"warehouse.duckdb"}
    before = {t.name: rows_of(home, t) for t in tables.ALL}
    compact(home.warehouse)
    assert holding(home.path, SAID) == set()
    assert {t.name: rows_of(home, t) for t in tables.ALL} == before
    assert not list(home.path.glob("warehouse.compact*"))


def rows_of(home: Home, table: tables.Table) -> list[tuple[object, ...]]:
    """All rows of a table, in an order that is always the same."""
    with Warehouse(home.warehouse) as warehouse:
        return sorted(warehouse.read(table).rows(), key=repr)


def test_an_empty_half_copy_and_a_killed_writers_part_go_too(barograph: Command, home: Home) -> None:
    left = [home.path / "warehouse.compact", home.landing / "sky" / "0000000009.part", home.landing / "sky" / "0000000009.rewritten"]
    for path in left:
        path.write_text(SAID)
    (spilled := home.path / "warehouse.duckdb.tmp").mkdir()
    (spilled / "block").write_text(SAID)
    assert barograph("forget", "--author", GONE, "--home", home.path).returncode == 0
    assert holding(home.path, SAID) == set()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "got neither"), (("--author", "a", "--post", "b"), "got both"), (("--author", " "), "got an empty name"),
        (("--author", "a", "--source", "nowhere"), "--source: got 'nowhere'; expected one that was read: sky"),
    ],
)  # fmt: skip
def test_what_cannot_be_forgotten_is_said(barograph: Command, home: Home, given: tuple[str, ...], said: str) -> None:
    done = barograph("forget", *given, "--home", home.path)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_name_may_come_on_standard_input(barograph: Command, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GONE}\n"))
    assert barograph("forget", "--author", "-", "--home", home.path).returncode == 0
    assert holding(home.path, SAID, GONE) == set()


def test_an_empty_home_is_said(barograph: Command, tmp_path: Path) -> None:
    done = barograph("forget", "--author", "a", "--home", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nothing there yet" in done.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("key", [None, bytes(32)])
def test_without_the_key_of_the_home_nobody_is_forgotten_and_none_is_made(
    barograph: Command, home: Home, key: bytes | None
) -> None:
    home.key.unlink()
    if key:
        home.key.write_bytes(key)
    done = barograph("forget", "--author", GONE, "--home", home.path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "restore the file from a backup" in done.stderr
    assert home.key.exists() == bool(key)
    with pytest.raises(InputError, match="restore the file from a backup"):
        loaded(home)
    assert home.key.exists() == bool(key)
    with Warehouse(home.warehouse) as warehouse:
        assert not warehouse.has_tombstones()


@pytest.mark.parametrize(("option", "name"), [("--author", f"@{GONE}"), ("--post", "3gonepost1")])
def test_that_nothing_was_found_is_said_and_it_is_kept_out(barograph: Command, home: Home, option: str, name: str) -> None:
    done = barograph("forget", option, name, "--home", home.path)
    assert (done.returncode, done.stdout) == (2, "")
    what = "an author" if option == "--author" else "a post"
    assert f"nothing found: got {what} that is not in sky; expected the" in done.stderr
    assert "A tombstone is kept all the same" in done.stderr
    assert name not in done.stderr
    assert len(texts(home)) == 52
    again = barograph("forget", option, name, "--home", home.path)
    assert again.returncode == 2
    assert "not in sky any more, it was asked for before" in again.stderr
    author, post = (name, "new") if option == "--author" else (STAYS, name)
    land(home, arrived(event("post", post, author=author)))
    assert loaded(home).counts["kept_out"] >= 1
    assert post not in texts(home)


def test_an_author_who_is_only_replied_to_is_found(barograph: Command, tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(event("post", "reply", author=STAYS, parent_id=ID)))
    loaded(place)
    done = barograph("forget", "--author", GONE, "--home", place.path)
    assert done.returncode == 0, done.stderr
    assert holding(place.path, GONE) == set()


def test_what_lands_meanwhile_is_taken_out_too_and_what_lands_later_goes_with_the_load(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(home)
    late = "at://x/app.bsky.feed.post/3gonelate"
    real = Warehouse.forget

    with Landing(home.landing / "sky", Keyed(home.key), seconds=3600) as writer:

        def beside(warehouse: Warehouse, *given: Any) -> tuple[int, int]:
            """The stream goes on between what is listed and what is committed."""
            done = real(warehouse, *given)
            writer.flush()
            return done

        monkeypatch.setattr(Warehouse, "forget", beside)
        writer.keep(arrived(event("post", late, author=GONE, text=ALSO), event("post", "stays", author=STAYS, parent_id=late)))
        forget(home, GONE, None, whole=True)
        assert holding(home.path, SAID, ALSO, late, GONE) == set()
        writer.keep(arrived(event("post", late, author=GONE, text=ALSO)))
        writer.flush()
    assert holding(home.path, ALSO) != set()
    loaded(home)
    assert holding(home.path, ALSO, late, GONE) == set()
    assert "stays" in texts(home)
