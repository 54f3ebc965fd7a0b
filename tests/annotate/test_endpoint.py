"""An endpoint that labels: what every answer and every fault of a server comes to."""

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.endpoint import Endpoint
from barograph.errors import ConfigError
from tests.annotate.serving import (
    LABEL,
    MODEL,
    Task,
    annotator,
    completion,
    cut,
    drip,
    error,
    hang,
    moderated,
    replies,
    says,
    serving,
    slam,
)

TEXT = "a private sentence"
OK = Annotation("ok", {"joy": "weak"}, ("relief",), "it says so", None, 100, 20)


def asked(server, *, times=1, waits=None, key="", **given) -> Annotation:
    """What comes of asking `times` items; the last outcome. waits: gets the seconds of every pause."""
    waits = [] if waits is None else waits

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    async def all_() -> Annotation:
        async with Endpoint(annotator(server.url, **given), Task(), pause) as endpoint:
            for _ in range(times):
                outcome = await endpoint.annotate(Item("a:1", TEXT))
        return outcome

    return asyncio.run(all_())


def test_what_is_sent_is_the_prompt_with_its_schema_at_temperature_0():
    with serving() as server:
        assert asked(server) == OK
    assert server.heard == [{
        "model": MODEL, "temperature": 0, "messages": Task().messages(Item("a:1", TEXT)),
        "response_format": {
            "type": "json_schema", "json_schema": {"name": "emotions", "strict": True, "schema": Task().schema},
        },
    }]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (replies(json.dumps({**LABEL, "answers": {"joy": "unclear"}})), "unclear", None),
        (replies("I'd say: joy!"), "invalid", "not the JSON that was asked for"),
        (replies(json.dumps({**LABEL, "answers": {"joy": "much"}})), "invalid", "an answer that is none of those allowed"),
        (replies(""), "invalid", "an empty reply"),
        (replies([{"type": "text", "text": "{}"}]), "invalid", "an empty reply"),
        (replies('{"explanation": "and so', finish="length"), "invalid", "the reply was cut off at its longest"),
        (says(completion(None, refusal=f"I will not speak of {TEXT}")), "refused", "the model refused"),
        (replies("", finish="content_filter"), "refused", "content_filter"),
        (error(400, "content_filter"), "refused", "400 content_filter"),
        (error(403, "content_filter"), "refused", "403 content_filter"),
        (moderated, "refused", "403 moderation"),
        (says({**completion(), "choices": []}), "failed", "an answer without a choice"),
        (says({**completion(), "choices": None}), "failed", "an answer without a choice"),
        (says({**completion(), "choices": [{}]}), "failed", "an answer without a choice"),
        (says([]), "failed", "an answer without a choice"),
        (says("{'id': 1}"), "failed", "an answer that is not JSON"),
        (says("<html>busy</html>"), "failed", "an answer that is not JSON"),
        (says(completion(model="other-model")), "failed", "another model answered: 'other-model'"),
        (says(completion(model=TEXT)), "failed", "another model answered"),
        (error(400, "context_length_exceeded"), "failed", "400 context_length_exceeded"),
        (error(400, f"cannot read {TEXT}"), "failed", "400"),
        (error(302, location="http://127.0.0.1:1/v1/chat/completions"), "failed", "302"),
        (error(429, retry_after="3600"), "failed", "429, asked to wait 3600 s"),
    ],
)  # fmt: skip
def test_an_answer_has_one_outcome_and_is_not_asked_for_again(answer, status, reason):
    with serving(answer) as server:
        outcome = asked(server)
    assert (outcome.status, outcome.reason) == (status, reason)
    assert len(server.heard) == 1
    assert bool(outcome.answers) == (status in ("ok", "unclear"))
    assert TEXT not in repr(outcome)


@pytest.mark.parametrize("model", [MODEL, f"{MODEL}-2026-01-01", ""])
def test_a_dated_version_of_a_model_is_that_model(model):
    with serving(says(completion(model=model))) as server:
        assert asked(server) == OK


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error(429), "429"),
        (error(429, "rate_limit_exceeded", retry_after="7"), "429 rate_limit_exceeded, asked to wait 7 s"),
        (error(500), "500"),
        (error(503, retry_after="Fri, 31 Dec 1999 23:59:59 GMT"), "503"),
        (error(408), "408"),
        (slam, "no answer: RemoteProtocolError"),
        (cut, "no answer: RemoteProtocolError"),
    ],
)
def test_a_fault_is_tried_as_often_as_configured_and_then_fails(answer, reason):
    with serving(answer) as server:
        outcome = asked(server, tries=3)
    assert outcome == Annotation("failed", reason=reason)
    assert len(server.heard) == 3


@pytest.mark.parametrize("answer", [error(429), error(500), slam, cut])
def test_a_fault_that_passes_is_no_failure(answer):
    with serving(answer, answer, says()) as server:
        assert asked(server, tries=3) == OK


@pytest.mark.parametrize("answer", [hang, drip])
def test_a_server_that_hangs_or_drips_is_given_up_after_its_time(answer):
    with serving(answer) as server:
        outcome = asked(server, tries=2, timeout=0.3)
    assert outcome == Annotation("failed", reason="no whole answer within 0.3 s")
    assert len(server.heard) == 2


def test_nobody_there_is_a_failure():
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))

        class Nobody:
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"

        assert asked(Nobody, tries=2) == Annotation("failed", reason="no answer: ConnectError")
        waits = []
        asked(Nobody, tries=4, times=20, waits=waits)
        assert len(waits) == 3  # the first item waits for the door to open; after that one look is enough


def test_waits_between_tries_double_and_what_a_server_asks_for_is_kept():
    waits = []
    with serving(error(500), error(500), error(500), says()) as server:
        assert asked(server, waits=waits) == OK
    assert [0.375 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(waits)] == [True] * 3
    waits = []
    with serving(error(429, retry_after="7"), says()) as server:
        assert asked(server, waits=waits, times=2) == OK
    assert len(waits) == 2  # the next item waits too, as the pause of this test takes no time
    assert all(6 < wait <= 7 for wait in waits)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, "expected a key that it accepts (key_file or key_env)"),
        (403, "expected a key that may use this model"),
        (404, f"expected the base of an endpoint that has the model {MODEL!r}"),
    ],
)
def test_a_key_or_model_that_is_refused_ends_the_run(status, expected):
    with serving(error(status)) as server, pytest.raises(ConfigError) as told:
        asked(server)
    assert str(told.value) == f"annotator 'desk model': got {status} from {server.url}; {expected}"
    assert len(server.heard) == 1


def test_the_key_is_sent_and_never_said(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MODEL_KEY", "sk-of-a-test")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: of another program\nauthorization: Bearer of-another")
    with serving(error(500), says(), error(401)) as server:
        assert asked(server, key_env="MODEL_KEY") == OK
        with pytest.raises(ConfigError) as told:
            asked(server, key_env="MODEL_KEY")
    assert set(server.keys) == {"Bearer sk-of-a-test"}
    assert not [name for head in server.heads for name in head if name in ("x-secret", "openai-organization")]
    assert "sk-of-a-test" not in repr(told.value)
    assert caplog.text
    assert "sk-of-a-test" not in caplog.text
    assert TEXT not in caplog.text


def test_without_a_key_none_is_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-program")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer of-another")
    with serving() as server:
        asked(server)
    assert server.keys == [None]


def test_a_key_that_is_missing_is_found_before_anything_is_asked(monkeypatch):
    monkeypatch.delenv("MODEL_KEY", raising=False)
    with pytest.raises(ConfigError, match="annotator 'desk model': key: environment variable MODEL_KEY is empty"):
        Endpoint(annotator("http://127.0.0.1:1/v1", key_env="MODEL_KEY"), Task())


def test_what_a_server_does_not_count_is_counted_by_bytes():
    with serving(says({**completion(), "usage": None})) as server:
        outcome = asked(server)
    assert outcome.tokens_in == (len("joy?") + len(TEXT)) // 4
    assert outcome.tokens_out == len(json.dumps(LABEL)) // 4


def test_requests_per_minute_hold_back_all_but_the_first():
    async def ask(url):
        async with Endpoint(annotator(url, requests_per_minute=1), Task()) as endpoint:
            first = await endpoint.annotate(Item("a:1", TEXT))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await endpoint.annotate(Item("a:2", TEXT))
            return first

    with serving() as server:
        assert asyncio.run(ask(server.url)) == OK
    assert len(server.heard) == 1


def test_no_setting_of_the_environment_has_posts_logged(tmp_path: Path) -> None:
    code = (
        "import asyncio, logging, sys\n"
        "from barograph.annotate import Item, task\n"
        "from barograph.annotate.endpoint import Endpoint\n"
        "from barograph.settings import Annotator\n"
        "async def main():\n"
        "    one = Annotator(name='a', url=sys.argv[1], model='scripted-model', tries=1)\n"
        "    async with Endpoint(one, task.load('emotions')) as asked:\n"
        "        print((await asked.annotate(Item('p', 'my own secret words'))).status)\n"
        "asyncio.run(main())\n"
    )
    with serving(error(500)) as server:
        done = subprocess.run(
            [sys.executable, "-c", code, server.url], env={**os.environ, "OPENAI_LOG": "debug"}, cwd=tmp_path,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert len(server.heard) == 1
    assert done.stdout == "failed\n", done.stderr
    assert "secret words" not in done.stderr
