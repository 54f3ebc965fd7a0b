"""How posts are read: the lexicons of the analyst's markers, and the calibrated ones beside them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property

import polars as pl

import lexicons
from barograph import settings, tables
from barograph.errors import ConfigError
from lexicons.calibrate import evidence

_CALIBRATED = "calibrated:"
"""In front of a marker whose calibrated lexicon is meant; no name of an analyst's has a colon."""
_LEARNED = "_learned"
_NO_EVIDENCE = 0.0


class Reading:
    """What is needed to score posts. Raises `ConfigError` where a lexicon cannot be read."""

    def __init__(self, markers: Sequence[settings.Marker]) -> None:
        self.markers = markers
        self.lexicons: dict[str, list[lexicons.Lexicon]] = {}
        """Language → the lexicons to read it with, without hints, under the names of the analyst's markers."""
        self.calibrated: dict[str, dict[str, tuple[lexicons.Lexicon, lexicons.Calibration]]] = {}
        """Language → marker → the lexicon that gives the evidence, its terms under `calibrated:MARKER`."""
        for marker in markers:
            found: dict[str, list[lexicons.Lexicon]] = {}
            for name in marker.lexicons:
                lexicon = lexicons.find(name)
                own = lexicons.without_hints(lexicon).terms.with_columns(marker=pl.lit(marker.name))
                of_language = self.lexicons.setdefault(lexicon.language, [])
                of_language.append(
                    replace(lexicon, terms=own, negation=marker.negation, first_person=marker.first_person)
                )
                found.setdefault(lexicon.language, []).append(lexicon)
            # A probability given the terms of one of several lists would say nothing of the others.
            for only in (several[0] for several in found.values() if len(several) == 1):
                self._calibrate(marker.name, only)

    def check(self, rules: Sequence[settings.Rule]) -> None:
        """Raise `ConfigError` where a rule asks for a calibrated reading that no language has."""
        known = sorted({marker for found in self.calibrated.values() for marker in found})
        for rule in rules:
            if rule.method == "calibrated" and (lost := [marker for marker in rule.markers if marker not in known]):
                choice = f"one of {', '.join(known)}" if known else "method lexicon"
                raise ConfigError(
                    f"rule {rule.name!r}: got method calibrated for {lost[0]!r}, which has in no language just one "
                    f"lexicon with a calibration; expected {choice}"
                )

    def _calibrate(self, marker: str, lexicon: lexicons.Lexicon) -> None:
        """Keep the lexicon that gives the evidence: of one of ours its learned sibling, else itself."""
        learned = lexicon.name + _LEARNED
        has_one = lexicon.ours and learned in lexicons.names()
        for chosen in ([lexicons.load(learned)] if has_one else []) + [lexicon]:
            if (found := chosen.calibration) is not None:
                terms = chosen.terms.filter(pl.col("marker") == found.marker)
                terms = terms.with_columns(marker=pl.lit(_CALIBRATED + marker))
                self.calibrated.setdefault(lexicon.language, {})[marker] = replace(chosen, terms=terms), found
                return

    @property
    def languages(self) -> list[str]:
        """Languages in which posts are measured."""
        return sorted(self.lexicons)

    @cached_property
    def version(self) -> str:
        """Changes when any term of any lexicon does, or any calibration."""
        own = [(m.name, sorted(m.lexicons), m.negation, m.first_person) for m in self.markers]
        versions = [(lang, lex.name, lex.version) for lang, lexs in sorted(self.lexicons.items()) for lex in lexs]
        calibrations = [
            (lang, marker, lex.version, asdict(calibration))
            for lang, found in sorted(self.calibrated.items()) for marker, (lex, calibration) in sorted(found.items())
        ]  # fmt: skip
        text = json.dumps((own, versions, calibrations), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def calibrations(self) -> pl.DataFrame:
        """`marker, lang, probability` of a post without evidence, `base_rate, power` (TPR − FPR), `fitted_on`.

        A post too short to tell its language (`und`) is read as in the first language that has a calibration.
        """
        rows = [
            (marker, lang, c.probability(_NO_EVIDENCE).item(), c.base_rate, c.tpr - c.fpr, c.fitted_on)
            for lang, found in self.calibrated.items() for marker, (_, c) in found.items()
        ]  # fmt: skip
        schema = {"marker": pl.String, "lang": pl.String, "probability": pl.Float64, "base_rate": pl.Float64,
                  "power": pl.Float64, "fitted_on": pl.String}  # fmt: skip
        own = pl.DataFrame(rows, schema=schema, orient="row")
        undetermined = own.unique("marker", keep="first", maintain_order=True).with_columns(lang=pl.lit("und"))
        return pl.concat([own, undetermined]).sort("marker", "lang")

    def scores(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Rows of `scores` of posts with `post_id, lang, text`.

        A post too short to tell its language is read with every lexicon.
        """
        found = [tables.SCORES.empty()]
        for lang, own in self.lexicons.items():
            mine = posts.filter(pl.col("lang").is_in([lang, "und"]))
            matches = lexicons.match(mine, [*own, *(lex for lex, _ in self.calibrated.get(lang, {}).values())])
            matches = matches.with_columns(pl.col("post_id", "marker").cast(pl.String))
            evident = pl.col("marker").str.starts_with(_CALIBRATED)
            found.append(matches.filter(~evident))
            found.append(self._probabilities(lang, mine, matches.filter(evident)))
        return (
            pl.concat(found, how="diagonal")
            .group_by("post_id", "marker")
            .agg(pl.col("hits", "weight").sum(), pl.col("probability").max())
        )

    def _probabilities(self, lang: str, posts: pl.DataFrame, matches: pl.DataFrame) -> pl.DataFrame:
        """`post_id, marker, probability` where it is not that of a post without evidence."""
        by_marker = evidence(posts, matches).partition_by("marker", as_dict=True)
        undetermined = posts.filter(pl.col("lang") == "und").select("post_id")
        found = [tables.SCORES.empty().select("post_id", "marker", "probability")]
        for marker, (_, calibration) in self.calibrated.get(lang, {}).items():
            rows = by_marker.get((_CALIBRATED + marker,))
            if rows is None:
                continue
            if lang != next(first for first, calibrated in self.calibrated.items() if marker in calibrated):
                rows = rows.join(undetermined, on="post_id", how="anti")
            probability = pl.Series("probability", calibration.probability(rows["evidence"].to_numpy()))
            rows = rows.select("post_id", pl.lit(marker).alias("marker"), probability)
            found.append(rows.filter(pl.col("probability") != calibration.probability(_NO_EVIDENCE).item()))
        return pl.concat(found)
