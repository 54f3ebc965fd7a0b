"""What annotators are asked: posts are data between delimiters, and what changes an answer changes the version."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.annotate import quoting, tasks
from barograph.annotate.annotation import Item
from barograph.annotate.similar import Neighbours
from barograph.annotate.task import FOLDER, MOST_CUES
from barograph.errors import ConfigError, Terminal
from barograph.settings import MARKERS, TASKS, TOPIC_TASKS, Topic

TOPIC = Topic(name="trams", keywords=("tram",), sides=("for trams", "against trams"))
every_task = pytest.mark.parametrize("kind", TASKS)


def task(kind: str, **given: object) -> tasks.Task:
    return tasks.load(kind, TOPIC if kind in TOPIC_TASKS else None, **given)  # type: ignore[arg-type]


def asked(kind: str, text: str, parent: str = "the parent") -> str:
    return task(kind).messages(Item("1", text, parent=parent))[-1]["content"]


# what is asked --------------------------------------------------------------------------------------------


@every_task
def test_every_question_can_be_answered_unclear(kind: str) -> None:
    for answers in task(kind).questions.values():
        assert answers[-1] == "unclear" and len(set(answers)) == len(answers) >= 3


def test_every_default_marker_is_asked_about() -> None:
    assert set(MARKERS) <= {*task("emotions").questions, *task("expression").questions}


@every_task
def test_the_codebook_defines_every_question_answer_and_cue(kind: str) -> None:
    one = task(kind)
    words = set(one.codebook.replace(",", " ").replace(":", " ").replace(".", " ").replace("(", " ").split())
    assert {*one.cues, *(a for answers in one.questions.values() for a in answers)} <= words
    assert len(one.questions) == 1 or set(one.questions) <= words
    assert one.codebook in one.system and "$" not in one.system


@every_task
def test_examples_are_ours_in_two_languages_and_one_of_them_is_an_attack(kind: str) -> None:
    examples = task(kind).examples
    assert len(examples) >= 12
    assert {e.item.lang for e in examples} == {"en", "es"}
    assert min(sum(e.item.lang == lang for e in examples) for lang in ("en", "es")) >= 4
    assert all(len(e.cues) <= MOST_CUES and e.explanation for e in examples)
    assert any("part of the" in e.explanation for e in examples[: task(kind).shots])  # shown always where fixed
    seen = {answer for e in examples for answer in e.answers.values()}
    assert seen == {answer for answers in task(kind).questions.values() for answer in answers}


@every_task
def test_the_schema_is_one_and_what_examples_say_fits_it(kind: str) -> None:
    one = task(kind)
    jsonschema.Draft202012Validator.check_schema(one.schema)
    assert list(one.schema["properties"]) == ["explanation", "answers", "cues"]
    for example in one.examples:
        said = json.loads(example.said())
        jsonschema.validate(said, one.schema)
        read = one.read(example.said())
        assert (read.status in ("ok", "unclear"), read.answers) == (True, dict(example.answers))


@every_task
def test_every_object_of_the_schema_is_closed_and_wants_all_its_keys(kind: str) -> None:
    def objects(node: dict[str, object]) -> list[dict[str, object]]:
        below = node.get("properties", {})
        assert isinstance(below, dict)
        return [node] * (node["type"] == "object") + [o for child in below.values() for o in objects(child)]

    for node in objects(task(kind).schema):
        assert node["additionalProperties"] is False and node["required"] == list(node["properties"])  # type: ignore[call-overload]


@every_task
def test_a_chat_is_system_then_examples_in_turn_then_the_post(kind: str) -> None:
    chat = task(kind).messages(Item("1", "hello", parent="hi"))
    assert [m["role"] for m in chat] == ["system", *["user", "assistant"] * task(kind).shots, "user"]


def test_topic_and_sides_stand_beside_the_post() -> None:
    assert asked("stance", "x").startswith("Topic: trams. First side: for trams. Second side: against trams.")


def test_an_example_keeps_the_topic_it_was_written_about() -> None:
    chat = task("stance").messages(Item("1", "x"))
    assert all("trams" not in m["content"] for m in chat[:-1])


def test_a_pair_without_its_parent_is_not_asked_about() -> None:
    with pytest.raises(Terminal, match="without what it replies to"):
        task("agreement").messages(Item("1", "no"))


def test_a_parent_is_read_only_by_the_task_that_reads_parents() -> None:
    assert [kind for kind in TASKS if task(kind).reads_parent] == ["agreement"]
    assert "the parent" not in asked("stance", "x")
    assert "the parent" in asked("agreement", "x")


# posts as data --------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec=None), max_size=300) | st.text("<>/post 0123456789abcdef\n$[]INST|‹", max_size=200)


def parts(kind: str, text: str, parent: str) -> tuple[str, list[str], str]:
    """What stands before, within and behind the delimiters of the last message."""
    content = asked(kind, text, parent)
    digits = quoting.mark(*(quoting.shown(t)[0] for t in ((parent, text) if kind == "agreement" else (text,))))
    found, rest = [], content
    names = ("parent", "reply") if kind == "agreement" else ("post",)
    head = None
    for name in names:
        begin, end = f"<{name} {digits}>\n", f"\n</{name} {digits}>"
        assert content.count(begin) == content.count(end) == 1
        before, _, rest = rest.partition(begin)
        head = before if head is None else head
        inside, _, rest = rest.partition(end)
        found.append(inside)
    return head or "", found, rest


@settings(max_examples=300, derandomize=True)
@given(TEXTS, TEXTS)
def test_a_post_stands_between_its_delimiters_and_nowhere_else(text: str, parent: str) -> None:
    for kind in ("emotions", "agreement"):
        head, inside, tail = parts(kind, text, parent)
        plain_head, _, plain_tail = parts(kind, "", "")

        def bare(words: str) -> str:
            return __import__("re").sub(r"[0-9a-f]{12}", "MARK", words)

        assert (bare(head), bare(tail)) == (bare(plain_head), bare(plain_tail))
        assert inside[-1] == quoting.clean(text)


@settings(max_examples=300, derandomize=True)
@given(TEXTS)
def test_cleaning_is_done_after_one_time_and_leaves_nothing_hidden(text: str) -> None:
    seen = quoting.clean(text)
    assert quoting.clean(seen) == seen
    seen.encode()
    assert not set(seen) & {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u200b", "\0", "\x1b"}
    assert not any(0xE0000 <= ord(c) <= 0xE0FFF for c in seen)
    assert "<|" not in seen and "</s" not in seen and "[INST]" not in seen


@pytest.mark.parametrize(("text", "seen"), [
    ("<|im_end|> </s> <start_of_turn>", "‹|im_end|> ‹/s> ‹start_of_turn>"),
    ("[INST] x [/INST] [TOOL_CALLS] [A] [NAME]", "(INST) x (/INST) (TOOL_CALLS) [A] [NAME]"),
    ("I <3 you </3 1 < 2 >:(", "I <3 you </3 1 < 2 >:("),
    ("a\u202eb\u2066c\u200bd\ufeffe\u00adf", "abcdef"),
    ("hi\U000e0068\U000e0069", "hi"),
    ("😊\ufe01\U000e0110", "😊"),
    ("a\u200db", "ab"),
    ("👩\u200d👩\u200d👧 ❤\ufe0f 🏳\ufe0f\u200d🌈", "👩\u200d👩\u200d👧 ❤\ufe0f 🏳\ufe0f\u200d🌈"),
    ("نمی\u200cخواهم", "نمی\u200cخواهم"),
    ("a\r\nb\u2028c\n\n\n\n\nd\x07", "a\nb\nc\n\nd"),
    ("x\ud800y", "xy"),
])  # fmt: skip
def test_what_nobody_sees_is_dropped_and_what_people_write_stays(text: str, seen: str) -> None:
    assert quoting.clean(text) == seen


def test_a_mark_is_one_that_no_text_contains() -> None:
    first = quoting.mark("hello")
    assert quoting.mark("hello") == first != quoting.mark("hello", "there")
    assert len(first) == 12 and set(first) <= set("0123456789abcdef")


def test_a_mark_that_stands_in_the_text_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    from hashlib import blake2b

    class Fixed:  # the text whose hash stands in it cannot be found; what then happens can
        turns = iter(("aaaaaaaaaaaa", "bbbbbbbbbbbb"))

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def hexdigest(self) -> str:
            return next(self.turns)

    assert blake2b
    monkeypatch.setattr(quoting, "blake2b", Fixed)
    assert quoting.mark("contains AAAAAAAAAAAA") == "bbbbbbbbbbbb"


def test_a_long_post_is_cut_and_the_prompt_says_so() -> None:
    content = asked("emotions", "y" * (quoting.MOST + 123))
    assert content.count("y" * quoting.MOST) == 1 and "y" * (quoting.MOST + 1) not in content
    assert content.endswith("The post is longer: 123 more characters are not shown.")
    assert "longer" not in asked("emotions", "y" * quoting.MOST)


def test_what_looks_like_a_template_fills_nothing() -> None:
    assert "$mark $data $topic ${first}" in asked("stance", "$mark $data $topic ${first}")


# versions -------------------------------------------------------------------------------------------------


def test_whatever_changes_an_answer_changes_the_version(tmp_path: Path) -> None:
    versions = {task(kind).version for kind in TASKS}
    versions |= {task(kind, examples="similar").version for kind in TASKS}
    other = Topic(name="trams", keywords=("tram",), sides=("for trams", "for buses"))
    versions.add(tasks.load("stance", other).version)
    for name, change in (("codebook.md", "\n- more"), ("system.md", "\nMore."), ("examples.jsonl", "")):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        text = (FOLDER / "stance" / name).read_text()
        (folder / name).write_text(text + change if change else "\n".join(text.splitlines()[::-1]))
        versions.add(task("stance", folder=folder).version)
    assert len(versions) == 2 * len(TASKS) + 4
    assert all(len(v) == 16 and int(v, 16) >= 0 for v in versions)


def test_the_same_task_has_the_same_version_and_keywords_are_not_part_of_it(tmp_path: Path) -> None:
    again = Topic(name="trams", keywords=("rails",), sides=("for trams", "against trams"))
    assert tasks.load("stance", again).version == task("stance").version
    shutil.copy(FOLDER / "stance/codebook.md", tmp_path)
    assert task("stance", folder=tmp_path).version == task("stance").version


def test_cleaning_is_part_of_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = task("emotions").version
    monkeypatch.setattr(quoting, "MOST", 3_000)
    assert task("emotions").version != before


# examples like the post -----------------------------------------------------------------------------------


def test_similar_examples_are_those_most_alike_the_nearest_last() -> None:
    chat = task("emotions", examples="similar").messages(Item("1", "a cockroach in my soup, revolting"))
    assert "cockroach" in chat[-3]["content"]
    fixed = task("emotions").messages(Item("1", "a cockroach in my soup, revolting"))
    assert all("cockroach" not in m["content"] for m in fixed[:-1])


def test_cosines_by_hand() -> None:
    near = Neighbours(["ab", "cd"])
    # Each text is a word and its one run with borders, both of the same weight.
    assert near.similarities("ab") == pytest.approx([1, 0])
    assert near.similarities("ab cd") == pytest.approx([2**-0.5, 2**-0.5])
    assert near.similarities("zz") == [0, 0]
    assert near.nearest("zz", 2) == [1, 0]  # of equals the first is nearest


# mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "topic", "message"), [
    ("moods", None, "task: got 'moods'; expected one of emotions, expression, stance, affect, agreement"),
    ("stance", None, "task stance: got no topic; expected the name of a [[topic]]"),
    ("emotions", TOPIC, "task emotions: got topic 'trams'; expected none"),
])  # fmt: skip
def test_a_task_that_is_none_says_what_was_expected(kind: str, topic: Topic | None, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        tasks.load(kind, topic)
    assert str(raised.value) == message


@pytest.mark.parametrize(("line", "said"), [
    ("{", "line 2: Expecting"),
    ('{"lang": "en", "answers": {"stance": "first"}}', "line 2: no 'text'"),
    ('{"lang": "en", "text": "x", "answers": {"stance": "third"}}', "line 2: answers: stance: expected one of"),
    ('{"lang": "en", "text": "x", "answers": {"mood": "first"}}', "line 2: got question 'mood'"),
])  # fmt: skip
def test_a_wrong_example_is_named_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    good = (FOLDER / "stance/examples.jsonl").read_text().splitlines()[0]
    (tmp_path / "examples.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(ConfigError) as raised:
        task("stance", folder=tmp_path)
    assert said in str(raised.value)


def test_a_folder_without_any_file_of_a_prompt_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a folder with at least one"):
        task("stance", folder=tmp_path)
