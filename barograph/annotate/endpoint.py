"""Annotators behind an OpenAI-compatible endpoint: one request a post, and an explicit outcome whatever comes back.

What a server or a model says is never passed on in a reason: it may quote the post. Only statuses, codes and names are.
"""

import asyncio
import os
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import orjson

from barograph.annotate.annotation import Annotation, Item
from barograph.clock import utc_now
from barograph.errors import ConfigError
from barograph.retry_after import wait_asked
from barograph.settings import Annotator as AnnotatorSettings

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter
    from openai import APIStatusError, AsyncOpenAI

LONGEST_WAIT = 120.0
"""Seconds that a server may ask to wait for within a run; one that asks for more is given up for that post."""
_FIRST_WAIT, _LONGEST_OWN_WAIT = 0.5, 8.0
_ASKED_AGAIN = (408, 409, 429)
"""Statuses after which the same request may succeed, with those from 500 on."""
_REFUSED_KEY = {401: "a key that it accepts (key_file or key_env)", 403: "a key that may use this model"}
_REFUSALS = ("content_filter", "content_policy_violation")
_CODE = re.compile(r"[a-z0-9_.-]{1,60}", re.IGNORECASE)
_MODEL = re.compile(r"[\w./:@+-]{1,80}")
"""What may be a model's name, and is no sentence."""
_BYTES_PER_TOKEN = 4

Pause = Callable[[float], Awaitable[object]]


class Prompt(Protocol):
    """What an endpoint needs of a task: what to send, in which form the answer comes, and how it is read."""

    @property
    def version(self) -> str:
        """16 hexadecimal digits: a hash of all that can change an answer."""

    @property
    def name(self) -> str:
        """As in `annotations`."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the answer."""

    def messages(self, item: Item) -> list[dict[str, str]]:
        """The chat messages that ask for one item."""

    def read(self, reply: str) -> Annotation:
        """`ok`, `unclear` or `invalid`; raises nothing."""


class _Outcome(NamedTuple):
    annotation: Annotation
    again: bool = False
    """Whether the same request may succeed."""
    asked: float | None = None
    """Seconds that the server asked to wait."""
    shut: bool = False
    """Whether no connection came about."""


class Endpoint:
    """An `Annotator`: one model behind one endpoint, asked one task. Use it within `async with`, in one event loop.

    Each try ends after `timeout` seconds, whatever drips in; all tries count in `requests_per_minute`, which are spread
    evenly. Once nobody answered the door in all tries of one item, each other is tried once, until somebody does.
    What a server asks for by Retry-After all requests to it wait for.
    Raises `ConfigError` where the key cannot be read, and while asking where key, model or address are refused.
    """

    def __init__(self, settings: AnnotatorSettings, prompt: Prompt, pause: Pause = asyncio.sleep) -> None:
        assert settings.url is not None
        assert settings.model is not None
        self.name, self.model, self._url = settings.name, settings.model, settings.url
        self._settings, self._prompt, self._pause, self._key = settings, prompt, pause, settings.key()
        self._form = {
            "type": "json_schema",
            "json_schema": {"name": prompt.name.partition(":")[0], "strict": True, "schema": prompt.schema},
        }
        self._client: AsyncOpenAI | None = None
        self._limiter: AsyncLimiter | None = None
        self._options: Any = {}
        self._held_until = 0.0
        self._shut = False

    async def __aenter__(self) -> Self:
        from aiolimiter import AsyncLimiter
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Omit

        # Only what was configured is sent, not what the environment holds for other programs.
        ambient = (line.partition(":")[0].strip() for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n"))
        headers: dict[str, Any] = {name: Omit() for name in ("OpenAI-Organization", "OpenAI-Project", *ambient) if name}
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        self._options = {"headers": {**headers, "Authorization": f"Bearer {self._key}" if self._key else Omit()}}
        self._client = AsyncOpenAI(
            base_url=self._url, api_key=self._key or "none", max_retries=0, timeout=self._settings.timeout,
            # A redirect would carry posts to where nobody has said they may go.
            http_client=DefaultAsyncHttpxClient(follow_redirects=False, timeout=self._settings.timeout),
        )  # fmt: skip
        if self._settings.requests_per_minute:
            self._limiter = AsyncLimiter(1, 60 / self._settings.requests_per_minute)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r})"

    def prompt_version(self) -> str:
        """The prompt's."""
        return self._prompt.version

    async def annotate(self, item: Item) -> Annotation:
        """The outcome for one item, after so many tries as are configured."""
        messages = self._prompt.messages(item)
        body = {"model": self.model, "messages": messages, "temperature": 0, "response_format": self._form}
        outcome = await self._once(body)
        for failed in range(self._settings.tries - 1):
            if not outcome.again or (outcome.shut and self._shut):
                break
            if outcome.asked is None:
                await self._pause(min(_FIRST_WAIT * 2**failed, _LONGEST_OWN_WAIT) * random.uniform(0.75, 1))  # noqa: S311
            outcome = await self._once(body)
        self._shut = outcome.shut
        return outcome.annotation

    async def _once(self, body: dict[str, Any]) -> _Outcome:
        """One request."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

        assert self._client is not None, "an Endpoint is used within `async with`"
        loop = asyncio.get_running_loop()
        if (held := self._held_until - loop.time()) > 0:
            await self._pause(held)
        if self._limiter is not None:
            await self._limiter.acquire()
        try:
            async with asyncio.timeout(self._settings.timeout):
                raw = await self._client.post("/chat/completions", cast_to=bytes, body=body, options=self._options)
        except (TimeoutError, APITimeoutError):
            return _Outcome(_failed(f"no whole answer within {self._settings.timeout:g} s"), again=True)
        except APIConnectionError as error:
            name = type(error.__cause__ or error).__name__  # by its name: openai may bring an httpx of its own
            return _Outcome(_failed(f"no answer: {name}"), again=True, shut=name == "ConnectError")
        except APIStatusError as error:
            outcome = self._refused_request(error)
            if outcome.asked:
                self._held_until = max(self._held_until, loop.time() + outcome.asked)
            return outcome
        except OpenAIError as error:
            return _Outcome(_failed(f"no answer: {type(error).__name__}"))
        return _Outcome(self._read(raw, body["messages"]))

    def _refused_request(self, error: "APIStatusError") -> _Outcome:
        """What a status says. The body's words are not passed on: they may quote the post."""
        status = error.status_code
        where = f"annotator {self.name!r}: got {status} from {self._url}"
        code = error.code if isinstance(error.code, str) and _CODE.fullmatch(error.code) else ""
        if code in _REFUSALS:
            return _Outcome(Annotation("refused", reason=f"{status} {code}"))
        if status == 403 and _inside(error.body, "metadata", "reasons"):  # how OpenRouter says that it moderates
            return _Outcome(Annotation("refused", reason="403 moderation"))
        if status in _REFUSED_KEY:
            raise ConfigError(f"{where}; expected {_REFUSED_KEY[status]}") from None
        if status == 404:
            raise ConfigError(f"{where}; expected the base of an endpoint that has the model {self.model!r}") from None
        wait = wait_asked(error.response.headers.get("retry-after"), utc_now())
        asked = wait.total_seconds() if wait else None
        said = f"{status} {code}".rstrip() + (f", asked to wait {asked:g} s" if asked else "")
        again = (status in _ASKED_AGAIN or status >= 500) and (asked or 0) <= LONGEST_WAIT
        return _Outcome(_failed(said), again=again, asked=asked if again else None)

    def _read(self, raw: bytes, messages: list[dict[str, str]]) -> Annotation:
        """What an answer of status 200 says."""
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return _failed("an answer that is not JSON")
        usage, model = _inside(answer, "usage"), _inside(answer, "model")
        choice = _inside(answer, "choices", 0)
        message = _inside(choice, "message")
        content, finish = _inside(message, "content"), _inside(choice, "finish_reason")
        if isinstance(model, str) and model and not _same(model, self.model):
            annotation = _failed("another model answered" + (f": {model!r}" if _MODEL.fullmatch(model) else ""))
        elif not isinstance(message, dict):
            annotation = _failed("an answer without a choice")
        elif _inside(message, "refusal"):
            annotation = Annotation("refused", reason="the model refused")
        elif finish == "content_filter":
            annotation = Annotation("refused", reason="content_filter")
        elif finish == "length":
            annotation = Annotation("invalid", reason="the reply was cut off at its longest")
        elif not isinstance(content, str) or not content.strip():
            annotation = Annotation("invalid", reason="an empty reply")
        else:
            annotation = self._prompt.read(content)
        read = _count(usage, "prompt_tokens", (m["content"] for m in messages))
        written = _count(usage, "completion_tokens", (content,) if isinstance(content, str) else ())
        return replace(annotation, tokens_in=read, tokens_out=written)


def _failed(reason: str) -> Annotation:
    return Annotation("failed", reason=reason)


def _inside(node: Any, *steps: str | int) -> Any:
    """What lies there in an answer, which may have any shape; else None."""
    for step in steps:
        try:
            node = node[step]
        except (LookupError, TypeError):
            return None
    return node


def _same(answered: str, configured: str) -> bool:
    """Whether it is the model that was asked for, or a dated version of it, as in gpt-4o-2024-08-06."""
    return answered == configured or answered.startswith(f"{configured}-")


def _count(usage: Mapping[str, Any] | None, name: str, texts: Any) -> int:
    """Tokens as the server counts them; one that does not is taken to use one for four bytes."""
    counted = _inside(usage, name)
    if isinstance(counted, int) and counted >= 0:
        return counted
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) // _BYTES_PER_TOKEN
