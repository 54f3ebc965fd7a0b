"""`barograph tune`: what wins on one part is judged on another, and can be named by a config."""

import json
from pathlib import Path

import numpy as np
import pytest

from barograph.annotate import tasks, tune
from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.labelled import Labelled
from barograph.settings import Topic
from flows import cli
from tests.annotate.answering import desk

TOPIC = Topic(name="trams", keywords=("tram",), sides=("for trams", "against trams"))
STANCE = tasks.load("stance", TOPIC)
SECRET = "Posts about rails are second."


def labelled(n: int) -> Labelled:
    items = tuple(Item(str(i), f"post {i}", "en") for i in range(n))
    return Labelled(items, {"stance": STANCE.questions["stance"]}, tuple({"stance": "first"} for _ in range(n)))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"rails {i},second\n" for i in range(40)))
    return path


def model(message: str, chat: list[dict[str, str]]) -> dict[str, str] | str:
    """A model that answers first, unless the codebook tells it better; as student it writes that."""
    told = chat[0]["content"]
    if told.startswith("You improve"):
        assert "rails" in message and '"stance": "second"' in message
        return json.dumps({"text": "say what rails are"})
    if told.startswith("You write"):
        present = message.partition("# Present codebook\n\n")[2].partition("\n\n# Plan")[0]
        assert "say what rails are" in message
        return json.dumps({"text": f"{present}\n{SECRET}"})
    if told.startswith("You check"):
        return json.dumps({"text": message.partition("# New codebook\n\n")[2]})
    return {"stance": "second" if SECRET in told else "first"}


def test_the_winner_is_written_so_that_a_config_can_name_it(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "tuned"
    with desk(tmp_path, model) as config:
        config.write_text(config.read_text().replace("tries = 1", "tries = 1\nprice_in = 2.0\nprice_out = 30.0"))
        assert cli.main(["tune", "stance:trams", "--data", str(data), "--out", str(out), "--rounds", "1", "--config", str(config), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tuned_on"], told["held_back"], told["score_before"], told["score"]) == (20, 20, 0, 1)
    assert told["on_held_back"] == {"n": 20, "before": 0, "after": 1, "gain": 1, "lo": 1, "hi": 1}
    assert told["changed"] == ["codebook"]
    # The present prompt, a codebook and its three roles, other examples; then two prompts on the posts held back.
    assert told["requests"] == 20 + 3 + 20 + 20 + 2 * 20
    assert told["tokens"] == told["requests"] * (100 + 20)
    assert told["cost"] == pytest.approx(told["requests"] * (100 * 2 + 20 * 30) / 1e6)
    tuned = tasks.load("stance", TOPIC, folder=out)
    assert SECRET in tuned.system and tuned.version != STANCE.version
    assert tuned.system.replace(f"\n{SECRET}", "") == STANCE.system
    assert [e.said() for e in tuned.examples] == [e.said() for e in STANCE.examples]


def test_people_are_told_the_gain_and_to_read_what_was_written(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with desk(tmp_path, model) as config:
        assert cli.main(["tune", "stance:trams", "--data", str(data), "--out", str(tmp_path / "t"), "--rounds", "1", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert "held back: 0.000 to 1.000, a gain of +1.000 (+1.000 to +1.000, 95 %)" in said and "read it, then set prompt" in said
    assert said.splitlines()[-1] == "took 103 requests, 12,360 tokens, cost 0.0000"


def test_nothing_is_written_where_nothing_does_better(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def useless(_: str, chat: list[dict[str, str]]) -> dict[str, str] | str:
        return "no JSON" if chat[0]["content"].startswith("You ") and "label" not in chat[0]["content"][:12] else {"stance": "first"}

    with desk(tmp_path, useless) as config:
        assert cli.main(["tune", "stance:trams", "--data", str(data), "--out", str(tmp_path / "t"), "--rounds", "2", "--config", str(config)]) == 0
    assert "nothing written" in capsys.readouterr().out and not (tmp_path / "t").exists()


@pytest.mark.parametrize(("arguments", "said"), [
    (["--rounds", "0"], "--rounds: got 0; expected 1 to 50"),
    (["--out", "."], "which is there; expected a new folder"),
    (["--out", "no/such"], "in a folder that is not there; expected a new folder"),
    (["--limit", "0"], "--limit: got 0; expected at least 1"),
    (["--limit", "39"], "got 39 posts with --limit 39; expected at least 40: half are held back, and on fewer than 20 no gain can be told"),
    (["--annotator", "nade"], "--annotator: got nade, which has no prompt; expected desk"),
    (["--annotator", "nobody"], "--annotator: got nobody; expected desk"),
])  # fmt: skip
def test_mistakes_end_with_two(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "t")]
    with desk(tmp_path, model) as config:
        assert cli.main(["tune", "stance:trams", "--data", str(data), "--config", str(config), *out, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_posts_held_back_are_none_of_those_tuned_on() -> None:
    seen, held = tune.parts(labelled(21), seed=7)
    assert (len(seen.items), len(held.items)) == (11, 10)
    assert not {i.post_id for i in seen.items} & {i.post_id for i in held.items}
    assert [i.post_id for i in tune.parts(labelled(21), 7)[0].items] == [i.post_id for i in seen.items]
    assert [i.post_id for i in tune.parts(labelled(21), 8)[0].items] != [i.post_id for i in seen.items]


def test_a_codebook_that_lacks_a_name_is_not_tried() -> None:
    whole = STANCE.codebook + "\nmore"
    tried = tune.with_codebook(STANCE, whole)
    assert tried is not None and "more" in tried.system
    assert tune.with_codebook(STANCE, whole.replace("unclear", "unsure")) is None
    assert tune.with_codebook(STANCE, whole.replace("both_sides", "both")) is None


def test_other_examples_are_the_same_ones_in_another_order() -> None:
    other = tune.with_examples(STANCE, 3)
    assert other.version != STANCE.version
    assert sorted(e.said() for e in other.examples) == sorted(e.said() for e in STANCE.examples)


def test_a_gain_is_paired() -> None:
    random = np.random.default_rng(1)
    before = random.random(200)
    found = tune.gain(list(before), list(before + 0.1))
    assert found["gain"] == pytest.approx(0.1) and found["lo"] == pytest.approx(0.1) == found["hi"]
    differences = random.normal(0.05, 0.2, 400)
    found = tune.gain([0.0] * 400, list(differences))
    width = 1.96 * differences.std() / 20
    assert found["lo"] == pytest.approx(differences.mean() - width, abs=0.004)
    assert found["hi"] == pytest.approx(differences.mean() + width, abs=0.004)


def test_mistakes_are_told_worst_first_and_as_data() -> None:
    outcomes = [Annotation("ok", {"stance": "first"}), Annotation("ok", {"stance": "second"}), Annotation("invalid", reason="x")]
    told = tune.mistakes(labelled(3), outcomes)
    assert "post 0\n" not in told and told.count("<post ") == 2
    assert 'Annotator: {"stance": "second"}' in told and 'Annotator: "invalid"' in told
    assert tune.mistakes(labelled(1), outcomes[:1]) == ""


@pytest.mark.parametrize("said", ["", "[]", '{"text": ""}', '{"text": 1}', "{" * 5_000, '"text"'])
def test_a_role_that_says_nothing_usable_is_invalid(said: str) -> None:
    assert tune.Role("critic").read(said).status == "invalid"
