"""The packaged model nade, as it is, where it is installed."""

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from barograph.annotate import nade, tasks
from barograph.annotate.annotation import Item
from barograph.errors import ConfigError
from barograph.settings import Topic

installed = pytest.mark.skipif(
    find_spec("nade") is None or find_spec("lightgbm") is None, reason="nade is not installed: `make .venv/.bench` has it"
)
EMOTIONS = tasks.load("emotions")


@installed
def test_plain_feelings_are_read_and_what_it_does_not_know_is_unclear() -> None:
    one = nade.Nade(EMOTIONS)
    found = [asyncio.run(one.annotate(Item("1", text, "en"))) for text in (
        "I am so angry, this makes me furious", "so happy today, what a wonderful surprise party", "The bus leaves at nine.",
    )]  # fmt: skip
    assert all(f.status == "ok" and set(f.answers) == set(EMOTIONS.questions) for f in found)
    assert found[0].answers["anger"] == "strong" and found[0].answers["joy"] == "none"
    assert found[1].answers["joy"] == "strong" and found[1].answers["anger"] == "none"
    assert {f.answers["hope"] for f in found} == {f.answers["hostility"] for f in found} == {"unclear"}
    assert found[0].explanation is None and found[0].cues == ()


@installed
def test_another_language_is_unclear_with_a_reason() -> None:
    found = nade.Nade(EMOTIONS).outcomes([Item("1", "estoy furioso", "es"), Item("2", "I am furious", "und")])
    assert (found[0].status, set(found[0].answers.values()), found[0].reason) == ("unclear", {"unclear"}, "nade reads English, not es")
    assert found[1].status == "ok"


@installed
def test_together_or_one_by_one_is_the_same_and_probabilities_stand_behind_answers() -> None:
    one = nade.Nade(EMOTIONS)
    items = [Item(str(i), text, "en") for i, text in enumerate(["I hate this 😡", "love it", "", "x\ny\ud800", "meh" * 3_000])]
    together = one.outcomes(items)
    assert together == [asyncio.run(one.annotate(item)) for item in items]
    scores = one.probabilities([*items, Item("9", "hola", "es")])
    assert set(scores) == set(nade.EMOTIONS)
    for emotion, values in scores.items():
        assert ((values[:-1] >= 0) & (values[:-1] <= 1)).all() and np.isnan(values[-1])
        order = [nade.DEGREES.index(found.answers[emotion]) for found in together]
        assert [degree for _, degree in sorted(zip(values[:-1], order, strict=True))] == sorted(order)


@installed
def test_its_version_is_that_of_what_is_asked_and_of_its_cut_offs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = nade.Nade(EMOTIONS).prompt_version()
    assert len(before) == 16 and before == nade.Nade(EMOTIONS, "another name").prompt_version()
    other = tmp_path / "nade.json"
    other.write_text(nade.CUTS.read_text().replace("0.2", "0.3"))
    monkeypatch.setattr(nade, "CUTS", other)
    assert nade.Nade(EMOTIONS).prompt_version() != before


@installed
def test_it_reads_no_other_task() -> None:
    with pytest.raises(ConfigError, match="got task stance:trams; expected emotions, the one that nade reads"):
        nade.Nade(tasks.load("stance", Topic(name="trams", keywords=("t",), sides=("a", "b"))), "local")


def test_where_it_is_not_installed_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nade", None)  # as Python marks what cannot be imported
    with pytest.raises(ConfigError) as raised:
        nade.Nade(EMOTIONS)
    assert "pip install --no-deps nade==0.3.1" in str(raised.value) and "fasttext-numpy2" not in str(raised.value)


def test_cut_offs_rise_with_the_degree() -> None:
    import json

    cuts = json.loads(nade.CUTS.read_text())["cuts"]
    assert set(cuts) == set(nade.EMOTIONS)
    assert all(0 < a < b < c < 1 for a, b, c in cuts.values())
