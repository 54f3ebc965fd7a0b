"""Posts for people to label, blind, and their labels back."""

import csv
import io
import json
import stat
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph import tables
from barograph.annotate import audit, tasks
from barograph.errors import InputError, Terminal
from barograph.home import Home
from barograph.privacy import Keyed
from barograph.settings import Topic
from barograph.store import Warehouse
from flows import cli

NOW = datetime(2026, 3, 1, 12)
TOPIC = Topic(name="trams", keywords=("tram",), sides=("for trams", "against trams"))
STANCE = tasks.load("stance", TOPIC)
EMOTIONS = tasks.load("emotions")
N = 40


def annotation(post: str, task: str, label: dict[str, str] | None, p: float, annotator: str = "desk") -> dict[str, object]:
    return {
        "post_id": post, "task": task, "label": json.dumps(label) if label else None, "cues": "[]" if label else None,
        "explanation": "secret words", "annotator": annotator, "model": "m", "prompt_version": "0" * 16, "text_hash": post,
        "status": "ok" if label else "refused", "reason": None if label else "x", "inclusion_probability": p,
        "tokens_in": 1, "tokens_out": 1, "cost": 0.0, "annotated_at": NOW,
    }  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with 40 posts, each a reply to the one before; all but the first are in a sample, each with its own p."""
    place = Home(tmp_path / "home")
    place.prepare()
    posts = pl.DataFrame([
        {
            "post_id": f"s:{i}", "parent_id": f"s:{i - 1}" if i else None, "source": "s", "community": None, "lang": "en",
            "geo": None, "author_key": f"a{i % 7}", "created_at": NOW, "text": f'=post {i}, "quoted"\nline' if i % 2 else f"post {i}",
            "text_hash": f"h{i}", "line": i,
        }
        for i in range(N)
    ], schema={**{n: t for n, t in tables.POSTS.schema.items() if n != "segment"}, "line": pl.Int64})  # fmt: skip
    rows = [annotation(f"s:{i}", task, None if i == 1 else {name: "first"} if name == "stance" else {name: "agree"}, i / N)
            for i in range(1, N) for task, name in (("stance:trams", "stance"), ("agreement:trams", "agreement"))]  # fmt: skip
    rows += [annotation("s:0", "stance:trams", {"stance": "first"}, 0.0), annotation("canaries:1@2026-03-01", "stance:trams", {"stance": "none"}, 0.0)]
    with Warehouse(place.warehouse) as warehouse:
        warehouse.land("s", posts, tables.QUARANTINE.empty(), NOW)
        frame = tables.ANNOTATIONS.validate(pl.DataFrame(rows, schema_overrides={"cost": pl.Float64}))
        with warehouse._registered(rows=frame), warehouse._transaction():
            warehouse._con.execute("INSERT INTO annotations BY NAME SELECT * FROM rows")
            warehouse._con.execute("DELETE FROM dirty_days")
    (place.path / "barograph.toml").write_text('[[topic]]\nname = "trams"\nkeywords = ["tram"]\nsides = ["for trams", "against trams"]\n')
    return place


def export(home: Home, out: Path, task: str = "stance:trams", posts: int = 10) -> list[dict[str, str]]:
    assert cli.main(["audit", "export", task, "--out", str(out), "--posts", str(posts), "--home", str(home.path)]) == 0
    return list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"), newline="")))


def fill(rows: list[dict[str, str]], out: Path, **answers: str | list[str]) -> Path:
    for name, given_ in answers.items():
        for i, row in enumerate(rows):
            row[name] = given_ if isinstance(given_, str) else given_[i % len(given_)]
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return out


def import_(home: Home, path: Path, *more: str, task: str = "stance:trams", rater: str = "A") -> int:
    return cli.main(["audit", "import", task, "--data", str(path), "--rater", rater, "--home", str(home.path), *more])


def audits(home: Home) -> pl.DataFrame:
    with Warehouse(home.warehouse) as warehouse:
        return warehouse.read(tables.AUDITS)


# what people are given --------------------------------------------------------------------------------------


def test_a_sheet_is_blind_shuffled_and_for_its_owner_alone(home: Home, tmp_path: Path) -> None:
    rows = export(home, tmp_path / "sheet.csv")
    assert len(rows) == 10 and list(rows[0]) == ["sheet", "post", "text", "stance"]
    assert all(row["stance"] == "" and len(row["post"]) == 16 for row in rows)
    raw = (tmp_path / "sheet.csv").read_text(encoding="utf-8-sig")
    assert not any(word in raw for word in ("first", "desk", "secret", "s:1", "0.5"))
    numbers = [int(row["text"].lstrip("'=").removeprefix("post ").partition(",")[0]) for row in rows]
    assert numbers != sorted(numbers) and 0 not in numbers
    assert stat.S_IMODE((tmp_path / "sheet.csv").stat().st_mode) == 0o600


def test_raters_get_the_codebook_with_topic_and_sides(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(home, tmp_path / "sheet.csv")
    book = tmp_path / "sheet.codebook.md"
    text, said = book.read_text(), capsys.readouterr().out
    answers = "stance: none, first (for trams), second (against trams), unclear"
    assert "Topic: trams. First side: for trams. Second side: against trams." in text and STANCE.codebook in text
    assert f"- {answers}\n" in text and answers in said.splitlines() and f"{book}: " in said
    assert EMOTIONS.codebook in audit.codebook(EMOTIONS) and "Topic" not in audit.codebook(EMOTIONS).partition("# Codebook")[0]
    assert cli.main(["audit", "export", "stance:trams", "--out", str(tmp_path / "a.csv"), "--home", str(home.path)]) == 0
    (tmp_path / "a.csv").unlink()
    assert cli.main(["audit", "export", "stance:trams", "--out", str(tmp_path / "a.csv"), "--home", str(home.path)]) == 2
    assert "beside which a.codebook.md is there" in capsys.readouterr().err


def test_no_cell_is_a_formula(home: Home, tmp_path: Path) -> None:
    texts = [row["text"] for row in export(home, tmp_path / "sheet.csv", posts=39)]
    assert not any(text.startswith(("=", "+", "-", "@")) for text in texts)
    assert sum(text.startswith("'=post") for text in texts) == 20


@settings(max_examples=200, derandomize=True)
@given(st.text())
def test_a_safe_cell_is_its_text_and_begins_no_formula(text: str) -> None:
    cell = audit.safe(text)
    assert cell in (text, f"'{text}")
    assert not cell.lstrip(" \t\r\n").startswith(("=", "+", "-", "@")) and not cell.startswith(("\t", "\r"))


def test_pairs_are_given_with_what_they_reply_to(home: Home, tmp_path: Path) -> None:
    rows = export(home, tmp_path / "pairs.csv", "agreement:trams", 39)
    assert list(rows[0]) == ["sheet", "post", "parent", "text", "agreement"]
    assert all(row["parent"] and row["parent"] != row["text"] for row in rows)


def test_another_sheet_has_other_posts_and_other_codes(home: Home, tmp_path: Path) -> None:
    one, other = export(home, tmp_path / "1.csv"), export(home, tmp_path / "2.csv")
    assert not {row["post"] for row in one} & {row["post"] for row in other}
    assert {row["text"] for row in one} != {row["text"] for row in other}


def test_each_post_of_the_pool_is_drawn_alike(tmp_path: Path) -> None:
    keyed = Keyed(tmp_path / "key")
    pool = pl.DataFrame({"post_id": [f"s:{i}" for i in range(20)]})
    times = dict.fromkeys(pool["post_id"], 0)
    for sheet in range(2_000):
        drawn, share = audit.sample(pool, 5, str(sheet), keyed)
        assert (drawn.height, share) == (5, 0.25)
        for post in drawn["post_id"]:
            times[post] += 1
    assert max(abs(n - 500) for n in times.values()) < 4 * (2_000 * 0.25 * 0.75) ** 0.5


def test_more_than_there_are_is_all_and_none_is_a_mistake(tmp_path: Path) -> None:
    pool = pl.DataFrame({"post_id": ["a", "b"]})
    assert audit.sample(pool, 9, "x", Keyed(tmp_path / "key"))[1] == 1
    with pytest.raises(Terminal, match="got no post to audit"):
        audit.sample(pool.head(0), 9, "x", Keyed(tmp_path / "key"))


# what comes back --------------------------------------------------------------------------------------------


def test_labels_are_kept_with_the_probability_of_being_in_the_sheet(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = export(home, tmp_path / "sheet.csv")
    capsys.readouterr()
    assert import_(home, fill(rows, tmp_path / "A.csv", stance=["first", "second"]), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kept"], told["gone"]) == (10, 0)
    kept = audits(home)
    assert kept.height == 10 and set(kept["rater"]) == {"A"} and set(kept["task"]) == {"stance:trams"}
    for post, p in kept.select("post_id", "inclusion_probability").iter_rows():
        assert p == pytest.approx(int(post[2:]) / N * 10 / 39)
    by_text = {row["text"].lstrip("'=").partition(",")[0].removeprefix("post "): row["stance"] for row in rows}
    assert {post[2:]: json.loads(label)["stance"] for post, label in kept.select("post_id", "label").iter_rows()} == by_text
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.read(tables.DIRTY_DAYS)["time_value"].to_list() == [NOW.date()]


def test_agreement_of_raters_and_with_the_annotator(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = export(home, tmp_path / "sheet.csv", posts=39)
    assert import_(home, fill(rows, tmp_path / "A.csv", stance="first")) == 0
    assert "A and desk" in capsys.readouterr().out
    half = fill(rows, tmp_path / "B.csv", stance=["first", "second", "", "unclear"])
    assert import_(home, half, "--json", rater="B") == 0
    told = {(row["of"], row["with"]): row for row in json.loads(capsys.readouterr().out)["agreement"]}
    assert set(told) == {("A", "B"), ("A", "desk"), ("B", "desk")}
    answered = len([i for i in range(39) if i % 4 != 2])
    assert told["A", "B"]["n"] == answered
    assert told["A", "B"]["same"] == pytest.approx(len([i for i in range(39) if i % 4 == 0]) / answered)
    assert told["A", "B"]["alpha"] < 0.1  # one of them always says the same
    assert told["A", "desk"]["same"] == 1 and told["A", "desk"]["n"] == 38  # one was refused


def test_a_rater_who_answers_again_replaces_the_answers(home: Home, tmp_path: Path) -> None:
    rows = export(home, tmp_path / "sheet.csv")
    assert import_(home, fill(rows, tmp_path / "A.csv", stance="first")) == 0
    assert import_(home, fill(rows, tmp_path / "A.csv", stance="none")) == 0
    assert set(audits(home)["label"]) == {'{"stance": "none"}'}


def test_labels_outlive_the_texts(home: Home, tmp_path: Path) -> None:
    rows = export(home, tmp_path / "sheet.csv")
    with Warehouse(home.warehouse) as warehouse:
        warehouse._con.execute("UPDATE posts SET text = NULL")
    assert import_(home, fill(rows, tmp_path / "A.csv", stance="first")) == 0
    assert audits(home).height == 10


def test_a_spreadsheet_that_saves_with_semicolons_is_read(home: Home, tmp_path: Path) -> None:
    rows = export(home, tmp_path / "sheet.csv", posts=3)
    path = tmp_path / "A.csv"
    path.write_text("sheet;post;text;stance\r\n" + "".join(f"{r['sheet']};{r['post']};gone;First\r\n" for r in rows))
    assert import_(home, path) == 0 and audits(home).height == 3


def test_sides_may_be_answered_by_their_own_names(home: Home, tmp_path: Path) -> None:
    rows = export(home, tmp_path / "sheet.csv", posts=6)
    names = ["first", "For Trams", " AGAINST  trams", "Second", "none", "for trams"]
    assert import_(home, fill(rows, tmp_path / "A.csv", stance=names)) == 0
    stances = [json.loads(label)["stance"] for label in audits(home)["label"]]
    assert sorted(stances) == ["first", "first", "first", "none", "second", "second"]


def test_a_side_that_is_named_like_an_answer_stays_that_answer() -> None:
    task = STANCE.about(Topic(name="x", keywords=("x",), sides=("Second", "others")))
    assert audit.choices(task, "stance") == "none, first, second (others), unclear"
    _, read = audit.read("sheet,post,text,stance\ns,a,t,SECOND\ns,b,t,Others\ns,c,t,first\n", task, "f")
    assert {post: row["stance"] for post, row in read.items()} == {"a": "second", "b": "second", "c": "first"}


def test_wrong_rows_are_named_with_their_lines_and_nothing_is_kept(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = sorted(export(home, tmp_path / "sheet.csv", posts=6), key=lambda row: "\n" in row["text"])
    answers = ["first", "pro", "", "maybe", "second", "first"]
    path = fill(rows, tmp_path / "A.csv", stance=answers)
    lines = [2 + sum(r["text"].count("\n") + 1 for r in rows[:i]) for i in range(6)]
    assert import_(home, path) == 2
    said = capsys.readouterr().err
    assert f"{path}: line {lines[1]}: stance: got 'pro'; expected none, first (for trams), second (against trams), unclear" in said
    assert f"{path}: line {lines[3]}: stance: got 'maybe'" in said
    assert audits(home).height == 0


@pytest.mark.parametrize(("change", "said"), [
    (lambda rows: rows.append(rows[0] | {"stance": "first"}), "stands twice"),
    (lambda rows: rows[1].update(sheet="other"), "sheet 'other'; expected"),
    (lambda rows: [row.update(sheet="0badf00d") for row in rows], "sheet '0badf00d' is one that this home did not export"),
    (lambda rows: [row.update(stance="") for row in rows], "got no answered row; expected answers in stance"),
    (lambda rows: [row.pop("post") for row in rows], "no column post; expected those of `barograph audit export`"),
])  # fmt: skip
def test_a_sheet_that_is_none_of_ours_says_so(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: object, said: str) -> None:
    rows = export(home, tmp_path / "sheet.csv", posts=4)
    fill(rows, tmp_path / "A.csv", stance="first")
    change(rows)  # type: ignore[operator]
    assert import_(home, fill(rows, tmp_path / "A.csv")) == 2
    assert said in capsys.readouterr().err and audits(home).height == 0


def test_a_sheet_of_another_task_is_not_taken(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = export(home, tmp_path / "sheet.csv", "agreement:trams", 4)
    for row in rows:
        row["stance"] = "first"
    assert import_(home, fill(rows, tmp_path / "A.csv", agreement="agree")) == 2
    assert "is one of task agreement:trams; expected one of task stance:trams" in capsys.readouterr().err


def test_every_question_of_a_row_is_answered_or_none() -> None:
    head = ",".join(["sheet", "post", "text", *EMOTIONS.questions])
    row = ",".join(["s", "p", "x", "strong", *["none"] * 11, ""])
    with pytest.raises(InputError, match="f.csv: line 2: surprise: got ''; expected none, weak, moderate, strong, unclear"):
        audit.read(f"{head}\n{row}\n", EMOTIONS, "f.csv")


@pytest.mark.parametrize(("arguments", "said"), [
    (["export", "stance:trams", "--out", "x.txt"], "--out: got x.txt, a file that ends in '.txt'"),
    (["export", "stance:trams", "--out", "y.csv", "--posts", "0"], "--posts: got 0; expected at least 1"),
    (["export", "emotions", "--out", "z.csv"], "task emotions: got no post to audit"),
    (["import", "stance:trams", "--data", "none.csv", "--rater", "A"], "none.csv: No such file"),
    (["import", "stance:trams", "--data", "none.csv", "--rater", " "], "--rater: got ' '"),
])  # fmt: skip
def test_mistakes_end_with_two(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["audit", *arguments, "--home", str(home.path)]) == 2
    assert said in capsys.readouterr().err


# agreement --------------------------------------------------------------------------------------------------


def test_agreement_of_three_people_together() -> None:
    readings = pl.DataFrame([
        {"post_id": str(i), "who": who, "person": True, "label": json.dumps({"stance": "first" if i % 2 else "none"})}
        for i in range(8) for who in ("A", "B", "C")
    ])  # fmt: skip
    rows = audit.agreement(readings, STANCE)
    assert [(row["of"], row["with"]) for row in rows] == [("A", "B"), ("A", "C"), ("B", "C"), ("all people", None)]
    assert {row["alpha"] for row in rows} == {1.0} and {row["n"] for row in rows} == {8}
