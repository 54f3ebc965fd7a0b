"""What streams landed comes into the warehouse exactly once, in whatever order and however often it is told."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from barograph import landing, segments, tables
from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources import Reject
from barograph.store import Warehouse
from tests.conftest import Command
from tests.streams.landed import CLOCK, after, arrived, event, home_at, land, loaded, texts

_NUMBERS = count()


def test_a_landed_stream_becomes_a_series(barograph: Command, tmp_path: Path) -> None:
    place = home_at(tmp_path)
    (place.path / "barograph.toml").write_text('minimum_authors = 2\n[[source]]\nname = "sky"\nkind = "bluesky"\n')
    posts = [
        event("post", str(n), author=f"a{n}", text="I am so happy and joyful" if n % 4 == 0 else "the bus was late")
        for n in range(40)
    ]
    land(place, arrived(*posts[:20], cursor='{"seq": 1}'), arrived(*posts[20:], cursor='{"seq": 2}'))
    done = barograph("run", "--home", place.path)
    assert done.returncode == 0, done.stderr
    assert "kept        40 new" in done.stdout
    with Warehouse(place.warehouse) as warehouse:
        cells = warehouse.read(tables.SERIES).filter(
            pl.col("marker") == "joy", pl.col("unit") == "posts", pl.col("method") == "lexicon"
        )
    assert cells.select("population", "prevalence", "n_posts", "n_authors").rows() == [("all", 0.25, 40, 40)]
    # What was loaded is gone from where it landed; the cursor is not.
    [left] = landing.segments(place.landing / "sky")
    assert landing.read(left).rows.is_empty()
    assert landing.read(left).cursor == '{"seq": 2}'
    again = barograph("run", "--home", place.path)
    assert again.returncode == 0, again.stderr
    assert "kept        0 new, 0 duplicate, 0 conflicting" in again.stdout


class Told:
    """What a stream comes to, told one event at a time: the oracle."""

    def __init__(self) -> None:
        self.posts: dict[str, tuple[str, str]] = {}
        self.buried: set[str] = set()
        self.left: set[str] = set()

    def tell(self, op: str, name: str, author: str, text: str) -> None:
        """One event. A post's author is always the same, as in life."""
        if op in ("post", "update"):
            if name in self.buried or author in self.left:
                return
            if op == "update" and not text:
                self.posts.pop(name, None)
            elif text and (op == "update" or name not in self.posts):
                self.posts[name] = (author, text)
        elif op == "delete":
            self.posts.pop(name, None)
            self.buried.add(name)
        elif op == "leave":
            self.posts = {n: p for n, p in self.posts.items() if p[0] != author}
            self.left.add(author)
        else:
            self.left.discard(author)


def rows_of(events: Iterable[tuple[str, int, str]]) -> list[dict[str, object]]:
    """Rows of a stream: posts 0, 1 are by one author, 2, 3 by another."""
    return [
        event(op, str(n), author=f"author {n // 2}", text=text) if op in ("post", "update")
        else event(op, str(n)) if op == "delete" else event(op, author=f"author {n // 2}")
        for op, n, text in events
    ]  # fmt: skip


TELLS = st.tuples(
    st.sampled_from(["post", "post", "update", "delete", "leave", "return"]), st.integers(0, 3),
    st.sampled_from(["", "good day", "bad day"]),
)  # fmt: skip


@settings(max_examples=20, deadline=None, derandomize=True)
@example(tellings=[[("post", 0, "bad day"), ("update", 0, ""), ("post", 0, "good day")]], together=100, runs=False)
@example(tellings=[[("post", 0, "bad day")], [("update", 0, ""), ("post", 0, "good day"), ("post", 0, "bad day")]], together=1, runs=True)
@given(tellings=st.lists(st.lists(TELLS, max_size=8), max_size=4), together=st.sampled_from([1, 5, 100]), runs=st.booleans())
def test_however_events_are_cut_into_segments_they_come_to_the_same_as_told_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, tellings: list[list[tuple[str, int, str]]], together: int, runs: bool
) -> None:
    oracle, batches = Told(), []
    for segment in tellings:
        for op, n, text in segment:
            oracle.tell(op, str(n), f"author {n // 2}", text)
        batches.append(arrived(*rows_of(segment)))
    place = home_at(tmp_path_factory.mktemp(f"told{next(_NUMBERS)}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "ROWS", together)
        if runs:
            for batch in batches:
                land(place, batch)
                loaded(place)
        else:
            land(place, *batches)
        loaded(place)
    # A delete holds for its post's rows before it too, so what it is told of in one go may differ only in that.
    assert texts(place) == {name: text for name, (_, text) in oracle.posts.items()}
    with Warehouse(place.warehouse) as warehouse:
        hashes = set(warehouse.read(tables.TOMBSTONES)["id_hash"])
    keyed = Keyed(place.key)
    assert hashes == {keyed.hash(f"sky:{n}") for n in oracle.buried} | {
        keyed.hash(keyed.hash(f"sky:{a}")) for a in oracle.left
    }


def test_every_event_is_counted_once(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(event("post", "1"), event("post", "2"), event("post", "3", text=""), event("post", "1"),
                        event("post", "2", text="other"), event("delete"), event("leave"),
                        rejects=[Reject(9, "not JSON", b"{")], ignored={"likes": 3}, covered=(after(0), after(1))))  # fmt: skip
    run = loaded(place)
    told = {name: n for name, n in run.counts.items() if n}
    assert told == {"read": 8, "new": 2, "duplicate": 1, "conflicting": 1, "quarantined": 4}
    with Warehouse(place.warehouse) as warehouse:
        quarantine = warehouse.read(tables.QUARANTINE)
        coverage = warehouse.read(tables.COVERAGE)
        segment = warehouse.landed("sky")
    assert quarantine.select("source", "file").unique().rows() == [("sky", str(segment))]
    assert sorted(quarantine.select("line", "reason").rows()) == [
        (3, "text: empty"), (6, "delete: names no post"), (7, "leave: names no author"), (9, "not JSON"),
    ]  # fmt: skip
    assert coverage.rows() == [("sky", "covered", after(0), after(1), None, 11, 3)]


def test_what_was_loaded_when_a_run_was_killed_is_not_counted_again(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(event("post", "1"), covered=(after(0), after(1)), cursor="a"),
         arrived(event("post", "2"), covered=(after(1), after(2)), cursor="b"))  # fmt: skip
    kept = {path: path.read_bytes() for path in landing.segments(place.landing / "sky")}
    loaded(place)
    for path, data in kept.items():  # as if it had been killed after the transaction
        path.write_bytes(data)
    assert loaded(place).counts.get("read", 0) == 0
    assert [landing.read(path).rows.height for path in landing.segments(place.landing / "sky")] == [0]
    with Warehouse(place.warehouse) as warehouse:
        assert warehouse.read(tables.COVERAGE).rows() == [("sky", "covered", after(0), after(2), None, 2, 0)]


def test_a_landing_that_was_thrown_away_is_read_from_its_beginning(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(event("post", "1")), arrived(event("post", "2")), arrived(event("post", "3")))
    loaded(place)
    for path in (place.landing / "sky").iterdir():
        path.unlink()
    land(place, arrived(event("post", "4")))
    loaded(place)
    assert set(texts(place)) == {"1", "2", "3", "4"}


def test_posts_of_the_future_are_set_aside_and_a_clock_set_back_makes_none(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    soon = event("post", "1", created_at="2090-01-01T00:00:00Z")
    never = event("post", "2", created_at="2090-01-02T00:00:00Z")
    new_year = (CLOCK.replace(year=2090, month=1), CLOCK.replace(year=2090, month=1, hour=1))
    land(place, arrived(soon, never, covered=new_year))  # the source's clock says 2090, ours says long before
    run = loaded(place)
    assert set(texts(place)) == {"1"}
    assert run.reasons == {"created_at: in the future": 1}
    land(place, arrived(event("post", "3", created_at="2090-01-01T00:00:00Z")))  # it does not say what time it is
    loaded(place)
    assert set(texts(place)) == {"1"}


def test_a_backdated_post_is_set_aside_and_a_late_one_is_not(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    told = (after(0), after(1))
    times = {"late": after(-24 * 89), "old": after(-24 * 91), "ancient": after(-24 * 3650)}
    rows = [event("post", name, created_at=f"{time}Z") for name, time in times.items()]
    land(place, arrived(*rows, event("update", "old", created_at=f"{times['old']}Z", text="edited"), covered=told))
    run = loaded(place)
    # An edit of a post that is not here brings none in, as every line would begin then.
    assert run.reasons == {"created_at: older than retention_days when it was told": 3}
    assert texts(place) == {"late": "post late"}
    much_later = (after(24 * 95), after(24 * 96))
    land(place, arrived(event("update", "late", created_at=f"{times['late']}Z", text="edited"), covered=much_later))
    assert not loaded(place).reasons
    assert texts(place) == {"late": "edited"}
    archive = Source(name="dump", kind="folder", path=(str(tmp_path),))  # what others kept may be of any age
    land(place, arrived(*rows, covered=told), source=archive)
    loaded(place, archive)
    assert set(texts(place)) == {"late", "old", "ancient"}


def test_deleted_posts_stay_out_of_files_too(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    path = tmp_path / "posts.jsonl"
    pl.DataFrame([event("post", "1"), event("post", "2", parent_id="1")]).drop("op").write_ndjson(path)
    with Warehouse(place.warehouse) as warehouse, warehouse._transaction():
        warehouse._bury(f"SELECT '{Keyed(place.key).hash('sky:1')}' AS id_hash", CLOCK)
    files = Source(name="sky", path=(str(path),))
    run = loaded(place, files)
    assert run.counts["kept_out"] == 1
    with Warehouse(place.warehouse) as warehouse:
        assert warehouse.read(tables.POSTS).select("post_id", "parent_id").rows() == [("sky:2", None)]
