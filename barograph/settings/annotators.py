"""Annotators: who labels posts, how they are reached, and which posts of a day they are asked of."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from barograph.settings import secret
from barograph.settings.sections import Name, Number, Section, Whole

TASKS = ("emotions", "expression", "stance", "affect", "agreement")
TOPIC_TASKS = ("stance", "affect", "agreement")
"""Tasks that are about a topic, and read replies with what they reply to."""


class Annotator(Section):
    """Who labels: a model behind an OpenAI-compatible endpoint, or the packaged model `nade` (English emotions).

    The key comes from a file or an environment variable, never from here. Prices are per million tokens, in any one
    currency; without them a label costs nothing.
    """

    name: Name
    kind: Literal["openai", "nade"] = "openai"
    url: str | None = None
    """Base of the endpoint, as in https://api.openai.com/v1."""
    model: str | None = None
    key_file: Path | None = None
    key_env: str | None = None
    in_flight: Annotated[Whole, Field(ge=1, le=256)] = 8
    """Requests at once."""
    requests_per_minute: Annotated[Whole, Field(ge=0)] = 0
    """0: as many as are answered."""
    timeout: Annotated[Number, Field(gt=0, le=600)] = 60
    """Seconds for one request, whatever drips in."""
    tries: Annotated[Whole, Field(ge=1, le=10)] = 4
    price_in: Annotated[Number, Field(ge=0)] = 0
    price_out: Annotated[Number, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _endpoint_is_whole(self) -> Self:
        given = [name for name in ("url", "model", "key_file", "key_env") if getattr(self, name) is not None]
        if self.kind == "nade" and given:
            raise ValueError(f"got {given[0]} for nade, which runs here; expected none")
        if self.kind == "openai" and not (self.url and self.model):
            raise ValueError("expected url and model of the endpoint")
        if self.key_file is not None and self.key_env is not None:
            raise ValueError("got key_file and key_env; expected at most one")
        return self

    @field_validator("url")
    @classmethod
    def _url_is_http(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("expected an address that begins with http:// or https://")
        if url is not None and "@" in url.partition("://")[2].partition("/")[0]:
            raise ValueError("got an address with a user or password in it; expected the key in key_file or key_env")
        return url

    @field_validator("key_env")
    @classmethod
    def _key_env_is_a_name(cls, key_env: str | None) -> str | None:
        return secret.named(key_env, "key")

    def key(self) -> str:
        """The API key, or empty where none is asked for. Raises `ConfigError` where its file or variable is missing."""
        if self.key_file is None and self.key_env is None:
            return ""
        return secret.read(f"annotator {self.name!r}: key", self.key_file, self.key_env)


class Annotation(Section):
    """A task that annotators do on a probability sample of each closed day. Limits of 0 do not limit."""

    task: Literal[TASKS]  # type: ignore[valid-type]
    topic: Name | None = None
    annotators: Annotated[tuple[str, ...], Field(min_length=1)]
    """The first is asked; what it refuses the next one is asked, and so on."""
    populations: tuple[str, ...] = ()
    """Without any: all."""
    posts: Annotated[Whole, Field(ge=1, le=100_000)] = 20
    """Posts, or reply pairs, expected to be drawn of each population and day."""
    strata: Literal["lexicon", "uniform"] = "lexicon"
    """`lexicon`: half of what is drawn has a hit of a marker that the task measures, where so many posts have."""
    days: Annotated[Whole, Field(ge=1, le=3650)] = 28
    """Closed days back from now that are sampled."""
    posts_per_day: Annotated[Whole, Field(ge=0)] = 0
    tokens_per_day: Annotated[Whole, Field(ge=0)] = 0
    money_per_day: Annotated[Number, Field(ge=0)] = 0
    """What may be asked, read and written, and paid within one day of the clock, over all populations."""
    minutes: Annotated[Whole, Field(ge=0)] = 0
    """How long one run may ask; what is left the next run asks."""
    examples: Literal["fixed", "similar"] = "fixed"
    """Whether the prompt shows the same examples always, or those most like the post."""
    prompt: Path | None = None
    """A folder with codebook.md, system.md or examples.jsonl in place of ours; `barograph tune` writes one."""
    canary_days: Annotated[Whole, Field(ge=0)] = 7
    """How often the canary set is asked; 0: never."""
    canary_agreement: Annotated[Number, Field(gt=0, le=1)] = 0.8
    """Agreement with its first answers below which an annotator drifts."""
    confusion: Path | None = None
    """A JSON file of how its answers were wrong on labelled posts; polarization carries that through."""
    labelled: Path | None = None
    """Posts that people have labelled, as `barograph validate --data` takes them: asked once a week by `up`."""

    @property
    def name(self) -> str:
        """As in `annotations`: the task, with its topic behind a colon."""
        return f"{self.task}:{self.topic}" if self.topic else self.task

    @model_validator(mode="after")
    def _topic_where_there_is_one(self) -> Self:
        if (self.task in TOPIC_TASKS) != (self.topic is not None):
            needed = "the name of a [[topic]]" if self.task in TOPIC_TASKS else "none"
            raise ValueError(
                f"got {'no topic' if self.topic is None else 'a topic'} for {self.task}; expected {needed}"
            )
        if self.confusion is not None and self.topic is None:
            raise ValueError(f"got confusion for {self.task}; expected none: only polarization carries errors through")
        return self
