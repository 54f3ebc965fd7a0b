"""From answers to the score of an interaction, 0 (friendly across sides) to 10 (one side, hostile to the other).

An interaction is a reply with what it replies to. It has a score only where each of its five parts is known: the side
of both posts, whether each is hostile to the other side, and whether the reply agrees. Any part that is missing,
unclear or no side makes it abstain: two posts without a side are not on the same one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from barograph.errors import ConfigError
from barograph.tables import CLASSES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ABSTAINED = -1
"""Stands for a class where there is none."""
ANSWERS: Mapping[str, tuple[str, str]] = {
    "stance": ("first", "second"), "affect": ("yes", "no"), "agreement": ("agree", "disagree"),
}  # fmt: skip
"""Question → the two answers that score; every other one abstains."""
PARTS: Mapping[str, str] = {
    "stance": "stance", "parent_stance": "stance", "affect": "affect", "parent_affect": "affect",
    "agreement": "agreement",
}  # fmt: skip
"""Part of an interaction → the question that it answers."""
LOW, HIGH = 2.5, 7.5
"""A conversation is low below the one and extreme above the other; 2.5 and 7.5 themselves lie between."""


@dataclass(frozen=True)
class Rules:
    """A table of scores. Raises `ConfigError` unless each of the eight classes has exactly one, from 0 to 10."""

    name: str
    why: str
    scores: Mapping[str, float]

    def __post_init__(self) -> None:
        if set(self.scores) != set(CLASSES):
            wrong = sorted(set(self.scores) ^ set(CLASSES))
            raise ConfigError(
                f"table of scores {self.name!r}: got {len(self.scores)} classes; expected each of the eight once; "
                f"wrong: {', '.join(name.removeprefix('c_') for name in wrong)}"
            )
        for name, score in self.scores.items():
            if isinstance(score, bool) or not (isinstance(score, int | float) and 0 <= score <= 10):
                raise ConfigError(
                    f"table of scores {self.name!r}: {name.removeprefix('c_')}: got {score!r}; expected 0 to 10"
                )

    @property
    def array(self) -> Floats:
        """The scores in the order of `CLASSES`, (8,)."""
        return np.array([self.scores[name] for name in CLASSES], dtype=np.float64)


def read(text: str) -> tuple[Rules, ...]:
    """The tables of scores of a TOML text, the published one first. Raises `ConfigError` where one is not whole.

    TOML itself refuses a class that is given twice.
    """
    try:
        given: list[dict[str, Any]] = tomllib.loads(text).get("rules", [])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"tables of scores: not TOML: {error}") from None
    tables = tuple(
        Rules(
            str(table.get("name", "")), str(table.get("why", "")),
            {f"c_{key}": value for key, value in table.items() if key not in ("name", "why")},
        )
        for table in given
    )  # fmt: skip
    names = [table.name for table in tables]
    if not tables or "" in names or len(set(names)) < len(names):
        raise ConfigError(f"tables of scores: got the names {names}; expected at least one, all different")
    return tables


@cache
def rules() -> tuple[Rules, ...]:
    """Our tables of scores: what is published, then the alternatives."""
    return read(files(__package__).joinpath("rules.toml").read_text("utf-8"))


def codes(parts: Mapping[str, Ints]) -> Ints:
    """Each interaction's place in `CLASSES`, or `ABSTAINED`.

    parts: those of `PARTS`, arrays of one shape; 0 and 1 are the places in `ANSWERS`, anything else is no answer.
    """
    given = [np.asarray(parts[name]) for name in PARTS]
    known = np.all([(part == 0) | (part == 1) for part in given], axis=0)
    opposite = (parts["stance"] != parts["parent_stance"]).astype(np.int64)
    calm = (np.minimum(parts["affect"], parts["parent_affect"])).astype(np.int64)  # 0 where either is hostile
    return np.where(known, 4 * opposite + 2 * calm + np.asarray(parts["agreement"]), ABSTAINED).astype(np.int64)


def places(answers: pl.Series, question: str) -> Ints:
    """Each answer's place in `ANSWERS`; −1 for every other one, and for none."""
    first, second = ANSWERS[question]
    place = pl.when(pl.col("answer") == first).then(0).when(pl.col("answer") == second).then(1).otherwise(-1)
    return answers.alias("answer").to_frame().select(place).to_series().to_numpy().astype(np.int64)


def class_of(**parts: str | None) -> str | None:
    """The class of one interaction from its five answers by the names of `PARTS`; None where it abstains."""
    [code] = codes({name: places(pl.Series([parts.get(name)], dtype=pl.String), q) for name, q in PARTS.items()})
    return None if code == ABSTAINED else CLASSES[code]
