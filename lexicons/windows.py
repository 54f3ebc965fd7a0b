"""Where ASCII words stand among 64 bytes: all of them compared at once, a bit for each byte, the first the least."""

from typing import Any

from llvmlite import ir
from numba import types, uint64
from numba.core import cgutils
from numba.extending import intrinsic

from lexicons.compiled import inlined

_WIDTH, _PAGE = 64, 4096
_AHEAD = 1024
"""Bytes: how far behind a window memory is asked for. Posts mostly lie one behind the other."""
KEY = 16
"""Bytes that can be read from the beginning of any word of a window on."""
STRIDE = _WIDTH - KEY
"""Bytes from one window to the next: a word that begins in them can be read to its end, or is longer than `KEY`."""
_ALL, _OWN = ~uint64(0), uint64((1 << STRIDE) - 1)


@intrinsic
def eight(typing: Any, address: Any, place: Any) -> Any:  # noqa: ARG001
    """The eight bytes at an address as one number, the first the least."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        pointer = builder.inttoptr(builder.add(*arguments), ir.PointerType(ir.IntType(64)))
        return builder.load(pointer, align=1)

    return uint64(types.uint64, types.int64), generate


@intrinsic
def trailing(typing: Any, bits: Any) -> Any:  # noqa: ARG001
    """How many bits, from the lowest on, are not set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return uint64(types.uint64), generate


@intrinsic
def fetch(typing: Any, address: Any) -> Any:  # noqa: ARG001
    """Ask for the memory at an address, that it be there when it is read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        pointer = builder.inttoptr(arguments[0], ir.PointerType(ir.IntType(8)))
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, *[ir.IntType(32)] * 3])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(prefetch, [pointer, *(ir.Constant(ir.IntType(32), value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(types.uint64), generate


def _where(*ranges: str, fold: int = 0) -> Any:
    """Compiled: which of the bytes at an address, after `fold` is set in them, lie in a range (its first and last)."""

    @intrinsic
    def found(typing: Any, address: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            vector = ir.VectorType(ir.IntType(8), _WIDTH)
            value = builder.load(builder.inttoptr(arguments[0], ir.PointerType(vector)), align=1)
            value = builder.or_(value, ir.Constant(vector, [fold] * _WIDTH))
            among = ir.Constant(ir.VectorType(ir.IntType(1), _WIDTH), [0] * _WIDTH)
            for first, last in ranges:
                above = builder.sub(value, ir.Constant(vector, [ord(first)] * _WIDTH))
                size = ir.Constant(vector, [ord(last) - ord(first)] * _WIDTH)
                among = builder.or_(among, builder.icmp_unsigned("<=", above, size))
            return builder.bitcast(among, ir.IntType(_WIDTH))

        return uint64(types.uint64), generate

    return found


_small, _digits, _beyond = _where("az", fold=0x20), _where("09"), _where("\x80\xff")
_apostrophes, _dots, _slashes, _colons = _where("''", "``"), _where(".."), _where("//"), _where("::")
_w, _u_r = _where("ww", fold=0x20), _where("uu", "rr")
_breaks = _where("!!", "..", "??", "\n\n", "\r\r")
_marks, _blanks = _where("##", ":>", "@@", "^^"), _where("\x00 ")
"""ASCII that a hashtag, name or emoticon may begin with, and what none goes on with."""
_dashes, _underscores = _where("--"), _where("__")
"""A dash begins but -_- and -.-, and joins words much more often."""


@inlined
def unsafe(at: int, i: int, end: int) -> bool:
    """Whether a window from `i` on would reach behind the text's end into another page of memory."""
    last = at + uint64(end) - uint64(1)
    return at + uint64(i) + uint64(_WIDTH) > (last | uint64(_PAGE - 1)) + uint64(1)


@inlined
def window(at: int, i: int, end: int, before: int) -> tuple[int, int, int, int, int]:
    """What stands at place `i` of the text at `at`, before `end`.

    Returns by bits the words of ASCII letters and digits, with single apostrophes inside; where one of them, a break or
    anything else begins among the first `STRIDE`; where what begins has to be looked at; what behind a word makes it
    doubtful (it may go on, or be a URL or name). And what the next window, `STRIDE` on, takes as `before`: whether a
    letter or digit is right before it, and a word (0 where nothing before matters).
    """
    n, address = min(end - i, _WIDTH), at + uint64(i)
    fetch(address + uint64(_AHEAD))
    ours, last = _ALL >> uint64(_WIDTH - n), uint64(1) << uint64(n - 1)
    plain = (_small(address) | _digits(address)) & ours
    beyond = _beyond(address) & ours
    apostrophes = _apostrophes(address) & ours
    slashes = _slashes(address) & ours
    words = plain | (apostrophes & (plain << uint64(1) | before & uint64(1)) & plain >> uint64(1))
    doubtful = (
        beyond
        | (apostrophes & (beyond >> uint64(1) | last))
        | (_colons(address) & (slashes >> uint64(1) | last))
        | (_dots(address) & _w(address) << uint64(1))
        | (slashes & _u_r(address) << uint64(1))
    )
    odd = (
        beyond
        | (_marks(address) & ~(_blanks(address) >> uint64(1)))
        | (_dashes(address) & (_underscores(address) | _dots(address)) >> uint64(1))
    )
    begins = (words & ~(words << uint64(1) | before >> uint64(1))) | odd | _breaks(address)
    following = plain >> uint64(STRIDE - 1) & uint64(1) | (words >> uint64(STRIDE - 1) & uint64(1)) << uint64(1)
    return words, begins & ours & _OWN, odd, doubtful & ours, following
