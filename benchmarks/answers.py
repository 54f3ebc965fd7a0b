"""The labelled sets beside the project as true answers of our tasks. Nothing of them is copied."""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from barograph.annotate import tasks
from barograph.annotate.annotation import Item
from barograph.annotate.labelled import YES_NO, Labelled
from barograph.annotate.task import Task
from barograph.settings import Topic
from benchmarks import labelled as sets

PAIRS = sets.LABELLED.parent / "posts/reply_pairs/debagreement_dev.csv"
_STANCES = {
    "abortion": ("the legalization of abortion", "for the legalization of abortion", "against it"),
    "climate": ("climate change", "climate change is a real concern", "climate change is no concern"),
    "feminist": ("the feminist movement", "for the feminist movement", "against it"),
}
_SUBREDDITS = {
    "Brexit": ("Brexit", "for Brexit", "against Brexit"),
    "climate": ("climate", "for action on climate change", "against it"),
    "BlackLivesMatter": ("Black Lives Matter", "for Black Lives Matter", "against it"),
    "Republican": ("US politics", "for the Republicans", "for the Democrats"),
    "democrats": ("US politics", "for the Democrats", "for the Republicans"),
}


@dataclass(frozen=True, eq=False)
class Asked:
    """Posts of one set with true answers, and the task that they are asked with."""

    task: Task
    labelled: Labelled


def _topic(name: str, first: str, second: str) -> Topic:
    return Topic(name=name, keywords=("-",), sides=(first, second))


def spread(n: int, limit: int | None) -> range | list[int]:
    """Places of at most `limit` of n, evenly spaced."""
    return range(n) if limit is None or n <= limit else [i * n // limit for i in range(limit)]


def _markers(read: Callable[[], sets.Labelled], kind: str) -> Callable[[int | None], list[Asked]]:
    """A set with yes/no labels of our markers; those of them that the task asks for."""

    def asked(limit: int | None) -> list[Asked]:
        found, task = read(), tasks.load(kind)
        at = spread(found.posts.height, limit)
        texts, known = found.texts, [marker for marker in found.labels if marker in task.questions]
        items = tuple(Item(f"{found.name}:{i}", texts[i], found.language) for i in at)
        truth = tuple({m: "yes" if found.labels[m][i] else "no" for m in known} for i in at)
        return [Asked(task, Labelled(items, dict.fromkeys(known, YES_NO), truth))]

    return asked


def _single(
    kind: str, topic: Topic, rows: Iterable[tuple[str, str | None, str]], lang: str, limit: int | None, name: str
) -> Asked:
    """Text, parent and answer of a task with one question."""
    task, every = tasks.load(kind, topic), list(rows)
    ((question, answers),) = task.questions.items()
    chosen = [every[i] for i in spread(len(every), limit)]
    items = tuple(Item(f"{name}:{i}", text, lang, parent) for i, (text, parent, _) in enumerate(chosen))
    return Asked(task, Labelled(items, {question: answers}, tuple({question: answer} for _, _, answer in chosen)))


def tweeteval_stance(limit: int | None) -> list[Asked]:
    """English tweets for, against or neither, of three topics; the validation part."""
    found = []
    for name, topic in _STANCES.items():
        folder = sets.LABELLED / "tweeteval_stance" / name
        texts = (folder / "val_text.txt").read_text(encoding="utf-8").split("\n")
        said = ("none", "second", "first")
        answers = [said[int(number)] for number in (folder / "val_labels.txt").read_text().split()]
        rows = [(text, None, answer) for text, answer in zip(texts, answers, strict=False)]
        part = None if limit is None else limit // len(_STANCES)
        found.append(_single("stance", _topic(*topic), rows, "en", part, f"tweeteval_{name}"))
    return found


def cic_es_stance(limit: int | None) -> list[Asked]:
    """Spanish tweets on the independence of Catalonia."""
    said = {"FAVOR": "first", "AGAINST": "second", "NONE": "none"}
    topic = _topic("la independencia de Cataluña", "a favor de la independencia", "en contra de la independencia")
    lines = (sets.LABELLED / "cic_es_stance/spanish_val.csv").read_text(encoding="utf-8").split("\n")[1:]
    fields = [line.rstrip("\r").split("\t") for line in lines if line.strip()]
    rows = [(row[1], None, said[row[2]]) for row in fields if len(row) == 3 and row[2] in said]
    return [_single("stance", topic, rows, "es", limit, "cic_es")]


def debagreement(limit: int | None) -> list[Asked]:
    """Replies on Reddit with what they reply to, of five forums; neutral is read as unclear."""
    said = {"agree": "agree", "disagree": "disagree", "neutral": "unclear"}
    every = _records(PAIRS)
    chosen = [every[i] for i in spread(len(every), limit)]
    found = []
    for name, topic in _SUBREDDITS.items():
        rows = [(r["child_text"], r["parent_text"], said[r["label"]]) for r in chosen if r["subreddit"] == name]
        if rows:
            found.append(_single("agreement", _topic(*topic), rows, "en", None, f"debagreement_{name}"))
    return found


def mask_mandate(limit: int | None) -> list[Asked]:
    """Replies on Reddit with what they quote, on mask mandates: 0 disagree, 1 neutral (read as unclear), 2 agree."""
    said = ("disagree", "unclear", "agree")
    topic = _topic("mask mandates", "for mask mandates", "against mask mandates")
    rows = [
        (r["response_text"], r["quote_text"], said[int(r["relation"])])
        for r in _records(sets.LABELLED / "subreddit_agreement/mask_mandate.csv")
    ]
    return [_single("agreement", topic, rows, "en", limit, "mask_mandate")]


def _records(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SETS: Mapping[str, tuple[str, str, Callable[[int | None], list[Asked]]]] = {
    "goemotions_dev": (
        "emotions",
        "GoEmotions, dev: Reddit comments",
        _markers(lambda: sets.goemotions("dev"), "emotions"),
    ),
    "semeval": ("emotions", "SemEval-2018, gold: tweets", _markers(sets.semeval, "emotions")),
    "emoevent_dev": (
        "emotions",
        "EmoEvent, dev: tweets in Spanish",
        _markers(lambda: sets.emoevent("dev"), "emotions"),
    ),
    "dreaddit": ("expression", "Dreaddit: Reddit segments", _markers(sets.dreaddit, "expression")),
    "tweeteval_stance": ("stance", "TweetEval stance, val: tweets on three topics", tweeteval_stance),
    "cic_es_stance": ("stance", "Catalan independence: tweets in Spanish", cic_es_stance),
    "debagreement": ("agreement", "DEBAGREEMENT, dev: replies on Reddit", debagreement),
    "mask_mandate": ("agreement", "Mask mandates: replies on Reddit", mask_mandate),
}
"""Name → task, what it is, and how it is read with a limit of posts. None says anything of the task affect."""
