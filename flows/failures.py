"""Failures as Prefect may keep them: it writes what an error says into its record, where no words of a post belong."""

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from barograph.errors import BarographError


class Unexpected(Exception):
    """Stands for an error that nobody raised on purpose: names its kind and where it was. Its cause is that error."""


def worded(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same work, whose unexpected errors say nothing of their own: a library may put what it read into them."""

    @wraps(work)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        except (BarographError, OSError, Unexpected):
            raise
        except Exception as error:
            from barograph.store import interrupted  # the scheduler and a run that streams need it never

            if interrupted(error):
                raise KeyboardInterrupt from None
            where = traceback.extract_tb(error.__traceback__)[-1]
            raise Unexpected(f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}") from error

    return guarded
