"""barograph.toml: what is accepted, and the one sentence that each mistake is answered with."""

import traceback
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from barograph.errors import ConfigError
from barograph.settings import MARKERS, Receiver, Settings, find_config, load


@pytest.fixture
def config(tmp_path):
    """A function that writes a barograph.toml and returns its path."""

    def written(content):
        path = tmp_path / "barograph.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


# --- what is accepted ---


@pytest.mark.parametrize("host", ["b.example", "b.example:8443", "http://127.0.0.1:4000", "https://b.example/", "[::1]:4000", "localhost"])
def test_servers_are_named_by_host_port_or_address(config, host):
    written = f'[[source]]\nname = "a"\nkind = "mastodon"\nhosts = "{host}"\n'
    assert load(config(written)).source[0].hosts == (host,)
    token = 'token_file = "token"\n' if "127" in host or host == "https://b.example/" else ""
    assert bool(load(config(written + token)).source[0].token_file) == bool(token)


SKETCH = """
minimum_authors = 20            # a cell of fewer is censored
retention_days = 90             # post text is dropped after this

[[source]]
name = "college"
kind = "files"
path = "posts/*.jsonl.gz"
columns = { created_at = "created_utc", community = "subreddit" }

[[population]]
name = "AskAcademia"
where = { source = "college", community = "AskAcademia" }

[[dimension]]
name = "anxiety"
markers = ["anxiety", "fear", "stress"]

[[topic]]
name = "climate"
keywords = ["climate change", "global warming"]
sides = ["concerned", "doubting"]

[[event]]
name = "exam week"
kind = "scheduled"              # scheduled | sudden
starts_on = 2021-05-03
ends_on = 2021-05-14
population = "AskAcademia"

[[test]]
event = "exam week"
topic = "climate"
outcome = "mean_score"
window = 3                      # days before and after

[[rule]]
name = "anxiety likely high this week"
markers = ["anxiety"]
when = "forecast"
unit = "authors"
method = "lexicon"
percentile = 95
p_high = 0.7
horizon = 7
for = "2d"                      # closed days in a row

[[receiver]]
name = "duty desk"
kind = "webhook"
url_file = "/run/secrets/duty_desk_url"
secret_file = "duty_desk_secret"
"""


def test_the_sketch_is_accepted_and_means_what_it_says(config, tmp_path):
    settings = load(config(SKETCH))
    assert settings == load(config("\ufeff" + SKETCH.replace("\n", "\r\n")))
    assert (settings.minimum_authors, settings.retention_days) == (20, 90)
    [source], [population], [dimension], [topic] = settings.source, settings.population, settings.dimension, settings.topic
    assert source.path == (str(tmp_path / "posts/*.jsonl.gz"),)
    assert source.columns == {"created_at": "created_utc", "community": "subreddit"}
    assert population.where.values == {"source": ("college",), "community": ("AskAcademia",)}
    assert dimension.markers == ("anxiety", "fear", "stress")
    assert (topic.keywords, topic.sides) == (("climate change", "global warming"), ("concerned", "doubting"))
    [event], [test], [rule], [receiver] = settings.event, settings.test, settings.rule, settings.receiver
    assert (event.kind, event.starts_on, event.ends_on) == ("scheduled", date(2021, 5, 3), date(2021, 5, 14))
    assert (test.event, test.topic, test.outcome, test.window) == ("exam week", "climate", "mean_score", 3)
    assert (rule.when, rule.percentile, rule.p_high, rule.horizon, rule.days) == ("forecast", 95, 0.7, 7, 2)
    assert receiver.url_file == Path("/run/secrets/duty_desk_url")
    assert receiver.secret_file == tmp_path / "duty_desk_secret"


@pytest.mark.parametrize("content", [None, "", "# nothing\n"])
def test_without_a_file_or_with_an_empty_one_the_defaults_hold(config, content):
    settings = load(None if content is None else config(content))
    assert settings == Settings()
    assert (settings.minimum_authors, settings.retention_days, settings.closing_hours) == (20, 90, 6)
    assert settings.source == settings.population == settings.receiver == ()
    assert [marker.name for marker in settings.marker] == list(MARKERS)
    assert [(rule.when, rule.days, rule.percentile) for rule in settings.rule] == [("observed", 2, 95), ("forecast", 1, 95)]
    assert settings.watchable == (
        *MARKERS, "dimension:anxiety", "dimension:depression", "dimension:antagonism", "dimension:positive",
    )  # fmt: skip


def test_own_markers_come_without_our_dimensions(config):
    settings = load(config('[[marker]]\nname = "joy"\nlexicons = ["joy_en"]\n'))
    assert (settings.watchable, settings.dimension) == (("joy",), ())


def test_one_value_stands_for_a_list_of_one(config):
    where = load(config('[[population]]\nname = "p"\nwhere = { lang = ["en", "es"], geo = "AR" }\n')).population[0].where
    assert where.values == {"lang": ("en", "es"), "geo": ("AR",)}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Madrid", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_zones_are_those_of_the_iana(config, zone):
    assert load(config(f'[[source]]\nname = "s"\ntimezone = "{zone}"\n')).source[0].timezone == zone


@pytest.mark.parametrize("name", ["a", "duty desk", "AskAcademia", "año", "r-1.2", "x" * 80])
def test_names_may_be_words_of_any_language(config, name):
    assert load(config(f'[[population]]\nname = "{name}"\n')).population[0].name == name


def test_the_polarization_of_a_topic_can_be_watched(config):
    settings = load(config(ASKED + WATCH + 'unit = "interactions"\nmethod = "annotator"\n'))
    assert settings.polarized == ("polarization:t",)
    assert "polarization:t" not in settings.watchable  # it is no marker that posts express


# --- paths are relative to the file ---


def test_relative_paths_are_relative_to_the_folder_of_the_file(config, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    path = config("""
        [[source]]
        name = "one"
        path = "posts/*.csv"
        [[source]]
        name = "several"
        path = ["a.jsonl", "../b", "/absolute/c.csv"]
        [[marker]]
        name = "mood"
        lexicons = [
            "anxiety_en", "own/mood_en/terms.csv", "/absolute/mood_es.csv", "liwc_en.dic:anx", "own/nrc.TXT", "VAD.tsv:valence",
            "empath:nervousness", "afinn",
        ]
        [[receiver]]
        name = "desk"
        url_file = "secrets/url"
        secret_file = "/run/secret"
        [[receiver]]
        name = "night desk"
        url_env = "URL"
        secret_env = "SECRET"
        [[annotator]]
        name = "a"
        url = "http://localhost"
        model = "m"
        [[topic]]
        name = "t"
        keywords = ["trams"]
        sides = ["for", "against"]
        [[annotation]]
        task = "stance"
        topic = "t"
        annotators = ["a"]
        confusion = "errors.json"
        labelled = "labelled.csv"
        prompt = "better"
    """)
    settings = load(path)
    assert settings.annotation[0].confusion == tmp_path / "errors.json"
    assert settings.annotation[0].labelled == tmp_path / "labelled.csv"
    assert settings.annotation[0].prompt == tmp_path / "better"
    assert settings.source[0].path == (f"{tmp_path}/posts/*.csv",)
    assert settings.source[1].path == (f"{tmp_path}/a.jsonl", f"{tmp_path}/../b", "/absolute/c.csv")
    assert settings.marker[0].lexicons == (
        "anxiety_en", f"{tmp_path}/own/mood_en/terms.csv", "/absolute/mood_es.csv", f"{tmp_path}/liwc_en.dic:anx",
        f"{tmp_path}/own/nrc.TXT", f"{tmp_path}/VAD.tsv:valence", "empath:nervousness", "afinn",
    )  # fmt: skip
    assert settings.receiver[0].url_file == tmp_path / "secrets/url"
    assert settings.receiver[0].secret_file == Path("/run/secret")
    assert (settings.receiver[1].url_env, settings.receiver[1].secret_env) == ("URL", "SECRET")


def test_the_file_that_counts_is_the_named_one_then_that_of_home_then_that_of_the_folder(tmp_path, monkeypatch):
    home, here, named = tmp_path / "home", tmp_path / "here", tmp_path / "mine.toml"
    home.mkdir(), here.mkdir()
    monkeypatch.chdir(here)
    assert find_config(None, home) is None
    (here / "barograph.toml").touch()
    assert find_config(None, home) == Path("barograph.toml")
    (home / "barograph.toml").touch()
    assert find_config(None, home) == home / "barograph.toml"
    for missing in (named, home):
        with pytest.raises(ConfigError) as error:
            find_config(missing, home)
        assert str(error.value) == f"{missing}: no such file; expected a barograph.toml"
    named.touch()
    assert find_config(named, home) == named


# --- one mistake, one sentence ---

NAMES = "1 to 80 characters, no space in front, none of : / *"
TEXTS = "expected text in quotes, or a list of it"
SETTINGS_KEYS = (
    "minimum_authors, retention_days, closing_hours, monitor_minutes, dashboard_url, silent_days, group_by, "
    "group_wait, repeat_interval, access, source, population, marker, dimension, topic, event, test, rule, receiver, "
    "annotator, annotation, maintenance"
)
POST_KEYS = "id, parent_id, created_at, author, community, lang, geo, title, text"
SOURCE_KEYS = "name, kind, path, columns, timezone, lang, when_taken, hosts, protocol, packed, stream, token_file, idle_seconds, communities, poll_seconds, seed, days, posts_per_day"
CALIBRATED_RULE = (
    "rule 'r': got method calibrated for a dimension, which has no such reading; expected the names of markers"
)
RULE_KEYS = "name, when, detector, markers, populations, unit, method, percentile, p_high, horizon, for, clear, while_high"
RECEIVER_KEYS = "name, kind, url, url_file, url_env, secret_file, secret_env, allow_hosts, title, text, sender, to"
MAIL = 'expected sender = "name@host" and to = ["name@host"] for email, plain addresses'
TEMPLATE = (
    "$state, $rule, $marker, $population, $unit, $method, $reason, $target, $value, $threshold, $chance, $days, $level, "
    "$started, $link"
)
DEFAULT_MARKERS = ", ".join(MARKERS)
DEFAULT_WATCHABLE = (
    f"{DEFAULT_MARKERS}, dimension:anxiety, dimension:depression, dimension:antagonism, dimension:positive"
)
EVENT = '[[event]]\nname = "e"\nstarts_on = 2021-05-03\n'
TOPIC = '[[topic]]\nname = "t"\nkeywords = ["k"]\nsides = ["a", "b"]\n'
ANNOTATOR = '[[annotator]]\nname = "a"\nurl = "http://localhost"\nmodel = "m"\n'
ASKED = TOPIC + ANNOTATOR + "".join(
    f'[[annotation]]\ntask = "{task}"\ntopic = "t"\nannotators = ["a"]\n' for task in ("stance", "affect", "agreement")
)  # fmt: skip
WATCH = '[[rule]]\nname = "r"\nmarkers = ["polarization:t"]\n'
UNITS_AGREE = "expected interactions and annotator for polarization:TOPIC, and unit posts or authors for all other markers"
POPULATION = '[[population]]\nname = "north"\n'

MISTAKES = [
    # at the top
    ("minimum_authors = -1", "minimum_authors: got -1; expected at least 0"),
    ('minimum_authors = "twenty"', "minimum_authors: got 'twenty'; expected a whole number"),
    ('minimum_authors = "20"', "minimum_authors: got '20'; expected a whole number"),
    ("minimum_authors = true", "minimum_authors: got true; expected a whole number"),
    ("minimum_authors = 2.5", "minimum_authors: got 2.5; expected a whole number"),
    ("minimum_authors = [20]", "minimum_authors: got a list; expected a whole number"),
    ("retention_days = 0", "retention_days: got 0; expected at least 1"),
    ("retention_days = 2021-05-03", "retention_days: got 2021-05-03; expected a whole number"),
    ('closing_hours = "6h"', "closing_hours: got '6h'; expected a number"),
    ("closing_hours = 48.5", "closing_hours: got 48.5; expected at most 48"),
    ("closing_hours = nan", "closing_hours: got nan; expected at most 48"),
    ("monitor_minutes = 0", "monitor_minutes: got 0; expected at least 1"),
    ("minimum_author = 20", f"minimum_author: unknown key; expected one of {SETTINGS_KEYS}"),
    ('[[sources]]\nname = "a"', f"sources: unknown key; expected one of {SETTINGS_KEYS}"),
    ('[source]\nname = "a"', "source: got [source]; expected [[source]] and its keys below"),
    ('source = "posts.csv"', "source: got 'posts.csv'; expected [[source]] and its keys below"),
    ('source = ["posts.csv"]', "source[1]: got 'posts.csv'; expected a table"),
    # sources
    ('[[source]]\npath = "a"', "source[1].name: missing; every [[source]] needs it"),
    ('[[source]]\nname = "a"\nkind = "twitter"',
     "source['a'].kind: got 'twitter'; expected 'files', 'folder', 'bluesky', 'mastodon', 'reddit', 'stdin' or 'simulated'"),
    ('[[source]]\nname = "a"\nkind = "bluesky"\nprotocol = "v1"\npacked = true',
     "source['a']: got packed for protocol v1; expected v2, whose servers alone give the dictionary"),
    ('[[source]]\nname = "a"\nkind = "bluesky"\npath = "b.jsonl"',
     "source['a']: got path for kind = \"bluesky\"; expected only hosts, protocol, packed, idle_seconds"),
    ('[[source]]\nname = "a"\nkind = "simulated"\ncommunities = ["b"]',
     "source['a']: got communities for kind = \"simulated\"; expected only seed, days, posts_per_day"),
    ('[[source]]\nname = "a"\nkind = "reddit"\nhosts = "b"',
     "source['a']: got hosts for kind = \"reddit\"; expected only path, communities, poll_seconds"),
    ('[[source]]\nname = "a"\nkind = "folder"', "source['a']: got 0 paths; expected the folder to watch, e.g. path = \"incoming\""),
    ('[[source]]\nname = "a"\nkind = "folder"\npath = ["b", "c"]',
     "source['a']: got 2 paths; expected the folder to watch, e.g. path = \"incoming\""),
    ('[[source]]\nname = "a"\nkind = "mastodon"',
     "source['a']: got 0 hosts; expected one server, e.g. hosts = \"mastodon.example\""),
    ('[[source]]\nname = "a"\nkind = "mastodon"\nhosts = ["b.example", "c.example"]',
     "source['a']: got 2 hosts; expected one server, e.g. hosts = \"mastodon.example\""),
    ('[[source]]\nname = "a"\nkind = "reddit"',
     "source['a']: got neither of path and communities; expected dumps, or communities to ask Reddit for"),
    ('[[source]]\nname = "a"\nkind = "reddit"\npath = "b.zst"\ncommunities = "c"',
     "source['a']: got both of path and communities; expected dumps, or communities to ask Reddit for"),
    *(
        (f'[[source]]\nname = "a"\nkind = "reddit"\ncommunities = ["{name}"]',
         f"source['a']: communities: got {name!r}; expected the name alone, e.g. AskAcademia")
        for name in ("r/stress", "a+b", "", "../x", "x" * 22)
    ),
    *(
        (f'[[source]]\nname = "a"\nkind = "mastodon"\nhosts = "b.example"\nstream = "{stream}"',
         f"source['a']: stream: got {stream!r}; expected public, public:local or hashtag:NAME")
        for stream in ("home", "hashtag:", "hashtag:#a", "public:remote", "hashtag:a b")
    ),
    *(
        (f'[[source]]\nname = "a"\nkind = "mastodon"\nhosts = "{host}"',
         f"source['a']: hosts: got {host!r}; expected host, host:port, or an address with http:// or https://")
        for host in ("", "a b", "wss://b.example", "b.example/path", "https://me:x@b.example", "b.example:", "b:99999", "a?b", "-b")
    ),
    *(
        (f'[[source]]\nname = "a"\nkind = "bluesky"\nhosts = ["{host}"]',
         f"source['a']: hosts: got {host!r}; expected host, host:port, or an address with ws://, wss://, http:// or https://")
        for host in ("ftp://b.example", "wss://b.example/subscribe", "b.example:x")
    ),
    ('[[source]]\nname = "a"\nkind = "mastodon"\nhosts = "http://b.example"\ntoken_file = "t"',
     "source['a']: hosts: got 'http://b.example' with a token_file; expected https, as it is a secret"),
    ('[[source]]\nname = "a:b"', f"source['a:b'].name: got 'a:b'; expected {NAMES}"),
    ('[[source]]\nname = "a/b"', f"source['a/b'].name: got 'a/b'; expected {NAMES}"),
    ('[[source]]\nname = " a"', f"source[' a'].name: got ' a'; expected {NAMES}"),
    ('[[source]]\nname = ""', f"source[1].name: got ''; expected {NAMES}"),
    ("[[source]]\nname = 5", "source[5].name: got 5; expected text in quotes"),
    ('[[source]]\nname = "a"\nfile = "b"', f"source['a'].file: unknown key; expected one of {SOURCE_KEYS}"),
    ('[[source]]\nname = "a"\npath = 5', f"source['a'].path: got 5; {TEXTS}"),
    ('[[source]]\nname = "a"\npath = ["b", 5]', f"source['a'].path: got ['b', 5]; {TEXTS}"),
    ('[[source]]\nname = "a"\ncolumns = "text"', "source['a'].columns: got 'text'; expected a table"),
    (
        '[[source]]\nname = "a"\ncolumns = { message = "text" }',
        f"source['a'].columns.message: unknown key; expected one of {POST_KEYS}",
    ),
    ('[[source]]\nname = "a"\ncolumns = { text = 1 }', "source['a'].columns.text: got 1; expected text in quotes"),
    ('[[source]]\nname = "a"\nlang = "English"', "source['a'].lang: got 'English'; expected two small letters, e.g. en"),
    ('[[source]]\nname = "a"\ndays = 0', "source['a'].days: got 0; expected at least 1"),
    ('[[source]]\nname = "a"\nseed = -1', "source['a'].seed: got -1; expected at least 0"),
    *(
        (
            f'[[source]]\nname = "a"\ntimezone = "{zone}"',
            f"source['a'].timezone: got {zone!r}; expected an IANA name, e.g. Europe/Madrid",
        )
        for zone in ("Mars/Base", "CEST", "europe/madrid", "Europe", "", "localtime", "../UTC", "/etc/passwd", "x" * 300)
    ),
    # populations, markers, dimensions, topics
    (
        '[[population]]\nname = "p"\nwhere = { subreddit = "x" }',
        "population['p'].where.subreddit: unknown key; expected one of source, community, lang, geo",
    ),
    ('[[population]]\nname = "p"\nwhere = "x"', "population['p'].where: got 'x'; expected a table"),
    ('[[population]]\nname = "p"\nwhere = { lang = 1 }', f"population['p'].where.lang: got 1; {TEXTS}"),
    (POPULATION * 2, "[[population]] 'north' is defined twice; names must differ"),
    ('[[source]]\nname = "a"\nkind = "folder"\npath = "/in"\n[[source]]\nname = "b"\nkind = "folder"\npath = "/in"',
     "two sources watch '/in'; expected one, as each would take the other's files"),
    ('[[marker]]\nname = "m"\nlexicons = []', "marker['m'].lexicons: got a list of 0; expected at least 1"),
    ('[[marker]]\nname = "m"\nlexicons = "joy_en"', "marker['m'].lexicons: got 'joy_en'; expected a list"),
    (
        '[[dimension]]\nname = "d"\nmarkers = ["joy", "envy"]',
        f"dimension 'd': marker 'envy' is not defined; expected one of {DEFAULT_MARKERS}",
    ),
    (
        '[[marker]]\nname = "joy"\nlexicons = ["joy_en"]\n[[dimension]]\nname = "d"\nmarkers = ["fear"]',
        "dimension 'd': marker 'fear' is not defined; expected one of joy",
    ),
    (
        '[[topic]]\nname = "t"\nkeywords = ["k"]\nsides = ["a"]',
        "topic['t'].sides: got a list of 1; expected at least 2",
    ),
    (
        '[[topic]]\nname = "t"\nkeywords = ["k"]\nsides = ["a", "b", "c"]',
        "topic['t'].sides: got a list of 3; expected at most 2",
    ),
    # events and tests
    ('[[event]]\nname = "e"', "event['e'].starts_on: missing; every [[event]] needs it"),
    (EVENT + "ends_on = 2021-05-02", "event['e']: got ends_on 2021-05-02; expected starts_on, 2021-05-03, or later"),
    (EVENT + 'ends_on = "soon"', "event['e'].ends_on: got 'soon'; expected a date, e.g. 2021-05-03"),
    (EVENT + "ends_on = 20210514", "event['e'].ends_on: got 20210514; expected a date, e.g. 2021-05-03"),
    (
        EVENT + "ends_on = 2021-05-14T12:00:00",
        "event['e'].ends_on: got 2021-05-14 12:00:00; expected a date, e.g. 2021-05-03",
    ),
    (EVENT + 'kind = "planned"', "event['e'].kind: got 'planned'; expected 'scheduled' or 'sudden'"),
    (
        EVENT + 'population = "south"\n' + POPULATION,
        "event 'e': population 'south' is not defined; expected one of north",
    ),
    (
        '[[topic]]\nname = "t"\nkeywords = ["k", " "]\nsides = ["a", "b"]',
        "topic['t']: got an empty keyword or side; expected words",
    ),
    (
        '[[topic]]\nname = "t"\nkeywords = ["k"]\nsides = ["For", "for "]',
        "topic['t']: got the side 'For' twice; expected two that differ",
    ),
    (
        EVENT + TOPIC + '[[test]]\nevent = "e"\ntopic = "t"\n' * 2,
        "[[test]] of event 'e' and topic 't' is declared twice",
    ),
    (
        ASKED + "posts = 30",
        "annotation 'agreement:t': got posts = 30; expected 20 as in annotation 'stance:t': the tasks of a topic are asked "
        "of the same replies",
    ),
    (ASKED + WATCH, f"rule 'r': got unit authors and method lexicon; {UNITS_AGREE}"),
    (ASKED + WATCH + 'unit = "interactions"', f"rule 'r': got unit interactions and method lexicon; {UNITS_AGREE}"),
    (ASKED + WATCH + 'method = "annotator"', f"rule 'r': got unit authors and method annotator; {UNITS_AGREE}"),
    (
        ASKED + '[[rule]]\nname = "r"\nmarkers = ["polarization:t", "fear"]\nunit = "interactions"\nmethod = "annotator"',
        f"rule 'r': got unit interactions and method annotator; {UNITS_AGREE}",
    ),
    (
        '[[rule]]\nname = "r"\nmarkers = ["fear"]\nunit = "interactions"\nmethod = "annotator"',
        f"rule 'r': got unit interactions and method annotator; {UNITS_AGREE}",
    ),
    (
        TOPIC + WATCH + 'unit = "interactions"\nmethod = "annotator"',
        "rule 'r': polarization of 't' is made of labels; expected an [[annotation]] of it for each of stance, affect, agreement",
    ),
    (
        TOPIC + WATCH.replace(":t", ":u"),
        f"rule 'r': marker 'polarization:u' is not defined; expected one of {DEFAULT_WATCHABLE}, polarization:t",
    ),
    (TOPIC + '[[test]]\nevent = "e"\ntopic = "t"', "test: event 'e' is not defined; nor is any other"),
    (EVENT + '[[test]]\nevent = "e"\ntopic = "t"', "test: topic 't' is not defined; nor is any other"),
    (
        EVENT + TOPIC + '[[test]]\nevent = "exams"\ntopic = "t"',
        "test: event 'exams' is not defined; expected one of e",
    ),
    (
        EVENT + TOPIC + '[[test]]\nevent = "e"\ntopic = "t"\noutcome = "mood"',
        "test[1].outcome: got 'mood'; expected 'mean_score' or 'share_extreme'",
    ),
    (EVENT + TOPIC + '[[test]]\nevent = "e"\ntopic = "t"\nwindow = 90', "test[1].window: got 90; expected at most 60"),
    # rules
    ('[[rule]]\nname = "high prevalence"',
     "rule 'high prevalence': the name is taken by the detector of high prevalence; choose another"),
    ('[[rule]]\nname = "r"\np_high = 1.5', "rule['r'].p_high: got 1.5; expected less than 1"),
    ('[[rule]]\nname = "r"\np_high = 70', "rule['r'].p_high: got 70; expected less than 1"),
    ('[[rule]]\nname = "r"\np_high = 0', "rule['r'].p_high: got 0; expected more than 0"),
    ('[[rule]]\nname = "r"\npercentile = 100', "rule['r'].percentile: got 100; expected less than 100"),
    ('[[rule]]\nname = "r"\nhorizon = 8', "rule['r'].horizon: got 8; expected at most 7"),
    ('[[rule]]\nname = "r"\nfor = "two days"', "rule['r'].for: got 'two days'; expected days, e.g. 2d"),
    ('[[rule]]\nname = "r"\nfor = "0d"', "rule['r'].for: got '0d'; expected days, e.g. 2d"),
    ('[[rule]]\nname = "r"\nfor = "48h"', "rule['r'].for: got '48h'; expected days, e.g. 2d"),
    ('[[rule]]\nname = "r"\nfor = 2', "rule['r'].for: got 2; expected text in quotes"),
    ('[[rule]]\nname = "r"\nfor_ = "2d"', f"rule['r'].for_: unknown key; expected one of {RULE_KEYS}"),
    ('[[rule]]\nname = "r"\nwhen = "odd"', "rule['r'].when: got 'odd'; expected 'observed', 'forecast', 'surprise' or 'aberration'"),
    ('[[rule]]\nname = "r"\nmethod = "words"', "rule['r'].method: got 'words'; expected 'lexicon', 'calibrated', 'annotator' or 'corrected'"),
    ('[[rule]]\nname = "r"\nmethod = "corrected"', CALIBRATED_RULE.replace("calibrated", "corrected")),
    ('[[rule]]\nname = "r"\nmethod = "annotator"\nmarkers = ["fear"]',
     "rule 'r': got method annotator, but nothing is labelled; expected an [[annotation]] whose task measures its markers"),
    ('[[rule]]\nname = "r"\nmethod = "calibrated"', CALIBRATED_RULE),
    ('[[rule]]\nname = "r"\nmethod = "calibrated"\nmarkers = ["fear", "dimension:anxiety"]', CALIBRATED_RULE),
    ('[[rule]]\nname = "r"\nunit = "people"', "rule['r'].unit: got 'people'; expected 'posts', 'authors' or 'interactions'"),
    ('[[rule]]\nname = "r"\nmarkers = "anxiety"', "rule['r'].markers: got 'anxiety'; expected a list"),
    (
        '[[rule]]\nname = "r"\nmarkers = ["anxeity"]',
        f"rule 'r': marker 'anxeity' is not defined; expected one of {DEFAULT_WATCHABLE}",
    ),
    (
        '[[rule]]\nname = "r"\npopulations = ["south"]\n' + POPULATION,
        "rule 'r': population 'south' is not defined; expected one of north",
    ),
    ('[[rule]]\nname = "r"\n[[rule]]\nname = "r"', "[[rule]] 'r' is defined twice; names must differ"),
    # receivers
    (
        '[[receiver]]\nname = "d"\nurl_env = "U"',
        "receiver['d']: got none of secret_file or secret_env; expected exactly one",
    ),
    (
        '[[receiver]]\nname = "d"\nsecret_env = "S"',
        "receiver['d']: got none of url, url_file or url_env; expected exactly one",
    ),
    (
        '[[receiver]]\nname = "d"\nurl = "https://a"\nurl_file = "u"\nsecret_env = "S"',
        "receiver['d']: got 2 of url, url_file or url_env; expected exactly one",
    ),
    (
        '[[receiver]]\nname = "d"\nurl_env = "U"\nsecret = "s"',
        f"receiver['d'].secret: unknown key; expected one of {RECEIVER_KEYS}",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "pager"\nurl_env = "U"\nsecret_env = "S"',
        "receiver['d'].kind: got 'pager'; expected 'webhook', 'slack', 'teams', 'alertmanager' or 'email'",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "slack"\nurl_env = "U"\nsecret_env = "S"',
        "receiver['d']: got a secret for slack, whose address is its secret; expected none",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "alertmanager"\nurl_env = "U"\nsecret_env = "S"\nsecret_file = "s"',
        "receiver['d']: got 2 of secret_file or secret_env; expected at most one",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "email"\nurl_env = "U"\nsender = "a@b"',
        f"receiver['d']: {MAIL}",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "email"\nurl_env = "U"\nsender = "Desk <a@b>"\nto = ["c@d"]',
        f"receiver['d']: {MAIL}",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "email"\nurl_env = "U"\nsender = "a@b"\nto = ["c@d", "e@f\\nBcc: g@h"]',
        f"receiver['d']: {MAIL}",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "teams"\nurl_env = "U"\nto = ["c@d"]',
        "receiver['d']: got to for teams; expected it for email alone",
    ),
    (
        '[[receiver]]\nname = "d"\nurl_env = "U"\nsecret_env = "S"\ntitle = "$state"',
        "receiver['d']: got title or text for webhook, whose body is all data; expected neither",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "slack"\nurl_env = "U"\ntitle = "$state of $author"',
        f"receiver['d'].title: got $author; expected some of {TEMPLATE}",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "slack"\nurl_env = "U"\ntext = "100 $"',
        f"receiver['d'].text: got a $ that begins no name ($$ is a dollar sign); expected some of {TEMPLATE}",
    ),
    (
        '[[receiver]]\nname = "d"\nkind = "slack"\nurl_env = "U"\nallow_hosts = "localhost"',
        "receiver['d'].allow_hosts: got text; expected a list",
    ),
    # the file itself
    ("minimum_authors =", "not TOML: Invalid value (at end of document)"),
    ("minimum_authors = 5\nsource", "not TOML: Expected '=' after a key in a key/value pair (at end of document)"),
    ('[[rule]\nname = "r"', "not TOML: Expected ']]' at the end of an array declaration (at line 1, column 7)"),
    (b"# one\n# caf\xe9\n", "line 2 is not UTF-8; save the file with that encoding"),
    ("minimum_authors = 5".encode("utf-16"), "line 1 is not UTF-8; save the file with that encoding"),
]


@pytest.mark.parametrize(("content", "message"), MISTAKES, ids=[message[:60] for _, message in MISTAKES])
def test_a_mistake_is_named_with_what_was_expected(config, content, message):
    path = config(content)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value) == f"{path}: {message}"


def test_all_mistakes_are_told_at_once(config):
    path = config('minimum_authors = -1\n[[source]]\nname = "a"\nkind = "x"\nfile = "b"\n[[rule]]\nname = "r"\nfor = "d"\n')
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value).split("\n") == [
        f"{path}: minimum_authors: got -1; expected at least 0",
        f"{path}: source['a'].kind: got 'x'; expected 'files', 'folder', 'bluesky', 'mastodon', 'reddit', 'stdin' or 'simulated'",
        f"{path}: source['a'].file: unknown key; expected one of {SOURCE_KEYS}",
        f"{path}: rule['r'].for: got 'd'; expected days, e.g. 2d",
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError) as error:
        load(tmp_path)
    assert str(error.value) == f"{tmp_path}: Is a directory; expected a readable barograph.toml"


def test_settings_cannot_be_changed_by_those_who_read_them():
    with pytest.raises(ValidationError):
        Settings().minimum_authors = 1


# --- secrets stay secret ---

SECRET = "whsec_c2VjcmV0c2VjcmV0"
LEAKS = [
    f'[[receiver]]\nname = "d"\nsecret = "{SECRET}"\nurl_env = "U"',
    f'[[receiver]]\nname = "d"\nurl = "https://a/{SECRET}"',
    f'[[receiver]]\nname = "d"\nurl = "https://a/{SECRET}"\nurl_env = "U"\nsecret_env = "S"',
    f'[[receiver]]\nname = "d"\nurl = ["https://a/{SECRET}"]\nsecret_env = "S"',
    f'[[receiver]]\nname = "d"\nurl = {{ address = "https://a/{SECRET}" }}\nsecret_env = "S"',
    f'[[receiver]]\nname = "d"\nurl = "https://a/{SECRET}"\nkind = "email"\nsecret_env = "S"',
    f'[[receiver]]\nname = "d"\nkind = "slack"\nurl = "https://a/{SECRET}"\nsender = "{SECRET}"\nallow_hosts = "{SECRET}"',
    f'[[receiver]]\nname = "d"\nkind = "email"\nurl = "smtp://a/{SECRET}"\nsender = "{SECRET}"\nto = ["{SECRET}"]',
    f'[[receiver]]\nname = "d:"\nurl = "https://a/{SECRET}"\nsecret_env = "S"',
    f'[[receiver]]\nname = "d"\nurl_env = "U"\nsecret_env = {{ value = "{SECRET}" }}',
    f'[[receiver]]\nname = "d"\nurl_env = "U"\nsecret_file = ["{SECRET}"]',
    f'[receiver]\nname = "d"\nurl_env = "U"\nsecret = "{SECRET}"',
    f'[receiver.d]\nsecret = "{SECRET}"',
    f'receiver = "{SECRET}"',
    f'receiver = ["{SECRET}"]',
    f'[webhook]\nsecret = "{SECRET}"',
    f'secret = "{SECRET}"',
    f'secret = "{SECRET}',
    f"secret = {SECRET}",
    f'minimum_authors = -1\n[[receiver]]\nname = "d"\nurl = "https://a/{SECRET}"\nsecret_env = "S"',
    f'[[receiver]]\nname = "d"\nurl = "https://a/{SECRET}"\nsecret_env = "S"\n' * 2,
]  # fmt: skip


@pytest.mark.parametrize("content", LEAKS)
def test_no_mistake_makes_a_secret_known(config, content):
    with pytest.raises(ConfigError) as error:
        load(config(content))
    told = "".join(traceback.format_exception(error.value)) + repr(error.value)
    assert "barograph.toml" in told
    assert SECRET not in told


@pytest.fixture
def desk(config, tmp_path):
    """A receiver whose address and secret lie in files."""
    (tmp_path / "url").write_text(f"https://a/{SECRET}/url\n")
    (tmp_path / "secret").write_text(f"  {SECRET}\n")
    return load(config('[[receiver]]\nname = "d"\nurl_file = "url"\nsecret_file = "secret"\n'))


def test_addresses_and_secrets_are_read_from_files_and_never_kept(desk):
    [receiver] = desk.receiver
    assert (receiver.address(), receiver.secret()) == (f"https://a/{SECRET}/url", SECRET)
    assert SECRET not in repr(desk) + str(desk) + repr(receiver) + desk.model_dump_json()


def test_addresses_and_secrets_are_read_from_the_environment(monkeypatch):
    receiver = Receiver(name="d", url_env="DESK_URL", secret_env="DESK_SECRET")
    monkeypatch.setenv("DESK_URL", "https://a")
    monkeypatch.setenv("DESK_SECRET", f"{SECRET}\n")
    assert (receiver.address(), receiver.secret()) == ("https://a", SECRET)
    assert SECRET not in repr(receiver)


def test_an_address_given_outright_is_used_but_not_shown():
    receiver = Receiver(name="d", url=f"https://a/{SECRET}", secret_env="S")
    assert receiver.address() == f"https://a/{SECRET}"
    assert SECRET not in repr(receiver) + str(Settings(receiver=(receiver,)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "receiver 'd': secret_file {}: No such file or directory; expected a readable text file"),
        (b" \n", "receiver 'd': secret: file {} is empty"),
        (b"\xff" + SECRET.encode(), "receiver 'd': secret_file {}: not UTF-8; expected a readable text file"),
    ],
)
def test_a_secret_file_that_holds_none_is_named(desk, tmp_path, content, message):
    secret = tmp_path / "secret"
    secret.unlink() if content is None else secret.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        desk.receiver[0].secret()
    assert str(error.value) == message.format(secret)
    assert SECRET not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_variable_that_holds_no_address_is_named(monkeypatch, value):
    monkeypatch.delenv("DESK_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("DESK_URL", value)
    with pytest.raises(ConfigError) as error:
        Receiver(name="d", url_env="DESK_URL", secret_env="S").address()
    assert str(error.value) == "receiver 'd': url: environment variable DESK_URL is empty"
