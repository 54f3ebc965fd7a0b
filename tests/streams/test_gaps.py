"""What a stream missed flags the day, from where it landed to the snapshot, until it comes after all."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from barograph import publish, tables
from barograph.sources import Arrived, Missed
from barograph.store import Snapshot
from tests.conftest import Command
from tests.streams.landed import arrived, event, home_at, land

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST = datetime(2024, 3, 1)
LOST = FIRST + 7 * DAY


def hourly(start: datetime, end: datetime, missed: tuple[Missed, ...] = ()) -> Arrived:
    """A post an hour, each hour of the day by its own author, all of the time covered."""
    hours = [start + n * HOUR for n in range(int((end - start) / HOUR))]
    posts = [
        event("post", f"{at:%d-%H}", author=f"a{at.hour}", text="I am so happy" if (at.day + at.hour) % 5 == 0 else "a bus",
              created_at=f"{at + HOUR / 2:%Y-%m-%dT%H:%M:%SZ}")
        for at in hours
    ]  # fmt: skip
    return arrived(*posts, cursor="{}", covered=(start, end), missed=missed)


def test_a_missed_day_is_flagged_and_left_out_until_it_comes_after_all(barograph: Command, tmp_path: Path) -> None:
    place = home_at(tmp_path)
    (place.path / "barograph.toml").write_text('minimum_authors = 2\n[[source]]\nname = "sky"\nkind = "bluesky"\n')

    def read() -> Snapshot:
        done = barograph("run", "--home", place.path)
        assert done.returncode == 0, done.stderr
        path = publish.current(place.published)
        assert path is not None
        return Snapshot(path)

    gone = Missed(LOST + 6 * HOUR, LOST + DAY, "longer ago than the server keeps (CursorTooOld)")
    end = FIRST + 12 * DAY
    land(place, hourly(FIRST, LOST + 6 * HOUR), hourly(LOST + DAY, end, (gone,)))
    then = read()
    flags = then.read(tables.FLAGS).drop("issue")
    said = "about 75 % of the usual posts missed; sky 18.0 h"
    volume = "6 posts, usually 24"
    assert flags.rows() == [("all", LOST.date(), "gap", said, True), ("all", LOST.date(), "volume", volume, False)]
    assert then.read(tables.COVERAGE).filter(state="missed").select("starts_at", "ends_at", "reason").rows() == [
        (gone.starts_at, gone.ends_at, gone.reason)
    ]
    made = then.read(tables.FORECASTS)
    assert made.height > 0
    land(place, hourly(LOST + 6 * HOUR, LOST + DAY))
    now = read()
    assert now.read(tables.FLAGS)["reason"].to_list() == [None, None]
    assert now.read(tables.COVERAGE).select("state", "starts_at", "ends_at").rows() == [("covered", FIRST, end)]
    # The past knows what was known then, and forecasts are made again with the whole day.
    assert now.read(tables.FLAGS, as_of=made["issue"].max())["reason"].to_list() == [said, volume]
    again = now.read(tables.FORECASTS)
    assert again.filter(pl.col("issue") > made["issue"].max()).height == made.height
