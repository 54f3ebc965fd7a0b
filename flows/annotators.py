"""Annotators and tasks by the analyst's names, and opening their endpoints."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from barograph.annotate import task
from barograph.annotate.endpoint import Endpoint
from barograph.annotate.nade import TASK as OF_NADE
from barograph.annotate.nade import Nade
from barograph.annotate.work import Health, Link
from barograph.errors import ConfigError
from barograph.settings import TASKS, TOPIC_TASKS, Settings
from barograph.settings import Annotator as AnnotatorSettings


def task_of(settings: Settings, name: str) -> task.Task:
    """The task of that name, as in `annotations`, with the examples and prompt of the config's annotation of it.

    Raises `ConfigError` for a task or topic that is none, or files that cannot be read.
    """
    kind, _, topic = name.partition(":")
    if kind not in TASKS:
        raise ConfigError(f"got task {kind!r}; expected one of {', '.join(TASKS)}")
    known = {one.name: one for one in settings.topic}
    if topic not in known and (topic or kind in TOPIC_TASKS):
        choice = f"one of {', '.join(known)}" if known else "a [[topic]] in the config, where none is"
        raise ConfigError(
            f"task {name}: got {f'topic {topic!r}' if topic else 'no topic'}; expected {kind}: and {choice}"
        )
    own = next((one for one in settings.annotation if one.name == name), None)
    return task.load(kind, known.get(topic), own.examples if own else "fixed", own.prompt if own else None)


def annotator_of(
    settings: Settings, asked: task.Task, name: str | None, *, prompted: bool = False
) -> AnnotatorSettings:
    """The annotator of that name; without one the first that the config has for the task, else the first of all.

    nade needs no config, but reads one task alone, and has no prompt. prompted: only one that has. Raises `ConfigError`
    where there is none.
    """
    known = {one.name: one for one in settings.annotator}
    known.setdefault("nade", AnnotatorSettings(name="nade", kind="nade"))
    reads_nade = asked.kind == OF_NADE and not prompted
    able = {each: one for each, one in known.items() if one.kind != "nade" or reads_nade}
    if name is None:
        own = next((one.annotators for one in settings.annotation if one.name == asked.name), ())
        name = next((each for each in (*own, *(one.name for one in settings.annotator)) if each in able), None)
    if name in able:
        return able[name]
    why = ""
    if name in known:
        why = ", which has no prompt" if prompted else f", which reads {OF_NADE} alone"
    choice = [*able, *([] if settings.annotator else ["an [[annotator]] in the config, where none is"])]
    choice = choice or ["an [[annotator]] with url and model in the config"]
    raise ConfigError(f"--annotator: got {name or 'none'}{why}; expected {' or '.join(choice)}")


def link(settings: AnnotatorSettings, asked: task.Task, health: Health | None = None) -> Link:
    """An annotator by its settings, for one task. health: as the run knows it, where it asks it more than one.

    Raises `ConfigError` where its key cannot be had, or nade is not installed or asked another task than it knows.
    """
    annotator = Nade(asked, settings.name) if settings.kind == "nade" else Endpoint(settings, asked)
    return Link(annotator, settings.in_flight, settings.price_in, settings.price_out, health or Health())


def check(settings: Settings) -> None:
    """Find now what would be found when annotators are asked: missing keys and packages, tasks that nobody can read."""
    by_name = {one.name: one for one in settings.annotator}
    for annotation in settings.annotation:
        asked = task_of(settings, annotation.name)
        for name in annotation.annotators:
            link(by_name[name], asked)
        if annotation.labelled is not None and not annotation.labelled.is_file():
            raise ConfigError(f"annotation {annotation.name}: labelled: got {annotation.labelled}; expected a file")


@asynccontextmanager
async def opened(links: Iterable[Link]) -> AsyncIterator[None]:
    """Their endpoints with connections, closed at the end."""
    async with AsyncExitStack() as stack:
        for one in links:
            if isinstance(one.annotator, Endpoint):
                await stack.enter_async_context(one.annotator)
        yield
