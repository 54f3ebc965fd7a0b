"""`barograph up`: Prefect's server, the scheduler and the dashboard, ended together by Ctrl-C."""

import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType

from barograph import settings as settings_room
from barograph.errors import ConfigError, Transient
from barograph.home import Home
from barograph.publish import current
from barograph.serving import dashboard_command, dashboard_environment, health_address, page_address
from barograph.settings import Access
from flows.children import Child, any_port, start, wait_for, watch
from flows.environment import prepare_prefect
from flows.sources import choose_sources

_PREFECT_PORT = 4200
_FREED_SECONDS = 5
"""For so long what a killed `up` has started may still hold a port."""
_TRIES = 3
"""So often in a row everything is started again when a part of it has ended."""
_STEADY_SECONDS = 600
"""What ran for so long counts as having worked."""
_PAUSE_SECONDS = 5


def supervise(home: Home, config: Path | None, source: str | None, port: int) -> None:
    """Start everything, say where the dashboard is, and wait. On Ctrl-C or SIGTERM end everything it started.

    Where a part ends, everything is ended and started again: each part leaves what it did on the disk.

    Raises `ConfigError` where the port is taken or the config is wrong, before anything is started; `Transient` where
    another `up` has the home, or parts end again and again.
    """
    settings = settings_room.load(config)
    choose_sources(settings, (), source)
    settings.access.check()
    home.prepare()
    signal.signal(signal.SIGTERM, _interrupt)
    with home.supervised():  # before the port: one that has both is said to be what it is
        access = _checked(settings.access, port)
        api_port = _PREFECT_PORT if _free(_PREFECT_PORT) else any_port()
        prepare_prefect(home, f"http://127.0.0.1:{api_port}/api")
        try:
            _again_and_again(lambda: _together(home, config, source, access, port, api_port))
        except KeyboardInterrupt:
            _say("stopped")


def _again_and_again(work: Callable[[], None]) -> None:
    """Work that only an interruption ends, begun again where a part of it ended."""
    tries = 0
    while True:
        began = time.monotonic()
        try:
            work()
        except Transient as error:
            tries = tries + 1 if time.monotonic() - began < _STEADY_SECONDS else 1
            if tries > _TRIES:
                raise
            _say(f"{error}; starting everything again in {_PAUSE_SECONDS} s")
        time.sleep(_PAUSE_SECONDS)


def _together(home: Home, config: Path | None, source: str | None, access: Access, port: int, api_port: int) -> None:
    """Everything once. Raises `Transient` where a part ended, `KeyboardInterrupt` when all is to end."""
    with ExitStack() as children:
        try:
            _say(f"starting the scheduler at http://127.0.0.1:{api_port}")
            server = start(children, _prefect_server(api_port), loud=True)
            wait_for(f"http://127.0.0.1:{api_port}/api/health", server, "Prefect's server")
            from flows import leftover
            from flows.schedule import WAITING

            leftover.clear()
            known = current(home.published) is not None
            # What is published already can be looked at while the monitor reads, which may ask annotators for long.
            page = _dashboard(children, home, config, access, port) if known else None
            # Streams land from the first moment on; all else waits for the first reading.
            parts = (str(home.path), str(config.absolute() if config else ""), source or "")
            scheduler = start(children, [sys.executable, "-m", "flows.schedule", *parts], loud=True)
            so_far = f"reading; until then {page_address(port, access)} shows the last snapshot"
            _say(so_far if known else "reading for the first time")
            _monitor_once(home, config, source)
            page = page or _dashboard(children, home, config, access, port)
            leftover.resume(WAITING, scheduler)
            _say(
                f"dashboard   {_where(port, access)}\n"
                f"runs        http://127.0.0.1:{api_port}\n"
                "Press Ctrl-C to stop everything."
            )
            watch({"Prefect's server": server, "the dashboard": page, "the scheduler": scheduler})
        except KeyboardInterrupt:
            _say("\nstopping")
            raise


def serve_page(home: Home, config: Path | None, port: int) -> None:
    """Serve the page alone, of snapshots that a monitor publishes in `home`, until Ctrl-C or SIGTERM.

    Raises `ConfigError` where the port is taken or the config is wrong, before anything is started.
    """
    access = _checked(settings_room.load(config).access, port)
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as children:
        try:
            page = _dashboard(children, home, config, access, port, loud=True)
            _say(f"dashboard   {_where(port, access)}\nPress Ctrl-C to stop it.")
            watch({"the dashboard": page})
        except KeyboardInterrupt:
            _say("\nstopping")
    _say("stopped")


@contextmanager
def temporary_server(home: Home) -> Iterator[None]:
    """A Prefect server for one run, where the environment names none.

    In a session of its own: the Ctrl-C that ends the run must not take the server from under it first.
    """
    if os.environ.get("PREFECT_API_URL"):
        prepare_prefect(home)
        yield
        return
    port = any_port()
    prepare_prefect(home, f"http://127.0.0.1:{port}/api")
    with ExitStack() as children:
        server = start(children, _prefect_server(port))
        wait_for(f"http://127.0.0.1:{port}/api/health", server, "Prefect's server")
        yield


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(what: str) -> None:
    print(what, flush=True)


def _monitor_once(home: Home, config: Path | None, source: str | None) -> None:
    from datetime import datetime

    from flows.monitor import monitor
    from flows.telling import summary

    began = datetime.now()
    done = monitor(str(home.path), str(config) if config else None, (), source, None, "up")
    _say(summary(done, datetime.now() - began))


def _prefect_server(port: int) -> list[str]:
    return [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]


def _checked(access: Access, port: int) -> Access:
    """What could keep the page from being served is found before anything is started."""
    access.check()
    end = time.monotonic() + _FREED_SECONDS
    while not (free := _free(port, access.address)) and time.monotonic() < end:
        time.sleep(0.2)
    if not free:
        where = f"port {port}" if access.address == "localhost" else f"port {port} of {access.address}"
        raise ConfigError(f"{where} is in use; end what uses it or choose another with --port")
    return access


def _where(port: int, access: Access) -> str:
    return page_address(port, access) + (", for the proxy alone" if access.kind == "proxy" else "")


def _dashboard(
    children: ExitStack, home: Home, config: Path | None, access: Access, port: int, *, loud: bool = False
) -> Child:
    page = start(children, dashboard_command(port), dashboard_environment(home.path, config), loud=loud)
    wait_for(health_address(port, access), page, "the dashboard")
    return page


def _free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether `port` can be bound there. Raises `ConfigError` for an address that is none of this machine."""
    with closing(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise ConfigError(f"access.address: {address} is no address of this machine") from None
            return False
    return True
