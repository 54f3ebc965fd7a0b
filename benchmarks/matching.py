"""How fast posts are matched with lexicons, beside other ways of doing it, in one run.

`python -m benchmarks.matching [--quick]` tiles pieces of about 160 bytes of the real posts beside the project
(BAROGRAPH_SHARED; else of simulated ones) to a million posts with ids of their own, and matches them with Empath's
194 categories, which every way has here. It prints a table and ends with one JSON line; `n_` of a figure is how
many posts it was measured on. Rates are posts a second, the best of three; peers run on fewer posts.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

import lexicons
from benchmarks.backfill import TEXT_BYTES, corpus
from lexicons import Lexicon

N_POSTS, N_QUICK = 1_000_000, 200_000
BARS = {
    "posts_per_s": 2_400_000, "one_core_posts_per_s": 1_300_000, "times_polars": 3, "times_dict_loop": 10,
    "times_empath": 5_000, "share_of_byte_scan": 0.25,
}  # fmt: skip
"""At least these, and at most the following."""
CEILINGS = {"ours_over_one": 1.5, "first_call_s": 3.0, "peak_gb": 1.0}


def posts(n: int) -> pl.DataFrame:
    """`post_id`, `text` of `n` posts: pieces of the corpus, cut at spaces, over and over."""
    source = np.frombuffer(corpus()[:20_000_000], dtype=np.uint8)
    gaps = np.flatnonzero((source == ord(" ")) | (source == ord("\n")))
    cuts = gaps[np.searchsorted(gaps, np.arange(0, len(source) - 2 * TEXT_BYTES, TEXT_BYTES))] + 1
    texts = pl.Series([source[a : b - 1].tobytes() for a, b in pairwise(cuts)]).cast(pl.String)
    texts = texts.sample(fraction=1, shuffle=True, seed=7)
    tiled = texts.gather(pl.Series(np.arange(n) % len(texts)))
    # Through a file, as posts come: each text has bytes of its own, one behind the other.
    file = io.BytesIO()
    pl.DataFrame({"post_id": pl.int_range(n, eager=True).cast(pl.String), "text": tiled}).write_parquet(file)
    file.seek(0)
    return pl.read_parquet(file).rechunk()


@contextmanager
def one_core() -> Iterator[None]:
    """This process on a single core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def rate(work: Callable[[], object], n: int, times: int = 3) -> float:
    """Posts a second of the fastest of several runs."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return n / min(took)


@numba.njit(nogil=True)
def borders(data: NDArray[np.uint8], letter: NDArray[np.uint8]) -> int:
    """How many tokens begin in `data`: the least that any matcher has to do, without a branch."""
    n, inside = 0, 0
    for k in range(len(data)):
        now = letter[data[k]]
        n += now & (1 - inside)
        inside = now
    return n


def byte_scan(texts: pl.Series) -> Callable[[], object]:
    """The byte scan over these texts laid end to end."""
    data = np.frombuffer(" ".join(texts).encode(), dtype=np.uint8)
    letter = np.array([chr(c).isalnum() and c < 128 for c in range(256)], dtype=np.uint8)
    borders(data[:100], letter)
    return lambda: borders(data, letter)


def polars_join(table: pl.DataFrame, lexicon: Lexicon) -> pl.DataFrame:
    """Split at spaces, explode, join: what one writes in Polars (words only)."""
    words = table.select("post_id", term=pl.col("text").str.to_lowercase().str.split(" ")).explode("term")
    return words.join(lexicon.terms, on="term").group_by("post_id", "marker").agg(pl.len(), pl.col("weight").sum())


def dict_loop(texts: list[str], lexicon: Lexicon) -> list[Counter[str]]:
    """The same in plain Python."""
    markers: dict[str, list[str]] = {}
    for term, marker in lexicon.terms.select("term", "marker").iter_rows():
        markers.setdefault(term, []).append(marker)
    return [Counter(m for word in text.lower().split() for m in markers.get(word, ())) for text in texts]


def first_call() -> float:
    """Seconds that a new process takes to load all our lexicons, compile them and match one post (warm cache)."""
    code = (
        "import time, polars as pl; began = time.perf_counter(); import lexicons; "
        "ours = [lexicons.load(name) for name in lexicons.names()]; "
        "lexicons.match(pl.DataFrame({'post_id': ['a'], 'text': ['a sad day']}), ours); "
        "print(time.perf_counter() - began)"
    )
    took = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    return min(took)


def peak_memory(n: int) -> float:
    """Gigabytes that matching takes beyond its input, in a process of its own, started by `main`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "posts.parquet"
        posts(n).write_parquet(path)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.matching", "--peak", str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)


def _memory(what: str) -> int:
    """Bytes that this process has in memory now (VmRSS), or had at most since the peak was last forgotten (VmHWM)."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[what].split()[0]) * 1024


def _print_peak(path: str) -> None:
    table, lexicon = pl.read_parquet(path), lexicons.package("empath")
    lexicons.match(table.head(1000), lexicon)
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # reading the input had a peak of its own
    lexicons.match(table, lexicon)
    print((_memory("VmHWM") - before) / 1e9)


def measure(n: int) -> dict[str, float]:
    """All figures."""
    table, empath = posts(n), lexicons.package("empath")
    ours = [lexicons.load(name) for name in lexicons.names()]
    lexicons.match(table.head(1000), empath)
    figures: dict[str, float] = {"bytes_per_post": float(table["text"].str.len_bytes().mean())}  # type: ignore[arg-type]
    sizes = {"posts_per_s": n, "polars": n // 5, "dict_loop": n // 20, "empath": 200}
    figures["posts_per_s"] = rate(lambda: lexicons.match(table, empath), n)
    with one_core():
        figures["one_core_posts_per_s"] = rate(lambda: lexicons.match(table, empath), n)
        figures["byte_scan_posts_per_s"] = rate(byte_scan(table["text"]), n)
    one = rate(lambda: lexicons.match(table, ours[0]), n)
    figures["one_list_posts_per_s"], figures["lists"] = one, len(ours)
    figures["all_lists_posts_per_s"] = rate(lambda: lexicons.match(table, ours), n)
    part = table.head(sizes["polars"])
    figures["polars_posts_per_s"] = rate(lambda: polars_join(part, empath), len(part), 2)
    texts = table["text"].to_list()
    figures["dict_loop_posts_per_s"] = rate(
        lambda: dict_loop(texts[: sizes["dict_loop"]], empath), sizes["dict_loop"], 1
    )
    from empath import Empath

    theirs = Empath()
    figures["empath_posts_per_s"] = rate(
        lambda: [theirs.analyze(text) for text in texts[: sizes["empath"]]], sizes["empath"], 1
    )
    figures |= {
        f"times_{peer}": figures["posts_per_s"] / figures[f"{peer}_posts_per_s"]
        for peer in ("polars", "dict_loop", "empath")
    }
    figures["share_of_byte_scan"] = figures["one_core_posts_per_s"] / figures["byte_scan_posts_per_s"]
    figures["ours_over_one"] = one / figures["all_lists_posts_per_s"]
    figures["first_call_s"], figures["peak_gb"] = first_call(), peak_memory(n)
    return (
        figures
        | {f"n_{name}_posts_per_s": size for name, size in sizes.items() if name != "posts_per_s"}
        | {"n_posts_per_s": n}
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{N_QUICK:,} posts instead of a million")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        _print_peak(given.peak)
        return
    figures = measure(N_QUICK if given.quick else N_POSTS)
    for name, value in figures.items():
        print(f"{name:<28}{value:>14,.3f}" if value < 100 else f"{name:<28}{value:>14,.0f}")
    misses = [f"{n}: got {figures[n]:.4g}; expected at least {b:g}" for n, b in BARS.items() if figures[n] < b]
    misses += [f"{n}: got {figures[n]:.4g}; expected at most {b:g}" for n, b in CEILINGS.items() if figures[n] > b]
    print(json.dumps({"benchmark": "matching", "figures": figures, "misses": misses}))


if __name__ == "__main__":
    main()
