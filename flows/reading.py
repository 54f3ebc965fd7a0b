"""How posts are read: the lexicons of the analyst's markers, and the calibrated ones beside them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property

import numpy as np
import polars as pl

import lexicons
from barograph import settings, tables
from barograph.errors import ConfigError
from lexicons.calibrate import LENGTH_POWER
from lexicons.lexicon import LEARNED

_CALIBRATED = "calibrated:"
"""In front of a marker whose calibrated lexicon is meant; no name of an analyst's has a colon."""
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
        learned = lexicon.name + LEARNED
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

    @property
    def used(self) -> pl.DataFrame:
        """Rows of `lexicons` but for `updated_at`: the lists of every marker, and the calibrated ones."""
        own = [
            (lex.terms["marker"][0], lex, None) for lexs in self.lexicons.values() for lex in lexs if lex.terms.height
        ]
        rows: dict[tuple[str, str], tuple[str, str, int, str | None]] = {
            (marker, lex.name): (lex.language, lex.version, lex.terms.height, fitted_on)
            for marker, lex, fitted_on in own
        }
        for found in self.calibrated.values():
            for marker, (lex, calibration) in found.items():
                terms = rows.get((marker, lex.name), (lex.language, lex.version, lex.terms.height, None))
                rows[marker, lex.name] = (*terms[:3], calibration.fitted_on)
        names = ["marker", "lexicon", "language", "version", "n_terms", "fitted_on"]
        return pl.DataFrame([(*key, *row) for key, row in rows.items()],
                            schema={n: tables.LEXICONS.schema[n] for n in names}, orient="row")  # fmt: skip

    def scores(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Rows of `scores` of posts with `post_id, lang, text`.

        A post too short to tell its language is read with every lexicon.
        """
        readings = []
        for lang, own in self.lexicons.items():
            row = np.flatnonzero(posts["lang"].is_in([lang, "und"]).to_numpy())
            several = [*own, *(lexicon for lexicon, _ in self.calibrated.get(lang, {}).values())]
            readings.append((lang, row, lexicons.match_arrays(posts["text"].gather(row), several)))
        undetermined = (posts["lang"] == "und").to_numpy()
        frames = [tables.SCORES.empty()]
        # A marker at a time, by the places of the posts: their ids are text, which is slow to sort and join by.
        for name in dict.fromkeys(marker.name for marker in self.markers):
            hits, weight = np.zeros(posts.height, dtype=np.int64), np.zeros(posts.height)
            probability = np.full(posts.height, np.nan)
            first = next((lang for lang, calibrated in self.calibrated.items() if name in calibrated), None)
            for lang, row, found in readings:
                mine = found.of(name)
                hits[row[found.post[mine]]] += found.hits[mine]
                weight[row[found.post[mine]]] += found.weight[mine]
                if name not in self.calibrated.get(lang, {}):
                    continue
                calibration = self.calibrated[lang][name][1]
                mine = found.of(_CALIBRATED + name)
                mine = mine if lang == first else mine[~undetermined[row[found.post[mine]]]]
                length = found.n_tokens[found.post[mine]].astype(np.float64)
                read = calibration.probability(found.weight[mine] / length**LENGTH_POWER)
                read[read == calibration.probability(_NO_EVIDENCE)] = np.nan
                probability[row[found.post[mine]]] = read
            kept = np.flatnonzero((hits > 0) | ~np.isnan(probability))
            columns = {"hits": hits, "weight": weight, "probability": probability}
            rows = pl.DataFrame({key: column[kept] for key, column in columns.items()}).fill_nan(None)
            frames.append(rows.with_columns(posts["post_id"].gather(kept), marker=pl.lit(name)))
        return pl.concat(frames, how="diagonal")
