"""Annotators in a whole run: a config that names an endpoint, and what is in warehouse and snapshot afterwards."""

import json
from pathlib import Path

import duckdb

from barograph import tables
from barograph.store import Snapshot
from tests.annotate.serving import completion, error, says, serving
from tests.conftest import Command
from tests.integration.test_run import posts, snapshot

_CONFIG = """
minimum_authors = 5
[[source]]
name = "s"
path = "posts.jsonl"
lang = "en"
[[annotator]]
name = "desk model"
url = "{url}"
model = "scripted-model"
key_env = "DESK_KEY"
price_in = 10
price_out = 20
tries = 1
[[annotation]]
task = "emotions"
annotators = ["desk model"]
posts = 5
days = 10
canary_days = 0
"""


def test_a_run_has_a_sample_labelled_and_what_it_read_never_leaves_the_warehouse(
    barograph: Command, tmp_path: Path
) -> None:
    from barograph.annotate import task

    posts(tmp_path / "posts.jsonl", days=12)
    home, config = tmp_path / "home", tmp_path / "barograph.toml"
    answers = dict.fromkeys(task.load("emotions").questions, "none") | {"fear": "strong"}
    reply = says(completion(json.dumps({"explanation": "a word of the model", "answers": answers, "cues": []})))
    with serving(reply) as server:
        config.write_text(_CONFIG.format(url=server.url))
        done = barograph("run", "--home", home, "--config", config, DESK_KEY="sk-of-a-test")
        assert done.returncode == 0, done.stderr
        # Two texts are all that there are, and each is asked about once.
        assert len(server.heard) == len(set(server.texts)) == 2
        assert set(server.keys) == {"Bearer sk-of-a-test"}
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as warehouse:
        rows = warehouse.sql(
            """SELECT status, annotator, json_extract_string(label, 'fear'), sum(tokens_in)::INT, count(*)
               FROM annotations GROUP BY ALL"""
        ).fetchall()
        n = warehouse.sql("SELECT count(*) FROM annotations SEMI JOIN posts USING (post_id)").fetchall()[0][0]
    assert rows == [("ok", "desk model", "strong", 200, n)]
    assert n > 20
    assert "annotated   emotions: desk model: 2 ok; 240 tokens, cost 0.0028" in done.stdout
    assert "sk-of-a-test" not in done.stdout + done.stderr
    found = snapshot(home)
    with duckdb.connect(found.path, read_only=True) as published:
        tables = {name for (name,) in published.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert "canaries" in tables
    assert not tables & {"annotations", "draws", "audits", "posts"}
    assert b"a word of the model" not in found.path.read_bytes()


def test_a_missing_key_stops_the_run_and_a_refused_one_leaves_the_rest_to_be_told(barograph: Command, tmp_path: Path) -> None:
    posts(tmp_path / "posts.jsonl", days=12)
    home, config = tmp_path / "home", tmp_path / "barograph.toml"
    with serving(error(401)) as server:
        config.write_text(_CONFIG.format(url=server.url))
        done = barograph("run", "--home", home, "--config", config, DESK_KEY="")
        assert done.returncode == 2
        assert done.stderr == "barograph: annotator 'desk model': key: environment variable DESK_KEY is empty\n"
        assert not (home / "warehouse.duckdb").exists()
        done = barograph("run", "--home", home, "--config", config, DESK_KEY="sk-of-a-test")
    assert done.returncode == 0, done.stderr
    assert (
        f"unlabelled  not all annotators could be asked: ConfigError: annotator 'desk model': got 401 from {server.url}; "
        "expected a key that it accepts (key_file or key_env); the next run tries again\n"
    ) in done.stdout
    assert Snapshot(snapshot(home).path).read(tables.RUNS)["status"].to_list() == ["unlabelled"]
    assert "sk-of-a-test" not in done.stdout + done.stderr
