"""Rules that watch for aberrations and surprises, as the command line takes them, and a campaign that is none."""

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from barograph import publish, tables
from barograph.store import Snapshot
from tests.conftest import Command

CONFIG = """minimum_authors = 5
[[rule]]
name = "unusual"
when = "aberration"
percentile = 70   # forty days are a short history: what stands on them is seldom sure
markers = ["anxiety"]
unit = "posts"
populations = ["all"]
[[rule]]
name = "unforeseen"
when = "surprise"
markers = ["anxiety"]
unit = "posts"
populations = ["all"]
"""
DAYS, AUTHORS = 50, 40


def written(path: Path, campaign: bool) -> Path:
    """Calm days; on the last but one twenty more of the forty authors worry, in their own words or all in the same."""
    with path.open("w") as file:
        for day in range(DAYS):
            for author in range(AUTHORS):
                calm = (author * 7 + day * 3) % AUTHORS < 4 + day % 3
                many = day == DAYS - 2 and author < 20
                word = "".join(chr(97 + (author + k * day) % 26) for k in range(6))
                text = f"I had a panic attack today near the {word} and went home" if calm or (many and not campaign) else (
                    "Everyone has a panic attack about the new law, sign here" if many else "The bus was on time today"
                )  # fmt: skip
                file.write(json.dumps({
                    "id": f"{day}-{author}", "author": f"person {author}", "lang": "en", "text": text,
                    "created_at": f"{date(2024, 3, 1) + timedelta(days=day)}T{author % 24:02d}:10:00Z",
                }) + "\n")  # fmt: skip
    return path


def found(barograph: Command, folder: Path, campaign: bool) -> pl.DataFrame:
    """The exceedances of both rules on the last but one day."""
    folder.mkdir()
    config = folder / "barograph.toml"
    config.write_text(CONFIG)
    done = barograph("run", written(folder / "p.jsonl", campaign), "--home", folder / "home", "--config", config)
    assert done.returncode == 0, done.stderr
    path = publish.current(folder / "home" / "published")
    assert path is not None
    rows = Snapshot(path).read(tables.EXCEEDANCES)
    return rows.filter(pl.col("target") == date(2024, 3, 1) + timedelta(days=DAYS - 2), pl.col("detector") == "unusual")


def test_a_rise_is_found_and_a_campaign_is_suspect(barograph: Command, tmp_path: Path) -> None:
    rise = found(barograph, tmp_path / "rise", False)
    assert rise["kind"].to_list() == ["aberration"]
    row = rise.row(0, named=True)
    assert row["suspect_reason"] is None
    assert row["value"] > row["threshold"] > 0.05
    assert row["rung"] in ("ewma", "regression")
    campaign = found(barograph, tmp_path / "campaign", True)
    assert campaign["suspect_reason"].to_list()[0].startswith("one text makes")
