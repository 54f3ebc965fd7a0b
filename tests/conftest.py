"""What every test shares: a Prefect server on the loopback, the command line, the real posts beside the project."""

import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path

import hypothesis
import pytest

from flows.tied import tied

# No test depends on timing: the first example of one may wait for an import or a compilation.
hypothesis.settings.register_profile("barograph", deadline=None)
hypothesis.settings.load_profile("barograph")

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("BAROGRAPH_SHARED", ROOT.parent / "shared")) / "data"


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Prefect reads its settings when it is first imported, so they stand before any test module is.
_PREFECT = tempfile.TemporaryDirectory(prefix="barograph-prefect-")
_PORT = _free_port()
os.environ |= {
    "PREFECT_HOME": _PREFECT.name,
    "PREFECT_API_URL": f"http://127.0.0.1:{_PORT}/api",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "1",
}
for name in ("BAROGRAPH_HOME",):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """One Prefect server for the whole session, as `barograph up` starts it; a run without one starts its own."""
    server = subprocess.Popen(
        # Tied: a session that is killed leaves none behind.
        tied([sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(_PORT)]),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/api/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, "Prefect's server ended"
                assert time.monotonic() < deadline, "Prefect's server did not answer"
                time.sleep(0.2)
        yield os.environ["PREFECT_API_URL"]
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(20)
        _PREFECT.cleanup()


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def barograph(prefect_server: str, tmp_path: Path) -> Command:
    """The `barograph` command in an empty folder, called in this process: to start one costs more than most runs do.

    What a process of its own shows (signals, a full disk, what is imported when) asks for `barograph_process`.
    """
    from flows import cli

    folder = tmp_path / "cwd"
    folder.mkdir(exist_ok=True)

    def command(*arguments: object, **env: str) -> "subprocess.CompletedProcess[str]":
        given, out, err = list(map(str, arguments)), io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as place, redirect_stdout(out), redirect_stderr(err):
            place.chdir(folder)
            for name, value in env.items():
                place.setenv(name, value)
            code = cli.main(given)
        return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())

    return command


@pytest.fixture
def barograph_process(prefect_server: str, tmp_path: Path) -> Command:
    """The same command as a process of its own, as a person calls it."""
    folder = tmp_path / "cwd"
    folder.mkdir(exist_ok=True)

    def command(*arguments: object, timeout: float = 120, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    return command


@pytest.fixture(scope="session")
def college() -> Path:
    """Real posts of two communities over ten months; they lie beside the project, never in it."""
    folder = SHARED / "posts" / "college_reddit"
    if not folder.is_dir():
        pytest.skip("no real posts: set BAROGRAPH_SHARED to the folder that holds data/posts/college_reddit")
    return folder


@pytest.fixture
def write(tmp_path):
    """A function that writes a file and returns its path."""

    def file(name, content=b""):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return file
