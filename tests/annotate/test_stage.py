"""The stage: what is drawn is asked once, whatever happens in between, and lands in the warehouse."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from barograph import settings as settings_room
from barograph import tables
from barograph.annotate import landing
from barograph.annotate.work import PATIENCE
from barograph.clock import utc_now
from barograph.errors import ConfigError
from barograph.home import Home
from barograph.ingest import ingest
from barograph.privacy import Keyed
from barograph.settings import Settings, Source, Topic
from barograph.sources import files
from barograph.store import Warehouse
from flows import standing
from flows.annotate import closed_days, label
from flows.cli import main
from flows.progress import Reporter
from flows.reading import Reading
from flows.stages import Run
from tests.annotate.serving import completion, error, says, serving

DAY = date(2024, 3, 1)
NOW = datetime(2024, 3, 11, 12)
DAYS, PER_DAY = 9, 20  # all closed but the last
CANARIES = 38
"""Of the task emotions."""


@functools.cache
def reading() -> Reading:
    """The lexicons, read once."""
    return Reading(Settings().marker)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Nine days of twenty posts, every fifth of them with joy, in a scored warehouse."""
    folder = tmp_path_factory.mktemp("made")
    path, place = folder / "posts.jsonl", Home(folder / "home")
    place.prepare()
    with path.open("w") as file:
        for n in range(DAYS * PER_DAY):
            day = DAY + timedelta(days=n // PER_DAY)
            text = f"Number {n}: " + ("what a joyful day, I am so happy" if n % 5 == 0 else "the bus was on time today")
            file.write(json.dumps({
                "id": n, "author": f"person {n % 40}", "lang": "en", "created_at": f"{day}T{n % 24:02d}:10:00Z", "text": text,
            }) + "\n")  # fmt: skip
    source = Source(name="s", path=(str(path),))
    with Warehouse(place.warehouse) as warehouse:
        for batch in files.fetch(files.find(source.path), source.columns):
            got = ingest(batch, source, Keyed(place.key), utc_now(), None)
            warehouse.land("s", got.posts, got.quarantine, utc_now())
        for segment in warehouse.unscored(reading().version):
            warehouse.save_scores(segment, reading().scores(warehouse.segment_texts(segment)), reading().version)
    return place


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    """A copy of it."""
    return Home(shutil.copytree(made.path, tmp_path / "home"))


def config(url: str, *, second: str = "", tries: int = 1, in_flight: int = 4, **given: object) -> str:
    """A task on emotions with one annotator, or with two."""
    keys = {"posts": 10, "canary_days": 0, **given}
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
    names = ["first", *(["second"] if second else [])]
    annotators = "\n".join(
        f'[[annotator]]\nname = "{name}"\nurl = "{at}"\nmodel = "scripted-model"\ntries = {tries}\nin_flight = {in_flight}\n'
        f"price_in = 10\nprice_out = 20\ntimeout = 20"
        for name, at in zip(names, (url, second), strict=False)
    )
    return f'{annotators}\n[[annotation]]\ntask = "emotions"\nannotators = {json.dumps(names)}\n{lines}\n'


def run_of(home: Home, text: str, now: datetime = NOW) -> Run:
    path = home.path / "barograph.toml"
    path.write_text(text)
    run = Run(home, settings_room.load(path), (), Reporter(silent=True))
    run.now, run.reading = now, reading()
    return run


def labelled(home: Home) -> pl.DataFrame:
    with Warehouse(home.warehouse) as warehouse:
        return warehouse.read(tables.ANNOTATIONS)


def reply(joy: str = "weak") -> object:
    """A label as the real task wants it."""
    from barograph.annotate import task

    answers = dict.fromkeys(task.load("emotions").questions, "none") | {"joy": joy}
    return says(completion(json.dumps({"explanation": "x", "answers": answers, "cues": []})))


def test_a_sample_of_each_closed_day_is_asked_and_lands_with_its_probability(home: Home) -> None:
    with serving(reply()) as server:
        run = run_of(home, config(server.url))
        label(run)
        n = len(server.heard)
        label(run)
        assert len(server.heard) == n, "nothing is asked twice"
    rows = labelled(home)
    assert rows.height == n == len(set(server.texts))
    assert rows["post_id"].n_unique() == n
    assert 40 <= n <= 160  # ten of twenty, of eight or nine days
    assert set(rows["status"]) == {"ok"}
    assert {json.loads(row)["joy"] for row in rows["label"]} == {"weak"}
    with Warehouse(home.warehouse) as warehouse:
        draws = warehouse.read(tables.DRAWS)
        dirty = warehouse.dirty_days(NOW)
        posts = warehouse._frame("SELECT post_id, created_at::DATE AS day, text FROM posts")
    assert set(draws["stratum"]) == {"hit", "none"}
    joyful = posts.with_columns(hit=pl.col("text").str.contains("joyful"))
    p = {row["stratum"]: row["probability"] for row in draws.filter(pl.col("n_posts") > 0).iter_rows(named=True)}
    assert p == {"hit": 1.0, "none": pytest.approx(6 / 16)}  # four have a hit; six more make ten
    told = rows.join(joyful, on="post_id")
    assert set(told.filter("hit")["inclusion_probability"]) == {1.0}
    assert told.filter(~pl.col("hit"))["inclusion_probability"].unique().to_list() == [pytest.approx(6 / 16)]
    assert told.filter("hit").height == joyful.filter("hit", pl.col("day").is_in(closed_days(NOW, 28, 6))).height
    assert set(told["day"]) <= set(dirty)
    assert run.annotated[0] == (f"emotions: first: {n:,} ok; {n * 120:,} tokens, cost {n * 0.0014:,.4f}")
    assert run.annotated[1] == "emotions: nothing to ask"
    assert landing.files(home.annotations) == []


def test_without_annotations_nothing_is_opened(home: Home) -> None:
    home.warehouse.unlink()
    label(run_of(home, ""))
    assert not home.warehouse.exists()


def test_a_text_that_has_a_label_lends_it_and_is_not_asked_about(home: Home) -> None:
    """The same post again, of another source: the same text."""
    with serving(reply()) as server:
        label(run_of(home, config(server.url, posts=100)))
        n = len(server.heard)
        with Warehouse(home.warehouse) as warehouse:
            posts = warehouse._frame("SELECT * EXCLUDE segment FROM posts")
            again = posts.with_columns(post_id="b:" + pl.col("post_id"), source=pl.lit("b")).with_row_index("line")
            warehouse.land("b", again.cast({"line": pl.Int64}), tables.QUARANTINE.empty(), utc_now())
        run = run_of(home, config(server.url, posts=100))
        label(run)
        assert len(server.heard) == n
    rows = labelled(home)
    assert rows.height == 2 * n
    copies = rows.filter(pl.col("post_id").str.starts_with("b:"))
    assert copies.height == n
    assert copies.select("tokens_in", "tokens_out", "cost").sum().row(0) == (0, 0, 0)
    assert set(copies["label"]) == set(rows["label"])
    assert run.annotated == [f"emotions: {n} taken over from the same texts"]


def test_a_text_of_two_posts_is_asked_once(home: Home) -> None:
    with Warehouse(home.warehouse) as warehouse:
        posts = warehouse._frame("SELECT * EXCLUDE segment FROM posts")
        again = posts.with_columns(post_id="b:" + pl.col("post_id"), source=pl.lit("b")).with_row_index("line")
        warehouse.land("b", again.cast({"line": pl.Int64}), tables.QUARANTINE.empty(), utc_now())
    with serving(reply()) as server:
        label(run_of(home, config(server.url, posts=100)))
    assert set(Counter(server.texts).values()) == {1}
    assert labelled(home).height == 2 * len(server.heard)


def test_refusals_go_to_the_second_and_both_stand_in_the_warehouse(home: Home) -> None:
    with serving(says(completion("", refusal="no"))) as first, serving(reply()) as second:
        run = run_of(home, config(first.url, second=second.url))
        label(run)
        n = len(first.heard)
        assert sorted(first.texts) == sorted(second.texts)
        label(run)
        assert len(first.heard) == len(second.heard) == n
    assert Counter(labelled(home).select("annotator", "status").iter_rows()) == {
        ("first", "refused"): n, ("second", "ok"): n,
    }  # fmt: skip
    assert run.annotated[0].startswith(f"emotions: first: {n} refused; second: {n} ok; ")


def test_a_second_annotator_that_comes_later_is_asked_what_the_first_had_refused(home: Home) -> None:
    with serving(says(completion("", refusal="no"))) as first, serving(reply()) as second:
        label(run_of(home, config(first.url)))
        n = len(first.heard)
        label(run_of(home, config(first.url, second=second.url)))
        assert (len(first.heard), len(second.heard)) == (n, n)


def test_the_budget_of_a_day_holds_over_runs(home: Home) -> None:
    with serving(reply()) as server:
        run = run_of(home, config(server.url, posts_per_day=30))
        label(run, limit=20)
        assert len(server.heard) == 20
        label(run)
        assert len(server.heard) == 30
        label(run)
        assert len(server.heard) == 30
        assert "budget reached: posts 30 a day: 10 now, 20 before" in run.annotated[1]
        assert "texts left for the next run" in run.annotated[2]
        label(run_of(home, config(server.url, money_per_day=35 * 0.0014, in_flight=1)))
        assert len(server.heard) == 35
        label(run_of(home, config(server.url, tokens_per_day=40 * 120, in_flight=1)))
        assert len(server.heard) == 40
        with Warehouse(home.warehouse) as warehouse, warehouse._transaction():  # the clock's day is over
            warehouse._con.execute("UPDATE annotations SET annotated_at = annotated_at - INTERVAL 1 DAY")
        label(run_of(home, config(server.url, tokens_per_day=5 * 120, in_flight=1)))
        assert len(server.heard) == 45


def test_what_failed_is_asked_again_in_a_later_run_and_what_is_invalid_never(home: Home) -> None:
    with serving(error(500)) as server:
        label(run_of(home, config(server.url)), limit=5)
        label(run_of(home, config(server.url)), limit=0)
        assert len(server.heard) == 5
    rows = labelled(home)
    assert set(rows.select("status", "failures").iter_rows()) == {("failed", 1)}
    with Warehouse(home.warehouse) as warehouse, warehouse._transaction():  # ten minutes later
        warehouse._con.execute("UPDATE annotations SET annotated_at = annotated_at - INTERVAL 11 MINUTE")
    with serving(says(completion("nonsense"))) as server:
        label(run_of(home, config(server.url)))
        n = len(server.heard)
        assert set(rows["post_id"]) <= set(labelled(home)["post_id"])
        label(run_of(home, config(server.url)))
        assert len(server.heard) == n
    assert set(labelled(home)["status"]) == {"invalid"}


def test_one_that_is_down_is_left_alone_over_all_tasks_and_canaries_of_a_run(home: Home) -> None:
    two = '[[annotation]]\ntask = "expression"\nannotators = ["first"]\nposts = 10\n'
    with serving(error(500)) as server:
        run = run_of(home, config(server.url, in_flight=2, canary_days=7) + two)
        label(run)
        n, expression = len(server.heard), labelled(home).filter(task="expression")
    assert n <= PATIENCE + 2 * 2
    assert expression.is_empty()
    first, second = run.annotated
    assert first.startswith(f"emotions: canaries of first: {n} failed, ")
    assert second.startswith("expression: canaries of first: ")
    assert all(" left; first was left alone after failing on and on: 500; " in said for said in (first, second))


def test_another_model_under_the_same_name_is_asked_anew(home: Home) -> None:
    with serving(reply()) as server:
        label(run_of(home, config(server.url)))
        n = len(server.heard)
        server.script = (reply_of("other-model"),)
        label(run_of(home, config(server.url).replace("scripted-model", "other-model")))
        assert len(server.heard) == 2 * n
    assert set(labelled(home)["model"]) == {"other-model"}


def reply_of(model: str) -> object:
    from barograph.annotate import task

    answers = dict.fromkeys(task.load("emotions").questions, "none")
    return says(completion(json.dumps({"explanation": "x", "answers": answers, "cues": []}), model=model))


def test_a_refused_key_ends_the_run_and_what_landed_is_taken_in_by_the_next(home: Home) -> None:
    with serving(reply(), reply(), reply(), error(401)) as server:
        with pytest.raises(ConfigError, match="got 401"):
            label(run_of(home, config(server.url, in_flight=1)))
        assert labelled(home).is_empty()
        assert len(landing.files(home.annotations)) == 1
    with serving(reply()) as second:
        run = run_of(home, config(second.url))
        label(run)
    assert Counter(server.texts[:3]) + Counter(second.texts) == Counter({*server.texts[:3], *second.texts})
    assert labelled(home).height == 3 + len(second.heard)
    assert run.annotated[0].startswith("emotions: 3 answers taken in that a run before had left; first: ")


def test_after_kill_9_only_what_was_in_flight_is_asked_again(home: Home) -> None:
    program = f"""
from datetime import datetime
from pathlib import Path
from barograph.home import Home
from tests.annotate.test_stage import NOW, label, run_of
place = Home(Path({str(home.path)!r}))
label(run_of(place, (place.path / "config").read_text()))
"""
    in_flight, stop_at = 4, 40
    with serving(reply()) as server:
        (home.path / "config").write_text(config(server.url, posts=100, in_flight=in_flight))
        with subprocess.Popen([sys.executable, "-c", program]) as process:
            while process.poll() is None and len(server.heard) < stop_at:
                time.sleep(0.005)
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        landed = {row for path in landing.files(home.annotations) for row in landing.read(path)["post_id"]}
        before = len(server.heard)
        subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    times = Counter(server.texts)
    assert sum(times.values()) - len(times) <= in_flight
    assert before - len(landed) <= in_flight
    rows = labelled(home)
    assert rows.height == len(times)
    assert landed <= set(rows["post_id"])


def test_before_any_day_has_closed_nothing_is_asked(home: Home) -> None:
    with serving(reply()) as server:
        run = run_of(home, config(server.url), datetime(2024, 3, 1, 12))
        label(run)
        assert server.heard == []
    assert run.annotated == ["emotions: nothing to ask"]


# --- canaries ---


def test_canaries_are_asked_on_schedule_and_one_who_answers_otherwise_drifts(home: Home) -> None:
    def canaries() -> list[dict[str, object]]:
        with Warehouse(home.warehouse) as warehouse:
            return warehouse.read(tables.CANARIES).sort("issue").to_dicts()

    with serving(reply("moderate")) as server:
        settings = config(server.url, canary_days=7)
        run = run_of(home, settings)
        label(run, limit=0)
        n = len(server.heard)
        (first,) = canaries()
        assert run.annotated == [f"emotions: canaries of first: {n} ok; {n * 120:,} tokens, cost {n * 0.0014:,.4f}"]
        assert (first["agreement"], first["n"], first["drifting"], first["issue"]) == (1, n, False, NOW)
        label(run_of(home, settings, NOW + timedelta(days=6)), limit=0)
        assert (len(server.heard), len(canaries())) == (n, 1)
        with Warehouse(home.warehouse) as warehouse, warehouse._transaction():  # asked a week ago by the clock
            warehouse._con.execute("UPDATE annotations SET post_id = split_part(post_id, '@', 1) || '@2024-01-01'")
        server.script = (reply("none"),)
        run = run_of(home, settings, NOW + timedelta(days=7))
        label(run, limit=0)
        assert len(server.heard) == 2 * n
    second = canaries()[-1]
    assert (second["drifting"], second["agreement"], second["bound"]) == (True, 0, 0.8)
    assert run.annotated[-1] == "emotions: first drifts: it answers 0% as it first did, bound 80%"
    assert set(labelled(home)["inclusion_probability"]) == {0.0}


def test_canaries_that_a_dead_endpoint_did_not_answer_say_nothing_yet(home: Home) -> None:
    with serving(error(500)) as server:
        run = run_of(home, config(server.url, canary_days=7))
        label(run, limit=0)
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.read(tables.CANARIES).is_empty()
    assert not any("drift" in said for said in run.annotated)


def test_a_round_that_a_dead_endpoint_missed_is_the_next_runs_and_the_first_becomes_what_others_are_held_to(
    home: Home,
) -> None:
    with serving(error(500)) as server:
        settings = config(server.url, canary_days=7)
        for _ in range(7):
            label(run_of(home, settings), limit=0)
        assert labelled(home)["failures"].max() == 1
        (home.path / "barograph.toml").write_text(settings)
        server.script, n = (reply("moderate"),), len(server.heard)
        assert main(["annotate", "--home", str(home.path), "--limit", "0"]) == 0
        with Warehouse(home.warehouse) as warehouse:
            (row,) = warehouse.read(tables.CANARIES).to_dicts()
        assert (row["n"], row["agreement"], row["drifting"]) == (len(server.heard) - n, 1, False)


def test_canaries_of_which_some_failed_are_asked_again_at_once(home: Home) -> None:
    with serving(*[reply("moderate")] * 5, error(500)) as server:
        settings = config(server.url, canary_days=7, in_flight=1)
        label(run_of(home, settings), limit=0)
        failed = len(server.heard) - 5
        server.script = (reply("moderate"),)
        label(run_of(home, settings), limit=0)
    assert failed == PATIENCE + 1
    with Warehouse(home.warehouse) as warehouse:
        (row,) = warehouse.read(tables.CANARIES).to_dicts()
    assert (row["agreement"], row["n"] + failed) == (1, len(server.heard))


def test_canaries_that_nobody_answered_again_are_not_taken_for_the_answers_before(home: Home) -> None:
    with serving(reply("moderate")) as server:
        settings = config(server.url, canary_days=7)
        label(run_of(home, settings), limit=0)
        with Warehouse(home.warehouse) as warehouse, warehouse._transaction():  # asked a week ago by the clock
            warehouse._con.execute("UPDATE annotations SET post_id = split_part(post_id, '@', 1) || '@2024-01-01'")
        server.script = (error(500),)
        label(run_of(home, settings, NOW + timedelta(days=7)), limit=0)
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.read(tables.CANARIES)["issue"].to_list() == [NOW]


def test_canaries_count_in_the_budget_of_a_day_and_go_on_where_it_ended(home: Home) -> None:
    with serving(reply("moderate")) as server:
        settings = config(server.url, canary_days=7, posts_per_day=20, in_flight=1)
        label(run_of(home, settings))
        label(run_of(home, settings))
        assert len(server.heard) == 20
        with Warehouse(home.warehouse) as warehouse, warehouse._transaction():  # the clock's day is over
            day, yesterday = utc_now().date(), utc_now().date() - timedelta(days=1)
            warehouse._con.execute(
                "UPDATE annotations SET annotated_at = annotated_at - INTERVAL 1 DAY, post_id = replace(post_id, ?, ?)",
                [f"@{day}", f"@{yesterday}"],
            )
        label(run_of(home, settings))
        assert len(server.heard) == 40
        with Warehouse(home.warehouse) as warehouse:
            (row,) = warehouse.read(tables.CANARIES).to_dicts()
        assert (row["n"], row["agreement"]) == (len(set(server.texts[: row["n"]])), 1)
        assert labelled(home).filter(pl.col("inclusion_probability") > 0).height == 40 - row["n"]
        server.script = (reply("none"),)  # a week later by `now`, on the same day of the clock: all is spent
        label(run_of(home, settings, NOW + timedelta(days=7)))
        assert len(server.heard) == 40


def test_canaries_of_a_topic_name_the_prompt_that_its_posts_are_read_with(home: Home) -> None:
    """So that who drifts on them is found in the lines of that topic."""
    from barograph.annotate import task

    asked = task.load("stance", Topic(name="buses", keywords=("bus",), sides=("for", "against")))
    answer = says(completion(json.dumps({"explanation": "x", "answers": {"stance": "first"}, "cues": []})))
    with serving(answer) as server:
        text = config(server.url, canary_days=7).replace('task = "emotions"', 'task = "stance"\ntopic = "buses"')
        label(run_of(home, f'{text}[[topic]]\nname = "buses"\nkeywords = ["bus"]\nsides = ["for", "against"]\n'))
        assert server.heard
    with Warehouse(home.warehouse) as warehouse:
        (row,) = warehouse.read(tables.CANARIES).to_dicts()
    assert (row["task"], row["prompt_version"]) == ("stance:buses", asked.version)


def test_what_landed_is_taken_in_when_nobody_is_asked_any_more(home: Home) -> None:
    with serving(reply(), error(401)) as server, pytest.raises(ConfigError, match="got 401"):
        label(run_of(home, config(server.url, in_flight=1)))
    assert len(landing.files(home.annotations)) == 1
    label(run_of(home, ""))
    assert (labelled(home).height, landing.files(home.annotations)) == (1, [])


# --- how annotators stand, for `status` ---


def test_status_tells_labels_outcomes_expense_drift_and_what_landed_without_the_warehouse(home: Home) -> None:
    with serving(*[reply("moderate")] * CANARIES, *[error(500)] * 3, reply()) as server:
        settings = config(server.url, canary_days=7, in_flight=1)
        label(run_of(home, settings), limit=10)
        n = len(server.heard)
    with Warehouse(home.warehouse) as warehouse:
        told = warehouse.read(tables.CANARIES)
    with serving(reply(), error(401)) as other, pytest.raises(ConfigError):
        label(run_of(home, config(other.url, in_flight=1)))
    home.warehouse.unlink()
    (one,) = standing.read(home, told, utc_now().date())
    assert (one["task"], one["labels"], one["landed"], n) == ("emotions", 7, 1, CANARIES + 10)
    assert one["outcomes"] == {"first": {"failed": 3, "ok": 7}}
    assert one["spent"] == {"posts": n, "tokens": (n - 3) * 120, "money": pytest.approx((n - 3) * 0.0014)}
    assert standing.lines(one) == [
        f"labels      emotions: 7 labels; in 28 days first: 3 failed, 7 ok; today {n} asked, {(n - 3) * 120:,} tokens, "
        f"cost {(n - 3) * 0.0014:,.4f}; 1 answers landed that the next run takes in",
        "  first does not drift: it answers 100% as it first did, bound 80%, canaries of 2024-03-11",
    ]
    (later,) = standing.read(home, told.clear(), utc_now().date() + timedelta(days=1))
    assert (later["spent"], later["canaries"]) == ({"posts": 0, "tokens": 0, "money": 0}, [])


def test_before_anybody_was_asked_status_tells_nothing_of_it(tmp_path: Path) -> None:
    assert standing.read(Home(tmp_path), tables.CANARIES.empty(), DAY) == []


# --- the command ---


def test_the_command_runs_this_stage_alone(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(reply()) as server:
        (home.path / "barograph.toml").write_text(config(server.url))
        assert main(["annotate", "--home", str(home.path), "--limit", "3"]) == 0
        assert len(server.heard) == 3
        assert capsys.readouterr().out.startswith("emotions: first: 3 ok; 360 tokens, cost 0.0042\n")
        assert main(["annotate", "--home", str(home.path), "--task", "stance"]) == 2
        assert "--task: got 'stance'; expected one that is configured: emotions" in capsys.readouterr().err
        assert main(["annotate", "--home", str(home.path), "--limit", "-1"]) == 2
    (home.path / "barograph.toml").write_text("")
    assert main(["annotate", "--home", str(home.path)]) == 2
    assert "no [[annotation]] is configured" in capsys.readouterr().err
    assert main(["annotate", "--home", str(home.path / "nowhere")]) == 2
