"""History replayed: one issue a day, as the monitor would have published it had it been running."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from prefect import flow

from barograph import settings as settings_room
from barograph.aggregate import day_end
from barograph.errors import ConfigError
from barograph.home import Home
from barograph.store import Warehouse
from flows import stages
from flows.decide import alert, keep_record
from flows.detect import detect
from flows.evaluate import evaluate
from flows.explain import explain
from flows.flags import flag
from flows.labels import labels
from flows.load import load
from flows.polarize import check_topics, polarize
from flows.progress import Reporter
from flows.sources import choose_sources


@flow(name="backfill", flow_run_name="backfill", persist_result=False, validate_parameters=False)
def backfill(
    home: str,
    config: str | None = None,
    inputs: tuple[str, ...] = (),
    source: str | None = None,
    first: date | None = None,
    last: date | None = None,
    step: int = 1,
) -> dict[str, Any]:
    """Load everything once, then aggregate, forecast, detect and alert every `step` days up to `last`.

    first, last: default to the days of the oldest and newest post. Nobody is notified. Killed midway, the next
    backfill goes on after the last day it issued, so each day is issued once.
    """
    place = Home(Path(home))
    settings = settings_room.load(Path(config) if config else None)
    chosen = choose_sources(settings, inputs, source)
    place.prepare()
    with place.lock("backfill"), Reporter() as reporter, Warehouse(place.warehouse) as warehouse:
        run = stages.Run(place, settings, chosen, reporter, "backfill", last)
        run.reading  # noqa: B018 (a wrong lexicon stops here, before any work)
        check_topics(settings)
        try:
            warehouse.interrupt_runs()
            run.record(warehouse, "running")
            load(run, warehouse)
            stages.score(run, warehouse)
            oldest = min((o for s in chosen if (o := warehouse.oldest_post(s.name))), default=None)
            if oldest is None:
                raise ConfigError("backfill: no posts to replay")  # noqa: TRY301  (in the try, which names the stage)
            end = run.moment
            day = first or oldest.date()
            if day > end.date():
                raise ConfigError(  # noqa: TRY301  (in the try, which names the stage)
                    f"backfill: got --from {day} after the last day, {end.date()}; expected an earlier one"
                )
            if (done := warehouse.last_issue()) and done.date() >= day:
                day = done.date() + timedelta(days=step)
            reporter.stage("replay")
            run.reporter = Reporter(silent=True)
            days = max((end.date() - day).days + 1, 1)
            for passed in range(0, days, step):
                run.now = min(day_end(day + timedelta(days=passed)), end)
                for stage in (stages.aggregate, flag, stages.forecast, detect, alert):
                    stage.fn(run, warehouse)
                reporter.advance((passed + 1) / days, f"{run.moment:%Y-%m-%d}")
            run.now = end
            polarize.fn(run, warehouse)
            evaluate.fn(run, warehouse)
            keep_record(run, warehouse)
            labels.fn(run, warehouse)
            with run.going_on("unexplained"):
                explain.fn(run, warehouse)
            stages.publish(run, warehouse)
        except BaseException as error:
            error.add_note(f"stage: {reporter.current}")
            raise
    return {
        "now": run.moment, "counts": run.counts, "reasons": run.reasons, "firing": run.firing,
        "record": run.record_of_forecasts, "commands": [], "silent": run.silent, "delivered": {},
        "unexplained": run.unexplained, "home": str(place.path), **run.published,
    }  # fmt: skip
