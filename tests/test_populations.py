"""Who belongs to a population: filters by column, over frames of every make."""

import polars as pl
import pytest

from barograph.populations import Where, inside

ROWS = [("reddit", "en"), ("reddit", None), ("bluesky", "es"), (None, "en")]


def frame(chunks: int) -> pl.DataFrame:
    rows = pl.DataFrame(ROWS, schema={"source": pl.String, "lang": pl.String}, orient="row")
    return pl.concat([rows] * chunks, rechunk=False)


@pytest.mark.parametrize("chunks", [0, 1, 2, 7])
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, [True, True, True, True]),
        ({"source": ["reddit"]}, [True, True, False, False]),
        ({"source": ["reddit", "bluesky"], "lang": ["en", "es"]}, [True, False, True, False]),
        ({"lang": ["fr"]}, [False, False, False, False]),
    ],
)
def test_a_filter_lets_through_who_has_one_of_the_values_in_each_column(
    chunks: int, where: Where, expected: list[bool]
) -> None:
    rows = frame(chunks) if chunks else frame(1).clear()
    who = inside(where)
    assert rows.select(inside=who)["inside"].to_list() == expected * chunks
    assert rows.filter(who).rows() == [row for row, let in zip(ROWS, expected, strict=True) if let] * chunks
