"""How fast an archive becomes a published snapshot, stage by stage, with Prefect's start left out.

`python -m benchmarks.backfill [--quick]` writes a year of posts as monthly Parquet files into a temporary folder,
runs the stages of the monitor over a new home, prints the seconds and the share of each, and ends with one JSON
line; `n_` of a figure is how many posts it was measured on. The texts are windows of about 160 bytes cut from the
real posts beside the project (BAROGRAPH_SHARED), where those are, else from simulated ones; hardly any two are the
same. `lang` is given, so none is detected. The memory is the peak of the process that runs the stages.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from calendar import monthrange
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from barograph import settings as settings_room
from barograph.home import Home
from barograph.sources import files, simulated
from benchmarks.pipeline import COLLEGE, STAGES, timed
from flows.environment import prepare_prefect

N_POSTS, N_QUICK, N_AUTHORS, TEXT_BYTES = 5_000_000, 400_000, 300_000, 160
YEAR = 2023
COMMUNITIES = {"campus": 0.5, "town": 0.25, "work": 0.15, "sports": 0.1}
POSTS_PER_SECOND, PEAK_GB = 150_000, 6.0
"""The bars: at least so fast, in at most so much memory."""


def corpus() -> bytes:
    """Texts to cut posts from, one after the other."""
    if COLLEGE.is_dir():
        batches = files.fetch(files.find([str(COLLEGE)]), {})
        texts = pl.concat(batch.rows.select("text") for batch in batches)["text"].drop_nulls()
    else:
        start, end = date(YEAR, 1, 1), date(YEAR, 1, 31)
        texts = simulated.Simulation(start=start, posts_per_day=1000).posts(start, end)["text"]
    return "\n".join(texts).encode()


def write_posts(folder: Path, n: int) -> None:
    """A year of about `n` posts in `folder`, one Parquet file a month, in order of time."""
    chance = np.random.default_rng(7)
    source = np.frombuffer(corpus(), dtype=np.uint8)
    gaps = np.flatnonzero((source == ord(" ")) | (source == ord("\n")))
    for month in range(1, 13):
        written, size = n * (month - 1) // 12, n * month // 12 - n * (month - 1) // 12
        first = chance.integers(0, len(gaps) - TEXT_BYTES, size)
        starts = gaps[first] + 1
        lengths = np.clip(chance.normal(TEXT_BYTES, TEXT_BYTES / 3, size), 20, 2 * TEXT_BYTES).astype(np.int64)
        # At a space, so that no character is cut in two.
        ends = gaps[np.minimum(np.searchsorted(gaps, starts + lengths), len(gaps) - 1)]
        seconds = np.sort(chance.integers(0, monthrange(YEAR, month)[1] * 86_400, size))
        pl.DataFrame({
            "id": pl.int_range(written, written + size, eager=True).cast(pl.String),
            "created_at": pl.Series(seconds * 1_000_000).cast(pl.Duration("us")) + datetime(YEAR, month, 1),
            # A few write much and most write little.
            "author": "user" + pl.Series((chance.random(size) ** 3 * N_AUTHORS).astype(np.int64)).cast(pl.String),
            "community": pl.Series(chance.choice(list(COMMUNITIES), size, p=list(COMMUNITIES.values()))),
            "lang": pl.repeat("en", size, eager=True),
            "text": pl.Series([source[a:b].tobytes() for a, b in zip(starts, ends, strict=True)]).cast(pl.String),
        }).write_parquet(folder / f"{YEAR}-{month:02d}.parquet")  # fmt: skip


def measure(source: Path, place: Path) -> dict[str, float]:
    """Figures of one run over the posts in `source`, with its home at `place`."""
    home = Home(place)
    home.prepare()
    prepare_prefect(home)
    from flows import stages
    from flows.progress import Reporter

    given = (settings_room.Source(name="archive", path=(str(source),)),)
    run = stages.Run(home, settings_room.Settings(), given, Reporter(silent=True))
    used = time.process_time()
    seconds = timed(run)
    whole = sum(seconds.values())
    return {
        "posts_per_s": round(run.counts["read"] / whole),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "whole_s": round(whole, 2),
        "processor_s": round(time.process_time() - used, 2),
        **{f"{stage}_s": round(value, 2) for stage, value in seconds.items()},
        **{f"{stage}_share": round(value / whole, 3) for stage, value in seconds.items()},
    }


def main() -> None:
    """Write posts, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="400,000 posts instead of five million")
    n = N_QUICK if parser.parse_args().quick else N_POSTS
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "posts"
        source.mkdir()
        # In a process of its own, whose memory is not counted.
        writer = multiprocessing.get_context("spawn").Process(target=write_posts, args=(source, n))
        writer.start()
        writer.join()
        measured = measure(source, Path(folder) / "home")
    for stage in (*STAGES, "close"):
        print(f"{stage:<12}{measured[f'{stage}_s']:>8.2f} s{measured[f'{stage}_share']:>8.1%}")
    print(f"{n:,} posts: {measured['posts_per_s']:,} posts/s, peak {measured['peak_gb']} GB")
    misses = []
    if measured["posts_per_s"] < POSTS_PER_SECOND:
        misses.append(f"posts_per_s: got {measured['posts_per_s']:,}; expected at least {POSTS_PER_SECOND:,}")
    if measured["peak_gb"] > PEAK_GB:
        misses.append(f"peak_gb: got {measured['peak_gb']}; expected at most {PEAK_GB:g}")
    figures = {key: value for name, got in measured.items() for key, value in ((name, got), (f"n_{name}", n))}
    print(json.dumps({"benchmark": "backfill", "figures": figures, "misses": misses}))


if __name__ == "__main__":
    main()
