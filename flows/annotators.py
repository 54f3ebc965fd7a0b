"""Annotators and tasks by the analyst's names, and opening their endpoints."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from barograph.annotate import task
from barograph.annotate.endpoint import Endpoint
from barograph.annotate.nade import Nade
from barograph.annotate.work import Health, Link
from barograph.settings import Annotation, Settings
from barograph.settings import Annotator as AnnotatorSettings


def task_of(settings: Settings, annotation: Annotation) -> task.Task:
    """The task of an annotation. Raises `ConfigError` where its files cannot be read."""
    topic = next((one for one in settings.topic if one.name == annotation.topic), None)
    return task.load(annotation.task, topic, annotation.examples, annotation.prompt)


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
        asked = task_of(settings, annotation)
        for name in annotation.annotators:
            link(by_name[name], asked)


@asynccontextmanager
async def opened(links: Iterable[Link]) -> AsyncIterator[None]:
    """Their endpoints with connections, closed at the end."""
    async with AsyncExitStack() as stack:
        for one in links:
            if isinstance(one.annotator, Endpoint):
                await stack.enter_async_context(one.annotator)
        yield
