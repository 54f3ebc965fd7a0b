"""Series that a population might have shown: small, jumpy, or hardly moving. The house model trains on them too."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from forecasting.calendar import weekday


@dataclass(frozen=True, eq=False)
class Archive:
    """Series on common days: `names`, `markers`, `populations` (n,), `days` (d,), `y` and `n_posts` (n, d)."""

    names: np.ndarray
    markers: np.ndarray
    populations: np.ndarray
    days: np.ndarray
    y: np.ndarray
    n_posts: np.ndarray


def simulate(n: int, days: np.ndarray, rng: np.random.Generator) -> Archive:
    """`n` series of unknown markers: counts of posts about a logit that drifts, returns, keeps a week, and is shocked.

    Level −4.5 to 1; daily drift 0 to .05; an AR(1) part with coefficient 0 to .97; a week of up to ± .2; shocks about
    every 150 days that halve in 1 to 20 days; 20 to 100,000 posts a day (log-uniform), fewer at weekends or not.
    """
    d = len(days)
    drift = np.cumsum(rng.normal(0, rng.choice([0, 0.005, 0.02, 0.05], (n, 1)), (n, d)), axis=1)
    level = rng.uniform(-4.5, 1, (n, 1)) + drift - 0.9 * drift.mean(axis=1, keepdims=True)
    week = rng.normal(0, rng.uniform(0, 0.1, (n, 1)), (n, 7))[:, weekday(days)]
    shocks = rng.normal(0, rng.uniform(0.1, 0.6, (n, 1)), (n, d)) * (rng.random((n, d)) < 1 / 150)
    moved = _decaying(rng.normal(0, rng.uniform(0.01, 0.12, (n, 1)), (n, d)), rng.uniform(0, 0.97, n))
    moved += _decaying(shocks, 0.5 ** (1 / rng.uniform(1, 20, n)))
    usual = np.exp(rng.uniform(np.log(20), np.log(100_000), (n, 1)))
    quiet = 1 - rng.uniform(0, 0.5, (n, 1)) * (weekday(days) >= 5)
    posts = np.maximum(rng.poisson(usual * quiet * np.exp(rng.normal(0, 0.1, (n, d)))), 1)
    y = rng.binomial(posts, special.expit(level + week + moved)) / posts
    names = np.array([f"simulated {i}" for i in range(n)], dtype=object)
    return Archive(names, np.full(n, "", dtype=object), names, days, y, posts.astype(float))


def _decaying(moves: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """AR(1): x(t) = stay · x(t − 1) + moves(t), of each row."""
    x = np.zeros_like(moves)
    for t in range(moves.shape[1]):
        x[:, t] = (stay * x[:, t - 1] if t else 0.0) + moves[:, t]
    return x
