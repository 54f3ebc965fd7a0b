"""[[annotator]] and [[annotation]]: what is accepted, and the one sentence that each mistake is answered with."""

import traceback
from pathlib import Path

import pytest

from barograph.errors import ConfigError
from barograph.settings import Annotation, Annotator, load

DESK = '[[annotator]]\nname = "d"\nurl = "http://127.0.0.1:8000/v1"\nmodel = "m"\n'
TOPIC = '[[topic]]\nname = "climate"\nkeywords = ["warming"]\nsides = ["concerned", "doubting"]\n'
TASKS = "'emotions', 'expression', 'stance', 'affect' or 'agreement'"
SECRET = "sk-that-nobody-may-see"


def annotation(**given: str) -> str:
    """An [[annotation]] behind a good annotator; values as TOML."""
    keys = {"task": '"emotions"', "annotators": '["d"]', **given}
    return DESK + "[[annotation]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


@pytest.fixture
def config(tmp_path):
    """A function that writes a barograph.toml and returns its path."""

    def written(content: str) -> Path:
        path = tmp_path / "barograph.toml"
        path.write_text(content)
        return path

    return written


def test_what_is_accepted_means_what_it_says(config, tmp_path):
    settings = load(config(
        '[[annotator]]\nname = "d"\nurl = "https://a.example/v1"\nmodel = "m"\nkey_file = "keys/d"\n'
        '[[annotator]]\nname = "n"\nkind = "nade"\n' + TOPIC
        + '[[annotation]]\ntask = "emotions"\nannotators = ["n", "d"]\n'
        '[[annotation]]\ntask = "stance"\ntopic = "climate"\nannotators = ["d"]\nmoney_per_day = 0.5\n'
    ))  # fmt: skip
    desk, local = settings.annotator
    assert (desk.kind, desk.in_flight, desk.requests_per_minute, desk.timeout, desk.tries) == ("openai", 8, 0, 60, 4)
    assert desk.key_file == tmp_path / "keys/d"
    assert (local.url, local.model, local.key()) == (None, None, "")
    emotions, stance = settings.annotation
    assert (emotions.name, stance.name) == ("emotions", "stance:climate")
    assert (emotions.posts, emotions.strata, emotions.days, emotions.examples) == (20, "lexicon", 28, "fixed")
    assert (emotions.posts_per_day, emotions.tokens_per_day, emotions.money_per_day, emotions.minutes) == (0, 0, 0, 0)
    assert (emotions.canary_days, emotions.canary_agreement, stance.money_per_day) == (7, 0.8, 0.5)


MISTAKES = [
    # annotators
    ('[annotator]\nname = "d"', "annotator: got [annotator]; expected [[annotator]] and its keys below"),
    ('[[annotator]]\nurl = "http://a"\nmodel = "m"', "annotator[1].name: missing; every [[annotator]] needs it"),
    (f'{DESK}kind = "local"', "annotator['d'].kind: got 'local'; expected 'openai' or 'nade'"),
    ('[[annotator]]\nname = "d"\nmodel = "m"', "annotator['d']: expected url and model of the endpoint"),
    ('[[annotator]]\nname = "d"\nurl = "http://a"', "annotator['d']: expected url and model of the endpoint"),
    (
        '[[annotator]]\nname = "d"\nkind = "nade"\nmodel = "m"',
        "annotator['d']: got model for nade, which runs here; expected none",
    ),
    (
        '[[annotator]]\nname = "d"\nurl = "a.example/v1"\nmodel = "m"',
        "annotator['d'].url: expected an address that begins with http:// or https://",
    ),
    (
        '[[annotator]]\nname = "d"\nurl = "https://me:secret@a.example/v1"\nmodel = "m"',
        "annotator['d'].url: got an address with a user or password in it; expected the key in key_file or key_env",
    ),
    (f'{DESK}key_env = "K"\nkey_file = "k"', "annotator['d']: got key_file and key_env; expected at most one"),
    (
        f'{DESK}key_env = "sk-1"',
        "annotator['d'].key_env: expected the name of an environment variable, not the key itself",
    ),
    (
        f'{DESK}key = "k"',
        "annotator['d'].key: unknown key; expected one of name, kind, url, model, key_file, key_env, in_flight, "
        "requests_per_minute, timeout, tries, price_in, price_out",
    ),
    (f"{DESK}in_flight = 0", "annotator['d'].in_flight: got 0; expected at least 1"),
    (f"{DESK}in_flight = 257", "annotator['d'].in_flight: got 257; expected at most 256"),
    (f"{DESK}requests_per_minute = -1", "annotator['d'].requests_per_minute: got -1; expected at least 0"),
    (f"{DESK}timeout = 0", "annotator['d'].timeout: got 0; expected more than 0"),
    (f"{DESK}timeout = 601", "annotator['d'].timeout: got 601; expected at most 600"),
    (f"{DESK}tries = 0", "annotator['d'].tries: got 0; expected at least 1"),
    (f"{DESK}tries = 11", "annotator['d'].tries: got 11; expected at most 10"),
    (f"{DESK}price_in = -0.1", "annotator['d'].price_in: got -0.1; expected at least 0"),
    (f'{DESK}price_out = "free"', "annotator['d'].price_out: got 'free'; expected a number"),
    (DESK * 2, "[[annotator]] 'd' is defined twice; names must differ"),
    # annotations
    (annotation(task='"irony"'), f"annotation[1].task: got 'irony'; expected {TASKS}"),
    (annotation(annotators="[]"), "annotation[1].annotators: got a list of 0; expected at least 1"),
    (
        annotation(annotators='["e"]'),
        "annotation 'emotions': annotator 'e' is not defined; expected one of d",
    ),
    (
        '[[annotation]]\ntask = "emotions"\nannotators = ["e"]',
        "annotation 'emotions': annotator 'e' is not defined; nor is any other",
    ),
    (annotation(task='"stance"'), "annotation[1]: got no topic for stance; expected the name of a [[topic]]"),
    (TOPIC + annotation(topic='"climate"'), "annotation[1]: got a topic for emotions; expected none"),
    (
        annotation(confusion='"figures.json"'),
        "annotation[1]: got confusion for emotions; expected none: only polarization carries errors through",
    ),
    (
        TOPIC + annotation(task='"affect"', topic='"war"'),
        "annotation 'affect:war': topic 'war' is not defined; expected one of climate",
    ),
    (
        '[[population]]\nname = "north"\n' + annotation(populations='["south"]'),
        "annotation 'emotions': population 'south' is not defined; expected one of north",
    ),
    (annotation() + annotation().removeprefix(DESK), "[[annotation]] 'emotions' is defined twice; names must differ"),
    (annotation(posts="0"), "annotation[1].posts: got 0; expected at least 1"),
    (annotation(posts="100001"), "annotation[1].posts: got 100001; expected at most 100000"),
    (annotation(strata='"none"'), "annotation[1].strata: got 'none'; expected 'lexicon' or 'uniform'"),
    (annotation(days="0"), "annotation[1].days: got 0; expected at least 1"),
    (annotation(days="3651"), "annotation[1].days: got 3651; expected at most 3650"),
    (annotation(posts_per_day="-1"), "annotation[1].posts_per_day: got -1; expected at least 0"),
    (annotation(tokens_per_day="1.5"), "annotation[1].tokens_per_day: got 1.5; expected a whole number"),
    (annotation(money_per_day="-1"), "annotation[1].money_per_day: got -1; expected at least 0"),
    (annotation(minutes='"5m"'), "annotation[1].minutes: got '5m'; expected a whole number"),
    (annotation(examples='"many"'), "annotation[1].examples: got 'many'; expected 'fixed' or 'similar'"),
    (annotation(canary_days="-1"), "annotation[1].canary_days: got -1; expected at least 0"),
    (annotation(canary_agreement="0"), "annotation[1].canary_agreement: got 0; expected more than 0"),
    (annotation(canary_agreement="1.1"), "annotation[1].canary_agreement: got 1.1; expected at most 1"),
    (
        annotation(post="5"),
        f"annotation[1].post: unknown key; expected one of {', '.join(Annotation.model_fields)}",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), MISTAKES, ids=[message[:60] for _, message in MISTAKES])
def test_a_mistake_is_named_with_what_was_expected(config, content, message):
    path = config(content)
    with pytest.raises(ConfigError) as told:
        load(path)
    assert str(told.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    "content",
    [
        f'{DESK}key = "{SECRET}"',
        f'{DESK}key_env = "{SECRET}"',
        f'{DESK}key_env = ["{SECRET}"]',
        f'{DESK}key_file = {{ key = "{SECRET}" }}',
        f'[[annotator]]\nname = "d"\nmodel = "m"\nurl = "ftp://{SECRET}"',
        f'[[annotator]]\nname = "d"\nmodel = "m"\nurl = "http://me:{SECRET}@a.example"',
        f'[[annotator]]\nname = "d"\nmodel = "m"\nurl = ["{SECRET}"]',
        f'annotator = "{SECRET}"',
        f'annotator = ["{SECRET}"]',
        f'[annotator]\nkey = "{SECRET}"',
    ],
)
def test_no_mistake_makes_a_key_known(config, content):
    with pytest.raises(ConfigError) as told:
        load(config(content))
    assert SECRET not in "".join(traceback.format_exception(told.value))


def desk(**given: object) -> Annotator:
    return Annotator(name="d", url="http://127.0.0.1:8000/v1", model="m", **given)


def test_a_key_is_read_from_its_file_or_variable_and_never_kept(tmp_path, monkeypatch):
    (tmp_path / "k").write_text(f"{SECRET}\n")
    monkeypatch.setenv("DESK_KEY", f" {SECRET} ")
    for one in (desk(key_file=tmp_path / "k"), desk(key_env="DESK_KEY")):
        assert one.key() == SECRET
        assert SECRET not in repr(one)
    assert desk().key() == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "annotator 'd': key_file {path}: No such file or directory; expected a readable text file"),
        (b"\xff\xfe", "annotator 'd': key_file {path}: not UTF-8; expected a readable text file"),
        (b" \n", "annotator 'd': key: file {path} is empty"),
    ],
)
def test_a_key_file_that_holds_none_is_named(tmp_path, content, message):
    path = tmp_path / "k"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as told:
        desk(key_file=path).key()
    assert str(told.value) == message.format(path=path)


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_variable_that_holds_no_key_is_named(monkeypatch, value):
    monkeypatch.delenv("DESK_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("DESK_KEY", value)
    with pytest.raises(ConfigError) as told:
        desk(key_env="DESK_KEY").key()
    assert str(told.value) == "annotator 'd': key: environment variable DESK_KEY is empty"
