"""HOME: where everything of one monitor lives, and the lock that keeps two writers apart."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from barograph.errors import InputError, Transient


class Home:
    """The folder given by `--home`. Raises `InputError` where it cannot be created or written."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.warehouse = self.path / "warehouse.duckdb"
        self.published = self.path / "published"
        self.commands = self.path / "commands"
        self.landing = self.path / "landing"
        self.annotations = self.path / "annotations"
        self.key = self.path / "key"
        self.prefect = self.path / "prefect"
        self._holder = self.path / "lock.json"

    def prepare(self) -> None:
        """Create the folder and prove that it can be written."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)  # posts lie here: for its owner alone
            self.published.mkdir(exist_ok=True)
            probe = self.path / f".probe-{os.getpid()}"
            probe.write_bytes(b"x" * 4096)
            probe.unlink()
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be written ({error.strerror}); expected a folder of yours with free space: "
                "name another with --home"
            ) from None

    @contextmanager
    def lock(self, command: str, wait: float = 60) -> Iterator[None]:
        """Be the only writer. Says at once who holds the home, waits `wait` seconds, then raises `Transient`.

        The lock is the operating system's: it is gone with its process, however that ended.
        """
        lock = FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"{self._held_by()}; waiting up to {wait:g} s", file=sys.stderr, flush=True)
            try:
                lock.acquire(timeout=wait)
            except Timeout:
                raise Transient(f"{self._held_by()}; try again when it has ended") from None
        try:
            self._holder.write_text(
                json.dumps(
                    {
                        "pid": os.getpid(),
                        "command": command,
                        "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
                    }
                )
            )
            yield
        finally:
            self._holder.unlink(missing_ok=True)
            lock.release()

    @contextmanager
    def supervised(self) -> Iterator[None]:
        """Be the only `up` of this home. Raises `Transient` where there is one already."""
        lock = FileLock(self.path / "up.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Transient(
                f"{self.path} is supervised by another `barograph up`; end that one first, or name another --home"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _held_by(self) -> str:
        try:
            holder = json.loads(self._holder.read_text())
        except (OSError, ValueError):
            return f"{self.path} is in use by another process"
        return (
            f"{self.path} is in use by process {holder['pid']} (barograph {holder['command']}, "
            f"since {holder['since']} UTC)"
        )
