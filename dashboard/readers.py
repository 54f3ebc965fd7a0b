"""What reads the posts of a snapshot and what forecasts them: word lists and annotators in use, and their cards."""

import polars as pl
import streamlit as st

from barograph import wording
from barograph.language import gettext as _
from barograph.tables import CANARIES, LEXICONS
from dashboard import cards, panels, selection
from dashboard.show import Shown

_TASKS = ("expression", "emotions", "stance", "affect", "agreement")


def lexicons(shown: Shown, view: selection.View) -> None:
    """Which word lists read this snapshot, and their cards."""
    used = shown.snapshot.read(LEXICONS).sort("marker", "language", "lexicon")
    if used.is_empty():
        panels.empty(_("The snapshot does not say which word lists read it"), _("It was published before they were."))
        return
    choices = used["lexicon"].unique(maintain_order=True).to_list()
    marker, version = (dict(used.select("lexicon", of).iter_rows()) for of in ("marker", "version"))
    chosen = view.one(
        st.selectbox, _("Card"), "card", choices, choices[0], lasts=False,
        format_func=lambda name: f"{wording.label(marker[name])} · {name}",
    )  # fmt: skip
    text = cards.lexicon(chosen, version[chosen])
    with st.container(border=True):
        if text is None:
            st.markdown(f":gray[{_('This list is the analyst’s own, or a package’s: it came without a card.')}]")
        else:
            cards.show(text)
    st.subheader(_("In use"), anchor=False)
    st.caption(
        _(
            "What read the posts of this snapshot. The version is a hash of terms and weights: where it changes, a "
            "line is read otherwise from then on."
        )
    )
    table = [
        {
            _("Marker"): wording.label(row["marker"]), _("List"): wording.plain(row["lexicon"]),
            _("Language"): row["language"], _("Terms"): wording.number(row["n_terms"]), _("Version"): row["version"],
            _("Calibrated on"): wording.plain(row["fitted_on"] or "–"),
        }
        for row in used.iter_rows(named=True)
    ]  # fmt: skip
    st.table(pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("Word lists in use, with versions."))


def annotators(shown: Shown, view: selection.View) -> None:
    """Whose labels are in this snapshot, whether they drift, and what they were asked."""
    labels = shown.snapshot.label_sources()
    labels = labels.filter(pl.col("method").is_in(["annotator", "corrected"]))
    if labels.is_empty():
        st.markdown(f":gray[{_('No line of this snapshot rests on annotators.')}]")
    else:
        table = [
            {
                _("Method"): _(row["method"]), _("Annotator, model, prompt"): wording.plain(row["label_source"]),
                _("Lines"): wording.number(row["n_lines"]),
                _("Days"): wording.days(row["first_day"], row["last_day"]),
            }
            for row in labels.iter_rows(named=True)
        ]  # fmt: skip
        st.table(pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("Whose labels are in it."))
    st.subheader(_("Whether they drift"), anchor=False)
    canaries = shown.snapshot.read(CANARIES)
    if canaries.is_empty():
        st.markdown(f":gray[{_('No annotator has been asked its canaries, texts whose answers are known.')}]")
    else:
        table = [
            {
                _("Annotator"): wording.plain(row["annotator"]), _("Task"): wording.plain(row["task"]),
                "": _("drifts") if row["drifting"] else _("steady"),
                _("As when first asked"): _share(row["agreement"]), _("Bound"): _share(row["bound"]),
                _("As meant"): _share(row["accuracy"]), _("Texts"): wording.number(row["n"]),
                _("Model"): wording.plain(row["model"]), _("Prompt"): row["prompt_version"],
                _("Asked"): wording.moment(row["issue"]),
            }
            for row in canaries.iter_rows(named=True)
        ]  # fmt: skip
        st.table(
            pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("Canaries of each annotator and task.")
        )
    st.subheader(_("What they are asked"), anchor=False)
    names = list(dict.fromkeys([*(name.split(":")[0] for name in canaries["task"]), *_TASKS]))
    names = [name for name in names if cards.task(name)]
    chosen = view.one(st.selectbox, _("Card"), "card", names, names[0], lasts=False)
    with st.container(border=True):
        cards.show(cards.task(chosen) or "")


def _share(value: float | None) -> str:
    return "–" if value is None else wording.plain(wording.chance(value))


def forecasts(_shown: Shown, _view: selection.View) -> None:
    """The card of the house model, and where its record is."""
    st.page_link("record.py", label=_("How the forecasts published here have done"), icon=":material/fact_check:")
    with st.container(border=True):
        cards.show(cards.forecasts() or "")
