"""The pipeline, one line a stage."""

from contextlib import suppress
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


@flow(name="monitor", persist_result=False, validate_parameters=False)
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
    place = Home(Path(home))
    settings = settings_room.load(Path(config) if config else None)
    chosen = choose_sources(settings, inputs, source)
    endpoints_of(settings.receiver)  # a missing secret is found now, not after the work
    annotators.check(settings)
    place.prepare()
    with place.lock(command), Reporter() as reporter:
        run = stages.Run(place, settings, chosen, reporter, command, as_of, live=command == "up" and as_of is None)
        run.reading  # noqa: B018 (a wrong lexicon stops here, before any work)
        check_topics(settings)
        try:
            with Warehouse(place.warehouse) as warehouse:
                warehouse.interrupt_runs()
                run.record(warehouse, "running")
                load(run, warehouse)
                stages.score(run, warehouse)
            with run.going_on("unlabelled"):
                annotate(run)
            with Warehouse(place.warehouse) as warehouse:
                stages.aggregate(run, warehouse)
                flag(run, warehouse)
                labels(run, warehouse)
                polarize(run, warehouse)
                evaluate(run, warehouse)
                stages.forecast(run, warehouse)
                detect(run, warehouse)
                alert(run, warehouse)
                with run.going_on("unexplained"):
                    explain(run, warehouse)
            delivered = deliver(place, settings, reporter)
            with Warehouse(place.warehouse) as warehouse:
                stages.publish(run, warehouse)
        except BaseException as error:
            error.add_note(f"stage: {reporter.current}")
            if isinstance(error, Exception):
                with suppress(BarographError), Warehouse(place.warehouse) as warehouse:
                    run.record(warehouse, "failed")
            raise
    return {
        "now": run.moment, "counts": run.counts, "reasons": run.reasons, "firing": run.firing,
        "record": run.record_of_forecasts, "commands": run.commands, "silent": run.silent, "delivered": delivered,
        "annotated": run.annotated, "unexplained": run.unexplained, "unlabelled": run.unlabelled,
        "home": str(place.path), **run.published,
    }  # fmt: skip
