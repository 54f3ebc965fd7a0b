"""The forms in which receivers read a notification. None is longer than `LIMIT`, and what was cut is said.

Names of populations may come from sources. They are shown as plain text where a receiver has such a thing, and escaped
where it has not, so that none becomes a link, a mention or a header.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from barograph.notify.message import Message, cut, message_of
from barograph.notify.shortening import shortened
from barograph.settings import Receiver

LIMIT = 20_000
"""Bytes of a body; Standard Webhooks recommends so."""
_ROOMS = (1500, 400, 100)
"""Characters of a text, tried until the whole is short enough."""
_LONGEST_LINK = 1000
_TITLE = 150
"""Characters of what must be short: Slack's header, a subject, a label."""
_SECTION = 3000
"""Characters of one section of Slack's."""
_LASTS = timedelta(days=30)
"""Alertmanager ends an alert that it is not told of again; one that was not ended here stays so long there."""


def payload(receiver: Receiver, body: str) -> str:
    """What is posted to a receiver, below `LIMIT` bytes of UTF-8. body: JSON as in the outbox.

    A webhook gets the body itself, and where it is too long what `shortened` leaves of it.
    """
    if receiver.kind == "webhook":
        return body if len(body.encode()) < LIMIT else json.dumps(shortened(json.loads(body), LIMIT))
    read = json.loads(body)
    form = _FORMS[receiver.kind]
    message = message_of(receiver, read)
    made = [json.dumps(form(_within(message, room), read), ensure_ascii=False) for room in _ROOMS]
    return next(text for text in made if len(text.encode()) < LIMIT)


def mail_text(receiver: Receiver, body: str) -> tuple[str, str, str]:
    """Subject, text and the name of the thread of a mail."""
    read = json.loads(body)
    message = _within(message_of(receiver, read), _ROOMS[0])
    facts = [f"{label}: {value}" for label, value in message.facts]
    lines = [message.text, "", *facts, "", message.link, message.about]
    return cut(message.title, _TITLE), "\n".join(lines).rstrip() + "\n", str(read["data"].get("alert_id", ""))


def _within(message: Message, room: int) -> Message:
    facts = tuple((label, cut(value, max(room // 4, 60))) for label, value in message.facts)
    link = message.link if len(message.link) <= _LONGEST_LINK else ""  # half a link leads nowhere
    return Message(cut(message.title, room), cut(message.text, room), facts, link, cut(message.about, room))


def _slack(message: Message, _: Mapping[str, Any]) -> dict[str, Any]:
    """An incoming webhook's message in blocks; `text` is what a notification shows."""
    parts = ["\n".join(f"{label}: {value}" for label, value in message.facts), message.about]
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(cut(message.title, _TITLE))}]
    blocks += [{"type": "section", "text": _plain(cut(text, _SECTION))} for text in (message.text, *parts) if text]
    if message.link:
        link = {"type": "mrkdwn", "text": f"<{_escaped(message.link).replace('|', '%7C')}|Open the page>"}
        blocks.append({"type": "section", "text": link})
    return {"text": _escaped(message.title), "blocks": blocks}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(message: Message, _: Mapping[str, Any]) -> dict[str, Any]:
    """An Adaptive Card for a workflow. Text runs, unlike text blocks, read no Markdown."""
    head = {"type": "TextRun", "text": message.title, "weight": "Bolder", "size": "Medium"}
    runs = [[head], *([_run(text)] for text in (message.text,) if text)]
    runs += [[_run(f"{label}: ", weight="Bolder"), _run(value)] for label, value in message.facts]
    runs += [[_run(message.about, isSubtle=True)]] if message.about else []
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": inlines} for inlines in runs],
    }  # fmt: skip
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the page", "url": message.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _run(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}


def _alertmanager(message: Message, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One alert of the API v2. Its labels are the same through all states: they name it there."""
    data = body["data"]
    named = {"alertname": str(data.get("rule") or "barograph"), "source": "barograph"}
    named |= {name: str(data.get(name) or "") for name in ("marker", "population", "unit", "method")}
    told = datetime.fromisoformat(body["timestamp"])
    ends = told if data.get("state") == "resolved" else told + _LASTS
    facts = {label.lower().replace(" ", "_"): value for label, value in message.facts if label != "Rule"}
    alert = {
        "labels": {name: cut(value, _TITLE) for name, value in named.items() if value},
        "annotations": {"summary": message.title, "description": message.text, **facts, "about": message.about},
        "startsAt": f"{data['started_on']}T00:00:00Z" if data.get("started_on") else f"{told:%Y-%m-%dT%H:%M:%SZ}",
        "endsAt": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
        **({"generatorURL": message.link} if message.link else {}),
    }
    return [alert]


_FORMS: dict[str, Callable[[Message, Mapping[str, Any]], Any]] = {
    "slack": _slack, "teams": _teams, "alertmanager": _alertmanager,
}  # fmt: skip
