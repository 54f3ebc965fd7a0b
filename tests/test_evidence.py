"""What the warehouse says of posts by source, hour and text."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from barograph import tables
from barograph.store import Warehouse

DAY = date(2024, 3, 1)
CAMPAIGN = "We are ALL so afraid of the new law! https://example.org/1"


def land(warehouse: Warehouse, texts: list[str], source: str = "a", *, first: int = 0) -> None:
    """A post an hour from midnight on, each by an author of its own."""
    rows = [
        {"post_id": f"{source}:{first + n}", "parent_id": None, "source": source, "community": None, "lang": "en", "geo": None,
         "author_key": f"k{first + n}", "created_at": datetime(2024, 3, 1) + timedelta(hours=n), "text": text,
         "text_hash": str(first + n), "line": n}
        for n, text in enumerate(texts)
    ]  # fmt: skip
    schema = {name: kind for name, kind in tables.POSTS.schema.items() if name != "segment"} | {"line": pl.Int64}
    warehouse.land(source, pl.DataFrame(rows, schema=schema), tables.QUARANTINE.empty(), datetime(2024, 3, 2))
    segment = max(warehouse.unscored("v"))
    scores = [{"post_id": r["post_id"], "marker": m, "hits": 1, "weight": 1.0, "probability": None} for r in rows for m in ("fear", "joy")]
    warehouse.save_scores(segment, pl.DataFrame(scores, schema=tables.SCORES.schema), "v")


def test_hours_and_numbers_by_source(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        land(warehouse, ["one text of several words"] * 3)
        land(warehouse, ["other"], "b")
        got = warehouse.volumes(DAY - timedelta(days=1), DAY, datetime(2024, 3, 1, 1, 30), ["en"]).sort("source")
        assert got.select("source", "time_value", "hours", "n").rows() == [("a", DAY, 0b11, 2), ("b", DAY, 0b1, 1)]
        assert warehouse.volumes(DAY, DAY, datetime(2024, 3, 2), ["es"]).height == 0


def test_texts_are_the_same_where_their_letters_are(tmp_path: Path) -> None:
    same = [CAMPAIGN, "we are all so afraid of the new law", "@you We are all so afraid, of the new law 2!", "We are all so afraid of the old law"]
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        land(warehouse, [*same, *["so sad"] * 5])
        got = warehouse.copies([DAY], datetime(2024, 3, 2), ["en"], {"both": ("fear", "joy")}).sort("marker")
        assert got.select("marker", "time_value", "n").rows() == [
            ("dimension:both", DAY, 3), ("fear", DAY, 3), ("joy", DAY, 3),
        ]  # fmt: skip
        assert warehouse.copies([DAY], datetime(2024, 3, 1, 1), ["en"], {}).height == 0
