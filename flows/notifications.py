"""`barograph notifications`: what has not arrived, and sending it again."""

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from barograph import settings
from barograph.clock import utc_now
from barograph.errors import InputError
from barograph.home import Home
from barograph.notify import endpoints_of
from barograph.store import Warehouse
from flows.environment import prepare_prefect
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption

_FORGOTTEN = "one whose body is past its retention"

notifications = App(name="notifications", help="Say which notifications have not arrived; send dead ones again.")


@notifications.command(name="list")
def list_(
    *,
    home: HomeOption = DEFAULT_HOME,
    receiver: Annotated[str | None, Parameter(help="Only those to this receiver.")] = None,
    dead: Annotated[bool, Parameter(negative="", help="Only those that are tried no more.")] = False,
    as_json: Annotated[bool, Parameter("--json", negative="")] = False,
) -> None:
    """List what is dead or waits, oldest first: id, receiver, state, alert, and what came of the last try."""
    place = _there(home)
    with place.lock("notifications list"), Warehouse(place.warehouse) as warehouse:
        rows = warehouse.undelivered().to_dicts()
    rows = [r for r in rows if receiver in (None, r["receiver"]) and (not dead or r["status"] == "dead")]
    if as_json:
        print(json.dumps(rows, indent=2, default=str))
        return
    for row in rows:
        print(_line(row))
    n = sum(row["status"] == "dead" for row in rows)
    again = any(row["status"] == "dead" and row["kept"] for row in rows)
    print(
        f"{n} dead, {len(rows) - n} waiting"
        + ("; `barograph notifications retry` sends the dead again" if again else "")
    )
    for name in dict.fromkeys(row["receiver"] for row in rows if row["gone_at"]):
        print(f"{name} answered 410: it is sent nothing until then, or until it is configured otherwise")


@notifications.command
def retry(
    *ids: Annotated[str, Parameter(help="Notifications (msg_…); without any all that are dead.")],
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    receiver: Annotated[str | None, Parameter(help="Only those to this receiver.")] = None,
) -> None:
    """Send dead notifications again, under the same ids and with all their tries; their receivers count again."""
    place = _there(home)
    loaded = settings.load(settings.find_config(config, place.path))
    known = endpoints_of(loaded.receiver)
    if receiver is not None and receiver not in known:
        raise InputError(
            f"--receiver: got {receiver!r}; expected one that is configured: {', '.join(known) or 'none is'}"
        )
    with place.lock("notifications retry"):
        with Warehouse(place.warehouse) as warehouse:
            there = {row["notification_id"]: row for row in warehouse.undelivered().to_dicts()}
            for name in ids:
                found = "none of that id that is dead or waits"
                if row := there.get(name):
                    found = "one that waits" if row["status"] != "dead" else "" if row["kept"] else _FORGOTTEN
                if found:
                    raise InputError(f"{name}: got {found}; expected a dead one, see `barograph notifications list`")
            revived = warehouse.revive(utc_now(), ids, [receiver] if receiver else [])
        prepare_prefect(place)
        from flows.deliver import send_due

        done = send_due(place, loaded) if revived else {}
    said = ", ".join(f"{count} {what}" for what, count in done.items())
    waiting = sum(row["status"] == "waiting" and receiver in (None, row["receiver"]) for row in there.values())
    tells = f"; {waiting} waiting: a run sends each when it is due" if waiting and not revived else ""
    print(f"{len(revived)} revived" + (f"; sent what was due: {said}" if said else tells))


def _there(home: Path) -> Home:
    place = Home(home)
    if not place.warehouse.is_file():
        raise InputError(f"{place.path}: nothing there yet; expected the home of a monitor: name it with --home")
    return place


def _line(row: dict[str, Any]) -> str:
    when = f", next {row['next_attempt_at']:%Y-%m-%d %H:%M} UTC" if row["next_attempt_at"] else ""
    last = f", last {row['last_result']}" if row["last_result"] else ""
    gone = "" if row["kept"] else ", its body forgotten"
    return (
        f"{row['notification_id']}  {row['receiver']}  {row['state']} {row['alert_id']}  {row['status']}: "
        f"tried {row['attempts']} {'time' if row['attempts'] == 1 else 'times'}{last}{when}{gone}"
    )
