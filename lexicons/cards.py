"""Fills what was measured into the cards of our lexicons: `python -m lexicons.cards [--check]`.

What stands between `<!-- measured -->` and `<!-- /measured -->` of a CARD.md comes from benchmarks/validity.json,
which a full run of the benchmark wrote, and from calibration.json. Nothing there is typed.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from barograph.errors import ConfigError
from lexicons import Lexicon, load, names
from lexicons.labels import LABELS, said
from lexicons.lexicon import LEARNED

VALIDITY = Path(__file__).parent.parent / "benchmarks" / "validity.json"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
_SETS = {
    "goemotions_dev": ("en", "GoEmotions, dev: Reddit comments"),
    "semeval": ("en", "SemEval-2018, gold: tweets"),
    "tweeteval_val": ("en", "TweetEval emotion, val: tweets"),
    "dreaddit": ("en", "Dreaddit: Reddit segments"),
    "usvsthem": ("en", "UsVsThem, valid: Reddit comments"),
    "emoevent_dev": ("es", "EmoEvent, dev: tweets"),
}
"""Sets as the benchmark names them → language and what they are."""
_OTHER = ("afinn", "empath", "labmt", "nrc", "vader")

Rows = list[dict[str, Any]]


def measured(lexicon: Lexicon, validity: Mapping[str, Rows]) -> str:
    """The generated part of a card: what was measured on each set with labels of the marker, and the calibration."""
    marker = str(lexicon.terms["marker"][0])
    kind = "learned" if marker.endswith(LEARNED) else "hand"
    marker = marker.removesuffix(LEARNED)
    sets = {name: title for name, (language, title) in _SETS.items() if language == lexicon.language}
    own = {name: [row for row in validity["ranks"] if (row["set"], row["marker"]) == (name, marker)] for name in sets}
    ranks = [_ranks(sets[name], kind, rows) for name, rows in own.items() if any(row["score"] == kind for row in rows)]
    if not ranks:
        return f"Not measured: no labelled set of this marker.\n\n{_calibration(lexicon)}"
    less = ["AUC less a quarter of the opposite polarity"] if kind == "hand" else []
    other = "AUC of the best other lexicon"
    columns = ["posts", "n", "positive", "AUC (95 %)", *less, "average precision (95 %)", other]
    errors: dict[tuple[str, str], dict[str, str]] = {}
    for row in validity["prevalence"]:
        if row["marker"] == marker and row["set"] in sets:
            errors.setdefault((row["set"], row["rates"]), {})[row["reading"]] = f"{row['error']:.3f}"
    shares = [
        [sets[name], rates, *(said.get(f"{kind} {how}", "–") for how in ("hits", "calibrated", "adjusted"))]
        for (name, rates), said in errors.items()
    ]
    labels = [
        f"{said(LABELS[name.partition('_')[0]][marker])} ({title.partition(':')[0].partition(',')[0]})"
        for name, title in sets.items()
        if own[name]
    ]
    found = f"Counted as positive here, whatever the construct above says: posts labelled {'; '.join(labels)}.\n\n"
    found += _table(columns, ranks)
    if shares:
        found += "\nMean absolute error of the share of positives in groups of 150 posts:\n\n"
        found += _table(("posts", "base rates", "share with a hit", "calibrated", "adjusted"), shares)
    return f"{found}\n{_calibration(lexicon)}"


def _ranks(title: str, kind: str, rows: Rows) -> list[str]:
    """A row of the first table."""
    own = next(row for row in rows if row["score"] == kind)
    best = max((row for row in rows if row["score"] in _OTHER), key=lambda row: float(row["auc"]), default=None)
    other = f"{best['auc']:.3f} ({best['score']})" if best else "none"
    contrast = [f"{row['auc']:.3f}" for row in rows if row["score"] == "hand_contrast" and kind == "hand"]
    contrast = contrast or ["–"] * (kind == "hand")
    return [
        title, f"{own['n']:,}", f"{own['positive']:,}", _interval(own, "auc"), *contrast, _interval(own, "ap"), other
    ]  # fmt: skip


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(line)} |\n" for line in (columns, *rows)]
    return "".join([lines[0], f"|{'---|' * len(columns)}\n", *lines[1:]])


def filled(card: str, block: str) -> str:
    """`card` with `block` between its two marks. Raises `ConfigError` where it has not exactly one pair of them."""
    if card.count(BEGIN) != 1 or card.count(END) != 1 or card.index(BEGIN) > card.index(END):
        raise ConfigError(f"got a card without one {BEGIN} … {END}; expected these two lines")
    return f"{card[: card.index(BEGIN)]}{BEGIN}\n{block}{card[card.index(END) :]}"


def _interval(row: Mapping[str, Any], name: str) -> str:
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f}–{row[f'{name}_high']:.3f})"


def _calibration(lexicon: Lexicon) -> str:
    """What the calibration was fitted on, and how to read it elsewhere."""
    found = lexicon.calibration
    if found is None:
        return "No calibration: no labelled posts of an allowed licence speak of this marker in this language.\n"
    return (
        f"Calibrated on {found.fitted_on}. Fitted at a base rate of {found.base_rate:.2%}; mean probability "
        f"{found.tpr:.3f} among positives and {found.fpr:.3f} among negatives, out of sample. Where posts express the "
        "marker more or less often, the mean probability follows only part of the way, and is adjusted.\n"
    )


def write(cards: Iterable[tuple[str, Path, str]], *, check: bool) -> None:
    """Write the measured part into cards, name, path and that part of each; with `check` nothing is written.

    Ends the program where `check` finds a card that would change.
    """
    stale = []
    for name, path, part in cards:
        card = path.read_text(encoding="utf-8")
        new = filled(card, part)
        if new != card:
            stale.append(name)
            if not check:
                path.write_text(new, encoding="utf-8")
    if check and stale:
        sys.exit(f"got cards that are not generated: {', '.join(stale)}; expected what `make cards` writes")


def asked_to_check(about: str | None) -> bool:
    """Whether the command line says `--check`. about: what `--help` begins with."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a card would change")
    return bool(parser.parse_args().check)


def main() -> None:
    """Write the cards, or with `--check` say which are not what would be written."""
    check = asked_to_check(__doc__)
    validity = json.loads(VALIDITY.read_text(encoding="utf-8"))
    write(
        ((name, Path(__file__).parent / name / "CARD.md", measured(load(name), validity)) for name in names()),
        check=check,
    )


if __name__ == "__main__":
    main()
