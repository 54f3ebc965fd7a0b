"""How `make messages` finds the sentences that are marked: by the syntax of the code, which sees into f-strings too."""

import ast
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

_Found = tuple[int, str, str | tuple[str | None, ...], list[str]]


def gather(
    file: BinaryIO,
    keywords: Collection[str],
    comment_tags: Collection[str],  # noqa: ARG001 - as babel calls it
    options: dict[str, Any],  # noqa: ARG001 - as babel calls it
) -> Iterator[_Found]:
    """Line, function and sentences of each call of a function that `keywords` names."""
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in keywords:
            said = tuple(_sentence(argument) for argument in node.args)
            if said and said[0] is not None:
                yield node.lineno, node.func.id, said if len(said) > 1 else said[0], []


def _sentence(argument: ast.expr) -> str | None:
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None
