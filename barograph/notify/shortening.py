"""Bodies that are too long: what is cut, and where it says so."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from barograph.notify.message import CUT

_LEAST = 40
"""Characters that a text keeps."""
_MOST_TOLD, _LONGEST_PATH = 10, 40
_WHOLE = ("link", "truncated")
"""Half a link leads nowhere."""


def shortened(body: dict[str, Any], limit: int) -> dict[str, Any]:
    """The body in fewer than `limit` bytes of JSON: its largest list or text is halved until it fits.

    `data.truncated` says of each how much is left, e.g. `why.terms: 4 of 33`. Where nothing is left to halve, the
    largest parts go whole. The body given stays as it is.
    """
    body = deepcopy(body)
    data = body["data"]
    told: dict[str, tuple[str, int]] = {}
    while _size(body) >= limit:
        parts = list(_parts(data))
        if parts:
            path, holder, key = max(parts, key=lambda part: _size(part[1][part[2]]))
            value = holder[key]
            _, n = told.get(path, ("", len(value)))
            kept = len(value.removesuffix(CUT) if isinstance(value, str) else value) // 2
            holder[key] = value[:kept] + CUT if isinstance(value, str) else value[:kept]
        else:
            path, kept, n = max(data.keys() - {"truncated"}, key=lambda name: _size(data[name])), 0, 1
            del data[path]
        told[path] = (f"{path[:_LONGEST_PATH]}: {kept} of {n}", n)
        said = [text for text, _ in told.values()]
        data["truncated"] = said[:_MOST_TOLD] + [f"{len(said) - _MOST_TOLD} more"] * (len(said) > _MOST_TOLD)
    return body


def _parts(node: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every list and text that can be halved: its path, what holds it, and its key there."""
    inside = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inside:
        where = f"{path}.{key}" if path else str(key)
        if where in _WHOLE:
            continue
        if (isinstance(value, list) and value) or (isinstance(value, str) and len(value) > _LEAST + len(CUT)):
            yield where, node, key
        if isinstance(value, dict | list):
            yield from _parts(value, where)


def _size(value: Any) -> int:
    return len(json.dumps(value).encode())
