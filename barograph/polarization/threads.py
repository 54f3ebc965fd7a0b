"""Conversations: posts that lead, from reply to what it replies to, to the same first post."""

import numpy as np
import polars as pl


def roots(links: pl.DataFrame) -> pl.DataFrame:
    """The conversation of every reply: `post, conversation`, both numbers.

    links: `post, parent`, one row a reply whose parent is known, numbers (hashes) of posts. A conversation is named by
    its root, the first post up the chain that replies to nothing known. Replies that lead back to themselves, as no
    network allows but a file may hold, are one conversation, named by the least of them.
    """
    links = links.unique("post", keep="first", maintain_order=True)
    names, place = np.unique(
        np.concatenate([links["post"].to_numpy(), links["parent"].to_numpy()]), return_inverse=True
    )
    child, parent = place[: links.height], place[links.height :]
    up = np.arange(len(names))
    up[child] = parent
    least = np.minimum(np.arange(len(names)), up)
    for _ in range(max(len(names), 1).bit_length()):  # each step looks twice as far up
        least, up = np.minimum(least, least[up]), up[up]
    return links.select("post", conversation=pl.Series(names[least[up][child]], dtype=links.schema["parent"]))
