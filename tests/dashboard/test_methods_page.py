"""The page of data and methods: every section and state, and the lines about sources on the first page."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import lexicons
from barograph import charts, health, tables
from barograph.store import Snapshot
from dashboard import cards
from tests.dashboard import frames
from tests.dashboard.frames import LAST, NOW
from tests.dashboard.test_page import text

PAGE = "methods.py"
SECTIONS = ("sources", "missing", "lexicons", "annotators", "forecasts", "versions", "use")


def publish(home: Path, **rows: pl.DataFrame) -> Path:
    given = {tables.SERIES: frames.series(), tables.SOURCE_DAYS: frames.source_days(), tables.LEXICONS: frames.lexicons()}
    named = {table.name: table for table in tables.PUBLISHED}
    return frames.snapshot(home, given | {named[name]: frame for name, frame in rows.items()})


def tabled(app: AppTest) -> str:
    """What the tables of a page hold."""
    return " ".join(" ".join(map(str, row)) for table in app.table for row in table.value.to_numpy()).replace("\xa0", " ")


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_section_opens_from_a_link(home: Path, section: str, language: str) -> None:
    publish(home)
    app = frames.opened(PAGE, section=section, lang=language)
    assert not app.exception
    assert not app.warning
    assert "must not be used for" in text(app) or language == "es"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_a_snapshot_that_knows_little(home: Path, section: str) -> None:
    publish(home, series=frames.series(1).filter(pl.col("provisional")), source_days=tables.SOURCE_DAYS.empty(),
            lexicons=tables.LEXICONS.empty(), sources=tables.SOURCES.empty())  # fmt: skip
    app = frames.opened(PAGE, section=section)
    assert not app.exception


def test_a_section_that_does_not_exist_is_said(home: Path) -> None:
    publish(home)
    app = frames.opened(PAGE, section="nonsense")
    assert "nonsense" in app.warning[0].value


def test_sources_with_gaps_odd_days_reasons_and_languages(home: Path) -> None:
    publish(home, source_days=frames.source_days(60, gaps=(3,), odd={9: 400}))
    said = text(frames.opened(PAGE))
    assert "files: fresh" in said
    assert "Newest post 1 Apr 2026, 12\\:00 UTC; 12,345 posts; no post on 1 day of the last 28; odd volume on 1 day of them; 6 rows set aside" in said
    assert "no post on 1 day (crosses), a third of the usual or less on 0, three times or more on 1" in said
    assert "2 posts (\\<1 %) are in a language without a word list" in said
    assert "Not known yet" not in said


def test_each_source_has_the_card_of_its_kind(home: Path) -> None:
    toots = frames.sources().with_columns(source=pl.lit("toots"), kind=pl.lit("mastodon"))
    gone = frames.sources().with_columns(source=pl.lit("gone"), kind=pl.lit("twitter"))
    publish(home, sources=pl.concat([frames.sources(), toots, gone]))
    app = frames.opened(PAGE)
    assert [e.label for e in app.expander] == [
        f"What “{name}” can tell and what it asks: its card" for name in ("files", "toots")
    ]  # fmt: skip
    assert "no boosts" not in text(app) and "300 requests in five minutes" in text(app)


HALF = datetime(2026, 3, 20, 12)
DAY = timedelta(days=1)
READ = frames.coverage(
    ("covered", HALF - 30 * DAY, HALF, None), ("missed", HALF, HALF + DAY, "longer ago than the server keeps (CursorTooOld)"),
    ("covered", HALF + 1.25 * DAY, NOW - timedelta(minutes=50), None),
)  # fmt: skip


def test_what_a_stream_missed_is_listed_with_the_reason(home: Path) -> None:
    publish(home, coverage=READ)
    app = frames.opened(PAGE)
    said = text(app)
    assert "Read from 18 Feb 2026, 12\\:00 UTC to 1 Apr 2026, 11\\:10 UTC; 2,000 events, 20 of them no posts; 30 h missed in 28 days" in said
    assert "21 Mar 2026, 12:00 UTC 21 Mar 2026, 18:00 UTC 6 h not read then 20 Mar 2026, 12:00 UTC 21 Mar 2026, 12:00 UTC 24 h " in tabled(app)
    assert r"longer ago than the server keeps (CursorTooOld)" in tabled(app)
    assert "hace más tiempo del que el servidor guarda" in tabled(frames.opened(PAGE, lang="es"))
    first = text(frames.opened())
    assert "30 h missed in 28 days" in first
    assert "are missing" not in first


def test_a_source_that_is_behind_is_a_warning_on_the_first_page(home: Path) -> None:
    behind = READ.with_columns(pl.col("ends_at").clip(upper_bound=NOW - timedelta(hours=1)))
    publish(home, coverage=behind)
    app = frames.opened()
    assert "Posts of **files** are missing: it was last read on 1 Apr 2026, 11\\:00 UTC." in text(app)
    # A source that is read no more is not missing.
    dropped = frames.sources().with_columns(updated_at=pl.lit(NOW - timedelta(days=3)))
    publish(home, coverage=behind, sources=dropped)
    assert not frames.opened().warning


def test_a_day_that_grew_after_it_closed_tells_how_late_posts_are(home: Path) -> None:
    first = datetime.combine(LAST, datetime.min.time())
    grown = [frames.series(2, provisional=False, n_posts=n, unit="posts", issue=first + timedelta(days=days)) for n, days in ((60, 0.5), (80, 1.5))]
    publish(home, series=pl.concat(grown))
    assert "25 % came after their day had closed" in text(frames.opened(PAGE))


def test_of_days_published_long_after_their_end_nothing_is_known_of_delays(home: Path) -> None:
    publish(home, series=frames.series(2, issue=NOW + timedelta(days=40)))
    assert "Not known yet" in text(frames.opened(PAGE))


def test_more_rows_set_aside_than_before_is_a_warning_on_both_pages(home: Path) -> None:
    runs = pl.concat([
        frames.run(started_at=NOW + timedelta(hours=n)).with_columns(
            run_id=pl.lit(f"r{n}"), n_read=pl.lit(100), n_quarantined=pl.lit(aside)
        )
        for n, aside in enumerate((1, 30))
    ])  # fmt: skip
    publish(home, runs=runs)
    for page in (PAGE, ""):
        assert "More rows are set aside: 30 % of those the last run read, 1 % before." in text(frames.opened(page))


def test_which_lines_lack_a_value_and_why(home: Path) -> None:
    lines = [frames.series(), frames.series(population="north", missing={0: "fewer than 20 authors", 1: "fewer than 20 authors"}),
             frames.series(population="south", missing=dict.fromkeys(range(60), "no posts"))]  # fmt: skip
    publish(home, series=pl.concat(lines))
    app = frames.opened(PAGE, section="missing")
    said = text(app)
    assert "**1 of 3 lines have a value on Tue 31 Mar 2026**" in said
    assert "1 line: fewer than 20 authors (withheld, so that no person can be made out)" in said
    assert "1 line: no posts (nothing was posted, or nothing reached the monitor)" in said
    assert "north authors, lexicon fewer than 20 authors Sun 29 Mar Anxiety (dimension)" in tabled(app)
    assert "south authors, lexicon no posts none in 84 days" in tabled(app)
    assert "south 60 0 % 0 % 100 %" in tabled(app)
    assert "north 60 97 % 3 % 0 %" in tabled(app)


def test_the_first_page_leads_to_what_is_missing(home: Path) -> None:
    publish(home, series=pl.concat([frames.series(), frames.series(population="north", missing={0: "no posts"})]))
    links = [link.proto for link in frames.opened("").get("page_link")]
    (lacking,) = [link for link in links if "without a value" in link.label]
    assert lacking.label == "1\xa0line without a value: which, and why"
    assert "section=missing" in str(lacking)


def test_the_first_page_says_nothing_of_what_is_missing_where_nothing_is(home: Path) -> None:
    publish(home)
    assert "without a value" not in "".join(link.proto.label for link in frames.opened("").get("page_link"))


def test_sources_stand_on_the_first_page_in_a_line_each_the_worst_first(home: Path) -> None:
    silent = frames.sources().with_columns(source=pl.lit("[board](http://x)"), last_post=pl.lit(NOW - timedelta(days=9)))
    publish(home, sources=pl.concat([frames.sources(), silent]))
    said = text(frames.opened(""))
    assert said.index("**\\[board\\](http\\://x)** · Silent") < said.index("**files** · Fresh")


def test_lexicons_in_use_and_their_cards(home: Path) -> None:
    publish(home)
    app = frames.opened(PAGE, section="lexicons")
    assert app.selectbox[0].options == ["Fear · fear_en", "Mine · own"]
    assert "**Construct.**" in text(app)
    app.selectbox[0].select("own").run()
    assert "came without a card" in text(app)
    assert "Cards are in English." not in text(app)
    assert any("Cards are in English" in c.value or "inglés" in c.value for c in frames.opened(PAGE, section="lexicons", lang="es").caption)


def test_annotators_and_their_canaries(home: Path) -> None:
    row = {"annotator": "gemma", "task": "stance:immigration", "model": "m", "prompt_version": "0123", "n": 31, "agreement": 0.6,
           "accuracy": 0.35, "bound": 0.8, "drifting": True, "issue": NOW}  # fmt: skip
    labelled = frames.series(method="annotator", label_source="gemma, m, 0123")
    publish(home, series=pl.concat([frames.series(), labelled]), canaries=pl.DataFrame([row]))
    app = frames.opened(PAGE, section="annotators")
    assert not app.exception
    assert "annotator gemma, m, 0123 1 " in tabled(app)
    assert "gemma stance\\:immigration drifts 60 % 80 % 35 % 31" in tabled(app)
    assert app.selectbox[0].value == "stance"


def test_the_last_runs_tables_and_versions(home: Path) -> None:
    publish(home, runs=frames.run().with_columns(finished_at=pl.lit(NOW + timedelta(seconds=150))))
    app = frames.opened(PAGE, section="versions")
    assert "Snapshot **000001** · published by barograph 0" in text(app)
    assert "1 Apr 2026, 12:00 UTC run done 2 min 0 0 0" in tabled(app)
    assert "forecast_weeks 0 What the forecasts" in tabled(app)


def test_every_card_can_be_read_and_nothing_of_it_leaves() -> None:
    texts = [cards.lexicon(name, lexicons.load(name).version) for name in lexicons.names()] + [cards.task(name) for name in ("affect", "stance:x")] + [cards.forecasts()]
    for card in texts:
        assert card
        whole = "\n".join(cards.parts(card))
        assert not re.search(r"\]\(|<!--|!\[", whole)
    assert [cards.lexicon(name, "1") for name in ("nobody", "../forecasting", "fear_en")] == [None] * 3
    assert [cards.task(name) for name in ("nobody", "..", "../../..")] == [None] * 3


def test_a_card_is_cut_into_prose_and_tables() -> None:
    card = "# name\n\nSee [a](b.md), [far](https://far.example/x) and ![picture](p.png).\nIts figures:\n| a | b |\n|---|--:|\n| 1 < 2 | **x** |\n\n- end\n"
    prose, rows, end = cards.parts(card.replace("Its figures:\n|", "Its figures:\n\n|").replace("# name\n\n", "# name\n"))
    assert prose == "### name\nSee a, far (`https://far.example/x`) and picture.\nIts figures:"
    assert end == "- end"
    html = cards.table(rows)
    assert "<th scope='col'>a</th><th scope='col'>b</th>" in html
    assert "<td>1 &lt; 2</td>" in html
    assert "---" not in html
    assert "tabindex='0'" in html


def test_odd_days_have_marks_of_their_own() -> None:
    rows = health.volumes(frames.source_days(60, gaps=(3,), odd={9: 400, 10: 10}))
    spec = str(charts.volumes(rows).to_dict())
    assert "triangle-up" in spec
    assert "triangle-down" in spec
    assert "no post" in spec
    calm = str(charts.volumes(health.volumes(frames.source_days())).to_dict())
    assert "triangle" not in calm


def test_a_snapshot_says_what_is_known_of_each_closed_day(home: Path) -> None:
    snapshot = Snapshot(publish(home, series=frames.series(3, missing={1: "no posts"})))
    got = snapshot.known(LAST - timedelta(days=1)).sort("time_value").select("time_value", "known", "missing_reason").rows()
    assert got == [(LAST - timedelta(days=1), False, "no posts"), (LAST, True, None)]
    assert snapshot.sizes()["series"] == 4
    assert snapshot.label_sources().is_empty()
