"""Sampled interactions → conversations → means over conversations, with their variance.

A conversation's score is the mean of its interactions, each weighted by 1 / its inclusion probability p. It is in the
sample when any of its interactions is, of which the probability is π = 1 − Π(1 − p) over all that were found, drawn or
not; so the mean over conversations weights each by 1 / π (Hájek). What is estimated is the mean over all conversations
in which people answer each other on the topic. The conversation is the cluster: the linearised variance is
C/(C − 1) Σ (y − ȳ)²/π² / (Σ 1/π)² over the C conversations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from barograph.polarization.errors import IMPUTATIONS, Confusion, imputed
from barograph.polarization.score import ABSTAINED, HIGH, LOW, PARTS, Floats, Ints, codes, places
from barograph.tables import CLASSES

Mask = NDArray[np.bool_]
_LEAST_PART = 0.1
"""Part of the answers from which on their annotator is named."""
_NOTHING = 1e-15
"""A variance that is only rounding."""
_EXACT = 9
"""Digits of a conversation's score: a mean of 7.5 is 7.5 in whatever order it was summed."""


@dataclass(frozen=True)
class Interactions:
    """The reply pairs found on one topic, and what was read in those that were drawn."""

    frame: pl.DataFrame
    """A row a pair, as `interactions` takes them."""
    in_sample: Mask
    """Drawn, and each of the five parts asked, whatever the answers."""
    read: Ints
    """Class as read, or abstained, (n,)."""
    codes: Ints
    """The same in each imputation, (n_imputations, n); one where no errors are known."""
    label_source: str | None


def interactions(
    pairs: pl.DataFrame, answers: pl.DataFrame, confusions: Mapping[str, Confusion] | None = None
) -> Interactions:
    """What was read in the reply pairs of one topic.

    pairs: all that were found, each once: `post_id, parent_id, conversation, time_value, source, community, lang, geo,
    author, parent_author, inclusion_probability, drawn`. answers: `post_id, question, answer, annotator,
    model, prompt_version, source`, a row a post and question that an annotator was asked; answer NULL where there is no
    label. confusions: question → errors of the annotator, model and prompt that they name; other labels are taken as
    read.
    """
    pairs = pairs.with_row_index("pair")
    read: dict[str, Ints] = {}
    several: dict[str, Ints] = {}
    sample = pairs["drawn"].to_numpy().copy()
    sources, kinds = list[pl.Series](), set[bool]()
    for part, question in PARTS.items():
        post = "parent_id" if part.startswith("parent_") else "post_id"
        mine = answers.filter(pl.col("question") == question).with_columns(asked=pl.lit(value=True))
        rows = pairs.select("pair", "drawn", pl.col(post).alias("post_id")).join(mine, on="post_id", how="left")
        rows = rows.sort("pair").with_columns(pl.col("asked").fill_null(value=False))
        sample &= rows["asked"].to_numpy()
        sources.append(rows.filter(pl.col("drawn") & pl.col("answer").is_not_null())["source"])
        read[part] = places(rows["answer"], question)
        several[part] = np.repeat(read[part][None, :], IMPUTATIONS, axis=0)
        errors = (confusions or {}).get(question)
        known = np.zeros(pairs.height, dtype=np.bool_)
        if errors is not None:
            by = (pl.col("annotator") == errors.annotator) & (pl.col("prompt_version") == errors.prompt_version)
            by &= pl.lit(errors.model is None) | (pl.col("model") == pl.lit(errors.model))
            known = rows.select(by.fill_null(value=False)).to_series().to_numpy()
            row = np.flatnonzero(known)
            several[part][:, row] = imputed(rows["post_id"].gather(row), rows["answer"].gather(row), errors)
        kinds |= set(known[sample & (read[part] >= 0)].tolist())
    said = _read_by(pl.concat(sources))
    if said and True in kinds:
        said += "; errors as validated" + (" in part" if False in kinds else "")
    code = codes(read)
    return Interactions(pairs.drop("pair"), sample, code, codes(several) if True in kinds else code[None, :], said)


def _read_by(sources: pl.Series) -> str | None:
    """Whose reading it is: those who gave a part of the answers that counts."""
    shares = sources.alias("who").value_counts(name="n").filter(pl.col("n") >= _LEAST_PART * len(sources))
    names = shares["who"].sort().to_list()
    return f"as {' and '.join(names)} read{'s' if len(names) == 1 else ''} it" if names else None


class Conversations(NamedTuple):
    """Conversations of some cells, by number: one that goes on in two cells is two of them with one `conversation`."""

    cell: Ints
    """(n_conversations,)"""
    conversation: Ints
    weight: Floats
    """1 / the probability that any of its interactions is drawn."""
    pair: Ints
    """Of each sampled interaction: its row; (n_sampled,)."""
    of: Ints
    """Of each sampled interaction: its conversation."""
    pair_weight: Floats
    """Of each sampled interaction: 1 / its inclusion probability."""
    n_cells: int


def conversations(found: Interactions, cell: Ints, n_cells: int) -> Conversations:
    """Conversations by cell. cell: of each pair, from 0 on; negative: in none."""
    inside = np.flatnonzero(cell >= 0)
    names = found.frame["conversation"].rank("dense").to_numpy().astype(np.int64) - 1
    key = cell[inside] * (int(names.max(initial=0)) + 1) + names[inside]
    known, of = np.unique(key, return_inverse=True)
    p = found.frame["inclusion_probability"].to_numpy()
    with np.errstate(divide="ignore"):
        entry = -np.expm1(np.bincount(of, np.log1p(-p[inside]), minlength=len(known)))
        weight = 1 / entry
    n = int(names.max(initial=0)) + 1
    taken = found.in_sample[inside] & (p[inside] > 0)
    pair = inside[taken]
    return Conversations(known // n, known % n, weight, pair, of[taken], 1 / p[pair], n_cells)


def scores(of: Conversations, codes: Ints, table: Floats) -> Floats:
    """Each conversation's score, NaN where no interaction has one: (n_imputations, n_conversations)."""
    n = len(of.cell)
    found = np.full((len(codes), n), np.nan)
    for i, code in enumerate(codes[:, of.pair]):
        there = code != ABSTAINED
        weight = of.pair_weight[there]
        total = np.bincount(of.of[there], weight, minlength=n)
        with np.errstate(invalid="ignore"):
            found[i] = np.bincount(of.of[there], weight * table[code[there]], minlength=n) / total
    return np.round(found, _EXACT)


class Means(NamedTuple):
    """Means over conversations by imputation and cell, (n_imputations, n_cells) each."""

    mean: Floats
    variance: Floats
    n: Floats
    effective: Floats
    """Kish's number of conversations, (Σ weight)² / Σ weight²."""


def means(of: Conversations, values: Floats) -> Means:
    """Weighted means of `values` of conversations, (n_imputations, n_conversations); NaN is none."""
    found = [np.full((len(values), of.n_cells), np.nan) for _ in range(4)]
    for i, value in enumerate(values):
        there = ~np.isnan(value)
        cell, w, v = of.cell[there], of.weight[there], value[there]
        n, total = np.bincount(cell, minlength=of.n_cells), np.bincount(cell, w, minlength=of.n_cells)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.bincount(cell, w * v, minlength=of.n_cells) / total
            spread = np.bincount(cell, (w * (v - mean[cell])) ** 2, minlength=of.n_cells)
            found[0][i], found[1][i], found[2][i] = mean, n / (n - 1) * spread / total**2, n
            found[3][i] = total**2 / np.bincount(cell, w**2, minlength=of.n_cells)
    return Means(*found)


def shares(score: Floats) -> tuple[Floats, Floats]:
    """Of conversations' scores, whether each is low and whether it is extreme: 0, 1, or NaN."""
    none = np.isnan(score)
    return np.where(none, np.nan, score < LOW), np.where(none, np.nan, score > HIGH)


def mix(of: Conversations, codes: Ints) -> Floats:
    """Weighted share of each class among the scored interactions of each cell: (n_cells, 8), a mean of imputations."""
    found = np.full((len(codes), of.n_cells, len(CLASSES)), np.nan)
    for i, code in enumerate(codes[:, of.pair]):
        there = code != ABSTAINED
        key = of.cell[of.of[there]] * len(CLASSES) + code[there]
        sums = np.bincount(key, of.pair_weight[there], minlength=of.n_cells * len(CLASSES)).reshape(of.n_cells, -1)
        with np.errstate(invalid="ignore"):
            found[i] = sums / sums.sum(axis=1, keepdims=True)
    there = ~np.isnan(found)
    with np.errstate(invalid="ignore"):
        average: Floats = np.where(there, found, 0).sum(axis=0) / there.sum(axis=0)
    return average


def bounds(mean: Floats, variance: Floats, df: Floats, effective: Floats, top: float = 1) -> tuple[Floats, Floats]:
    """95 % bounds of means of values from 0 to `top`: Wilson's interval at the effective sample size p(1 − p)/V.

    With the t-quantile in place of the normal's. Where all conversations are alike, V says nothing and Kish's number
    of conversations stands in.
    """
    p, v = mean / top, variance / top**2
    z = stats.norm.ppf(0.975)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(v > _NOTHING, p * (1 - p) / v, effective) * (z / stats.t.ppf(0.975, np.maximum(df, 1))) ** 2
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.clip(middle - half, 0, p) * top, np.clip(middle + half, p, 1) * top
