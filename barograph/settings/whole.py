"""All settings together, their defaults, and what must agree among them."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)  # fmt: skip

from barograph.settings.access import Access
from barograph.settings.annotators import TOPIC_TASKS, Annotation, Annotator
from barograph.settings.receivers import Receiver
from barograph.settings.sections import (
    HIGH_PREVALENCE,
    MARKERS,
    SILENT_LINE,
    SPAN_PATTERN,
    Dimension,
    Event,
    Maintenance,
    Marker,
    Number,
    Population,
    Rule,
    Section,
    Test,
    Topic,
    Whole,
)
from barograph.settings.sources import Source
from barograph.tables import LANGUAGES

Span = Annotated[str, StringConstraints(pattern=SPAN_PATTERN)]

_DRAWN_BY = ("populations", "posts", "strata", "days")
"""Keys of an annotation that decide which posts are drawn."""
_DEFAULT_DIMENSIONS = (
    Dimension(name="anxiety", markers=("anxiety", "fear", "stress")),
    Dimension(name="depression", markers=("depression", "sadness", "loneliness")),
    Dimension(name="antagonism", markers=("anger", "hostility")),
    Dimension(name="positive", markers=("joy", "hope")),
)
_DEFAULT_RULES = (
    Rule.model_validate({"name": "high for two days", "when": "observed", "for": "2d"}),
    Rule.model_validate({"name": "likely high this week", "when": "forecast"}),
)


class Settings(Section):
    """The analyst's one file. Every key has a default."""

    minimum_authors: Annotated[Whole, Field(ge=0)] = 20
    retention_days: Annotated[Whole, Field(ge=1)] = 90
    closing_hours: Annotated[Number, Field(ge=0, le=48)] = 6
    monitor_minutes: Annotated[Whole, Field(ge=1, le=1440)] = 5
    dashboard_url: str = "http://localhost:8501/"
    """Where the links of notifications lead."""
    silent_days: Annotated[Whole, Field(ge=1, le=60)] = 2
    """Closed days in a row without a value from which on a watched line is called silent."""
    group_by: tuple[Literal["rule", "marker", "population", "unit", "method"], ...] = ()
    """What alerts must agree in to be told in one notification; without any each is told alone."""
    group_wait: Span = "0m"
    """How long the first alert of a group waits for others."""
    repeat_interval: Span = "0d"
    """How long after it was told a firing alert is told again; 0: never."""
    access: Access = Access()
    source: tuple[Source, ...] = ()
    population: tuple[Population, ...] = ()
    marker: tuple[Marker, ...] = tuple(
        Marker(name=name, lexicons=tuple(f"{name}_{lang}" for lang in LANGUAGES)) for name in MARKERS
    )
    dimension: tuple[Dimension, ...] = _DEFAULT_DIMENSIONS
    topic: tuple[Topic, ...] = ()
    event: tuple[Event, ...] = ()
    test: tuple[Test, ...] = ()
    rule: tuple[Rule, ...] = _DEFAULT_RULES
    receiver: tuple[Receiver, ...] = ()
    annotator: tuple[Annotator, ...] = ()
    annotation: tuple[Annotation, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()

    @property
    def watchable(self) -> tuple[str, ...]:
        """Every marker name that `series` holds: markers, then `dimension:NAME`."""
        return (*(m.name for m in self.marker), *(f"dimension:{d.name}" for d in self.dimension))

    @property
    def polarized(self) -> tuple[str, ...]:
        """What `series` calls the share of extreme conversations of each topic."""
        return tuple(f"polarization:{topic.name}" for topic in self.topic)

    @model_validator(mode="before")
    @classmethod
    def _own_markers_drop_our_dimensions(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return {"dimension": (), **raw} if "marker" in raw else raw

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        named = ("source", "population", "marker", "dimension", "topic", "rule", "receiver", "maintenance")
        for kind in (*named, "annotator", "annotation"):
            names = [item.name for item in getattr(self, kind)]
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"[[{kind}]] {min(twice)!r} is defined twice; names must differ")
        markers = [m.name for m in self.marker]
        populations = [p.name for p in self.population]
        for dimension in self.dimension:
            _known(f"dimension {dimension.name!r}: marker", dimension.markers, markers)
        for event in self.event:
            if populations and event.population != "*":
                _known(f"event {event.name!r}: population", (event.population,), populations)
        for window in self.maintenance:
            if populations:
                _known(f"maintenance {window.name!r}: population", window.populations, populations)
        for test in self.test:
            _known("test: event", (test.event,), [e.name for e in self.event])
            _known("test: topic", (test.topic,), [t.name for t in self.topic])
            if self.test.count(test) > 1:
                raise ValueError(f"[[test]] of event {test.event!r} and topic {test.topic!r} is declared twice")
        return self

    @model_validator(mode="after")
    def _folders_are_watched_once(self) -> Self:
        watched = [source.path for source in self.source if source.kind == "folder"]
        if twice := {path for path in watched if watched.count(path) > 1}:
            raise ValueError(f"two sources watch {min(twice)[0]!r}; expected one, as each would take the other's files")
        return self

    @model_validator(mode="after")
    def _annotations_agree(self) -> Self:
        for annotation in self.annotation:
            what = f"annotation {annotation.name!r}:"
            _known(f"{what} annotator", annotation.annotators, [a.name for a in self.annotator])
            if annotation.topic:
                _known(f"{what} topic", (annotation.topic,), [t.name for t in self.topic])
            if self.population:
                _known(f"{what} population", annotation.populations, [p.name for p in self.population])
            first = next(a for a in self.annotation if a is annotation or (a.topic and a.topic == annotation.topic))
            for key in _DRAWN_BY:
                if getattr(annotation, key) != getattr(first, key):
                    raise ValueError(
                        f"{what} got {key} = {getattr(annotation, key)!r}; expected {getattr(first, key)!r} as in "
                        f"annotation {first.name!r}: the tasks of a topic are asked of the same replies"
                    )
        return self

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        for population in self.population:
            if population.part_of:
                names = tuple(p.name for p in self.population)
                _known(f"population {population.name!r}: part_of", (population.part_of,), names)
                if population.name in self.wider(population.name):
                    raise ValueError(f"population {population.name!r}: got part_of that leads back to itself")
        return self

    def wider(self, population: str) -> tuple[str, ...]:
        """The populations that this one is a part of, nearest first. A community that is found is a part of `all`."""
        if not self.population:
            return () if population == "all" else ("all",)
        above = {p.name: p.part_of for p in self.population}
        found: list[str] = []
        while (wider := above.get(found[-1] if found else population)) and wider not in found:
            found.append(wider)
        return tuple(found)

    @model_validator(mode="after")
    def _rules_agree(self) -> Self:
        markers, populations = [m.name for m in self.marker], [p.name for p in self.population]
        for rule in self.rule:
            if rule.name in (HIGH_PREVALENCE, SILENT_LINE):
                whose = "the detector of high prevalence" if rule.name == HIGH_PREVALENCE else "lines without a value"
                raise ValueError(f"rule {rule.name!r}: the name is taken by {whose}; choose another")
            _known(f"rule {rule.name!r}: marker", rule.markers, (*self.watchable, *self.polarized))
            of_topics = {marker in self.polarized for marker in rule.markers} or {False}
            if of_topics != {rule.unit == "interactions"} or (True in of_topics and rule.method != "annotator"):
                raise ValueError(
                    f"rule {rule.name!r}: got unit {rule.unit} and method {rule.method}; expected interactions and "
                    "annotator for polarization:TOPIC, and unit posts or authors for all other markers"
                )
            for topic in (marker.partition(":")[2] for marker in rule.markers if marker in self.polarized):
                if {a.task for a in self.annotation if a.topic == topic} != set(TOPIC_TASKS):
                    raise ValueError(
                        f"rule {rule.name!r}: polarization of {topic!r} is made of labels; expected an [[annotation]] "
                        f"of it for each of {', '.join(TOPIC_TASKS)}"
                    )
            of_markers = bool(rule.markers) and set(rule.markers) <= set(markers)
            if rule.method != "lexicon" and not of_markers and True not in of_topics:
                raise ValueError(
                    f"rule {rule.name!r}: got method {rule.method} for a dimension, which has no such reading; "
                    "expected the names of markers"
                )
            if rule.method in ("annotator", "corrected") and not self.annotation:
                raise ValueError(
                    f"rule {rule.name!r}: got method {rule.method}, but nothing is labelled; "
                    "expected an [[annotation]] whose task measures its markers"
                )
            if populations:
                _known(f"rule {rule.name!r}: population", rule.populations, populations)
        return self


def _known(what: str, got: tuple[str, ...], expected: list[str] | tuple[str, ...]) -> None:
    for name in got:
        if name not in expected:
            choice = f"expected one of {', '.join(expected)}" if expected else "nor is any other"
            raise ValueError(f"{what} {name!r} is not defined; {choice}")
