"""What a person may ask of the monitor: one JSON file a command in HOME/commands, applied by its next run.

Whoever asks (the command line, a page) writes a file and never touches the warehouse. The monitor reads the files in
order of their names, keeps what came of each in `commands` in one transaction with what it did, and then removes the
file: a file that is there again after a crash is known by its id and does nothing. What is no command goes to
HOME/commands/refused, with the reason beside it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import uuid4

import polars as pl
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from barograph.clock import naive_utc
from barograph.errors import InputError
from barograph.language import gettext as _
from barograph.stored import stored
from barograph.tables import COMMANDS, DISPOSITIONS, SILENCES

_ID = r"^[A-Za-z0-9_-]{1,64}$"
Id = Annotated[str, StringConstraints(pattern=_ID)]
Role = Annotated[str, StringConstraints(pattern=r"^[^\s@][^@\n]{0,39}$")]
"""Who asks: a role, at most 40 characters; no @, so that no address of a person gets in."""
Said = Annotated[str, StringConstraints(max_length=500)]


Moment = Annotated[datetime, AfterValidator(naive_utc)]
"""Naive UTC, as in every table."""
Known = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\n]*$")]
LONGEST = 65_536
"""Bytes of a command's file."""


class Command(BaseModel):
    """What every command says: who asks (a role), and when by the clock."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Id = Field(default_factory=lambda: uuid4().hex)
    by: Role = "analyst"
    at: Moment
    note: Said | None = None
    """Why, in words that stay in the warehouse."""


class Ack(Command):
    """Somebody has seen a firing alert, or a silent line: it is not told again, and goes on until it is over."""

    command: Literal["ack"] = "ack"
    alert_id: Id


class Resolve(Command):
    """An open alert is over; while the same days go on it does not fire again."""

    command: Literal["resolve"] = "resolve"
    alert_id: Id


class Silence(Command):
    """Nobody is told of these alerts until `ends_at`; what still fires then is told then."""

    command: Literal["silence"] = "silence"
    alert_id: Id | None = None
    rule: Known | None = None
    marker: Known | None = None
    population: Known | None = None
    ends_at: Moment

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.ends_at <= self.at:
            raise ValueError(f"got ends_at {self.ends_at}; expected later than it was asked, {self.at}")
        if not any((self.alert_id, self.rule, self.marker, self.population)):
            raise ValueError("got a silence of everything; expected an alert, rule, marker or population")
        return self


class Unsilence(Command):
    """A silence ends now."""

    command: Literal["unsilence"] = "unsilence"
    silence_id: Id


class Dispose(Command):
    """What an alert was found to be."""

    command: Literal["dispose"] = "dispose"
    alert_id: Id
    verdict: Literal["true", "false", "unclear"]
    began_on: date | None = None

    @model_validator(mode="after")
    def _began_before_it_was_said(self) -> Self:
        if self.began_on and self.began_on > self.at.date():
            raise ValueError(f"got began_on {self.began_on}; expected a day up to {self.at.date()}, when it was said")
        return self


AnyCommand = Ack | Resolve | Silence | Unsilence | Dispose
_ADAPTER: TypeAdapter[AnyCommand] = TypeAdapter(Annotated[AnyCommand, Field(discriminator="command")])


def parse(given: Mapping[str, Any]) -> AnyCommand:
    """A command from its keys and values; pydantic's `ValidationError` where it is none."""
    return _ADAPTER.validate_python(given)


def mistake(error: ValidationError) -> str:
    """Why something is no command: the key, what was got, what was expected."""
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"][1:] or first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "string_pattern_mismatch" and where == "by":
        what = f"got {first['input']!r}; expected a role, e.g. duty desk: at most 40 characters, no @"
    return f"{where}: {what}" if where else what


def submit(folder: Path, command: AnyCommand) -> Path:
    """Put a command into the queue; its file is complete before it has a name. Raises `InputError` where it cannot."""
    path = folder / f"{command.at:%Y%m%dT%H%M%S%f}-{command.id}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("w") as file:
            file.write(command.model_dump_json(exclude_none=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); expected the home of a monitor") from None
    return path


def queued(folder: Path) -> list[tuple[Path, AnyCommand | str]]:
    """The files that wait, in order of name, each with its command, or with why it is none."""
    return [(path, _read(path)) for path in sorted(folder.glob("*.json")) if path.is_file()]


def waiting(folder: Path) -> dict[str, list[str]]:
    """What waits in the queue, in words: alert → commands.

    Under `*` what is about no single alert, under an empty name what can be read as no command.
    """
    found: dict[str, list[str]] = {}
    for __, command in queued(folder):
        if isinstance(command, str):
            found.setdefault("", []).append(command)
        else:
            said = _("{command} by {role} waits for the monitor's next run").format(
                command=stored(command.command), role=command.by
            )
            found.setdefault(getattr(command, "alert_id", None) or "*", []).append(said)
    return found


def _read(path: Path) -> AnyCommand | str:
    try:
        if (size := path.stat().st_size) > LONGEST:
            return f"got {size:,} bytes; expected at most {LONGEST:,}"
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValidationError as error:
        return mistake(error)


def finish(path: Path) -> None:
    """Take what was applied, or refused for what it asks, out of the queue."""
    path.unlink(missing_ok=True)


def set_aside(path: Path, reason: str) -> None:
    """Move what is no command to `refused`, with the reason beside it."""
    refused = path.parent / "refused"
    refused.mkdir(mode=0o700, exist_ok=True)
    (refused / f"{path.stem}.reason").write_text(reason + "\n")
    path.replace(refused / path.name)


@dataclass(frozen=True)
class Applied:
    """What commands come to: rows of their tables, and alert → (what, by) for the alert stage."""

    commands: pl.DataFrame
    silences: pl.DataFrame
    dispositions: pl.DataFrame
    orders: Mapping[str, tuple[Literal["acknowledge", "resolve"], str]]


def apply(
    commands: list[AnyCommand], known: pl.DataFrame, alerts: pl.DataFrame, silences: pl.DataFrame, *, now: datetime
) -> Applied:
    """What these commands come to. One whose id is in `known` (rows of `commands`) was applied before and does nothing.

    alerts, silences: latest rows. What cannot be done (an alert that is not there, or not open) is refused with the
    reason, as the row in `commands` says.
    """
    done = set(known["command_id"])
    rows: dict[str, dict[str, Any]] = {}
    quiet = {row["silence_id"]: row for row in silences.to_dicts()}
    changed: dict[str, dict[str, Any]] = {}
    verdicts: list[dict[str, Any]] = []
    orders: dict[str, tuple[Literal["acknowledge", "resolve"], str]] = {}
    by_id = {row["alert_id"]: row for row in alerts.to_dicts()}
    for command in commands:
        if command.id in done or command.id in rows:
            continue
        subject = getattr(command, "alert_id", None) or getattr(command, "silence_id", None)
        refused = _refusal(command, by_id, quiet)
        said = refused or "done"
        if not refused:
            match command:
                case Ack():
                    orders.setdefault(command.alert_id, ("acknowledge", command.by))
                case Resolve():
                    orders[command.alert_id] = ("resolve", command.by)
                case Silence():
                    row = command.model_dump(include={"alert_id", "rule", "marker", "population", "ends_at"})
                    row |= {"silence_id": command.id, "created_by": command.by, "starts_at": command.at, "issue": now}
                    quiet[command.id] = changed[command.id] = row
                    said = f"until {command.ends_at:%Y-%m-%d %H:%M} UTC"
                case Unsilence():
                    row = {**quiet[command.silence_id], "ends_at": command.at, "issue": now}
                    quiet[command.silence_id] = changed[command.silence_id] = row
                case Dispose():
                    row = command.model_dump(include={"alert_id", "verdict", "began_on"})
                    row |= {"disposition_id": command.id, "rule": by_id[command.alert_id]["rule"]}
                    verdicts.append({**row, "created_by": command.by, "decided_at": command.at, "issue": now})
                    said = command.verdict
        rows[command.id] = {
            "command_id": command.id, "command": command.command, "subject": subject, "created_by": command.by,
            "asked_at": command.at, "outcome": "refused" if refused else "applied", "reason": said,
            "note": command.note, "issue": now,
        }  # fmt: skip
    return Applied(
        COMMANDS.validate(pl.DataFrame(list(rows.values()), schema=COMMANDS.schema)),
        SILENCES.validate(pl.DataFrame(list(changed.values()), schema=SILENCES.schema)),
        DISPOSITIONS.validate(pl.DataFrame(verdicts, schema=DISPOSITIONS.schema)),
        orders,
    )


def _refusal(
    command: AnyCommand, alerts: Mapping[str, Mapping[str, Any]], silences: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """Why a command cannot be done; None where it can."""
    if isinstance(command, Unsilence):
        silence = silences.get(command.silence_id)
        if silence is None:
            return f"no silence {command.silence_id}"
        return "it has ended already" if silence["ends_at"] <= command.at else None
    if command.alert_id is None:
        return None
    if (alert := alerts.get(command.alert_id)) is None:
        return f"no alert {command.alert_id}"
    return refusal(command, alert["state"])


def refusal(command: AnyCommand, state: str) -> str | None:
    """Why an alert in this state cannot be acknowledged or resolved; None where it can, or something else is asked."""
    ack, resolve = ("firing", "nodata", "stale", "censored"), ("pending", "firing", "acknowledged")
    may = {"ack": ack, "resolve": resolve}.get(command.command)
    if may is None or state in may:
        return None
    expected = _(" or ").join(stored(name) for name in may)
    return _("the alert is {state}; expected {expected}").format(state=stored(state), expected=expected)
