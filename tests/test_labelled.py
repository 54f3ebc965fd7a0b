"""From a warehouse with labels to rows of `series` and `cue_shares`, held against sums over single posts."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from barograph import tables
from barograph.answers import sampled
from barograph.correction import Crowd, Estimate, Sample, audited, corrected, labels_alone
from barograph.cues import cue_shares
from barograph.settings import Settings
from barograph.store import Warehouse
from flows.correct import labelled_rows, read

START, DAYS, DAILY = date(2024, 3, 1), 30, 200
NOW = datetime(2024, 4, 10)
LAST = START + timedelta(days=DAYS - 1)
POPULATIONS: dict[str, dict[str, list[str]]] = {"all": {}, "north": {"community": ["north"]}}
CALIBRATIONS = pl.DataFrame(
    {"marker": ["anger"], "lang": ["en"], "probability": [0.05], "base_rate": [0.1], "power": [0.3], "fitted_on": ["s"]}
)
WITH, WITHOUT = 0.6, 0.05


def settings(**annotation: Any) -> Settings:
    given = {"task": "emotions", "annotators": ["desk"], **annotation}
    return Settings.model_validate(
        {"minimum_authors": 5, "annotator": [{"name": "desk", "kind": "nade"}, {"name": "two", "kind": "nade"}],
         "annotation": [given]}
    )  # fmt: skip


def posts(seed: int = 1) -> pl.DataFrame:
    """Posts of 300 authors and some unknown ones, in two communities and languages, with all that is to be known."""
    rng, n = np.random.default_rng(seed), DAYS * DAILY
    angry, author = rng.random(n) < 0.25, rng.integers(300, size=n)
    hit = rng.random(n) < np.where(angry, 0.7, 0.1)
    probability = np.where(rng.random(n) < 0.3, 0.04, p := np.where(hit, 0.15, 0.01))
    u = rng.random(n)
    return pl.DataFrame({
        "post_id": [f"s:{i}" for i in range(n)], "day": np.repeat(np.arange(DAYS), DAILY), "angry": angry, "hit": hit,
        "author_key": [None if i % 17 == 0 else f"a{a}" for i, a in enumerate(author)],
        "community": np.where(rng.random(n) < 0.4, "north", "south"), "lang": np.where(rng.random(n) < 0.8, "en", "es"),
        "p": np.where(p > 0, probability, 0), "sampled": u < probability, "silent": rng.random(n) < 0.1,
    }).with_columns(time_value=pl.lit(START) + pl.duration(days="day"))  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(tmp_path / "warehouse.duckdb") as opened:
        yield opened


def fill(warehouse: Warehouse, given: pl.DataFrame, **changes: Any) -> None:
    """Land the posts, their scores, and a label of each that is sampled."""
    at = pl.col("time_value").cast(pl.Datetime("us")) + pl.duration(hours=12)
    landed = given.select(
        "post_id", "community", "lang", "author_key", parent_id=pl.lit(None, pl.String), source=pl.lit("s"),
        geo=pl.lit(None, pl.String), created_at=at, text=pl.lit("t"), text_hash=pl.col("post_id"),
        line=pl.int_range(pl.len()),
    )  # fmt: skip
    warehouse.land("s", landed, tables.QUARANTINE.empty(), NOW)
    scores = given.filter("hit").select(
        "post_id", marker=pl.lit("anger"), hits=1, weight=1.0, probability=pl.when(lang="en").then(pl.lit(WITH))
    )
    warehouse.save_scores(1, scores, "v")
    warehouse.save({tables.ANNOTATIONS: labels(given.filter("sampled"), **changes)})


def labels(sampled: pl.DataFrame, **changes: Any) -> pl.DataFrame:
    said = [
        json.dumps({"anger": "unclear" if silent else "weak" if angry else "none", "joy": "none"})
        for silent, angry in sampled.select("silent", "angry").iter_rows()
    ]
    return sampled.select(
        "post_id", pl.col("p").alias("inclusion_probability"), task=pl.lit("emotions"), label=pl.Series(said, dtype=pl.String),
        cues=pl.lit('["insult"]'), annotator=pl.lit("desk"), model=pl.lit("m"), prompt_version=pl.lit("0123456789"),
        text_hash=pl.lit(""), status=pl.lit("ok"), tokens_in=0, tokens_out=0, cost=0.0, annotated_at=pl.lit(NOW),
    ).with_columns(pl.lit(value).alias(name) for name, value in changes.items())  # fmt: skip


def rows(warehouse: Warehouse, issued: list[date], **annotation: Any) -> pl.DataFrame:
    days = [START + timedelta(days=n) for n in range(DAYS)]
    activity, _ = warehouse.activity(days, NOW, ["en", "es"], {})
    found = labelled_rows(
        warehouse, settings(**annotation), ["en", "es"], POPULATIONS, CALIBRATIONS, activity,
        warehouse.days(NOW, ["en", "es"]), issued, now=NOW, minimum_authors=5, closing_hours=6,
    )  # fmt: skip
    return tables.SERIES.validate(found)


def by_hand(given: pl.DataFrame, unit: str, *, strata: bool, first: int = 2) -> tuple[Sample, Crowd, pl.DataFrame]:
    """The sample of the days from `first` on and the last day's crowd, a post at a time."""
    given = given.with_columns(who=pl.coalesce("author_key", "post_id"), known=pl.col("author_key").is_not_null())
    given = given if unit == "posts" else given.filter("known")
    hit = pl.col("hit").cast(pl.Float64)
    given = given.with_columns(
        f=pl.when(lang="en").then(pl.when("hit").then(WITH).otherwise(WITHOUT)).otherwise(hit),
        size=pl.len().over("day", "who"),
    )  # fmt: skip
    there = (pl.col("sampled") & ~pl.col("silent") & (pl.col("day") >= first)) | (pl.col("day") == DAYS - 1)
    numbers = given.filter(there).select(number=pl.col("cluster").unique().sort()).with_row_index("author")
    given = given.join(numbers, left_on="cluster", right_on="number", how="left").with_columns(number=pl.col("author").cast(pl.Int64))
    asked = given.filter(pl.col("sampled"), pl.col("day") >= first).sort("day", "post_id")
    factor = {}
    for stratum in (False, True):
        mine = asked.filter(pl.col("hit") == stratum) if strata else asked
        factor[stratum] = (1 / mine["p"]).sum() / (1 / mine.filter(~pl.col("silent"))["p"]).sum()
    used = asked.filter(~pl.col("silent"))
    weight = np.array([factor[h] / p for h, p in used.select("hit", "p").iter_rows()])
    weight = weight / used["size"].to_numpy() if unit == "authors" else weight
    stratum = used["hit"].cast(pl.Int64).to_numpy() * strata
    sample = Sample(used["angry"].cast(pl.Float64).to_numpy(), used["f"].to_numpy(), weight, used["number"].to_numpy(), stratum)
    today = given.filter(day=DAYS - 1).group_by("number").agg(n=pl.len(), x=pl.col("f").sum(), h=hit.sum()).sort("number")
    n, x, h = (today[c].cast(pl.Float64).to_numpy() for c in "nxh")
    crowd = Crowd(today["number"].to_numpy(), n, x, h)
    return sample, crowd if unit == "posts" else Crowd(crowd.author, n / n, x / n, h / n), used


@pytest.mark.parametrize("strata", ["lexicon", "uniform"])
@pytest.mark.parametrize("population", ["all", "north"])
@pytest.mark.parametrize("unit", ["posts", "authors"])
def test_a_cell_is_what_its_posts_one_by_one_come_to(warehouse: Warehouse, unit: str, population: str, strata: str) -> None:
    given = posts()
    fill(warehouse, given)
    found = rows(warehouse, [LAST], strata=strata).filter(unit=unit, population=population, marker="anger", time_value=LAST)
    of = {row["method"]: row for row in found.iter_rows(named=True)}
    # Authors are numbered, and so put into folds, in the order of their hashes.
    hashes = warehouse.posts_of(sorted(set(given["time_value"])), NOW, ["en", "es"]).select("post_id", "cluster")
    inside = given.join(hashes, on="post_id", maintain_order="left")
    inside = inside if population == "all" else inside.filter(community="north")
    sample, crowd, used = by_hand(inside, unit, strata=strata == "lexicon")
    expected = corrected(sample, crowd)
    value = {c: of["corrected"][c] for c in ("prevalence", "stderr", "lo", "hi")}
    assert value == pytest.approx({
        "prevalence": expected.prevalence, "stderr": expected.variance**0.5, "lo": expected.lo, "hi": expected.hi,
    })  # fmt: skip
    assert of["corrected"]["n_posts"] == (inside if unit == "posts" else inside.drop_nulls("author_key")).filter(day=DAYS - 1).height
    # Labels alone: so many days back as it takes for fifty authors.
    first = next(d for d in range(DAYS - 1, 0, -1) if used.filter(pl.col("day") >= d)["who"].n_unique() >= 50)
    recent, _, behind = by_hand(inside, unit, strata=strata == "lexicon", first=first)
    alone = labels_alone(recent)
    value = {c: of["annotator"][c] for c in ("prevalence", "lo", "hi", "n_posts", "n_authors")}
    assert value == pytest.approx({
        "prevalence": alone.prevalence, "lo": alone.lo, "hi": alone.hi, "n_posts": behind.height,
        "n_authors": behind["author_key"].drop_nulls().n_unique(),
    })  # fmt: skip
    assert of["annotator"]["label_source"] == of["corrected"]["label_source"] == "as desk (m, prompt 01234567) reads it"


def test_a_later_day_is_never_read_and_a_day_alone_is_what_it_is_among_others(warehouse: Warehouse) -> None:
    given = posts()
    fill(warehouse, given)
    day = START + timedelta(days=20)
    alone = rows(warehouse, [day]).filter(time_value=day)
    among = rows(warehouse, [START + timedelta(days=n) for n in range(DAYS)])
    assert among.filter(time_value=day).equals(alone)
    warehouse.save({tables.ANNOTATIONS: labels(given.filter(pl.col("sampled"), pl.col("day") > 20), label='{"anger": "strong"}')})
    assert rows(warehouse, [day]).filter(time_value=day).equals(alone)
    assert not rows(warehouse, [LAST]).filter(time_value=LAST).equals(among.filter(time_value=LAST))
    assert among["time_value"].min() == START
    # anger has words, joy none: its labels alone tell of it, and that too few express it.
    joy = among.filter(marker="joy", time_value=LAST)
    assert joy.filter(method="annotator")["prevalence"].to_list() == [0, 0, 0, 0]
    assert set(joy.filter(method="corrected")["missing_reason"]) == {"fewer than 10 labelled posts that express it in 28 days"}


def test_too_few_labels_say_so(warehouse: Warehouse) -> None:
    fill(warehouse, posts().with_columns(sampled=pl.col("sampled") & (pl.col("day") == DAYS - 1)))
    found = rows(warehouse, [LAST])
    assert set(found["missing_reason"]) == {"fewer than 50 labelled authors in 28 days"}
    assert found["prevalence"].null_count() == found.height == 16
    assert found["n_posts"].max() == DAILY
    # Days before the first label have no row.
    assert rows(warehouse, [START + timedelta(days=3)]).is_empty()


def test_a_sample_of_which_hardly_half_is_answered_says_nothing(warehouse: Warehouse) -> None:
    nearly = (pl.int_range(pl.len()) % 20 < 12).alias("silent")
    fill(warehouse, posts().with_columns(nearly))
    reason = "fewer than half of the posts asked about were answered"
    assert set(rows(warehouse, [LAST]).filter(marker="anger", population="all", time_value=LAST)["missing_reason"]) == {reason}
    warehouse.save({tables.ANNOTATIONS: labels(posts().filter("sampled").with_columns(silent=pl.int_range(pl.len()) % 20 < 8))})
    assert rows(warehouse, [LAST]).filter(marker="anger", population="all", time_value=LAST)["missing_reason"].null_count() == 4


def test_posts_outside_of_a_sample_and_refusals_count_nothing(warehouse: Warehouse) -> None:
    given = posts()
    fill(warehouse, given)
    before = rows(warehouse, [LAST])
    chosen = given.filter(~pl.col("sampled"), pl.col("angry")).head(500)
    warehouse.save({tables.ANNOTATIONS: labels(chosen, inclusion_probability=0.0)})
    assert rows(warehouse, [LAST]).equals(before)
    # A refusal of one annotator, answered by the next, is an answer; both are named where both say much.
    asked = given.filter("sampled")
    # The first of the chain counts before one who answered later and is asked no more.
    later = labels(asked.filter(pl.col("day") % 2 == 0), annotator="two", status="ok", annotated_at=NOW + timedelta(days=1))
    warehouse.save({tables.ANNOTATIONS: later})
    assert rows(warehouse, [LAST]).equals(before)
    warehouse.save({tables.ANNOTATIONS: labels(asked.filter(pl.col("day") % 2 == 0), status="refused", label=None)})
    after = rows(warehouse, [LAST])
    assert after.select("prevalence").equals(before.select("prevalence"))
    both = "as desk (m, prompt 01234567) and two (m, prompt 01234567) read it"
    assert both in after["label_source"].to_list()


def test_a_population_sampled_later_shares_its_chance_with_what_was_labelled_before(warehouse: Warehouse) -> None:
    given = posts()
    fill(warehouse, given)
    draws = pl.DataFrame({
        "task": "emotions", "population": "north", "time_value": [START + timedelta(days=n) for n in range(DAYS)],
        "stratum": "all", "n_posts": 80, "probability": 0.5, "drawn_at": NOW,
    })  # fmt: skip
    warehouse.save({tables.DRAWS: draws})
    known, _ = read(warehouse, settings(), ["en", "es"], [LAST], NOW)
    chances = sampled(known, settings().annotation[0], {}, POPULATIONS, ["anger"])
    north, south = (chances.filter(community=place)["inclusion_probability"] for place in ("north", "south"))
    assert set(north) == {0.5}
    assert south.max() == 0.15


def test_audits_correct_what_annotators_say(warehouse: Warehouse) -> None:
    given = posts()
    fill(warehouse, given)
    before = rows(warehouse, [LAST]).filter(unit="posts", population="all", method="corrected", marker="anger").row(0, named=True)
    audit = given.filter(pl.col("sampled"), ~pl.col("silent"), pl.col("author_key").is_not_null()).head(120)
    # People find half of what the annotator calls angry.
    people = audit.with_columns(z=pl.col("angry") & (pl.col("post_id").str.slice(2).cast(pl.Int64) % 2 == 0))
    said = [json.dumps({"anger": "strong" if z else "none"}) for z in people["z"]]
    audits = people.select(
        "post_id", task=pl.lit("emotions"), rater=pl.lit("r"), label=pl.Series(said), inclusion_probability="p",
        imported_at=pl.lit(NOW),
    )  # fmt: skip
    warehouse.save({tables.AUDITS: audits})
    after = rows(warehouse, [LAST]).filter(unit="posts", population="all", method="corrected", marker="anger").row(0, named=True)
    difference = (people["z"].cast(pl.Float64) - people["angry"].cast(pl.Float64)).to_numpy()
    _, author = np.unique(people["author_key"].to_numpy(), return_inverse=True)
    expected = audited(
        Estimate(before["prevalence"], before["stderr"] ** 2, before["lo"], before["hi"], 0), difference,
        (1 / people["p"]).to_numpy(), author,
    )  # fmt: skip
    assert [after[c] for c in ("prevalence", "lo", "hi")] == pytest.approx([expected.prevalence, expected.lo, expected.hi])
    assert after["prevalence"] < before["prevalence"] - 0.05
    assert after["label_source"] == "as desk (m, prompt 01234567) reads it; corrected to audits"


def test_cues_of_posts_that_express_it(warehouse: Warehouse) -> None:
    given = posts()
    fill(warehouse, given)
    shown = labels(given.filter("sampled")).with_columns(
        cues=pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit('["insult", "shouting"]')).otherwise(pl.lit('["insult"]'))
    )
    warehouse.save({tables.ANNOTATIONS: shown})
    known, _ = read(warehouse, settings(), ["en", "es"], [LAST], NOW)
    found = cue_shares(known, POPULATIONS, settings().annotation, ["anger", "joy"], LAST, now=NOW, minimum_authors=5)
    tables.CUES.validate(found)
    row = found.filter(population="all", unit="posts", period=f"{LAST - timedelta(days=27)}/{LAST}", cue="shouting").row(0, named=True)
    mine = shown.join(given.select("post_id", "angry", "silent", "day", "author_key"), on="post_id")
    mine = mine.filter(pl.col("angry"), ~pl.col("silent"), pl.col("day") >= 2)
    weight, has = 1 / mine["inclusion_probability"], mine["cues"].str.contains("shouting")
    assert row["share"] == pytest.approx((weight * has).sum() / weight.sum())
    assert (row["n_posts"], row["n_authors"]) == (mine.height, mine["author_key"].drop_nulls().n_unique())
    assert row["lo"] < row["share"] < row["hi"]
    everyone = found.filter(population="all", unit="posts", cue="insult")
    assert (set(everyone["share"]), set(found["marker"])) == ({1.0}, {"anger"})
    # A cell of fewer authors than that is not published, nor a cue that fewer show.
    strict = cue_shares(known, POPULATIONS, settings().annotation, ["anger"], LAST, now=NOW, minimum_authors=60)
    assert set(strict["cue"]) == {"insult"}
    assert set(strict["population"]) == {"all"}
