"""Long posts, read in passages as long as the posts that calibrations were fitted on.

Calibrations come from comments of a sentence or two. In a post of a page, one afraid sentence drowns among twenty
others, and every post comes to look like the next: at the base rate that explains this best, hardly any expresses
anything. So a longer post is cut, at ends of sentences where there are any, and each passage is read by itself.

A post that expresses a marker does so in one of its passages, and we take each to be as likely the one. Then by
Bayes' rule the odds of the post are the mean of the odds of its passages. It may do so in several: the share of long
posts that express a marker is rather too low than too high.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

LENGTH = 150
"""Characters of a passage at most: 99 % of the comments that calibrations come from have no more."""
_CUT = rf"(?s).{{1,{LENGTH}}}(?:[.!?…]\s|\n|$)|.{{1,{LENGTH}}}(?:\s|$)|\S{{1,{LENGTH}}}"


def is_long() -> pl.Expr:
    """Whether a post is read in passages, by its `text`."""
    return (pl.col("text").str.len_chars() > LENGTH).fill_null(value=False)


def passages(posts: pl.DataFrame) -> pl.DataFrame:
    """`post_id, text, of`: each passage of `posts` as a post with a number as its key, and the post it is of."""
    cut = posts.select(pl.col("text").str.extract_all(_CUT), of="post_id")
    return cut.explode("text").with_row_index("post_id").select("post_id", "text", "of")


def odds(probabilities: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """p / (1 − p), finite also where p is 1."""
    p = np.minimum(np.asarray(probabilities, dtype=np.float64), 1 - 1e-9)
    return p / (1 - p)


def nearest(levels: Sequence[float], found: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each odds the nearest of the probabilities `levels`, which ascend: a calibration has no others."""
    steps = np.unique(np.asarray(levels))
    return np.asarray(steps[np.searchsorted((steps[1:] + steps[:-1]) / 2, found / (1 + found))])


def joined(
    pieces: pl.DataFrame, found: pl.DataFrame, levels: Mapping[str, tuple[float, Sequence[float]]]
) -> pl.DataFrame:
    """`post_id, marker, probability` of posts with a passage that has evidence.

    `pieces` are `passages`; `found` is `post_id, marker, probability` of those with evidence. levels: of each marker
    the probability of a passage without evidence, and all probabilities there are.
    """
    size = pieces.group_by("of").agg(size=pl.len())
    frames = [pieces.select("of", marker=pl.lit(""), probability=pl.lit(0.0)).clear()]
    for (marker,), rows in (
        found.join(pieces.select("post_id", "of"), on="post_id").partition_by("marker", as_dict=True).items()
    ):
        none, all_levels = levels[str(marker)]
        more = rows.select("of", more=pl.Series(odds(rows["probability"]) - odds(none)))
        mean = (
            more.group_by("of", maintain_order=True)
            .agg(pl.col("more").sum())
            .join(size, on="of", how="left", maintain_order="left")
        )
        probability = nearest(all_levels, odds(none) + (mean["more"] / mean["size"]).to_numpy())
        frames.append(mean.select("of", marker=pl.lit(marker), probability=pl.Series(probability)))
    return pl.concat(frames).rename({"of": "post_id"})
