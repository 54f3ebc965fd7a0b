"""A model of one series, run on every row of a panel by itself."""

import multiprocessing
import os
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from forecasting.baselines import predicted
from forecasting.panel import Panel, Predicted
from forecasting.regular import filled, gap, unfit

Fit = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""(logits of days in a row, steps) → centre and spread of each step."""
_Job = tuple[Fit, np.ndarray, int]
_MANY = 500
"""Rows from which on it pays to start a process for each core."""


def each(panel: Panel, horizon: int, fit: Fit, model: str) -> Predicted:
    """What `fit` expects of every row, normal on the logit scale; climatology, and why, where it cannot be fitted.

    `fit` is a function of a module, so that other processes can be told of it.
    """
    z, late, why = filled(panel), gap(panel), unfit(panel)
    fitted = [row for row, reason in enumerate(why) if reason is None]
    jobs: list[_Job] = [(fit, z[row][np.isfinite(z[row])], horizon + int(late[row])) for row in fitted]
    centre, spread = (np.full((len(panel), horizon), np.nan) for _ in range(2))
    for row, answer in zip(fitted, _run(jobs), strict=True):
        if answer is None:
            why[row] = f"{model} could not be fitted"
        else:
            centre[row], spread[row] = (part[-horizon:] for part in answer)
    return predicted(panel, model, centre, spread, why)


def _run(jobs: list[_Job]) -> list[tuple[np.ndarray, np.ndarray] | None]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    alone = multiprocessing.parent_process() is None  # a process among several leaves the cores to the others
    if len(jobs) < _MANY or cores < 2 or not alone:
        return [_one(job) for job in jobs]
    # Started anew, not forked: threads of other libraries may be running. A script has to guard what it runs.
    with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_one, jobs, chunksize=1 + len(jobs) // (8 * cores)))


def _one(job: _Job) -> tuple[np.ndarray, np.ndarray] | None:
    fit, z, steps = job
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of searches stopped early and the like: what comes of them is looked at
            centre, spread = fit(z, steps)
    except Exception:  # noqa: BLE001  (whatever a library makes of a strange row, the other rows go on)
        return None
    return (centre, spread) if np.isfinite(centre).all() and np.isfinite(spread).all() else None
