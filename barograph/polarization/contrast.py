"""Two periods compared: the difference of their means over conversations, with a cluster bootstrap.

A conversation that goes on in both periods is one cluster: whoever draws it draws its parts of both. The difference d
has the linearised variance V = K/(K − 1) Σ e² over the K conversations, e = w₁(y₁ − ȳ₁)/Σw₁ − w₀(y₀ − ȳ₀)/Σw₀. The
bootstrap draws conversations and studentises: |d* − d|/√V* gives the quantile of the interval d ± q√V and, compared
with |d|/√V, the p-value of the same test (symmetric bootstrap-t; Hall 1988). A draw without a conversation of a period,
or in which none differ, counts as an extreme one. Of several imputations each makes its part of the draws, and Rubin's
rules give V.
"""

from typing import NamedTuple

import numpy as np

from barograph.polarization.errors import combined
from barograph.polarization.estimate import Conversations
from barograph.polarization.score import Floats, Ints

REPLICATES = 2000
FEWEST = 5
"""Conversations that each period must have."""
_AT_ONCE = 4_000_000
_SEED = 19_88
_NOTHING = 1e-9


class Contrast(NamedTuple):
    """The later period less the earlier one."""

    effect: float
    lo: float
    hi: float
    standardized: float
    """Hedges' g."""
    p: float


class _Sums(NamedTuple):
    """Of each conversation, what differences are made of: (n_conversations, 10)."""

    table: Floats

    @classmethod
    def of(cls, w0: Floats, y0: Floats, w1: Floats, y1: Floats) -> "_Sums":
        a, b, cross = w0**2, w1**2, w0 * w1
        return cls(
            np.stack(
                [w0, w0 * y0, w1, w1 * y1, a, a * y0, a * y0**2, b, b * y1, b * y1**2, cross, cross * y0, cross * y1,
                 cross * y0 * y1], axis=1,
            )
        )  # fmt: skip

    def difference(self, counts: Floats) -> tuple[Floats, Floats]:
        """The difference and its variance where each conversation counts so often, (n_draws, n_conversations)."""
        n = counts.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            w0, s0, w1, s1, a, ay, ayy, b, by, byy, c, cy0, cy1, cyy = (counts @ self.table).T
            m0, m1 = s0 / w0, s1 / w1
            squares = (ayy - 2 * m0 * ay + m0**2 * a) / w0**2 + (byy - 2 * m1 * by + m1**2 * b) / w1**2
            both = (cyy - m1 * cy0 - m0 * cy1 + m0 * m1 * c) / (w0 * w1)
            return m1 - m0, n / (n - 1) * (squares - 2 * both).clip(0)


def contrast(of: Conversations, values: Floats, earlier: int, later: int, top: float) -> Contrast | None:
    """Cell `later` less cell `earlier`. values: of conversations, (n_imputations, n_conversations), up to `top`.

    None where the conversations of both do not differ. Both cells need at least two conversations with a value.
    """
    names, at = np.unique(of.conversation, return_inverse=True)
    sums = [_Sums.of(*_aligned(of, value, at, len(names), earlier, later)) for value in values]
    used = [np.flatnonzero(one.table[:, [0, 2]].any(axis=1)) for one in sums]
    whole = [one.difference(np.bincount(rows, minlength=len(names))[None, :].astype(float)) for one, rows in
             zip(sums, used, strict=True)]  # fmt: skip
    d, v = (np.array([float(w[i][0]) for w in whole]) for i in (0, 1))
    effect, variance, _ = (float(x) for x in combined(d, v, np.array(len(names) - 1.0)))
    if not variance > _NOTHING**2:
        return None
    studentized = np.concatenate(
        [
            _draws(_Sums(one.table[rows]), d[i], -(-REPLICATES // len(sums)), i)
            for i, (one, rows) in enumerate(zip(sums, used, strict=True))
        ]
    )
    se = variance**0.5
    half = float(np.quantile(studentized, 0.95, method="higher")) * se
    p = (1 + int((studentized >= abs(effect) / se - _NOTHING).sum())) / (1 + len(studentized))
    g = float(np.mean([_hedges(of, value, earlier, later) for value in values]))
    return Contrast(effect, max(effect - half, -top), min(effect + half, top), g, p)


def _aligned(
    of: Conversations, value: Floats, at: Ints, n: int, earlier: int, later: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Weight and value of each conversation in both cells; weight 0 where it has none there."""
    found = []
    for cell in (earlier, later):
        there = (of.cell == cell) & ~np.isnan(value)
        weight, mine = np.zeros(n), np.zeros(n)
        weight[at[there]], mine[at[there]] = of.weight[there], value[there]
        found += [weight, mine]
    return found[0], found[1], found[2], found[3]


def _draws(sums: _Sums, d: float, replicates: int, seed: int) -> Floats:
    """|d* − d|/√V* of each draw."""
    rng, n = np.random.default_rng([_SEED, seed]), len(sums.table)
    found: list[Floats] = []
    step = max(1, _AT_ONCE // n)
    for first in range(0, replicates, step):
        counts = rng.multinomial(n, np.full(n, 1 / n), size=min(step, replicates - first)).astype(np.float64)
        drawn, variance = sums.difference(counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(drawn - d) / np.sqrt(variance)
        found.append(np.where(variance > _NOTHING**2, t, np.inf))
    return np.concatenate(found)


def _hedges(of: Conversations, value: Floats, earlier: int, later: int) -> float:
    """The difference over the pooled standard deviation of conversations, corrected for few of them."""
    means, squares, n = [], 0.0, 0
    for cell in (earlier, later):
        there = (of.cell == cell) & ~np.isnan(value)
        w, y = of.weight[there], value[there]
        mean = float(w @ y / w.sum())
        means.append(mean)
        squares += float(w @ (y - mean) ** 2 / w.sum()) * len(y)
        n += len(y)
    pooled = (squares / (n - 2)) ** 0.5
    return (means[1] - means[0]) / pooled * (1 - 3 / (4 * n - 9)) if pooled > 0 else float("nan")


def holm(p: Floats) -> Floats:
    """p-values after the step-down correction of Holm (1979); NaN counts as 1 and stays NaN."""
    filled = np.where(np.isnan(p), 1.0, p)
    order = np.argsort(filled, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * filled[order]).clip(max=1)
    adjusted = np.empty_like(stepped)
    adjusted[order] = stepped
    return np.where(np.isnan(p), np.nan, adjusted)
