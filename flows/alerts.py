"""`barograph alerts`: what the analyst reads of alerts, and asks of the monitor through its queue."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from cyclopts import App, Parameter
from pydantic import ValidationError

from barograph import alerts as alerting
from barograph import commands, episode, publish, settings, tables
from barograph.aggregate import day_end
from barograph.alerts.words import describe
from barograph.clock import utc_now
from barograph.errors import ConfigError
from barograph.home import Home
from barograph.store import Snapshot, Warehouse
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption
from flows.replay import replayed
from flows.telling import shown

By = Annotated[str, Parameter("--by", env_var="BAROGRAPH_ROLE", help="Role of who asks, never a name.")]
Note = Annotated[
    str | None, Parameter(help="Why, at most 500 characters. It stays in the warehouse: `barograph alerts notes`.")
]
Json = Annotated[bool, Parameter("--json", negative="")]
AlertId = Annotated[str, Parameter(help="The alert, or enough of the beginning of its id to tell it.")]
_OPEN = ("firing", "acknowledged", "pending", "stale", "nodata", "censored")

app = App(name="alerts", help="List alerts, say what became of them, and have their decisions made again.")


@app.command(name="list")
def list_(
    *,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    every: Annotated[bool, Parameter("--all", negative="", help="Also those that are over.")] = False,
    as_json: Json = False,
) -> None:
    """Alerts that are open, the most urgent first, with what mutes them; then the silences."""
    place, snapshot = _opened(home)
    rows = snapshot.read(tables.ALERTS)
    urgency = pl.col("state").replace_strict({s: n for n, s in enumerate((*_OPEN, "resolved"))}, return_dtype=pl.Int64)
    rows = rows.sort(urgency, pl.col("level") != "red", "started_on", "population", "marker", "rule", nulls_last=True)
    chosen = rows if every else rows.filter(pl.col("state") != "resolved")
    at, muted = utc_now(), _muted(place, config, snapshot, rows)
    silences = snapshot.read(tables.SILENCES).filter(pl.col("ends_at") > at).sort("ends_at")
    if as_json:
        mutes = {name: mute.words for name, mute in muted.items()}
        told = [{**row, "muted": mutes.get(row["alert_id"])} for row in chosen.to_dicts()]
        print(json.dumps({"alerts": told, "silences": silences.to_dicts()}, indent=2, default=str))
        return
    asked = commands.waiting(place.commands)
    counts = ", ".join(f"{n} {state}" for state in _OPEN if (n := rows.filter(pl.col("state") == state).height))
    print(f"{place.path}: {counts or 'no open alerts'}")
    for row in chosen.iter_rows(named=True):
        print(f"{row['state']:<13}{row['alert_id']}  {describe(row)}")
        if row["alert_id"] in muted and row["state"] != "resolved":
            print(f"{'':<13}{muted[row['alert_id']].words}")
        for said in asked.get(row["alert_id"], ()):
            print(f"{'':<13}{said}")
    for silence in silences.iter_rows(named=True):
        about = ", ".join(f"{k} {v}" for k in ("alert_id", "rule", "marker", "population") if (v := silence[k]))
        until = f"until {silence['ends_at']:%Y-%m-%d %H:%M} UTC by {silence['created_by']}"
        print(f"{'silence':<13}{silence['silence_id']}  {about} {until}")
    for said in asked.get("*", ()):
        print(f"{'waiting':<13}{said}")
    if wrong := len(asked.get("", ())):
        print(f"{wrong} in the queue can be read as no command; the next run sets them aside and says why")


@app.command
def show(
    alert_id: AlertId, /, *, home: HomeOption = DEFAULT_HOME, config: ConfigOption = None, as_json: Json = False
) -> None:
    """All that is known of one alert: value, threshold, forecast, why it moved, events, its rule's record, history."""
    place, snapshot = _opened(home)
    alert = _found(snapshot, alert_id)
    told = _loaded(place, config)
    muted = _muted(place, config, snapshot, snapshot.read(tables.ALERTS))
    facts = episode.facts(snapshot, alert, muted, told.dashboard_url)
    if as_json:
        print(json.dumps(facts, indent=2, default=str))
    else:
        print(shown(alert, facts, commands.waiting(place.commands).get(alert["alert_id"], [])))


@app.command
def ack(alert_id: AlertId, /, *, home: HomeOption = DEFAULT_HOME, by: By = "analyst", note: Note = None) -> None:
    """Say that somebody has seen a firing alert or silent line: it is not told again, and goes on until it is over."""
    _ask(home, alert_id, {"command": "ack", "by": by, "note": note})


@app.command
def resolve(alert_id: AlertId, /, *, home: HomeOption = DEFAULT_HOME, by: By = "analyst", note: Note = None) -> None:
    """Say that an open alert is over; while the same days go on it does not fire again."""
    _ask(home, alert_id, {"command": "resolve", "by": by, "note": note})


@app.command
def silence(
    alert_id: Annotated[str | None, Parameter(help="One alert; else give --rule, --marker or --population.")] = None,
    /,
    *,
    length: Annotated[str, Parameter("--for", help="How long: 30m, 4h, 2d.")],
    rule: Annotated[str | None, Parameter(help="All alerts of this rule, or of `silent line`.")] = None,
    marker: Annotated[str | None, Parameter(help="All alerts on this marker; of several options all must fit.")] = None,
    population: Annotated[str | None, Parameter(help="All alerts on this population.")] = None,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    by: By = "analyst",
    note: Note = None,
) -> None:
    """Have nobody told of these alerts for a time; what still fires at its end is told then."""
    if not (length[:-1].isdecimal() and length[-1:] in "mhd" and 0 < int(length[:-1]) < 10_000):
        raise ConfigError(f"--for: got {length!r}; expected minutes, hours or days, e.g. 30m, 4h, 2d")
    about = {"rule": rule, "marker": marker, "population": population}
    _known(*_opened(home), config, about)
    asked = {"command": "silence", "by": by, "note": note, "ends_at": utc_now() + settings.span(length)}
    _ask(home, alert_id, asked | {name: given for name, given in about.items() if given})


@app.command
def unsilence(silence_id: str, /, *, home: HomeOption = DEFAULT_HOME, by: By = "analyst") -> None:
    """End a silence before its time."""
    _, snapshot = _opened(home)
    known = snapshot.read(tables.SILENCES).filter(pl.col("ends_at") > utc_now())["silence_id"].to_list()
    matching = [name for name in known if name.startswith(silence_id)]
    if len(matching) != 1:
        raise ConfigError(
            f"{silence_id}: {len(matching) or 'no'} running silences begin so; `barograph alerts list` names them"
        )
    _ask(home, None, {"command": "unsilence", "silence_id": matching[0], "by": by})


@app.command
def dispose(
    alert_id: AlertId,
    verdict: Annotated[Literal["true", "false", "unclear"], Parameter(help="Whether the alert was right.")],
    /,
    *,
    began: Annotated[date | None, Parameter(help="First day of what it warned of, for the lead time.")] = None,
    home: HomeOption = DEFAULT_HOME,
    by: By = "analyst",
    note: Note = None,
) -> None:
    """Record what an alert was found to be. Nothing is overwritten; the last verdict counts for its rule's record."""
    _ask(home, alert_id, {"command": "dispose", "verdict": verdict, "began_on": began, "by": by, "note": note})


@app.command
def notes(*, home: HomeOption = DEFAULT_HOME) -> None:
    """What people asked so far, with what came of it and their notes. It waits until the monitor's run has ended."""
    place, _ = _opened(home)
    with place.lock("alerts notes"), Warehouse(place.warehouse) as warehouse:
        rows = warehouse.read(tables.COMMANDS).sort("asked_at")
    for row in rows.iter_rows(named=True):
        what = f"{row['command']} {row['subject'] or row['command_id']} by {row['created_by']}"
        note = f' "{row["note"]}"' if row["note"] else ""
        print(f"{row['asked_at']:%Y-%m-%d %H:%M}  {what}: {row['outcome']}, {row['reason']}{note}")
    if rows.is_empty():
        print("nothing was asked yet")


@app.command
def replay(
    alert_id: AlertId,
    /,
    *,
    as_of: Annotated[
        date | None, Parameter(help="The last decision up to the end of this day; default the last.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
) -> None:
    """Make a decision again from what was known when it was made, and say whether it comes out the same."""
    place, snapshot = _opened(home)
    alert = _found(snapshot, alert_id)
    until = day_end(as_of) + timedelta(microseconds=999_999) if as_of else datetime.max
    history = snapshot.history(tables.ALERTS, as_of=until, where={"alert_id": alert["alert_id"]})
    if history.is_empty():
        first = snapshot.history(tables.ALERTS, as_of=datetime.max, where={"alert_id": alert["alert_id"]})["issue"][0]
        print(
            f"{alert['alert_id']}: nothing was decided by the end of {as_of}; "
            f"the first time was {first:%Y-%m-%d %H:%M} UTC"
        )
        return
    print(replayed(snapshot, history.row(-1, named=True), _loaded(place, config).silent_days))


def _opened(home: Path) -> tuple[Home, Snapshot]:
    place = Home(home)
    if (snapshot := publish.newest(place.published)) is None:
        raise ConfigError(f"{place.path}: nothing published yet; expected the home of a monitor: try `barograph run`")
    return place, snapshot


def _loaded(place: Home, config: Path | None) -> settings.Settings:
    return settings.load(settings.find_config(config, place.path))


def _found(snapshot: Snapshot, given: str) -> dict[str, Any]:
    """The latest row of the alert whose id begins so."""
    rows = snapshot.read(tables.ALERTS).filter(pl.col("alert_id").str.starts_with(given)).to_dicts()
    if exact := [row for row in rows if row["alert_id"] == given]:
        return dict(exact[0])
    if len(rows) != 1:
        raise ConfigError(f"{given}: {len(rows) or 'no'} alerts begin so; `barograph alerts list --all` names them")
    return dict(rows[0])


def _muted(place: Home, config: Path | None, snapshot: Snapshot, alerts: pl.DataFrame) -> dict[str, alerting.Mute]:
    """Why nobody is told of an alert now."""
    told = _loaded(place, config)
    wider = {name: told.wider(name) for name in alerts["population"].unique()}
    return alerting.mutes(alerts, snapshot.read(tables.SILENCES), told.maintenance, wider, utc_now())


def _known(place: Home, snapshot: Snapshot, config: Path | None, about: dict[str, str | None]) -> None:
    """Refuse to silence what there is not: nobody would notice that it silences nothing."""
    lines, rules = snapshot.lines(), snapshot.read(tables.RULES)["rule"].to_list()
    there = {
        "rule": {*rules, *(rule.name for rule in _loaded(place, config).rule), settings.SILENT_LINE},
        "marker": set(lines["marker"]), "population": set(lines["population"]),
    }  # fmt: skip
    for name, given in about.items():
        if given and given not in there[name]:
            raise ConfigError(f"--{name}: got {given!r}; expected one of {', '.join(sorted(there[name]))}")


def _ask(home: Path, alert_id: str | None, asked: dict[str, Any]) -> None:
    """Put a command into the queue, unless it can be seen now that it would be refused."""
    place, snapshot = _opened(home)
    alert = _found(snapshot, alert_id) if alert_id else None
    if alert:
        asked["alert_id"] = alert["alert_id"]
    try:
        command = commands.parse(asked | {"at": utc_now()})
    except ValidationError as error:
        raise ConfigError(commands.mistake(error)) from None
    if alert and (refused := commands.refusal(command, alert["state"])):
        raise ConfigError(f"{alert['alert_id']}: {refused}")
    commands.submit(place.commands, command)
    about = describe(alert) if alert else getattr(command, "silence_id", "")
    if isinstance(command, commands.Silence):
        what = ", ".join(f"{name} {value}" for name in ("rule", "marker", "population") if (value := asked.get(name)))
        about = f"{', '.join(filter(None, (about, what)))} until {command.ends_at:%Y-%m-%d %H:%M} UTC"
    print(f"{command.command} waits for the monitor, which applies it in its next run: {about}")
