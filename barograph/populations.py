"""Who belongs to a population: a filter over columns of posts, and the expression that it is."""

from collections.abc import Mapping, Sequence

import polars as pl

Where = Mapping[str, Sequence[str]]
"""Column of posts (source, community, lang, geo) → accepted values; an empty one accepts every post."""


def inside(where: Where) -> pl.Expr:
    """Whether a row is let through by a filter; one whose column is NULL is not."""
    each = (pl.col(column).is_in(list(values)) for column, values in where.items())
    # A literal would be one value long where there is nothing to ask, and a frame in chunks refuses it.
    everyone = pl.repeat(value=True, n=pl.len())
    return pl.all_horizontal(everyone, *each).fill_null(value=False)
