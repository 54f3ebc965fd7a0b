"""Where ASCII words stand among 64 bytes: all of them compared at once, a bit for each byte, the first the least."""

from typing import Any

from llvmlite import ir
from numba import int64, types, uint64
from numba.extending import intrinsic

from lexicons.compiled import inlined

_WIDTH, _PAGE = 64, 4096
KEY = 16
"""Bytes that can be read from the beginning of any word of a window on."""
_NONE, _ALL = uint64(0), ~uint64(0)


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
def leading(typing: Any, bits: Any) -> Any:  # noqa: ARG001
    """How many bits, from the highest on, are not set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return uint64(types.uint64), generate


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
_others = _where("!!", "##", "-.", ":@", "^^", "\n\n", "\r\r")
"""ASCII that a token or break may begin with, but letters and digits."""


@inlined
def window(at: int, i: int, end: int) -> tuple[int, int, int, int]:
    """What stands at place `i` of the text at `at`, before `end`.

    Returns by bits the words of ASCII letters and digits, with single apostrophes inside; where they or anything else
    may begin; what behind a word makes it doubtful (it may go on, or be a URL or name); and how many bytes these
    cover. A word that may go on behind them is left for the next window. Nothing is read beyond the page of memory
    that `i` is in; where too little of it is left, no byte is covered.
    """
    place = int64((at + uint64(i)) & uint64(_PAGE - 1))
    before = max(place - (_PAGE - _WIDTH), 0)
    n = min(_WIDTH - before, _PAGE - KEY - place, end - i)
    if n <= 0:
        return _NONE, _NONE, _NONE, 0
    address, skip = at + uint64(i - before), uint64(before)
    ours, last = _ALL >> uint64(_WIDTH - n), uint64(1) << uint64(n - 1)
    plain = (_small(address) | _digits(address)) >> skip & ours
    beyond = _beyond(address) >> skip & ours
    apostrophes = _apostrophes(address) >> skip & ours
    slashes = _slashes(address) >> skip & ours
    words = plain | (apostrophes & plain << uint64(1) & plain >> uint64(1))
    doubtful = (
        beyond
        | (apostrophes & (beyond >> uint64(1) | last))
        | (_colons(address) >> skip & (slashes >> uint64(1) | last))
        | ((_dots(address) & _w(address) << uint64(1)) >> skip)
        | (slashes & (_u_r(address) >> skip) << uint64(1))
    )
    begins = (words & ~(words << uint64(1))) | beyond | (_others(address) >> skip & ours)
    if n < end - i:
        run = int64(leading(~words << uint64(_WIDTH - n)))
        n -= min(n, run)
        begins &= (uint64(1) << uint64(n)) - uint64(1) if n < _WIDTH else _ALL
    return words, begins, doubtful & ours, n
