"""`barograph annotate`: the stage that has a sample labelled, alone."""

from typing import Annotated

from cyclopts import Parameter

from barograph import settings
from barograph.errors import ConfigError, InputError
from barograph.home import Home
from flows.environment import prepare_prefect
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption


def annotate(
    *,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    task: Annotated[str | None, Parameter(help="Only this one, as in `annotations`: TASK or TASK:TOPIC.")] = None,
    limit: Annotated[int | None, Parameter(help="Ask at most so many texts of each task.")] = None,
) -> None:
    """Have the posts labelled that are drawn of closed days and not labelled yet, as far as budgets go.

    `run` does it too; here nothing is fetched, aggregated or published: the next run does that.
    """
    if limit is not None and limit < 0:
        raise ConfigError(f"--limit: got {limit}; expected at least 0")
    place = Home(home)
    if not place.warehouse.is_file():
        raise InputError(f"{place.path}: nothing there yet; expected the home of a monitor: name it with --home")
    loaded = settings.load(settings.find_config(config, place.path))
    if not loaded.annotation:
        raise ConfigError("annotate: no [[annotation]] is configured; expected at least one in barograph.toml")
    from flows.annotators import check

    check(loaded)
    place.prepare()
    prepare_prefect(place)
    from barograph.store import Warehouse
    from flows.annotate import label
    from flows.progress import Reporter
    from flows.stages import Run

    with place.lock("annotate"), Reporter() as reporter:
        run = Run(place, loaded, loaded.source, reporter, "annotate")
        run.reading  # noqa: B018 (a wrong lexicon stops here, before any work)
        with Warehouse(place.warehouse) as warehouse:
            run.now = warehouse.moment(warehouse.newest_post(run.clock) or run.clock)
        label(run, task, limit)
    print("\n".join(run.annotated))
