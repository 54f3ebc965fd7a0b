"""`barograph stream`: what a source says as it says it, onto the disk. The monitor loads it from there.

The warehouse is not opened, so that any number of streams run beside each other and beside a monitor.
"""

import importlib
import logging
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from cyclopts import Parameter

from barograph import settings
from barograph.errors import ConfigError
from barograph.home import Home
from barograph.landing import Landing
from barograph.privacy import Keyed
from barograph.settings import STREAMS, Settings, Source
from barograph.sources import Arrived
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption
from flows.sources import NEED_NO_CONFIG, check

_MODULES = {"bluesky": "jetstream"}
"""Kind of a source → its module in barograph.sources, where that has another name."""
_NEED_NO_CONFIG = tuple(kind for kind in NEED_NO_CONFIG if kind in STREAMS)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def stream(
    source: Annotated[str, Parameter(help="A source of the config that streams; `bluesky` needs no config.")],
    *,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    for_: Annotated[str | None, Parameter(name="--for", help="How long, e.g. 10m; else until Ctrl-C.")] = None,
) -> None:
    """Land what a source says until Ctrl-C; `barograph run` loads it. What has landed is never lost."""
    seconds = span(for_) if for_ else None
    place = Home(home)
    chosen = streaming(settings.load(settings.find_config(config, place.path)), source)
    place.prepare()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    stop = threading.Event()
    print(f"streaming {chosen.name} into {place.landing / chosen.name}; Ctrl-C stops it", file=sys.stderr, flush=True)
    with _stopped_by_signals(stop):
        done = land(place, chosen, stop, seconds, said=logging.getLogger(__name__).warning)
    print(told(chosen.name, done))


def span(written: str) -> float:
    """Seconds of a time span such as 10m. Raises `ConfigError`."""
    if not re.fullmatch(r"\d{1,6}[smhd]", written) or not int(written[:-1]):
        raise ConfigError(f"--for: got {written!r}; expected a time span, e.g. 30s, 10m or 2h")
    return float(int(written[:-1]) * _SECONDS[written[-1]])


def streaming(loaded: Settings, name: str) -> Source:
    """The source of that name, checked. Raises `ConfigError` where there is none, or it does not stream."""
    known = {s.name: s for s in loaded.source}
    if name not in known and name in _NEED_NO_CONFIG:
        return Source.model_validate({"name": name, "kind": name})
    able = [s.name for s in loaded.source if s.streams] + [n for n in _NEED_NO_CONFIG if n not in known]
    if name not in known or not known[name].streams:
        got = f"{name!r}, of kind {known[name].kind!r}" if name in known else repr(name)
        raise ConfigError(
            f"stream: got {got}; expected a source that streams: {', '.join(able)}; "
            "one of your own needs a [[source]] in barograph.toml, or --config"
        )
    check(known[name])
    return known[name]


def land(
    home: Home, source: Source, stop: threading.Event, seconds: float | None, said: Callable[[str], None]
) -> Counter[str]:
    """Land a source until `stop` is set, so many seconds have passed or it is at its end.

    said: told why nothing can be written, whenever that begins or ends. Returns how many rows of each op landed, how
    many frames were quarantined or ignored and times missed. Raises `Transient` where another process streams the
    source, `Terminal` where going on cannot help.
    """
    module: Any = importlib.import_module(f"barograph.sources.{_MODULES.get(source.kind, source.kind)}")
    done, ends = Counter[str](), time.monotonic() + seconds if seconds else None
    with Landing(home.landing / source.name, Keyed(home.key), paused=said, stopped=stop.is_set) as landing:
        cursor = landing.cursor
        try:
            for arrived in module.fetch(source, cursor, stop):
                if arrived.brings_something or arrived.cursor != cursor:
                    cursor = arrived.cursor
                    landing.keep(arrived)
                    _count(done, arrived)
                else:
                    landing.due()
                if ends and time.monotonic() >= ends:
                    stop.set()
        finally:
            landing.flush(stopped=lambda: True)
    return done


def _count(done: Counter[str], arrived: Arrived) -> None:
    done.update(dict(arrived.rows["op"].value_counts().iter_rows()))
    done.update(quarantined=len(arrived.rejects), ignored=sum(arrived.ignored.values()), missed=len(arrived.missed))


def told(name: str, done: Counter[str]) -> str:
    """What came, in words."""
    if not +done:
        return f"{name}: nothing came"
    rows = ", ".join(f"{done[op]:,} {op}" for op in ("post", "update", "delete", "leave", "return"))
    return (
        f"{name}: {rows}; {done['quarantined']:,} quarantined, {done['ignored']:,} ignored, "
        f"{done['missed']} {'gap' if done['missed'] == 1 else 'gaps'}"
    )


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end a stream in order; a second one at once."""
    before: dict[signal.Signals, Any] = {}

    def ask(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
