"""How divided conversations on a topic are, by day and round events, and how sure that is."""

from typing import Any

import polars as pl
import streamlit as st

from barograph import charts, topic, wording
from barograph.language import gettext as _
from barograph.language import noted
from barograph.stored import stored
from barograph.tables import EVENT_TESTS, POLARIZATION
from dashboard import drawn, show
from dashboard.headline import STYLE, cell
from dashboard.show import Shown

_CONTRASTS = {
    "before-earlier": noted("before, against as many days before that"),
    "during-before": noted("during, against before"),
    "after-before": noted("after, against before"), "after-during": noted("after, against during"),
}  # fmt: skip
_OUTCOMES = {"mean_score": noted("mean score"), "share_extreme": noted("share of extreme conversations")}


def page(shown: Shown) -> None:
    """Choose a topic and a population → its days → the mix → what it did round events."""
    rows, tests = shown.snapshot.read(POLARIZATION), shown.snapshot.read(EVENT_TESTS)
    st.header(_("Polarization"), anchor=False)
    if rows.is_empty():
        st.info(
            _(
                "**Nothing has been read of any topic.** Name a `[[topic]]` in barograph.toml, and for it an "
                "`[[annotation]]` each of stance, affect and agreement; scores follow with the next closed day."
            ),
            icon=":material/visibility_off:",
        )
        return
    across = st.columns(2)
    names = rows["topic"].unique().sort().to_list()
    asked = st.query_params.to_dict()
    place = names.index(asked["topic"]) if asked.get("topic") in names else 0
    name = across[0].selectbox(_("Topic"), names, index=place)
    where = rows.filter(pl.col("topic") == name)["population"].unique().sort().to_list()
    place = where.index(asked["population"]) if asked.get("population") in where else 0
    population = across[1].selectbox(_("Population"), where, index=place)
    st.query_params.from_dict({"topic": name, "population": population})
    mine = rows.filter(pl.col("topic") == name, pl.col("population") == population).sort("time_value")
    _headline(mine)
    if topic.scored(mine).is_empty():
        return
    sentence = topic.describe(mine)
    drawn.chart(
        charts.scores(mine), key="polarization", title=_("Score by day, 0 to 10"), rows=mine,
        name=f"polarization_{name}_{population}",
        sentence=f"{sentence} "
        + _("Grey: what other tables of scores would give. Dashed: below 2.5 a conversation is low, above 7.5 extreme. "
            "Bars: 95 % intervals, clustered by conversation."),
    )  # fmt: skip
    drawn.chart(
        charts.mix(mine), key="mix", title=_("What the score is made of"), rows=mine,
        name=f"polarization-classes_{name}_{population}",
        sentence=_("Shares of the eight classes. {sentence}").format(sentence=sentence),
    )  # fmt: skip
    st.caption(
        _(
            "Friendly agreement within one side (6) counts for more than a civil dispute across sides (4): read the "
            "score beside this mix. A reply pair of which any part is unclear is left out, and counted as abstained."
        )
    )
    _tests(tests.filter(pl.col("topic") == name, pl.col("population").is_in(["*", population])))


def _headline(rows: pl.DataFrame) -> None:
    """The latest day with a score, or why there is none."""
    days = topic.scored(rows)
    if days.is_empty():
        reasons = ", ".join(stored(reason) for reason in sorted(set(rows["missing_reason"].drop_nulls())))
        st.info(
            _("**No day has a score.** Reason: {reasons}.").format(reasons=wording.plain(reasons)),
            icon=":material/visibility_off:",
        )
        return
    last = days.row(-1, named=True)
    pairs = wording.count(last["n_interactions"], "reply pairs")
    extreme = wording.interval(last["share_extreme"], last["share_extreme_lo"], last["share_extreme_hi"])
    cells = [
        cell(
            _("Score of 10, {day}").format(day=wording.day(last["time_value"])),
            topic.score(last["mean_score"], last["lo"], last["hi"]),
            _("other tables of scores: {low} to {high}").format(
                low=wording.written(f"{last['band_low']:.1f}"), high=wording.written(f"{last['band_high']:.1f}")
            ),
        ),
        cell(_("Extreme conversations"), extreme, _("mean score above 7.5")),
        cell(_("Left unscored"), wording.chance(last["share_abstained"]), _("reply pairs with an unclear part")),
        cell(_("Behind it"), wording.count(last["n_conversations"], "conversations"),
             f"{pairs}, {wording.count(last['n_authors'], 'authors')}"),
    ]  # fmt: skip
    st.html(f"{STYLE}<dl class='headline' style='padding:0'>{''.join(cells)}</dl>")
    if source := last["label_source"]:
        st.caption(wording.plain(f"{source[0].upper()}{source[1:]}."))


def _tests(tests: pl.DataFrame) -> None:
    """What polarization did round events, as declared tests say."""
    st.subheader(_("Round events"), anchor=False)
    if tests.is_empty():
        nothing = _("No test is declared: a `[[test]]` before its event makes what follows more than a guess.")
        st.markdown(f":gray[{nothing}]")
        return
    for mine in tests.partition_by("test", maintain_order=True):
        first = mine.row(0, named=True)
        days = wording.days(first["starts_on"], first["ends_on"])
        if first["starts_on"] == first["ends_on"]:
            days = wording.day(first["starts_on"])
        declared = _("declared before it") if first["confirmatory"] else _("declared later: exploratory")
        verdict = stored(first["verdict"] or "no verdict yet")
        title = f"{first['event']} ({stored(first['kind'])}, {days}), {_(_OUTCOMES[first['outcome']])}: {verdict}"
        st.markdown(f"**{wording.plain(title)}** :gray[· {declared} · {wording.plain(first['evidence'])}]")
        st.table(pl.DataFrame([_row(row) for row in mine.iter_rows(named=True)]), border="horizontal", hide_index=True,
                 alt=_("Comparisons round {event}.").format(event=first["event"]))  # fmt: skip


def _row(row: dict[str, Any]) -> dict[str, str]:
    known = row["effect"] is not None
    between = stored(row["missing_reason"] or "")
    if known:
        effect, low, high = (_number(row[name], "+.2f") for name in ("effect", "lo", "hi"))
        between = f"{effect} ({low} {_('to')} {high})"
    return {
        _("Compared"): _(_CONTRASTS[row["contrast"]]),
        _("Difference"): between,
        _("Standardized"): _number(row["effect_standardized"], "+.2f"),
        "p": _number(row["p"], ".3f"),
        _("p after Holm"): _number(row["p_holm"], ".3f"),
        _("Conversations"): _("{before} and {after}").format(
            before=wording.number(row["n_before"]), after=wording.number(row["n_after"])
        ),
    }


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else wording.written(format(value, form))


show.run(page)
