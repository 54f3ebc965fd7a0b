"""The `barograph` command. Exit codes: 0 done, 1 a failure with its stage named, 2 bad usage, config or input."""

import errno
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

import barograph
from barograph import publish, settings, tables
from barograph.alerts.words import describe
from barograph.clock import utc_now
from barograph.errors import BarographError, ConfigError
from barograph.home import Home
from barograph.notify import endpoints_of
from barograph.record import recent
from flows import alerts, standing
from flows.audit import audit
from flows.backtest import backtest
from flows.cards import sources
from flows.forget import forget
from flows.labelling import annotate
from flows.notifications import notifications
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption
from flows.page import dashboard
from flows.pictures import chart, report
from flows.serve import supervise, temporary_server
from flows.stream import stream
from flows.telling import describe_record, summary
from flows.tune import tune
from flows.validate import validate

Inputs = Annotated[
    tuple[str, ...], Parameter(help="Files, folders or patterns; they stand in for the config's sources.")
]
SourceOption = Annotated[
    str | None, Parameter("--source", help="One source by name; `simulated` and `bluesky` need no config.")
]

app = App(
    name="barograph",
    help="Watch the mood of a population: prevalence of markers in public posts, forecasts and alerts.",
    version=barograph.__version__,
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,  # _guarded says in which stage it was
)


@app.command
def run(
    *inputs: Annotated[str, Parameter(help="Files, folders or patterns; they stand in for the config's sources.")],
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    source: SourceOption = None,
    as_of: Annotated[date | None, Parameter(help="Last day read; its end (UTC) is taken as now.")] = None,
) -> None:
    """Run the monitor once, from posts to a published snapshot."""
    place, found = _prepared(home, config, inputs, source)
    began = datetime.now()
    with temporary_server(place):
        from flows.monitor import monitor

        done = monitor(str(place.path), found, inputs, source, as_of)
    print(summary(done, datetime.now() - began))


@app.command
def backfill(
    *inputs: Annotated[str, Parameter(help="Files, folders or patterns; they stand in for the config's sources.")],
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    source: SourceOption = None,
    step: Annotated[str, Parameter(help="Days between issues, e.g. 1d or 7d.")] = "1d",
    first: Annotated[
        date | None, Parameter(name="--from", help="First day issued; default that of the oldest post.")
    ] = None,
    last: Annotated[
        date | None, Parameter(name="--to", help="Last day read and issued; default that of the newest post.")
    ] = None,
) -> None:
    """Replay history as one issue a day, as the monitor would have published it. Nobody is notified."""
    if not (step.endswith("d") and step[:-1].isdigit() and int(step[:-1]) > 0):
        raise ConfigError(f"--step: got {step!r}; expected days, e.g. 1d")
    place, found = _prepared(home, config, inputs, source)
    began = datetime.now()
    with temporary_server(place):
        from flows.backfill import backfill as replay

        done = replay(str(place.path), found, inputs, source, first, last, int(step[:-1]))
    print(summary(done, datetime.now() - began))


app.command(annotate)
app.command(backtest)
app.command(dashboard)
app.command(forget)
app.command(notifications)
app.command(alerts.app)
app.command(stream)
app.command(validate)
app.command(audit)
app.command(tune)
app.command(report)
app.command(chart)
app.command(sources)


@app.command
def up(
    *,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    source: SourceOption = None,
    port: Annotated[int, Parameter(help="Port of the dashboard.")] = 8501,
) -> None:
    """Run streams, monitor, forecasts, validation and retention on schedules beside the dashboard, until Ctrl-C."""
    place = Home(home)
    found = settings.find_config(config, place.path)
    supervise(place, found, source, port)


@app.command
def status(
    *,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    as_json: Annotated[bool, Parameter("--json", negative="")] = False,
) -> None:
    """Say what HOME holds: last run, series, sources, annotators, alerts, and what landed that no source reads."""
    from flows import unread

    place = Home(home)
    told = _status(place)
    told["unread"] = unread.named(place, settings.load(settings.find_config(config, place.path)), told["sources"])
    if as_json:
        if told.get("forecasts"):
            told["forecasts"] = asdict(told["forecasts"])
        print(json.dumps(told, indent=2, default=str))
        return
    if told["snapshot"] is None:
        print(f"{told['home']}: nothing published yet; try `barograph run`")
        print("".join(f"{unread.line(place, name)}\n" for name in told["unread"]), end="")
        return
    run_, firing = told["last_run"], told["alerts_firing"]
    print(f"{told['home']}: {told['snapshot']}, read up to {run_['now']:%Y-%m-%d %H:%M} UTC")
    print(f"last run    {run_['command']} {run_['status']} at {run_['started_at']:%Y-%m-%d %H:%M} UTC")
    print(
        f"series      {told['lines']} lines of {told['populations']} populations, "
        f"{told['first_day']} to {told['last_day']}"
    )
    for one in told["sources"]:
        print(
            f"source      {one['source']} ({one['kind']}): {one['n_posts']:,} posts, "
            f"{one['n_quarantined']:,} quarantined"
        )
    for name in told["unread"]:
        print(unread.line(place, name))
    if told["forecasts"]:
        print(f"forecasts   {describe_record(told['forecasts'])}")
    for one in told["annotations"]:
        print("\n".join(standing.lines(one)))
    print(f"alerts      {len(firing)} firing")
    for alert in firing:
        print(f"  {describe(alert)}")


@app.command
def check(*, home: HomeOption = DEFAULT_HOME, config: ConfigOption = None) -> None:
    """Validate barograph.toml: every key, lexicon, source, receiver and secret. Reads no posts, sends nothing."""
    place = Home(home)
    found = settings.find_config(config, place.path)
    loaded = settings.load(found)
    from flows import annotators
    from flows.reading import Reading
    from flows.sources import check as check_source

    Reading(loaded.marker).check(loaded.rule)
    annotators.check(loaded)
    for one in loaded.source:
        check_source(one)
    endpoints_of(loaded.receiver)
    loaded.access.check()
    parts = (
        "source", "population", "marker", "dimension", "topic", "event", "test", "rule", "receiver", "annotator",
        "annotation",
    )  # fmt: skip
    print(
        f"{found or 'no barograph.toml: defaults'}: ok ({', '.join(f'{len(getattr(loaded, p))} {p}s' for p in parts)})"
    )


@app.command
def simulate(
    *,
    out: Annotated[Path, Parameter(help="Folder for posts.parquet, truth.parquet and events.json.")] = Path(
        "simulated"
    ),
    start: date = date(2024, 1, 1),
    days: int = 200,
    posts_per_day: Annotated[int, Parameter(help="Posts a day of each full-size community.")] = 250,
    seed: int = 7,
) -> None:
    """Write a simulated population: posts in English and Spanish, and the true prevalence behind them."""
    from barograph.sources.simulated import Simulation

    if days < 1 or posts_per_day < 1:
        raise ConfigError(f"--days and --posts-per-day: got {days} and {posts_per_day}; expected at least 1")
    population = Simulation(start=start, seed=seed, posts_per_day=posts_per_day)
    last = start + timedelta(days=days - 1)
    out.mkdir(parents=True, exist_ok=True)
    posts, truth, events = (
        population.posts(start, last),
        population.truth(start, last),
        population.events(last),
    )
    posts.write_parquet(out / "posts.parquet")
    truth.write_parquet(out / "truth.parquet")
    (out / "events.json").write_text(json.dumps(events, indent=2, default=str) + "\n")
    print(
        f"{out}: {posts.height:,} posts, {truth.height:,} true values, {len(events)} events, "
        f"{start} to {last}, seed {seed}"
    )


@app.command
def version() -> None:
    """Print the version."""
    print(barograph.__version__)


def _prepared(home: Path, config: Path | None, inputs: tuple[str, ...], source: str | None) -> tuple[Home, str | None]:
    """Everything that can be wrong before work begins is found here, before Prefect's seconds are spent."""
    from flows import annotators
    from flows.sources import choose_sources

    place = Home(home)
    found = settings.find_config(config, place.path)
    loaded = settings.load(found)
    choose_sources(loaded, inputs, source)
    endpoints_of(loaded.receiver)
    annotators.check(loaded)
    place.prepare()
    return place, str(found) if found else None


def _status(place: Home) -> dict[str, Any]:
    snapshot = publish.newest(place.published)
    name = snapshot and snapshot.path.name
    told: dict[str, Any] = {"home": str(place.path), "snapshot": name, "version": barograph.__version__}
    if snapshot is None:
        return told | {"sources": []}
    series = snapshot.read(tables.SERIES)
    runs = snapshot.read(tables.RUNS).sort("started_at").to_dicts()
    found = snapshot.read(tables.ALERTS)
    return told | {
        "last_run": runs[-1] if runs else None,
        "lines": series.select(tables.LINE).n_unique(),
        "populations": series["population"].n_unique(),
        "first_day": series["time_value"].min(),
        "last_day": series["time_value"].max(),
        "forecasts": recent(snapshot.read(tables.EVALUATIONS)),
        "sources": snapshot.read(tables.SOURCES).to_dicts(),
        "annotations": standing.read(place, snapshot.read(tables.CANARIES), utc_now().date()),
        "alerts_firing": [a for a in found.to_dicts() if a["state"] == "firing"],
        "checked_at": utc_now(),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return _guarded(lambda: app(arguments, exit_on_error=False, print_error=False, result_action="return_value"))


def _guarded(command: Callable[[], object]) -> int:
    try:
        command()
    except CycloptsError as error:
        print(f"barograph: {error}\nTry `barograph --help`.", file=sys.stderr)
        return 2
    except BarographError as error:
        where = next((f"{note.removeprefix('stage: ')} failed: " for note in getattr(error, "__notes__", ())), "")
        print(f"barograph: {where if error.exit_code == 1 else ''}{error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as error:
        where = next(iter(getattr(error, "__notes__", ())), "stage: start")
        print(f"barograph: interrupted ({where}); what was kept is safe: run again to go on", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001  the last line of defence: a bug still says in which stage, and ends with 1
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            place = error.filename or "disk"
            print(f"barograph: {place}: no space left; free some and run again: what was kept is safe", file=sys.stderr)
            return 1
        traceback.print_exc()
        where = next(iter(getattr(error, "__notes__", ())), "stage: start").removeprefix("stage: ")
        print(f"barograph: {where} failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
