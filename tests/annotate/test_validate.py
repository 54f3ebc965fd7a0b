"""`barograph validate`, at a server that answers by a rule."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from barograph.polarization import read_confusion
from barograph.settings import load
from flows import cli
from flows.annotators import task_of
from tests.annotate.answering import desk

ROWS = [("trams, yes", "first"), ("no trams", "second"), ("a tram", "none"), ("trams!", "first"), ("no!", "second"), ("hm", "none")]


def stance(message: str, _: object) -> dict[str, str] | str:
    if "hm" in message:
        return "no JSON at all"
    return {"stance": "second" if "no" in message.partition(">\n")[2].partition("\n<")[0] else "first"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "stance.csv"
    path.write_text("text,label,lang\n" + "".join(f"\"{t}\",{a},{'en' if i % 2 else 'es'}\n" for i, (t, a) in enumerate(ROWS)))
    return path


def test_figures_as_json_and_in_a_file(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with desk(tmp_path, stance) as config:
        out = tmp_path / "out.json"
        assert cli.main(["validate", "stance:trams", "--data", str(data), "--config", str(config), "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads(out.read_text())
    assert (said["task"], said["annotator"], said["model"]) == ("stance:trams", "desk", "scripted-model")
    assert said["prompt_version"] == task_of(load(config), "stance:trams").version
    assert said["statuses"] == {"invalid": 1, "ok": 5}
    row = said["questions"]["stance"]
    assert row["answers"] == ["none", "first", "second", "unclear"]
    assert row["counts"] == [[0, 1, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]]
    assert row["accuracy"]["value"] == 0.8 and row["abstained"] == pytest.approx(1 / 6)
    assert set(said["languages"]) == {"en", "es"}
    assert read_confusion(out, "stance").counts.tolist() == row["counts"]  # as polarization carries errors through


def test_a_table_for_people_without_a_word_of_a_post(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with desk(tmp_path, stance) as config:
        assert cli.main(["validate", "stance:trams", "--data", str(data), "--config", str(config), "--limit", "3"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].startswith(f"{data}: 3 posts, task stance:trams, by desk (scripted-model), prompt ")
    assert "question" in said and "0.667 (" in said and "truly expressed where it answered" in said
    assert "tram " not in said and "trams, yes" not in said


def test_the_annotation_of_the_config_says_how_it_is_asked(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "system.md").write_text("Say where it stands.")
    seen = []

    def rule(_: str, chat: list[dict[str, str]]) -> dict[str, str]:
        seen.append(chat[0]["content"])
        return {"stance": "none"}

    more = '[[annotation]]\ntask = "stance"\ntopic = "trams"\nannotators = ["desk"]\nexamples = "similar"\nprompt = "tuned"\n'
    with desk(tmp_path, rule, more) as config:
        assert cli.main(["validate", "stance:trams", "--data", str(data), "--config", str(config), "--limit", "1"]) == 0
    assert seen == ["Say where it stands."]
    capsys.readouterr()


@pytest.mark.parametrize(("arguments", "said"), [
    (["moods"], "got task 'moods'; expected one of emotions, expression, stance, affect, agreement"),
    (["stance"], "task stance: got no topic; expected stance: and one of trams"),
    (["stance:buses"], "task stance:buses: got topic 'buses'; expected stance: and one of trams"),
    (["stance:trams", "--annotator", "nobody"], "--annotator: got nobody; expected desk"),
    (["emotions", "--annotator", "nobody"], "--annotator: got nobody; expected desk or nade"),
    (["stance:trams", "--annotator", "nade"], "--annotator: got nade, which reads emotions alone; expected desk"),
    (["stance:trams", "--limit", "0"], "--limit: got 0; expected at least 1"),
    (["stance:trams", "--out", "/nowhere/x.json"], "--out: got /nowhere/x.json; expected a file in a folder that is there"),
    (["emotions"], "no labels"),
])  # fmt: skip
def test_mistakes_end_with_two_and_say_what_was_expected(
    tmp_path: Path, data: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with desk(tmp_path, stance) as config:
        text = data.read_text().replace("label", "mood") if arguments == ["emotions"] else data.read_text()
        data.write_text(text)
        assert cli.main(["validate", *arguments, "--data", str(data), "--config", str(config)]) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.write_text(data.read_text().replace('"no!",second', '"no!",pro'))
    with desk(tmp_path, stance) as config:
        assert cli.main(["validate", "stance:trams", "--data", str(data), "--config", str(config)]) == 2
    assert f"{data}: line 6: stance: got 'pro'; expected" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("nade") is None or find_spec("lightgbm") is None, reason="nade is not installed: `make .venv/.bench` has it")
def test_nade_needs_no_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "e.csv"
    path.write_text("text,lang,anger,joy\nI am furious,en,yes,no\nso happy :),en,no,yes\nhola,es,no,no\n")
    assert cli.main(["validate", "emotions", "--data", str(path), "--annotator", "nade", "--home", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["model"].startswith("nade-") and said["statuses"] == {"ok": 2, "unclear": 1}
    assert said["questions"]["anger"]["accuracy"]["value"] == 1
    assert said["questions"]["joy"]["brier"]["value"] < 0.3
