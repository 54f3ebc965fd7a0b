"""A server that answers every post of a task by a rule of the test, and remembers nothing else."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.annotate.serving import MODEL, Answer, completion, says, serving

Rule = Callable[[str, list[dict[str, str]]], dict[str, Any] | str]
"""The last message and the whole chat → answers, or the words of the reply."""


def by(rule: Rule) -> Answer:
    """An answer to each request by that rule."""

    async def answer(writer: asyncio.StreamWriter, body: dict[str, Any]) -> bool | None:
        found = rule(body["messages"][-1]["content"], body["messages"])
        said = found if isinstance(found, str) else json.dumps({"explanation": "so", "answers": found, "cues": []})
        return await says(completion(said))(writer, body)

    return answer


@contextmanager
def desk(folder: Path, rule: Rule, more: str = "") -> Iterator[Path]:
    """A config whose annotator `desk` answers by that rule."""
    with serving(by(rule)) as server:
        config = folder / "barograph.toml"
        config.write_text(
            f'[[annotator]]\nname = "desk"\nurl = "{server.url}"\nmodel = "{MODEL}"\ntries = 1\ntimeout = 20.0\n'
            f'[[topic]]\nname = "trams"\nkeywords = ["tram"]\nsides = ["for trams", "against trams"]\n{more}'
        )
        yield config
