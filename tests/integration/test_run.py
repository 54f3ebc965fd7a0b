"""The whole way, as the command line takes it."""

import gzip
import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

import lexicons
from barograph import publish, tables
from barograph.settings import Settings
from barograph.store import Snapshot
from flows.reading import Reading
from tests.conftest import Command

MARKERS = 14  # ten markers and four dimensions
CALIBRATED = Reading(Settings().marker).calibrations["marker"].n_unique()  # those that also have this reading
LINES = 2 * (MARKERS + CALIBRATED)  # of each population: by posts and by authors


def snapshot(home: Path) -> Snapshot:
    """The published snapshot of a home."""
    path = publish.current(home / "published")
    assert path is not None
    return Snapshot(path)


def posts(path: Path, days: int = 40, authors: int = 25, start: date = date(2024, 3, 1)) -> Path:
    """A small population: every author writes once a day, a growing share of them of worry, at last many more."""
    with path.open("w") as file:
        for day in range(days):
            for author in range(authors):
                worried = author < 3 + day // 8 + 5 * (day >= days - 3)
                file.write(json.dumps({
                    "id": f"{day}-{author}", "author": f"person {author}", "lang": "en",
                    "created_at": f"{start + timedelta(days=day)}T{author % 24:02d}:10:00Z",
                    "text": "I had a panic attack today" if worried else "The bus was on time today",
                }) + "\n")  # fmt: skip
    return path


@pytest.mark.shared
@pytest.mark.timeout(600)
def test_the_college_posts_are_published_as_counted_by_hand(barograph: Command, college: Path, tmp_path: Path) -> None:
    done = barograph("run", college, "--home", tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert "read        46,675 rows" in done.stdout

    # Counted again from the files with nothing of ours but the matcher.
    n: Counter[tuple[str, date]] = Counter()
    people: defaultdict[tuple[str, date], set[str]] = defaultdict(set)
    texts: dict[str, str] = {}
    where: dict[str, tuple[str, date, str | None]] = {}
    gone = 0
    for path in sorted(college.glob("*.jsonl.gz")):
        for line in gzip.open(path, "rt"):
            row = json.loads(line)
            if row["text"] in ("[deleted]", "[removed]"):
                gone += 1
                continue
            day = datetime.fromtimestamp(row["created_utc"], UTC).date()
            texts[row["id"]] = "\n\n".join(t for t in ((row["title"] or "").strip(), row["text"].strip()) if t)
            where[row["id"]] = (row["subreddit"], day, row["author"])
    assert f"{gone:,} × text: deleted at the source" in done.stdout
    frame = pl.DataFrame({"post_id": list(texts), "text": list(texts.values())})
    anxious = set(lexicons.match(frame, lexicons.without_hints(lexicons.load("anxiety_en")))["post_id"].cast(pl.String))

    foreign = _foreign(tmp_path / "home")
    hits: Counter[tuple[str, date]] = Counter()
    shares: defaultdict[tuple[str, date], dict[str, list[int]]] = defaultdict(dict)
    for post, (community, day, author) in where.items():
        if post in foreign:
            continue
        cell = (community, day)
        n[cell] += 1
        hits[cell] += post in anxious
        if author:
            people[cell].add(author)
            counts = shares[cell].setdefault(author, [0, 0])
            counts[0] += post in anxious
            counts[1] += 1
    assert len(foreign) < len(texts) * 0.01

    series = snapshot(tmp_path / "home").read(tables.SERIES).filter(marker="anxiety", method="lexicon")
    by_cell = {(r["population"], r["time_value"], r["unit"]): r for r in series.iter_rows(named=True)}
    published = 0
    for (community, day), count in n.items():
        cell = by_cell[community, day, "posts"]
        assert (cell["n_posts"], cell["n_authors"]) == (count, len(people[community, day]))
        if cell["n_authors"] < 20:
            assert cell["prevalence"] is None
            assert cell["missing_reason"] == "fewer than 20 authors"
            continue
        published += 1
        assert cell["prevalence"] == pytest.approx(hits[community, day] / count)
        assert cell["lo"] <= cell["prevalence"] <= cell["hi"]
        each = [x / m for x, m in shares[community, day].values()]
        assert by_cell[community, day, "authors"]["prevalence"] == pytest.approx(sum(each) / len(each))
    assert published > 400

    calendar = {(r["population"], r["time_value"]) for r in series.iter_rows(named=True)}
    for community in ("AskAcademia", "CollegeRant"):
        days = [day for who, day in n if who == community]
        assert sum(who == community for who, _ in calendar) == (max(days) - min(days)).days + 1
    _nothing_personal_is_published(tmp_path / "home", where, texts)


def _foreign(home: Path) -> set[str]:
    """Ids of posts the detector is sure are in a language that no lexicon covers: they are not measured."""
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        rows = con.execute("SELECT post_id FROM posts WHERE lang NOT IN ('en', 'es', 'und')").fetchall()
    return {row[0].removeprefix("files:") for row in rows}


def _nothing_personal_is_published(home: Path, where: dict[str, tuple[str, date, str | None]], texts: dict[str, str]) -> None:
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        keys = {key for (key,) in con.execute("SELECT DISTINCT author_key FROM posts WHERE author_key IS NOT NULL").fetchall()}
    authors = {author for _, _, author in where.values() if author}
    assert min(len(keys), len(authors)) > 1000
    words = _published_words(home)
    assert "anxiety" in words
    assert not words & (keys | authors | set(where))
    # What the file holds beside its values; to search it for one name takes long, so not for every one.
    everything = b"".join(path.read_bytes() for path in (home / "published").iterdir())
    for post in list(where)[::100]:
        assert post.encode() not in everything
        start = texts[post].encode()
        assert len(start) < 40 or start[:40] not in everything
    for name in [*sorted(keys)[::20], *sorted(authors)[::20]]:
        assert name.encode() not in everything


def _published_words(home: Path) -> set[str]:
    """Every word of every text in the newest snapshot, whatever its table and column."""
    found: set[str] = set()
    with duckdb.connect(snapshot(home).path, read_only=True) as con:
        columns = con.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE data_type = 'VARCHAR' AND NOT internal").fetchall()
        for table, column in columns:
            for (value,) in con.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL").fetchall():
                found |= {value, *re.findall(r"[\w-]+", value)}
    return found


def test_a_run_says_what_it_did(barograph_process: Command, tmp_path: Path) -> None:
    done = barograph_process("run", posts(tmp_path / "posts.jsonl"), "--home", tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert re.sub(r"P = 0\.[789]\d|P = 1\.00", "P = N", re.sub(r"in [\d.]+ s", "in N s", done.stdout)) == (
        "read        1,000 rows up to 2024-04-09 23:10 UTC in N s\n"
        "kept        1,000 new, 0 duplicate, 0 conflicting\n"
        "quarantined 0\n"
        f"published   40 days × 1 populations × 14 markers ({40 * LINES:,} values new or changed, {7 * LINES} forecasts)\n"
        "alerts      2 firing\n"
        "            all · dimension:anxiety: 48.0% on 2024-04-08, above 28.0% for 2 days [high for two days]\n"
        "            all · dimension:anxiety: likely above 30.0% on 2024-04-09 (P = N) [likely high this week]\n"
        f"snapshot    {tmp_path}/home/published/000001.duckdb\n"
    )
    assert [line for line in done.stderr.splitlines() if line.startswith("stage: ")] == [
        f"stage: {s}"
        for s in ("load", "score", "aggregate", "flag", "evaluate", "forecast", "detect", "alert", "explain", "deliver", "publish")
    ]


def test_the_same_input_again_publishes_the_same_numbers(barograph: Command, tmp_path: Path) -> None:
    source, home = posts(tmp_path / "posts.jsonl"), tmp_path / "home"
    assert barograph("run", source, "--home", home).returncode == 0
    before = {t.name: snapshot(home).read(t) for t in tables.PUBLISHED}
    again = barograph("run", source, "--home", home)
    assert "kept        0 new, 1,000 duplicate, 0 conflicting" in again.stdout
    assert "(0 values new or changed, 0 forecasts)" in again.stdout
    for table in tables.PUBLISHED:
        if table is not tables.RUNS:
            assert snapshot(home).read(table).equals(before[table.name]), table.name
    assert snapshot(home).read(tables.RUNS)["status"].to_list() == ["done", "done"]


def test_every_format_publishes_the_same_numbers(barograph: Command, tmp_path: Path) -> None:
    source = posts(tmp_path / "posts.jsonl", days=3)
    frame = pl.read_ndjson(source)
    frame.write_csv(tmp_path / "posts.csv")
    frame.write_parquet(tmp_path / "posts.parquet")
    published = []
    for path in (source, tmp_path / "posts.csv", tmp_path / "posts.parquet"):
        home = tmp_path / path.suffix
        assert barograph("run", path, "--home", home).returncode == 0
        published.append(snapshot(home).read(tables.SERIES))
    assert published[0].height == 3 * LINES
    assert published[0].equals(published[1])
    assert published[0].equals(published[2])


def test_as_of_reads_neither_later_posts_nor_later_issues(barograph: Command, tmp_path: Path) -> None:
    source, home = posts(tmp_path / "posts.jsonl"), tmp_path / "home"
    early = barograph("run", source, "--home", home, "--as-of", "2024-03-20")
    assert early.returncode == 0, early.stderr
    assert "500 new" in early.stdout
    assert "500 after --as-of" in early.stdout
    then = snapshot(home).read(tables.SERIES)
    assert then["time_value"].max() == date(2024, 3, 20)
    last = then.filter(pl.col("provisional"))["time_value"].unique().to_list()
    assert last == [date(2024, 3, 20)]

    assert "forecasts  " not in early.stdout  # none has met its day yet
    late = barograph("run", source, "--home", home)
    assert late.returncode == 0
    told = rf"forecasts   of the 7 days to 2024-03-26: the 80 % interval held \d+ % of {7 * LINES}; skill over climatology "
    assert re.search(told, late.stdout), late.stdout
    assert re.search(told, barograph("status", "--home", home).stdout)
    assert snapshot(home).read(tables.SERIES)["time_value"].max() == date(2024, 4, 9)
    assert not snapshot(home).read(tables.EVALUATIONS, as_of=datetime(2024, 3, 20, 23, 59, 59)).height
    as_known = snapshot(home).read(tables.SERIES, as_of=datetime(2024, 3, 20, 23, 59, 59))
    assert as_known.equals(then)

    again = barograph("run", source, "--home", home, "--as-of", "2024-03-20")
    assert "(0 values new or changed" in again.stdout, again.stdout


def test_backfill_issues_one_a_day(barograph: Command, tmp_path: Path) -> None:
    source, home = posts(tmp_path / "posts.jsonl", days=12), tmp_path / "home"
    done = barograph("backfill", source, "--home", home, "--step", "1d")
    assert done.returncode == 0, done.stderr
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        issues = con.execute("SELECT DISTINCT issue::DATE FROM series ORDER BY 1").fetchall()
        future = con.execute("SELECT count(*) FROM series WHERE time_value > issue::DATE").fetchone()
        origins = con.execute("SELECT DISTINCT target - horizon::INTEGER - issue::DATE FROM forecasts").fetchall()
    assert [day for (day,) in issues] == [date(2024, 3, 1) + timedelta(days=d) for d in range(12)]
    assert future == (0,)
    assert origins == [(-1,)]  # the last closed day at the end of a day is the day before
    whole = tmp_path / "whole"
    assert barograph("run", source, "--home", whole).returncode == 0
    key = [c for c in tables.SERIES.columns if c != "issue"]
    assert snapshot(home).read(tables.SERIES).select(key).equals(snapshot(whole).read(tables.SERIES).select(key))


def test_a_config_names_populations_columns_and_events(barograph: Command, tmp_path: Path) -> None:
    frame = pl.read_ndjson(posts(tmp_path / "posts.jsonl", days=3)).rename({"text": "said", "created_at": "at"})
    frame.with_columns(place=pl.when(pl.col("author") < "person 2").then(pl.lit("north"))).write_csv(tmp_path / "p.csv")
    config = tmp_path / "barograph.toml"
    config.write_text("""
        minimum_authors = 5
        [[source]]
        name = "survey"
        path = "p.csv"
        columns = { text = "said", created_at = "at", community = "place" }
        [[population]]
        name = "North"
        where = { source = "survey", community = "north" }
        [[event]]
        name = "exam week"
        starts_on = 2024-03-02
    """)
    done = barograph("run", "--home", tmp_path / "home", "--config", config)
    assert done.returncode == 0, done.stderr
    published = snapshot(tmp_path / "home")
    series = published.read(tables.SERIES, where={"marker": "anxiety", "unit": "posts", "method": "lexicon"})
    assert series["population"].unique().to_list() == ["North"]
    assert series["n_posts"].to_list() == [12, 12, 12]  # person 0, 1, 10 … 19
    assert published.read(tables.EVENTS).select("name", "starts_on", "ends_on", "population").rows() == [
        ("exam week", date(2024, 3, 2), date(2024, 3, 2), "*")
    ]


def test_markers_are_read_with_files_of_other_formats(barograph: Command, tmp_path: Path) -> None:
    source, config = posts(tmp_path / "posts.jsonl", days=2), tmp_path / "barograph.toml"
    (tmp_path / "liwc_en.dic").write_text("%\n1\tAnx\n2\tTravel\n%\npanic*\t1\nbus\t2\non time\t2\n")
    (tmp_path / "bus.tsv").write_text("bus\t2.5\n")
    config.write_text("""
        minimum_authors = 5
        [[marker]]
        name = "worry"
        lexicons = ["liwc_en.dic:anx"]
        [[marker]]
        name = "transport"
        lexicons = ["liwc_en.dic:travel", "bus.tsv"]
    """)
    assert barograph("check", "--config", config).stdout.endswith("(0 sources, 0 populations, 2 markers, 0 dimensions, "
                                                                  "0 topics, 0 events, 0 tests, 2 rules, 0 receivers, 0 annotators, 0 annotations)\n")  # fmt: skip
    done = barograph("run", source, "--home", tmp_path / "home", "--config", config)
    assert done.returncode == 0, done.stderr
    series = snapshot(tmp_path / "home").read(tables.SERIES, where={"population": "all", "unit": "posts"})
    worried = pl.read_ndjson(source)["text"].str.contains("panic").mean()
    first = series.filter(time_value=date(2024, 3, 1))
    assert isinstance(worried, float)
    assert dict(first.select("marker", "prevalence").iter_rows()) == pytest.approx(
        {"worry": worried, "transport": 1 - worried}
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run"], "nothing to read"),
        (["run", "nowhere.jsonl"], "nowhere.jsonl: no such file or folder"),
        (["run", "empty.jsonl"], "the file is empty; expected posts, one a line"),
        (["run", "prose.jsonl"], "none of its first rows is a post: line: not JSON; expected one JSON object a line"),
        (["run", "no_text.parquet"], "no text: got columns when, who; expected one of text, body, content"),
        (["run", "cut.jsonl.gz"], "not readable: Compressed file ended"),
        (["run", "fine.jsonl", "--as-of", "yesterday"], 'unable to convert "yesterday"'),
        (["run", "fine.jsonl", "--config", "none.toml"], "none.toml: no such file"),
        (["run", "fine.jsonl", "--config", "wrong.toml"], "minimum_author: unknown key; expected one of minimum_authors"),
        (["run", "fine.jsonl", "--home", "fine.jsonl/home"], "cannot be written"),
        (["check", "--config", "wrong.toml"], "minimum_author: unknown key"),
        (["check", "--config", "several.toml"], "got 2 categories; expected one, written several.tsv:CATEGORY: joy, low"),
        (["frobnicate"], 'Unknown command "frobnicate"'),
        (["run", "fine.jsonl", "--source", "simulated"], "expected one of the two"),
        (["backfill", "fine.jsonl", "--step", "soon"], "--step: got 'soon'; expected days, e.g. 1d"),
    ],
)  # fmt: skip
def test_what_cannot_work_stops_before_work_begins(
    barograph: Command, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    folder = tmp_path / "cwd"
    posts(folder / "fine.jsonl", days=1)
    (folder / "empty.jsonl").touch()
    (folder / "prose.jsonl").write_text("Dear diary,\n")
    (folder / "wrong.toml").write_text("minimum_author = 3\n")
    (folder / "several.toml").write_text('[[marker]]\nname = "m"\nlexicons = ["several.tsv"]\n')
    (folder / "several.tsv").write_text("joy\tglad\nlow\tsad\n")
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 1000)[:12])
    pl.DataFrame({"when": [1], "who": ["a"]}).write_parquet(folder / "no_text.parquet")
    done = barograph(*arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert "stage:" not in done.stderr
    assert not (folder / "barograph-home").exists()


def test_bad_rows_are_counted_and_the_rest_is_read(barograph: Command, tmp_path: Path) -> None:
    good = posts(tmp_path / "posts.jsonl", days=2).read_text().splitlines()
    bad = [
        "not json", '{"text": ""}', '{"text": "no time"}', '{"text": "x", "created_at": "1999-12-31"}',
        '{"text": "x", "created_at": "2999-01-01"}', '{"text": 7, "created_at": "2024-03-01"}',
        good[0].replace("The bus", "A bus").replace("I had", "We had"), good[1],
    ]  # fmt: skip
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text("\n".join([*good, *bad]) + "\n")
    done = barograph("run", mixed, "--home", tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert "kept        50 new, 1 duplicate, 1 conflicting" in done.stdout
    assert "quarantined 6" in done.stdout
    assert "1 × created_at: in the future" in done.stdout
    kept = snapshot(tmp_path / "home").read(tables.SOURCES).row(0, named=True)
    assert (kept["n_posts"], kept["n_quarantined"]) == (50, 6)
    again = barograph("run", mixed, "--home", tmp_path / "home")
    assert again.returncode == 0
    assert snapshot(tmp_path / "home").read(tables.SOURCES).row(0, named=True)["n_quarantined"] == 6


def test_status_and_simulate_and_version(barograph: Command, tmp_path: Path) -> None:
    assert "nothing published yet" in barograph("status", "--home", tmp_path / "home").stdout
    out = tmp_path / "sim"
    done = barograph("simulate", "--out", out, "--days", 5, "--posts-per-day", 40, "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(out / "truth.parquet")["prevalence"].is_between(0, 1).all()
    assert barograph("run", out / "posts.parquet", "--home", tmp_path / "home").returncode == 0
    told = json.loads(barograph("status", "--home", tmp_path / "home", "--json").stdout)
    assert told["snapshot"] == "000001.duckdb"
    assert told["forecasts"] is None
    assert told["last_run"]["status"] == "done"
    assert told["sources"][0]["n_posts"] == pl.read_parquet(out / "posts.parquet").height
    assert barograph("version").stdout.strip() == told["version"]
