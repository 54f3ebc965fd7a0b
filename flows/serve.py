"""`barograph up`: Prefect's server, the monitor on its schedule and the dashboard, ended together by Ctrl-C."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType

from barograph import settings as settings_room
from barograph.errors import ConfigError, Terminal, Transient
from barograph.home import Home
from barograph.publish import current
from barograph.serving import dashboard_command, dashboard_environment, health_address, page_address
from barograph.settings import Access
from flows.environment import prepare_prefect
from flows.sources import choose_sources

_START_SECONDS = 120
_STOP_SECONDS = 10
_PREFECT_PORT = 4200


def supervise(home: Home, config: Path | None, source: str | None, port: int) -> None:
    """Start everything, say where the dashboard is, and wait. On Ctrl-C or SIGTERM end everything it started.

    Raises `ConfigError` where the port is taken or the config is wrong, before anything is started.
    """
    settings = settings_room.load(config)
    choose_sources(settings, (), source)
    access = _checked(settings.access, port)
    home.prepare()
    api_port = _PREFECT_PORT if _free(_PREFECT_PORT) else _any_port()
    prepare_prefect(home, f"http://127.0.0.1:{api_port}/api")
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as children:
        try:
            _say(f"starting the scheduler at http://127.0.0.1:{api_port}")
            server = _start(children, _prefect_server(api_port))
            _wait_for(f"http://127.0.0.1:{api_port}/api/health", server, "Prefect's server")
            known = current(home.published) is not None
            # What is published already can be looked at while the monitor reads, which may ask annotators for long.
            page = _dashboard(children, home, config, access, port) if known else None
            so_far = f"reading; until then {page_address(port, access)} shows the last snapshot"
            _say(so_far if known else "reading for the first time")
            _monitor_once(home, config, source)
            page = page or _dashboard(children, home, config, access, port)
            scheduler = _start(children, [sys.executable, "-m", "flows.schedule", *_arguments(home, config, source)])
            _say(
                f"dashboard   {_where(port, access)}\n"
                f"runs        http://127.0.0.1:{api_port} (every {settings.monitor_minutes} min)\n"
                "Press Ctrl-C to stop everything."
            )
            _watch({"Prefect's server": server, "the dashboard": page, "the scheduler": scheduler})
        except KeyboardInterrupt:
            _say("\nstopping")
    _say("stopped")


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
            _watch({"the dashboard": page})
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
    port = _any_port()
    prepare_prefect(home, f"http://127.0.0.1:{port}/api")
    with ExitStack() as children:
        server = _start(children, _prefect_server(port))
        _wait_for(f"http://127.0.0.1:{port}/api/health", server, "Prefect's server")
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


def _arguments(home: Home, config: Path | None, source: str | None) -> list[str]:
    return [str(home.path), str(config or ""), source or ""]


def _prefect_server(port: int) -> list[str]:
    return [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]


def _start(
    children: ExitStack, command: list[str], environment: Mapping[str, str] | None = None, *, loud: bool = False
) -> subprocess.Popen[bytes]:
    """A child in a session of its own: Ctrl-C reaches only us, and we end its whole process group.

    loud: what it complains about is said where we are.
    """
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=None if loud else subprocess.DEVNULL,
        start_new_session=True, env=environment,
    )  # fmt: skip
    children.callback(_end, child)
    return child


def _checked(access: Access, port: int) -> Access:
    """What could keep the page from being served is found before anything is started."""
    access.check()
    if not _free(port, access.address):
        where = f"port {port}" if access.address == "localhost" else f"port {port} of {access.address}"
        raise ConfigError(f"{where} is in use; end what uses it or choose another with --port")
    return access


def _where(port: int, access: Access) -> str:
    return page_address(port, access) + (", for the proxy alone" if access.kind == "proxy" else "")


def _dashboard(
    children: ExitStack, home: Home, config: Path | None, access: Access, port: int, *, loud: bool = False
) -> subprocess.Popen[bytes]:
    page = _start(children, dashboard_command(port), dashboard_environment(home.path, config), loud=loud)
    _wait_for(health_address(port, access), page, "the dashboard")
    return page


def _end(child: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def _wait_for(url: str, child: subprocess.Popen[bytes], what: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise Terminal(f"{what} ended with code {child.returncode} before it was up")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise Transient(f"{what} did not answer within {_START_SECONDS} s: is the machine busy? Try again; nothing is lost")


def _watch(children: dict[str, subprocess.Popen[bytes]]) -> None:
    while True:
        for what, child in children.items():
            if child.poll() is not None:
                raise Terminal(f"{what} ended with code {child.returncode}; everything else is stopped too")
        time.sleep(1)


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


def _any_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
