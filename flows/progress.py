"""What a person sees while a run works: a line a stage, and a bar for the long ones."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Reporter:
    """Progress on standard error. On a terminal a bar that moves; elsewhere one plain line as each stage begins."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn(),
            console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task: TaskID | None = None
        self.current = "start"

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._bar.stop()

    def stage(self, name: str) -> None:
        """A stage begins; the one before is done."""
        self._finish()
        self.current = name
        if self._silent:
            return
        self._task = self._bar.add_task(name, total=1.0, note="")
        if not self._console.is_terminal:
            print(f"stage: {name}", file=sys.stderr, flush=True)

    def advance(self, share: float, note: str = "") -> None:
        """The current stage is done to this share (0 to 1)."""
        if self._task is not None:
            self._bar.update(self._task, completed=share, note=note)

    def _finish(self) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=1.0)
