"""What each receiver reads, held against the formats that they publish."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.notify.forms import LIMIT, mail_text, payload
from barograph.notify.message import CUT, cut, message_of, placeholders
from barograph.notify.shortening import shortened
from barograph.settings.receivers import PLACEHOLDERS
from tests.notify.receiving import body, endpoint, receiver, serving, status

SAID = "5.0 % (4.0–6.0) on Sun 3 Mar 2024, above 3.0 %. 2 days in a row above the threshold."
WHY = {"period": "2024-03-02/2024-03-03", "change": 0.021, "change_lo": 0.01, "change_hi": 0.03,
       "terms": [{"term": "worried", "contribution": 0.012}, {"term": "calm", "contribution": -0.004},
                 {"term": "hardly", "contribution": 0.0001}]}  # fmt: skip
HOSTILE = "<!channel> *b* [x](http://evil) <http://evil|x> & @all"
KINDS = ("slack", "teams", "alertmanager")


def mail(**given: Any) -> Any:
    """A mail receiver."""
    return receiver("email", sender="barograph@a.example", to=("desk@a.example",), **given)


def form(kind: str, given: dict[str, Any] | None = None, **data: Any) -> Any:
    """What a receiver of this kind is posted, read as JSON."""
    return json.loads(payload(receiver(kind, **(given or {})), body(**data)))


def test_a_webhook_gets_the_body_as_it_was_kept() -> None:
    assert payload(receiver(), body(why=WHY)) == body(why=WHY)


def test_slack_gets_blocks_of_plain_text() -> None:
    told = form("slack", why=WHY)
    head, said, facts, about, link = told["blocks"]
    assert told["text"] == head["text"]["text"] == "firing: Anxiety (dimension), all"
    assert (head["type"], said["text"]["text"], about["text"]["text"]) == ("header", SAID, "a population, never a person")
    assert facts["text"]["text"].splitlines() == [
        "Rule: r", "Value: 5.0 % (4.0–6.0)", "Threshold: 3.0 % (95th percentile)", "Since: Sat 2 Mar 2024",
        "Made of: 1,200 posts by 40 authors", "Read as: authors, lexicon", "Changed: +2.1 points (+1.0 to +3.0)",
        "Words behind it: worried +1.2 points; calm −0.4 points",
    ]  # fmt: skip
    assert link["text"] == {"type": "mrkdwn", "text": "<http://localhost:8501/?a=1&amp;b=2|Open the page>"}
    assert {b["type"] for b in told["blocks"][1:]} == {"section"}


def test_what_else_an_alert_carries_is_told_in_brief() -> None:
    cards = [{"basis": "dispositions", "n_judged": 4, "n_true": 3, "false_alarms_per_week": 0.25},
             {"basis": "series", "n_judged": 0, "n_true": 0}]  # fmt: skip
    more = {"derivation": "percentile 95 of the 84 closed days before the day tested", "rung": "a year", "skill_card": cards,
            "events": [{"name": "exam week"}, {"name": "storm"}], "parts": ["north", "south"], "n_others": 7,
            "why": {"change_top_account_share": 0.15}, "truncated": ["others: 5 of 20"]}  # fmt: skip
    told = dict(message_of(receiver("slack"), json.loads(body(**more))).facts)
    assert told["Threshold"] == "3.0 % (percentile 95 of the 84 closed days before the day tested; rung a year)"
    assert told["The rule so far"] == "right 3 of 4 by dispositions, 0.25 false alarms a week"
    assert told["Events near it"] == "exam week; storm"
    assert told["Parts that are high too"] == "north, south"
    assert told["Others"] == "7 more in this notification"
    assert told["Largest account"] == "at most 15 %"
    assert told["Cut"] == "others: 5 of 20"


def test_teams_gets_one_adaptive_card() -> None:
    told = form("teams")
    assert told["type"] == "message"
    (attachment,) = told["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    lines = ["".join(run["text"] for run in block["inlines"]) for block in card["body"]]
    assert lines[:3] == ["firing: Anxiety (dimension), all", SAID, "Rule: r"]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open the page", "url": "http://localhost:8501/?a=1&b=2"}]


def test_alertmanager_gets_alerts_whose_labels_stay_the_same_through_all_states() -> None:
    firing, resolved = (form("alertmanager", state=state, level=level)[0] for state, level in (("firing", "red"), ("resolved", None)))
    assert firing["labels"] == resolved["labels"] == {
        "alertname": "r", "source": "barograph", "marker": "dimension:anxiety", "population": "all", "unit": "authors",
        "method": "lexicon",
    }  # fmt: skip
    assert firing["startsAt"] == resolved["startsAt"] == "2024-03-02T00:00:00Z"
    assert (firing["endsAt"], resolved["endsAt"]) == ("2024-04-04T06:00:00Z", "2024-03-05T06:00:00Z")
    assert firing["generatorURL"] == "http://localhost:8501/?a=1&b=2"
    assert firing["annotations"]["description"] == SAID
    assert all(isinstance(value, str) for value in {**firing["annotations"], **firing["labels"]}.values())


@pytest.mark.parametrize("path", ["", "/", "/api/v2/alerts", "/api/v2/alerts/"])
def test_alertmanager_is_posted_to_its_api_with_a_token(path: str) -> None:
    with serving(**{"api/v2/alerts": status(200)}) as server:
        to = endpoint(server.url("").rstrip("/") + path, "T0KEN", "alertmanager", secret_env="T")
        with to.open() as send:
            assert send("msg_1", body(), datetime(2024, 3, 1)).delivered
    ((_, headers, content),) = server.got
    assert headers["authorization"] == "Bearer T0KEN"
    assert json.loads(content)[0]["labels"]["alertname"] == "r"
    assert "webhook-signature" not in headers


def test_a_mail_has_a_subject_a_text_and_a_thread() -> None:
    title, text, thread = mail_text(mail(), body(why=WHY))
    assert (title, thread) == ("firing: Anxiety (dimension), all", "f-20240302")
    assert text.splitlines()[:3] == [SAID, "", "Rule: r"]
    assert text.splitlines()[-2:] == ["http://localhost:8501/?a=1&b=2", "a population, never a person"]


def test_a_forecast_says_how_likely_and_an_end_says_why() -> None:
    likely = message_of(receiver("slack"), json.loads(body(p_high=0.82, lo=None, hi=None, target="2024-03-09", reason="1 day likely")))
    assert likely.text == "Likely above 3.0 % on Sat 9 Mar 2024: chance 82 %, forecast 5.0 %. 1 day likely."
    over = message_of(receiver("slack"), json.loads(body(state="resolved", reason="back below the threshold", threshold=None)))
    assert over.text == "Back below the threshold."
    assert "Threshold" not in dict(over.facts)


def test_templates_of_the_analyst_stand_in_for_our_words() -> None:
    given = {"title": "[$level] $population:\n $marker", "text": "$value > $threshold ($$5) since $started"}
    told = form("slack", given)
    assert told["text"] == "[red] all: Anxiety (dimension)"
    assert told["blocks"][1]["text"]["text"] == "5.0 % (4.0–6.0) > 3.0 % ($5) since Sat 2 Mar 2024"
    assert set(placeholders(json.loads(body()))) == set(PLACEHOLDERS)


def test_no_name_becomes_markup() -> None:
    slack = form("slack", population=HOSTILE)
    assert "<!" not in slack["text"]
    assert "<http" not in slack["text"]
    assert {b["text"]["type"] for b in slack["blocks"][:-1]} == {"plain_text"}
    assert HOSTILE not in slack["blocks"][-1]["text"]["text"]
    teams = form("teams", population=HOSTILE)["attachments"][0]["content"]
    assert {b["type"] for b in teams["body"]} == {"RichTextBlock"}
    title, _, _ = mail_text(mail(), body(population="all\r\nBcc: x@y"))
    assert title == "firing: Anxiety (dimension), all Bcc: x@y"


@pytest.mark.parametrize("kind", KINDS)
@settings(derandomize=True, max_examples=25)
@given(st.dictionaries(st.sampled_from(["rule", "population", "reason", "link", "about", "state", "unit"]),
                       st.sampled_from(["x", "😀", '"', "é", "\x00"]).map(lambda letter: letter * 30_000)))  # fmt: skip
def test_no_form_is_longer_than_its_limit(kind: str, data: dict[str, str]) -> None:
    made = payload(receiver(kind), body(**data, why={"terms": [{"term": "t" * 500, "contribution": 1.0}] * 999}))
    assert len(made.encode()) < LIMIT
    assert CUT.strip() in made
    read = json.loads(made)
    if kind == "slack":  # what Slack takes
        assert len(read["blocks"][0]["text"]["text"]) <= 150
        assert all(0 < len(block["text"]["text"]) <= 3000 for block in read["blocks"])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.integers(0, 3000).map(lambda n: "é" * n),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=6), inner, max_size=6), max_leaves=20,
)  # fmt: skip


@settings(derandomize=True, max_examples=40)
@given(st.dictionaries(st.sampled_from("abcdefgh"), _JSON), st.integers(6000, 9000))
def test_a_body_is_cut_until_it_fits_and_only_where_it_must(data: dict[str, Any], limit: int) -> None:
    whole = {"type": "alert.firing", "data": data}
    copy = json.dumps(whole)
    left = shortened(whole, limit)
    assert json.dumps(whole) == copy
    if len(copy.encode()) < limit:
        assert left == whole
    else:
        assert len(json.dumps(left).encode()) < limit
        assert left["data"]["truncated"]


def test_what_was_cut_says_how_much_is_left() -> None:
    left = shortened({"data": {"a": list(range(1000)), "b": "x" * 1000, "link": "y" * 500, "n": 7}}, 2000)["data"]
    assert left["truncated"] == [f"a: {len(left['a'])} of 1000", f"b: {len(left['b'].removesuffix(CUT))} of 1000"]
    assert left["a"] == list(range(len(left["a"])))
    assert left["b"].endswith(CUT)
    assert (left["link"], left["n"]) == ("y" * 500, 7)


def test_cut_text_keeps_to_its_room() -> None:
    assert cut("x" * 10, 10) == "x" * 10
    assert cut("x" * 100, 20) == "x" * (20 - len(CUT)) + CUT
