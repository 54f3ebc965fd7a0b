"""How fast one run of the monitor is, stage by stage, with Prefect's start left out.

`python -m benchmarks.pipeline [--quick]` prints a table and ends with one JSON line. The posts are simulated;
where the real posts lie beside the project (BAROGRAPH_SHARED) they are measured too.
"""

import argparse
import json
import os
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from barograph import settings as settings_room
from barograph.home import Home
from flows.environment import prepare_prefect

SHARED = Path(os.environ.get("BAROGRAPH_SHARED", Path(__file__).parent.parent.parent / "shared"))
COLLEGE = SHARED / "data" / "posts" / "college_reddit"
STAGES = ("load", "score", "aggregate", "evaluate", "forecast", "detect", "alert", "explain", "publish")


def timed(run: Any) -> dict[str, float]:
    """Seconds of each stage of one run over its home, and of closing the warehouse."""
    from barograph.store import Warehouse
    from flows import monitor, stages

    seconds = {}
    with Warehouse(run.home.warehouse) as warehouse:
        for stage in STAGES:
            began = time.perf_counter()
            # Those with a file of their own are named in the monitor, as it calls them.
            (getattr(stages, stage, None) or getattr(monitor, stage)).fn(run, warehouse)
            seconds[stage] = time.perf_counter() - began
        began = time.perf_counter()
    return {**seconds, "close": time.perf_counter() - began}


def measure(sources: tuple[settings_room.Source, ...], as_of: date | None) -> dict[str, float]:
    """Seconds of each stage and posts a second of all, over a new home."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.prepare()
        prepare_prefect(home)
        from flows import stages
        from flows.progress import Reporter

        run = stages.Run(home, settings_room.Settings(), sources, Reporter(silent=True), as_of=as_of)
        seconds = timed(run)
        return {
            **{f"{stage}_s": round(s, 3) for stage, s in seconds.items()},
            "n_posts": run.counts["read"],
            "posts_per_s": round(run.counts["read"] / sum(seconds.values())),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller population")
    quick = parser.parse_args().quick
    simulated = settings_room.Source(
        name="simulated", kind="simulated", days=60 if quick else 365, posts_per_day=250 if quick else 1000
    )
    found = {"simulated": measure((simulated,), date(2024, 12, 31))}
    if COLLEGE.is_dir():
        found["college"] = measure((settings_room.Source(name="college", path=(str(COLLEGE),)),), None)
    figures = {f"{name}_{what}": value for name, values in found.items() for what, value in values.items()}
    for name, value in figures.items():
        print(f"{name:<28}{value:>14,}")
    # This benchmark has no bar of its own: it is where the time of a run is seen.
    print(json.dumps({"benchmark": "pipeline", "figures": figures, "misses": []}))


if __name__ == "__main__":
    main()
