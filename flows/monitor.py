"""The pipeline, one line a stage."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow

from barograph import settings as settings_room
from barograph.errors import BarographError
from barograph.home import Home
from barograph.notify import endpoints_of
from barograph.store import Warehouse
from flows import annotators, stages
from flows.annotate import annotate
from flows.decide import alert
from flows.deliver import deliver
from flows.detect import detect
from flows.evaluate import evaluate
from flows.explain import explain
from flows.flags import flag
from flows.labels import labels
from flows.load import load
from flows.polarize import check_topics, polarize
from flows.progress import Reporter
from flows.sources import choose_sources


@flow(name="monitor", flow_run_name="monitor ({command})", persist_result=False, validate_parameters=False)
def monitor(
    home: str,
    config: str | None = None,
    inputs: tuple[str, ...] = (),
    source: str | None = None,
    as_of: date | None = None,
    command: str = "run",
) -> dict[str, Any]:
    """The monitor once: from posts to a published snapshot. Returns what the closing summary says.

    home: the folder of everything. config: barograph.toml. inputs: files, folders or patterns that stand in
    for the config's sources. source: `simulated` in their place. as_of: the last day read. command: `run`, or
    `up`, where the clock is `now`.
    """
    with begun(home, config, inputs, source, as_of, command) as run:
        read(run)
        with Warehouse(run.home.warehouse) as warehouse:
            measure(run, warehouse)
            look_ahead(run, warehouse)
        return told(run)


@contextmanager
def begun(
    home: str, config: str | None, inputs: tuple[str, ...], source: str | None, as_of: date | None, command: str,
    *, quiet: bool = False, wait: float = 60,
) -> Iterator[stages.Run]:  # fmt: skip
    """A run that has the home to itself, recorded as `running`; where it fails the error gets a note of the stage.

    quiet: nothing is said of how it goes. wait: seconds to wait for the home. Raises what a wrong config, lexicon,
    input or secret does before any work.
    """
    place = Home(Path(home))
    settings = settings_room.load(Path(config) if config else None)
    chosen = choose_sources(settings, inputs, source)
    endpoints_of(settings.receiver)  # a missing secret is found now, not after the work
    annotators.check(settings)
    place.prepare()
    with place.lock(command, wait), Reporter(silent=quiet) as reporter:
        run = stages.Run(place, settings, chosen, reporter, command, as_of, live=command != "run" and as_of is None)
        run.reading  # noqa: B018 (a wrong lexicon stops here, before any work)
        check_topics(settings)
        try:
            with Warehouse(place.warehouse) as warehouse:
                warehouse.interrupt_runs()
                run.record(warehouse, "running")
            yield run
        except BaseException as error:
            error.add_note(f"stage: {reporter.current}")
            if isinstance(error, Exception):
                with suppress(BarographError), Warehouse(place.warehouse) as warehouse:
                    run.record(warehouse, "failed")
            raise


def read(run: stages.Run) -> None:
    """Bring posts in, and have them read and labelled."""
    with Warehouse(run.home.warehouse) as warehouse:
        load(run, warehouse)
        stages.score(run, warehouse)
    with run.going_on("unlabelled"):
        annotate(run)


def measure(run: stages.Run, warehouse: Warehouse) -> None:
    """Count what posts express."""
    stages.aggregate(run, warehouse)
    flag(run, warehouse)
    labels(run, warehouse)
    polarize(run, warehouse)


def look_ahead(run: stages.Run, warehouse: Warehouse) -> None:
    """Evaluate what was forecast, and forecast."""
    evaluate(run, warehouse)
    stages.forecast(run, warehouse)


def told(run: stages.Run) -> dict[str, Any]:
    """Decide what is an alert, tell and publish it. Returns what the closing summary says."""
    with Warehouse(run.home.warehouse) as warehouse:
        detect(run, warehouse)
        alert(run, warehouse)
        with run.going_on("unexplained"):
            explain(run, warehouse)
    delivered = deliver(run.home, run.settings, run.reporter)
    with Warehouse(run.home.warehouse) as warehouse:
        stages.publish(run, warehouse)
    return {
        "now": run.moment, "counts": run.counts, "reasons": run.reasons, "firing": run.firing,
        "record": run.record_of_forecasts, "commands": run.commands, "silent": run.silent, "delivered": delivered,
        "unlanded": run.unlanded,
        "annotated": run.annotated, "unexplained": run.unexplained, "unlabelled": run.unlabelled,
        "home": str(run.home.path), **run.published,
    }  # fmt: skip
