"""Files of labelled posts: what is read, and where a mistake stands."""

from pathlib import Path

import pytest

from barograph.annotate import tasks
from barograph.annotate.labelled import YES_NO, Labelled, read_labelled
from barograph.errors import InputError
from barograph.settings import TOPIC_TASKS, Topic

TOPIC = Topic(name="trams", keywords=("tram",), sides=("for", "against"))


def read(tmp_path: Path, text: str, kind: str = "stance", name: str = "data.csv", limit: int | None = None) -> Labelled:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_labelled(path, tasks.load(kind, TOPIC if kind in TOPIC_TASKS else None), limit)


def test_a_label_of_the_one_question(tmp_path: Path) -> None:
    found = read(tmp_path, 'text,label,lang\nyes trams,first,en\n"no\ntrams", Second ,es\n')
    assert [(i.text, i.lang) for i in found.items] == [("yes trams", "en"), ("no\ntrams", "es")]
    assert found.truth == ({"stance": "first"}, {"stance": "second"})
    assert found.answers == {"stance": ("none", "first", "second", "unclear")}


def test_tabs_and_json_lines(tmp_path: Path) -> None:
    assert read(tmp_path, "text\tstance\nx\tnone\n", name="data.tsv").truth == ({"stance": "none"},)
    assert read(tmp_path, '{"text": "x", "label": "none"}\n\n{"text": "y", "stance": "first"}\n', name="d.jsonl").truth == (
        {"stance": "none"}, {"stance": "first"},
    )  # fmt: skip


def test_several_questions_by_column_or_as_an_object(tmp_path: Path) -> None:
    found = read(tmp_path, "text,anger,joy\nx,strong,none\ny,,weak\n", "emotions")
    assert found.truth == ({"anger": "strong", "joy": "none"}, {"joy": "weak"})
    found = read(tmp_path, '{"text": "x", "label": {"anger": "weak"}}\n', "emotions", "d.jsonl")
    assert found.truth == ({"anger": "weak"},)
    found = read(tmp_path, 'text,label\nx,"{""stress"": ""yes""}"\n', "expression")
    assert found.truth == ({"stress": "yes"},)


@pytest.mark.parametrize(("label", "yes"), [
    ("anger", {"anger"}), (" Anger ", {"anger"}), ("anger|joy", {"anger", "joy"}), ("joy, fear,", {"joy", "fear"}),
    ("none", set()), ("Neutral", set()), ("", set()),
])  # fmt: skip
def test_names_as_a_label_are_yes_to_these_and_no_to_all_others(tmp_path: Path, label: str, yes: set[str]) -> None:
    found = read(tmp_path, f'text,label\nx,"{label}"\ny,sadness\n', "emotions")
    questions = tasks.load("emotions").questions
    assert found.truth[0] == {name: "yes" if name in yes else "no" for name in questions}
    assert set(found.answers.values()) == {YES_NO} and len(found.answers) == len(questions)


def test_names_as_a_list_and_beside_columns_which_say_more(tmp_path: Path) -> None:
    found = read(tmp_path, '{"text": "x", "label": ["stress"]}\n{"text": "y", "label": []}\n{"text": "z"}\n', "expression", "d.jsonl")
    assert [row.get("stress") for row in found.truth] == ["yes", "no", None]
    found = read(tmp_path, "text,label,anxiety\nx,stress,unclear\n", "expression")
    assert (found.truth[0]["stress"], found.truth[0]["anxiety"], found.truth[0]["depression"]) == ("yes", "unclear", "no")


def test_an_empty_label_beside_objects_is_no_label(tmp_path: Path) -> None:
    found = read(tmp_path, 'text,label\nx,"{""stress"": ""yes""}"\ny,\n', "expression")
    assert found.truth == ({"stress": "yes"}, {})


def test_degrees_may_be_labelled_yes_and_no(tmp_path: Path) -> None:
    found = read(tmp_path, "text,anger,joy\nx,1,weak\ny,false,none\nz,weak,none\n", "emotions")
    assert found.answers == {"anger": YES_NO, "joy": ("none", "weak", "moderate", "strong", "unclear")}
    assert [row["anger"] for row in found.truth] == ["yes", "no", "yes"]


def test_pairs_have_a_parent(tmp_path: Path) -> None:
    found = read(tmp_path, "text,parent,label\nno,trams!,disagree\n", "agreement")
    assert (found.items[0].text, found.items[0].parent) == ("no", "trams!")


def test_of_more_than_the_limit_so_many_evenly_spaced(tmp_path: Path) -> None:
    rows = "".join(f"t{i},none\n" for i in range(10))
    assert [i.text for i in read(tmp_path, f"text,label\n{rows}", limit=3).items] == ["t0", "t3", "t6"]


@pytest.mark.parametrize(("text", "kind", "name", "said"), [
    ("text,label\n", "stance", "d.csv", "d.csv: got no rows; expected posts with labels"),
    ("body,label\nx,none\n", "stance", "d.csv", "d.csv: no column text; got body, label; expected text, optionally lang, and label or stance"),
    ("text,label\nx,agree\n", "agreement", "d.csv", "d.csv: no column parent; got label, text; expected text, parent, optionally lang, and label or agreement"),
    ("text,mood\nx,none\n", "stance", "d.csv", "d.csv: no labels; got mood, text; expected text, optionally lang, and label or stance"),
    ("text,label\nx,none\ny,third\n", "stance", "d.csv", "d.csv: line 3: stance: got 'third'; expected none or first or second or unclear"),
    ('text,label\n"a\nb",none\ny,third\n', "stance", "d.csv", "d.csv: line 4: stance: got 'third'; expected none or first or second or unclear"),
    ("text,anger\nx,much\n", "emotions", "d.csv", "d.csv: line 2: anger: got 'much'; expected none or weak or moderate or strong or unclear, or yes and no"),
    ("text,label\n ,none\n", "stance", "d.csv", "d.csv: line 2: text is empty; expected a text"),
    ("text,label\nx,none,z\n", "stance", "d.csv", "d.csv: line 2: got another number of fields than the header has"),
    ("text,label\nx\n", "stance", "d.csv", "d.csv: line 2: got another number of fields than the header has"),
    ('text,label\nx,none\n"y,none\n', "stance", "d.csv", "d.csv: line 3: unexpected end of data; expected fields in quotes where they hold breaks"),
    ("text,label\nx,\n", "stance", "d.csv", "d.csv: every label is empty; expected some"),
    ("text,label\nx,\n", "emotions", "d.csv", "d.csv: every label is empty; expected some"),
    ("text,label\nx,weak\n", "emotions", "d.csv", "d.csv: line 2: label: got 'weak'; expected names among anger, disgust, fear"),
    ("text,label\nx,anger|weak\n", "emotions", "d.csv", "d.csv: line 2: label: got '…'; expected names among anger, disgust, fear"),
    ('text,label\nx,"none,anger"\n', "emotions", "d.csv", "d.csv: line 2: label: got '…'; expected names among"),
    ("text,label\nx,\"{'anger'\"\n", "emotions", "d.csv", "d.csv: line 2: label: got '…'; expected names among"),
    ("text,label\nfirst,I like trams\n", "stance", "d.csv", "d.csv: line 2: stance: got '…'; expected none or first"),
    ("I like trams,third\nno,none\n", "stance", "d.csv", "d.csv: the first line has none of the columns that are read; expected text, optionally lang"),
    ("I like trams,label\nno,none\n", "stance", "d.csv", "d.csv: no column text; got …, label; expected text"),
    ('{"body": "I like trams"}\n', "stance", "d.jsonl", "d.jsonl: no row has any of the fields that are read; expected text, optionally lang"),
    ('{"text": "x", "label": "none"}\n[1]\n', "stance", "d.jsonl", "d.jsonl: line 2: got no JSON object; expected one a line"),
    ("text,label\nx,none\n", "stance", "d.xlsx", "d.xlsx: got a file that ends in '.xlsx'; expected .csv, .tsv, .jsonl"),
])  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, kind: str, name: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, text, kind, name)
    assert str(raised.value).startswith(f"{tmp_path}/{said}")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    task = tasks.load("stance", TOPIC)
    with pytest.raises(InputError, match="no such file"):
        read_labelled(tmp_path / "d.csv", task)
    (tmp_path / "d.csv").write_bytes(b"text,label\n\xff,none\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_labelled(tmp_path / "d.csv", task)
