"""What landed for a source that is read no more: it is named, and its texts are not kept beyond their retention."""

from datetime import timedelta
from pathlib import Path

import pytest

from barograph import landing
from barograph.clock import utc_now
from barograph.home import Home
from flows import parts, unread
from tests.conftest import Command
from tests.streams.landed import after, arrived, event, home_at, land


@pytest.fixture
def place(tmp_path: Path) -> Home:
    """A home whose config has another source; old posts and a new one landed for one that is no more."""
    made = home_at(tmp_path)
    (made.path / "barograph.toml").write_text('[[source]]\nname = "pipe"\nkind = "stdin"\n')
    now = utc_now()
    land(
        made,
        arrived(event("post", "old"), event("post", "young", created_at=f"{now - timedelta(days=1)}Z"), event("delete", "x")),
        arrived(event("update", "timeless", created_at="once"), event("leave", author="ann"), cursor="last"),
        arrived(event("post", "early", created_at="2999-01-01"), event("post", "ever", created_at="once"),
                covered=(after(0), after(1))),
        arrived(event("post", "ahead", created_at="once"), covered=(now - timedelta(hours=1), now)),
    )  # fmt: skip
    return made


def left(place: Home) -> list[str]:
    """What the rows are that still wait, by their id or op."""
    return [
        row["id"] or row["op"]
        for segment in landing.pending(place.landing / "sky", 0) for row in segment.rows.to_dicts()
    ]  # fmt: skip


def test_posts_that_nobody_reads_go_when_their_retention_is_over(place: Home) -> None:
    before = [segment.cursor for segment in landing.pending(place.landing / "sky", 0)]
    assert unread.drop(place, {"sky"}, utc_now()) == 0
    told = parts.retention(str(place.path), str(place.path / "barograph.toml"), None)
    assert told.startswith("4 texts dropped")
    assert left(place) == ["young", "x", "leave", "ahead"]
    assert [segment.cursor for segment in landing.pending(place.landing / "sky", 0)] == before


def test_the_folder_is_named_with_what_to_do(barograph: Command, place: Home) -> None:
    done = barograph("status", "--home", place.path)
    assert done.returncode == 0
    assert "landing     sky: no source of the config reads it" in done.stdout
    assert f"put the source back into barograph.toml, or remove {place.landing / 'sky'}" in done.stdout
    config = place.path / "barograph.toml"
    config.write_text('[[source]]\nname = "sky"\nkind = "bluesky"\n')
    assert "landing" not in barograph("status", "--home", place.path).stdout


def test_a_source_that_runs_are_given_beside_the_config_is_read(place: Home) -> None:
    from barograph.settings import Settings

    now = utc_now()
    rows = [{"source": "sky", "updated_at": now - timedelta(days=1)}, {"source": "pipe", "updated_at": now}]
    assert unread.named(place, Settings(), rows) == []
    rows[0]["updated_at"] = now - timedelta(days=3)
    assert unread.named(place, Settings(), rows) == ["sky"]
