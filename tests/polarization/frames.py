"""Reply pairs and answers as the stage hands them over."""

from datetime import date
from typing import Any

import polars as pl

from barograph import polarization

DAY = date(2024, 3, 1)
PAIR = {
    "post_id": pl.String, "parent_id": pl.String, "conversation": pl.String, "time_value": pl.Date, "source": pl.String,
    "community": pl.String, "lang": pl.String, "geo": pl.String, "author": pl.String, "parent_author": pl.String,
    "inclusion_probability": pl.Float64, "drawn": pl.Boolean,
}  # fmt: skip
ANSWER = dict.fromkeys(("post_id", "question", "answer", "annotator", "model", "prompt_version", "source"), pl.String)
# What each class is answered as: stance of parent and reply, affect of parent and reply, agreement.
AS = {
    "c_same_affect_agree": ("first", "first", "yes", "no", "agree"),
    "c_same_affect_disagree": ("second", "second", "no", "yes", "disagree"),
    "c_same_none_agree": ("second", "second", "no", "no", "agree"),
    "c_same_none_disagree": ("first", "first", "no", "no", "disagree"),
    "c_opposite_affect_agree": ("first", "second", "yes", "yes", "agree"),
    "c_opposite_affect_disagree": ("second", "first", "no", "yes", "disagree"),
    "c_opposite_none_agree": ("second", "first", "no", "no", "agree"),
    "c_opposite_none_disagree": ("first", "second", "no", "no", "disagree"),
}
ABSTAINS = ("first", "unclear", "yes", "no", "agree")


def pair(
    conversation: str, answers: Any = "c_same_none_agree", *, p: float = 1.0, drawn: bool = True, day: date = DAY,
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """One reply pair of posts of its own, with the answers of a class or those given; None: it was not asked."""
    given = AS.get(answers, answers) if isinstance(answers, str) else answers
    return {
        "conversation": conversation, "inclusion_probability": p, "drawn": drawn, "time_value": day, "given": given,
        "source": "s", "lang": "en", **more,
    }  # fmt: skip


def frames(rows: list[dict[str, Any]], *, annotator: str = "desk", version: str = "v1") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs and answers; authors are all different people unless given."""
    pairs, answers = [], []
    for i, row in enumerate(rows):
        reply, parent = f"r{i}", f"p{i}"
        own = {"post_id": reply, "parent_id": parent, "author": f"a{i}", "parent_author": f"b{i}"} | row
        pairs.append({name: own.get(name) for name in PAIR})
        if row["given"] is None or not row["drawn"]:
            continue
        parts = zip(
            ((own["parent_id"], "stance"), (own["post_id"], "stance"), (own["parent_id"], "affect"),
             (own["post_id"], "affect"), (own["post_id"], "agreement")), row["given"], strict=True,
        )  # fmt: skip
        answers += [(post, question, answer, annotator, "m", version, annotator) for (post, question), answer in parts]
    found = pl.DataFrame(answers, schema=ANSWER, orient="row").unique(["post_id", "question"], maintain_order=True)
    return pl.DataFrame(pairs, schema=PAIR), found


def read(rows: list[dict[str, Any]], **confusions: polarization.Confusion) -> polarization.Interactions:
    """What was read in these pairs."""
    return polarization.interactions(*frames(rows), confusions or None)
