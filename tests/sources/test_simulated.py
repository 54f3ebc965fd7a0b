"""The simulated population: reproducible, truthful, and worded exactly as its labels say."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import combinations, product

import numpy as np
import polars as pl
import pytest

import lexicons
from barograph.errors import ConfigError
from barograph.sources import simulated
from barograph.sources.simulated import CEILING, COMMUNITIES, MARKERS, SLOTS, THEMES, Simulation

START = date(2024, 1, 1)  # a Monday
LAST = START + timedelta(days=419)
NAMES = [name for name, *_ in COMMUNITIES]
SIMULATION = Simulation(START)


@pytest.fixture(scope="module")
def labelled() -> pl.DataFrame:
    """All posts with `day` and one 0/1 column a marker, known from the theme that was drawn."""
    bears = pl.DataFrame(
        {
            "theme": range(len(THEMES) + 1),
            **{marker: [float(marker in theme) for theme in (*THEMES, ())] for marker in MARKERS},
        }
    )
    posts = SIMULATION._labelled(START, LAST).with_columns(day=pl.col("created_at").dt.date())
    return posts.join(bears, on="theme", how="left", maintain_order="left")


@pytest.fixture(scope="module")
def truth() -> pl.DataFrame:
    return SIMULATION.truth(START, LAST)


def day(number: int) -> date:
    """The day so many days after the start."""
    return START + timedelta(days=number)


# --- the same posts, whoever asks, and for whichever window ---


def test_posts_have_the_promised_columns_and_order(labelled: pl.DataFrame) -> None:
    posts = SIMULATION.posts(day(3), day(5))
    text = ["id", "parent_id", "author", "community", "lang", "text"]
    assert dict(posts.schema) == dict.fromkeys(text, pl.String()) | {"created_at": pl.Datetime("us", "UTC")}
    assert posts.columns[:3] == ["id", "parent_id", "created_at"]
    assert posts.equals(posts.sort("created_at", "id"))
    assert posts["created_at"].dt.date().unique().sort().to_list() == [day(3), day(4), day(5)]
    assert labelled["id"].is_unique().all()
    assert labelled.drop("parent_id").null_count().sum_horizontal().item() == 0


def test_same_seed_same_bytes_and_another_seed_other_posts() -> None:
    simulated._pool.cache_clear()
    first = Simulation(START).posts(START, day(9))
    simulated._pool.cache_clear()
    assert first.write_csv() == Simulation(START).posts(START, day(9)).write_csv()
    assert first["text"].to_list() != Simulation(START, seed=8).posts(START, day(9))["text"].to_list()


def test_windows_agree_on_a_day() -> None:
    window = SIMULATION.posts(day(198), day(204))
    for number in range(198, 205):
        alone = SIMULATION.posts(day(number), day(number))
        assert alone.equals(window.filter(pl.col("created_at").dt.date() == day(number)))
    whole, part = SIMULATION.truth(day(198), day(204)), SIMULATION.truth(day(201), day(201))
    keys = ["marker", "population", "time_value", "unit"]
    both = whole.join(part, on=keys, how="inner")
    assert both.height == part.height == len(MARKERS) * len(COMMUNITIES) * 2
    assert (both["prevalence"] - both["prevalence_right"]).abs().max() < 1e-12


def test_global_random_state_is_neither_read_nor_changed() -> None:
    np.random.seed(1)  # noqa: NPY002 (the legacy global state is what this is about)
    before = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    first = SIMULATION.posts(START, START)
    after = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    assert (before["key"] == after["key"]).all()
    assert before["pos"] == after["pos"]
    np.random.seed(2)  # noqa: NPY002
    assert SIMULATION.posts(START, START).equals(first)


def test_nothing_before_the_start_and_empty_windows_keep_their_columns() -> None:
    early = START - timedelta(days=9)
    assert SIMULATION.posts(early, START).equals(SIMULATION.posts(START, START))
    for first, last in ((early, START - timedelta(days=1)), (day(3), day(2))):
        assert SIMULATION.posts(first, last).schema == SIMULATION.posts(START, START).schema
        assert SIMULATION.truth(first, last).schema == SIMULATION.truth(START, START).schema
        assert SIMULATION.posts(first, last).height == SIMULATION.truth(first, last).height == 0


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"posts_per_day": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="expected seed >= 0 and posts_per_day >= 1"):
        Simulation(START, **wrong)


# --- the truth is true ---


def test_truth_covers_every_marker_population_day_and_unit(truth: pl.DataFrame) -> None:
    assert truth.columns == ["marker", "population", "time_value", "unit", "prevalence"]
    assert truth.height == len(MARKERS) * len(COMMUNITIES) * 420 * 2
    assert not truth.select(pl.exclude("prevalence")).is_duplicated().any()
    assert truth["prevalence"].is_between(0, 1, closed="none").all()
    assert truth["prevalence"].is_between(0.01, 0.25).all()


def test_posts_and_authors_differ_in_truth(truth: pl.DataFrame) -> None:
    wide = truth.pivot("unit", index=["marker", "population", "time_value"], values="prevalence")
    assert (wide["posts"] != wide["authors"]).all()


def z_scores(units: pl.DataFrame, truth: pl.DataFrame, unit: str) -> pl.DataFrame:
    """Return z of Σ (share - true prevalence) over all the independent units, by community and marker."""
    long = units.unpivot(MARKERS, index=["community", "day"], variable_name="marker", value_name="share")
    both = long.join(
        truth.filter(unit=unit),
        left_on=["marker", "community", "day"],
        right_on=["marker", "population", "time_value"],
    )
    assert both.height == long.height
    error = pl.col("share") - pl.col("prevalence")
    variance = pl.col("prevalence") * (1 - pl.col("prevalence"))  # the most a share of this mean can have
    return both.group_by("community", "marker").agg(z=error.sum() / variance.sum().sqrt())


@pytest.mark.parametrize("phase", ["all", "storm", "quarrel"])
def test_realised_shares_agree_with_truth(labelled: pl.DataFrame, truth: pl.DataFrame, phase: str) -> None:
    # Given the day, posts are independent (a post's author is drawn anew), and so are authors.
    window = {"all": (START, LAST), "storm": (day(196), day(216)), "quarrel": (day(101), day(114))}[phase]
    posts = labelled.filter(pl.col("day").is_between(*window))
    authors = posts.group_by("community", "day", "author").agg(pl.col(MARKERS).mean())
    for unit, units in (("posts", posts), ("authors", authors)):
        z = z_scores(units, truth, unit)
        assert z.height == len(MARKERS) * len(COMMUNITIES)
        assert z["z"].abs().max() < 3.7, z.sort("z")
        assert 0.3 < (z["z"] ** 2).mean() < 1.8, z.sort("z")


def test_a_wrong_truth_would_be_seen(labelled: pl.DataFrame, truth: pl.DataFrame) -> None:
    authors = labelled.group_by("community", "day", "author").agg(pl.col(MARKERS).mean())
    wrong = truth.with_columns(pl.col("prevalence") * 1.1)
    assert z_scores(authors, wrong, "authors").filter(pl.col("community") != "hollow")["z"].mean() < -4


@pytest.mark.parametrize("seed", range(7, 17))
def test_no_author_reaches_the_ceiling(seed: int) -> None:
    simulation = Simulation(START, seed)
    days = simulation._days(START, day(730))
    for index in range(len(COMMUNITIES)):
        activity, leaning, _ = simulation._pool(index)
        assert (leaning @ (simulated.BASE * simulation._effects(index, days)).T).max() < CEILING
        assert activity.min() > 0


# --- it lives like a population ---


def test_communities_have_their_size_language_and_authors(labelled: pl.DataFrame) -> None:
    daily = labelled.group_by("community", "day").agg(posts=pl.len(), authors=pl.col("author").n_unique())
    for name, lang, pool, _, posts_per_day in COMMUNITIES:
        here, days = labelled.filter(community=name), daily.filter(community=name)
        assert here["lang"].unique().to_list() == [lang]
        assert here["author"].n_unique() <= pool
        assert here["author"].str.starts_with(f"{name}_").all()
        assert days["posts"].mean() == pytest.approx(posts_per_day or 250, rel=0.05)
        assert days.height == 420
        if name == "hollow":
            assert days["authors"].max() < 20  # below the minimum cell
            assert days["authors"].median() > 5
        else:
            assert days["authors"].min() > 100


def test_volume_follows_posts_per_day_except_in_the_small_community() -> None:
    large = Simulation(START, posts_per_day=2000).posts(START, day(13))
    counts = dict(large.group_by("community").len().iter_rows())
    assert counts.pop("hollow") == pytest.approx(14 * 14, rel=0.3)
    assert all(count == pytest.approx(14 * 2000, rel=0.05) for count in counts.values())


def test_posts_of_an_author_resemble_each_other(labelled: pl.DataFrame) -> None:
    posts = labelled.filter(community="northfield")
    share = posts["joy"].mean()
    authors = posts.group_by("author").agg(n=pl.len(), k=pl.col("joy").sum())
    squares = ((authors["k"] - authors["n"] * share) ** 2).sum()
    assert squares > 1.3 * posts.height * share * (1 - share)  # equal if posts were independent


def test_weekdays_and_hours_have_their_rhythm(labelled: pl.DataFrame, truth: pl.DataFrame) -> None:
    by_weekday = labelled.group_by(pl.col("day").dt.weekday()).len().sort("day")["len"]
    assert by_weekday.arg_min() == 5  # Saturday
    by_hour = labelled.group_by(pl.col("created_at").dt.hour()).len().sort("created_at")["len"]
    assert by_hour.len() == 24
    assert by_hour[18:22].sum() > 5 * by_hour[1:5].sum()
    mean = truth.group_by("marker", pl.col("time_value").dt.weekday()).agg(pl.col("prevalence").mean())
    peak = dict(mean.sort("prevalence").group_by("marker").agg(pl.col("time_value").last()).iter_rows())
    assert (peak["stress"], peak["joy"], peak["sadness"]) == (2, 6, 7)


def test_replies_answer_an_earlier_post_of_the_day(labelled: pl.DataFrame) -> None:
    replies = labelled.filter(pl.col("parent_id").is_not_null())
    assert replies.height / labelled.height == pytest.approx(0.15, abs=0.01)
    pairs = replies.join(labelled, left_on="parent_id", right_on="id", suffix="_parent")
    assert pairs.height == replies.height
    assert (pairs["created_at"] > pairs["created_at_parent"]).all()
    for same in ("day", "community", "lang"):
        assert (pairs[same] == pairs[f"{same}_parent"]).all()
    assert (pairs["author"] != pairs["author_parent"]).all()


def test_half_of_the_replies_disagree_and_only_replies_open_so(labelled: pl.DataFrame) -> None:
    for lang in ("en", "es"):
        words = simulated._language(lang)
        here = labelled.filter(lang=lang)
        opens = {
            side: pl.any_horizontal(pl.col("text").str.starts_with(f"{opening} ") for opening in words[side])
            for side in ("agree", "disagree")
        }
        flags = here.select(reply=pl.col("parent_id").is_not_null(), **opens)
        assert flags.filter("reply")["disagree"].mean() == pytest.approx(0.5, abs=0.02)
        assert (flags["reply"] == (flags["agree"] | flags["disagree"])).all()


# --- and things happen to it ---


def test_events_are_those_begun_and_the_scheduled_ones_ahead() -> None:
    keys = ["name", "population", "kind", "starts_on", "ends_on"]
    known = SIMULATION.events(day(200))
    assert all(list(event) == keys for event in known)
    assert {(e["name"], e["kind"]) for e in known} == {
        ("exam week", "scheduled"), ("quarrel", "sudden"), ("storm", "sudden"),
    }  # fmt: skip
    storms = [event for event in known if event["name"] == "storm"]
    assert {(storm["starts_on"], storm["ends_on"]) for storm in storms} == {(day(196), day(216))}
    assert [storm["population"] for storm in storms] == NAMES
    exams = sorted({event["starts_on"] for event in known if event["name"] == "exam week"})
    assert exams == [day(35), day(105), day(175)]  # Mondays, the fourth being too far ahead
    assert len([e for e in SIMULATION.events(day(215)) if e["starts_on"] == day(245)]) == 3
    assert not [e for e in SIMULATION.events(day(195)) if e["name"] == "storm"]
    assert SIMULATION.events(START - timedelta(days=60)) == []


def test_what_is_known_later_does_not_contradict_what_was_known_before() -> None:
    later = SIMULATION.events(day(900))
    for number in range(0, 900, 30):
        assert [event for event in SIMULATION.events(day(number)) if event not in later] == []
    sudden = sorted({event["starts_on"] for event in later if event["kind"] == "sudden"})
    gaps = np.diff([onset.toordinal() for onset in sudden])
    assert ((gaps >= 95 - 12) & (gaps <= 95 + 12)).all()
    assert len(set(gaps)) > 1


@pytest.mark.parametrize("seed", range(7, 13))
def test_the_first_storm_stands_out_200_days_after_the_start(seed: int) -> None:
    truth = Simulation(START, seed).truth(day(112), day(206)).filter(unit="posts")
    storm = truth.filter(pl.col("time_value") >= day(198))
    before = truth.filter(pl.col("time_value") < day(196))
    for marker in ("fear", "anxiety", "sadness"):
        rise = {
            name: storm.filter(marker=marker, population=name)["prevalence"].mean()
            / before.filter(marker=marker, population=name)["prevalence"].mean()
            for name in NAMES
        }
        assert max(rise, key=rise.__getitem__) == "riverton"
        assert rise["riverton"] > 1.4, marker
        height = storm.filter(marker=marker, population="riverton").sort("prevalence")["time_value"][-1]
        assert height < day(203)


def test_an_event_moves_only_its_own_days_and_markers() -> None:
    without = Simulation(START)
    days = without._days(START, LAST)
    happenings = simulated.HAPPENINGS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "HAPPENINGS", ())
        calm = [without._effects(index, days) for index in range(len(COMMUNITIES))]
    for index, name in enumerate(NAMES):
        factor = SIMULATION._effects(index, days) / calm[index]
        quiet = np.ones(len(days), dtype=bool)
        for event in SIMULATION.events(LAST):
            if event["population"] == name:
                quiet[(event["starts_on"] - START).days : (event["ends_on"] - START).days + 1] = False
        assert np.allclose(factor[quiet], 1)
        assert (factor >= 1 - 1e-9).all()
        assert (factor[~quiet] > 1.001).any(axis=1).all()
        assert np.allclose(factor[:, list(THEMES).index(("joy",))], 1)
    assert simulated.HAPPENINGS is happenings


# --- every text says what its label says ---


def fillings(text: str, slots: dict[str, list[str]]) -> Iterator[str]:
    """`text` with every pair of fillers in every pair of its slots (all of them where it has at most two)."""
    used = [slot for slot in SLOTS if f"{{{slot}}}" in text]
    for pair in combinations(used, 2) if len(used) > 1 else [tuple(used)]:
        for picks in product(*(range(len(slots[slot])) for slot in pair)):
            index = dict.fromkeys(used, sum(picks)) | dict(zip(pair, picks, strict=True))
            yield text.format(**{slot: slots[slot][i % len(slots[slot])] for slot, i in index.items()})


def found(texts: pl.Series) -> pl.Series:
    """Those of the simulation's markers that our lists say each text expresses, sorted and joined."""
    lists = [lexicons.without_hints(lexicons.load(f"{marker}_{lang}")) for marker in MARKERS for lang in ("en", "es")]
    posts = pl.DataFrame({"post_id": pl.Series(range(len(texts))).cast(pl.String), "text": texts})
    scores = lexicons.match(posts, lists)
    markers = scores.group_by("post_id").agg(pl.col("marker").cast(pl.String).sort().str.join("+"))
    return posts.join(markers, on="post_id", how="left", maintain_order="left")["marker"].fill_null("")


@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_template_with_every_filler_matches_exactly_its_markers(lang: str) -> None:
    words = simulated._language(lang)
    openings = [{"markers": [], "text": text} for text in words["agree"] + words["disagree"]]
    rows = [
        (template["text"], "+".join(sorted(template["markers"])), text)
        for template in words["templates"] + openings
        for text in fillings(template["text"], words["slots"])
    ]
    frame = pl.DataFrame(rows, ["template", "declared", "text"], orient="row")
    wrong = frame.with_columns(found=found(frame["text"])).filter(pl.col("found") != pl.col("declared"))
    assert wrong.unique("template").select("text", "declared", "found").rows() == []


def test_every_post_matches_exactly_its_theme(labelled: pl.DataFrame) -> None:
    posts = labelled.sample(40_000, seed=1)
    names = pl.Series(["+".join(sorted(theme)) for theme in (*THEMES, ())])
    posts = posts.select("text", declared=names.gather(posts["theme"]), found=found(posts["text"]))
    assert posts.filter(pl.col("found") != pl.col("declared")).rows() == []


@pytest.mark.parametrize("lang", ["en", "es"])
def test_texts_are_many_and_well_formed(lang: str) -> None:
    words = simulated._language(lang)
    assert len(words["agree"]) == len(words["disagree"])
    assert set(words["slots"]) == set(SLOTS)
    for theme in THEMES:
        assert len([t for t in words["templates"] if tuple(t["markers"]) == theme]) >= 12, theme
    assert len([t for t in words["templates"] if not t["markers"]]) >= 40
    assert {tuple(t["markers"]) for t in words["templates"]} == {*THEMES, ()}
    sentences = [*words["agree"], *words["disagree"], *(t["text"] for t in words["templates"])]
    assert len(sentences) == len(set(sentences))
    for sentence in sentences:
        assert re.search(r"[.?]$", sentence), sentence  # a sentence end keeps phrases apart
        assert set(re.findall(r"{(\w*)}", sentence)) <= set(SLOTS), sentence


def test_posts_rarely_repeat_and_leave_no_slot_open(labelled: pl.DataFrame) -> None:
    assert labelled["text"].n_unique() / labelled.height > 0.9
    daily = labelled.group_by("community", "day").agg(pl.col("text").is_duplicated().mean())
    assert daily["text"].mean() < 0.01
    assert not labelled["text"].str.contains(r"[{}]|  ").any()
    assert labelled["text"].str.contains(r"^[\p{Lu}¿]").all()
    assert labelled["text"].str.len_chars().max() < 300


def test_times_are_aware_and_whole_seconds() -> None:
    first = SIMULATION.posts(START, START)["created_at"][0]
    assert isinstance(first, datetime)
    assert first.utcoffset() == timedelta(0)
    assert first.microsecond == 0
