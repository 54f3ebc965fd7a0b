"""Receivers: where notifications go, in which form, and where their addresses and secrets are read from."""

import re
from pathlib import Path
from string import Template
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from barograph.settings import secret
from barograph.settings.sections import Name, Section

PLACEHOLDERS = (
    "state", "rule", "marker", "population", "unit", "method", "reason", "target", "value", "threshold", "chance",
    "days", "level", "started", "link",
)  # fmt: skip
"""What `title` and `text` of a receiver may name with a `$` in front; `notify.message` says what each becomes."""
NEEDS_SECRET = ("webhook",)
NO_SECRET = ("slack", "teams")
"""Their address is their secret."""
_MAIL = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


class Receiver(Section):
    """Where notifications go. Address and secret come from a file or an environment variable, never from here.

    kind: `webhook` (JSON signed after Standard Webhooks), `slack` (incoming webhook), `teams` (a workflow's webhook),
    `alertmanager` (its API v2), `email` (SMTP). The secret is what signs a webhook, two of them while one replaces
    the other; a bearer token of Alertmanager; the password of a mail account.
    """

    name: Name
    kind: Literal["webhook", "slack", "teams", "alertmanager", "email"] = "webhook"
    url: Annotated[str | None, Field(repr=False, exclude=True)] = None
    url_file: Path | None = None
    url_env: str | None = None
    secret_file: Path | None = None
    secret_env: str | None = None
    allow_hosts: tuple[str, ...] = ()
    """Hosts, as the address names them, that may be private, loopback or link-local."""
    title: str | None = None
    text: str | None = None
    """Templates in place of our words; `$name` as in `PLACEHOLDERS`. Not for a webhook, whose body is all data."""
    sender: Annotated[str | None, Field(repr=False)] = None
    to: Annotated[tuple[str, ...], Field(repr=False)] = ()

    @field_validator("title", "text")
    @classmethod
    def _names_what_there_is(cls, given: str | None) -> str | None:
        template = Template(given or "")
        wrong = "a $ that begins no name ($$ is a dollar sign)" if not template.is_valid() else None
        unknown = [name for name in template.get_identifiers() if name not in PLACEHOLDERS]
        if wrong or unknown:
            choice = ", ".join(f"${name}" for name in PLACEHOLDERS)
            raise ValueError(f"got {wrong or f'${unknown[0]}'}; expected some of {choice}")
        return given

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        secrets = sum(value is not None for value in (self.secret_file, self.secret_env))
        if (n := sum(value is not None for value in (self.url, self.url_file, self.url_env))) != 1:
            raise ValueError(f"got {n or 'none'} of url, url_file or url_env; expected exactly one")
        if self.kind in NEEDS_SECRET and secrets != 1:
            raise ValueError(f"got {secrets or 'none'} of secret_file or secret_env; expected exactly one")
        if self.kind in NO_SECRET and secrets:
            raise ValueError(f"got a secret for {self.kind}, whose address is its secret; expected none")
        if secrets > 1:
            raise ValueError("got 2 of secret_file or secret_env; expected at most one")
        return self

    @model_validator(mode="after")
    def _mail_has_addresses(self) -> Self:
        given = [name for name, value in (("sender", self.sender), ("to", self.to)) if value]
        if self.kind != "email":
            if given:
                raise ValueError(f"got {given[0]} for {self.kind}; expected it for email alone")
        elif len(given) < 2 or not all(_MAIL.fullmatch(address) for address in (self.sender or "", *self.to)):
            raise ValueError('expected sender = "name@host" and to = ["name@host"] for email, plain addresses')
        if self.kind == "webhook" and (self.title or self.text):
            raise ValueError("got title or text for webhook, whose body is all data; expected neither")
        return self

    def address(self) -> str:
        """The URL. Raises `ConfigError` where its file or variable is missing."""
        return self.url or secret.read(f"receiver {self.name!r}: url", self.url_file, self.url_env)

    def secret(self) -> str:
        """The secret, or empty where none is asked for. Raises `ConfigError` where its file or variable is missing."""
        if self.secret_file is None and self.secret_env is None:
            return ""
        return secret.read(f"receiver {self.name!r}: secret", self.secret_file, self.secret_env)
