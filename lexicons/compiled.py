"""Functions compiled by Numba and kept on disk (if any can be written), until any source of this folder changes.

Numba alone looks at the file of a function and not at those it calls: a mended one would go on running, as it
was, inside a caller of another file.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba.core import caching
from numba.extending import intrinsic

_HERE = Path(__file__).parent
_STAMP = sha256(b"".join(path.read_bytes() for path in sorted(_HERE.glob("*.py")))).hexdigest()


class _Ours:
    """Where compiled functions of this folder are kept; other folders are left to Numba."""

    @classmethod
    def from_function(cls, function: Any, file: str) -> Any:
        """The place for a function, None where it is not ours or cannot be written."""
        return super().from_function(function, file) if Path(file).parent == _HERE else None  # type: ignore[misc]

    def get_source_stamp(self) -> str:
        """What changes with any of our sources."""
        return _STAMP


class Provided(_Ours, caching.UserProvidedCacheLocator):
    """In NUMBA_CACHE_DIR."""


class Beside(_Ours, caching.InTreeCacheLocator):
    """Beside the source."""


class OfUser(_Ours, caching.UserWideCacheLocator):
    """In the user's cache, where the source's folder is read-only."""


numba.config.CACHE_LOCATOR_CLASSES = ",".join(  # type: ignore[attr-defined]
    [f"{__name__}.{ours.__name__}" for ours in (Provided, Beside, OfUser)]
    + [f"{theirs.__module__}.{theirs.__name__}" for theirs in caching.CacheImpl._locator_classes]  # noqa: SLF001
)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled; it lets other threads run."""
    return _kept(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled into each of its callers, where a call would cost more than its work."""
    return _kept(function, forceinline=True)


def _kept(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # nothing can be written anywhere: each process compiles what it uses
        return numba.njit(nogil=True, **options)(function)


@intrinsic
def borrowed(typing: Any, arrays: Any) -> Any:  # noqa: ARG001
    """The same tuple of arrays, whose uses nobody counts: whoever lends them keeps them.

    Numba counts each use of an array where a function takes it from a tuple, and cores wait for each other's counts.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lent = []
        for place, kind in enumerate(arrays):
            view = context.make_array(kind)(context, builder, builder.extract_value(arguments[0], place))
            view.meminfo, view.parent = (ir.Constant(owner.type, None) for owner in (view.meminfo, view.parent))
            lent.append(view._getvalue())  # noqa: SLF001
        return context.make_tuple(builder, signature.return_type, lent)

    return arrays(arrays), generate
