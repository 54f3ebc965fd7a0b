"""Which sources a run reads, what is checked of each without asking a server, and their cards."""

import os
from pathlib import Path

import pytest

from barograph.errors import ConfigError, InputError
from barograph.settings import Settings, Source
from barograph.sources import card
from dashboard import cards as page
from flows.cards import KINDS
from flows.sources import check, choose_sources

PARTS = ("What it is", "Terms of use", "Whom it speaks for", "Biases", "Limits", "Deletes")


@pytest.mark.parametrize("kind", ["bluesky", "simulated"])
def test_two_kinds_need_no_config(kind):
    assert choose_sources(Settings(), (), kind) == (Source(name=kind, kind=kind),)


def test_one_of_the_config_comes_before_a_kind_of_its_name():
    own = Source(name="bluesky", kind="bluesky", hosts=("jetstream.example",))
    assert choose_sources(Settings(source=(own,)), (), "bluesky") == (own,)


def test_a_run_asks_nothing_of_what_has_landed(tmp_path):
    away = Source(name="drops", kind="folder", path=(str(tmp_path / "away"),))
    keyless = Source(name="reddit", kind="reddit", communities=("stress",))
    assert choose_sources(Settings(source=(away, keyless)), (), None) == (away, keyless)


def test_a_watched_folder_has_to_be_one_that_can_be_written(tmp_path):
    folder = tmp_path / "in"
    source = Source(name="drops", kind="folder", path=(str(folder),))
    with pytest.raises(ConfigError, match=f"source 'drops': path {folder}: got no such folder; expected one in which"):
        check(source)
    folder.mkdir()
    check(source)
    folder.chmod(0o500)
    if os.geteuid():  # root may write anywhere
        with pytest.raises(ConfigError, match="got no folder that can be written"):
            check(source)


def test_tokens_keys_and_dumps_are_looked_for(tmp_path, monkeypatch):
    toots = Source(name="toots", kind="mastodon", hosts=("m.example",), token_file=str(tmp_path / "token"))
    with pytest.raises(ConfigError, match="source 'toots': token_file .*: No such file or directory; expected a readable"):
        check(toots)
    (tmp_path / "token").write_text(" \n")
    with pytest.raises(ConfigError, match="token.* is empty"):
        check(toots)
    (tmp_path / "token").write_text("abc\n")
    check(toots)
    reddit = Source(name="reddit", kind="reddit", communities=("stress",))
    for name in ("client_id", "client_secret", "user_agent"):
        with pytest.raises(ConfigError, match=f"source 'reddit': praw_{name}: environment variable praw_{name} is empty"):
            check(reddit)
        monkeypatch.setenv(f"praw_{name}", "x")
    check(reddit)
    with pytest.raises(InputError, match="no such file or folder"):
        check(Source(name="dumps", kind="reddit", path=(str(tmp_path / "none.zst"),)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_card_that_says_all_it_should(kind):
    text = card(kind)
    assert text.startswith(f"# {kind}\n")
    assert [part for part in PARTS if f"**{part}.**" not in text] == []
    assert page.source(kind) == text


def test_a_kind_of_an_older_snapshot_has_no_card():
    assert page.source("twitter") is None


CONFIG = '[[source]]\nname = "toots"\nkind = "mastodon"\nhosts = "m.example"\nstream = "public:local"\n'


def test_sources_are_listed_and_told_of(barograph, tmp_path):
    (tmp_path / "cwd" / "barograph.toml").write_text(CONFIG)
    listed = barograph("sources").stdout.splitlines()
    assert listed[0] == "toots  mastodon  m.example  public:local"
    assert listed[-1].startswith("kinds: files, folder, bluesky, ") and len(listed) == 2
    assert barograph("sources", "toots").stdout == barograph("sources", "mastodon").stdout == card("mastodon")
    wrong = barograph("sources", "twitter")
    assert (wrong.returncode, wrong.stderr) == (
        2, f"barograph: sources: got 'twitter'; expected one of toots, {', '.join(KINDS)}\n",
    )  # fmt: skip
    Path(tmp_path / "cwd" / "barograph.toml").unlink()
    assert barograph("sources").stdout.startswith("no source is configured: put a [[source]] into barograph.toml\n")


def test_check_looks_at_every_source(barograph, tmp_path):
    (tmp_path / "cwd" / "barograph.toml").write_text(CONFIG + '[[source]]\nname = "in"\nkind = "folder"\npath = "incoming"\n')
    assert "got no such folder" in barograph("check").stderr
    (tmp_path / "cwd" / "incoming").mkdir()
    assert "ok (2 sources" in barograph("check").stdout


def declared(write, *names):
    return Settings(source=tuple(Source(name=n, path=str(write(f"{n}.jsonl", '{"text": "a"}\n'))) for n in names))


def test_without_inputs_all_declared_sources_are_read(write):
    settings = declared(write, "one", "two")
    assert choose_sources(settings, (), None) == settings.source


def test_one_source_can_be_chosen_by_name(write):
    settings = declared(write, "one", "two")
    assert choose_sources(settings, (), "two") == settings.source[1:]
    assert choose_sources(settings, (), "simulated") == (Source(name="simulated", kind="simulated"),)
    with pytest.raises(ConfigError) as error:
        choose_sources(settings, (), "three")
    assert str(error.value) == "--source: got 'three'; expected one of simulated, bluesky, one, two"


def test_inputs_are_read_as_the_only_files_source_there_is(write):
    path = (str(write("new.jsonl", '{"message": "a"}\n')),)
    own = Source(name="mine", path="old.jsonl", columns={"text": "message"}, lang="es")
    assert choose_sources(Settings(source=(own,)), path, None) == (
        Source(name="mine", path=path, columns={"text": "message"}, lang="es"),
    )
    with pytest.raises(InputError, match="no text: got keys message"):
        choose_sources(declared(write, "one", "two"), path, None)


def test_a_run_needs_something_that_it_can_read():
    with pytest.raises(ConfigError) as error:
        choose_sources(Settings(), (), None)
    assert str(error.value) == (
        "nothing to read: give files or folders, put a [[source]] into barograph.toml, "
        "or try it with --source simulated or --source bluesky"
    )
    with pytest.raises(InputError, match="no such file or folder"):
        choose_sources(Settings(), ("nowhere",), None)
    with pytest.raises(InputError, match="needs path"):
        choose_sources(Settings(source=(Source(name="one"),)), (), None)
