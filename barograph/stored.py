"""Sentences that tables hold in English, such as reasons and states, in the reader's language."""

import re

from barograph.language import gettext, noted

_PART = re.compile(r"\d{4}-\d\d-\d\d|\d[\d,.]*\d|\d")
"""Days and numbers, which differ from row to row of one sentence."""

KNOWN = (
    noted("ack"), noted("resolve"), noted("silence"), noted("unsilence"), noted("dispose"),
    noted("authors"), noted("posts"), noted("interactions"),
    noted("lexicon"), noted("calibrated"), noted("annotator"), noted("corrected"),
    noted("firing"), noted("acknowledged"), noted("pending"), noted("resolved"), noted("stale"), noted("nodata"),
    noted("censored"),
    noted("scheduled"), noted("sudden"), noted("anticipation-driven"), noted("reactive"), noted("neither"),
    noted("no verdict yet"), noted("true"), noted("false"), noted("unclear"),
    noted("waiting"), noted("delivered"), noted("dead"), noted("running"), noted("done"), noted("unexplained"),
    noted("unlabelled"), noted("failed"), noted("interrupted"), noted("dimension"), noted("polarization"),
    noted("no posts"), noted("authors unknown"), noted("unknown"), noted("fewer than {0} authors"),
    noted("fewer than {0} authors in a period"), noted("fewer than {0} conversations in a period"),
    noted("fewer than {0} labelled authors in {1} days"),
    noted("fewer than {0} labelled posts that express it in {1} days"),
    noted("fewer than half of the posts asked about were answered"),
    noted("under {0} % of posts in a language with a calibration"),
    noted("its last day, {0}, has not closed"),
    noted("no skill over climatology in the last {0} weeks"),
    noted("{0} day in a row"), noted("{0} days in a row"),
    noted("{0} day in a row above the threshold"), noted("{0} days in a row above the threshold"),
    noted("{0} day in a row outside its forecast"), noted("{0} days in a row outside its forecast"),
    noted("{0} day of {1} above the threshold"), noted("{0} days of {1} above the threshold"),
    noted("{0} day of {1} outside its forecast"), noted("{0} days of {1} outside its forecast"),
    noted("back below the threshold"), noted("back below the threshold for {0} days"),
    noted("back within its forecast"), noted("back within its forecast for {0} days"),
    noted("acknowledged by analyst"), noted("resolved by analyst"), noted("no rule watches it now"),
    noted("held back: volume: {0} posts, usually {1}"), noted("held back: lexicons changed after {0}"),
    noted("held back: coverage: no posts in {0} hours that usually have some"),
    noted("{0} known days"), noted("{0} needed"), noted("fewer than {0} known days"),
    noted("none of the last {0} days is known"), noted("the series never moves"),
    noted("the markers of its population have {0} known days in common"),
    noted("no such population"), noted("no reply pairs read"), noted("conversations do not differ"),
    noted("its days were not drawn, or their texts are gone"), noted("no closed day so late"),
    noted("last value on {0}"), noted("no day has closed since {0}"), noted("a value again on {0}"),
    noted("nothing was read of its last {0} day"), noted("nothing was read of its last {0} days"),
    noted("fewer than {0} authors on its last days"), noted("no posts on its last days"),
    noted("volume: {0} posts, usually {1}"), noted("lexicons changed after {0}"),
    noted("the server went on later than where it was left"),
    noted("longer ago than the server keeps (CursorTooOld)"),
    noted("longer ago than the server keeps (OutdatedCursor)"),
    noted("the server hung up as events were read too slowly (ConsumerTooSlow)"),
    noted("the server no longer has the posts last seen"), noted("more was written than a listing holds"),
    noted("gap: about {0} % of the usual posts missed"), noted("held back: gap: about {0} % of the usual posts missed"),
    noted("coverage: no posts in {0} hours that usually have some"),
    noted("none: the line has no value"), noted("by its detector, from the days before"),
    noted("percentile {0} of the {1} closed days before the forecast"),
    noted("percentile {0} of the {1} closed days before the day tested"),
    # What annotators see in posts, of the packaged tasks.
    noted("emotion word"), noted("intensifier"), noted("emoji"), noted("capitals"), noted("punctuation"),
    noted("swearing"), noted("metaphor"), noted("body"), noted("irony"), noted("joke"), noted("threat"),
    noted("loss"), noted("injustice"), noted("failure"), noted("success"), noted("support"), noted("plan"),
    noted("memory"), noted("uncertainty"), noted("quotation"), noted("worry"), noted("panic"), noted("sleep"),
    noted("low mood"), noted("hopelessness"), noted("worthlessness"), noted("fatigue"), noted("workload"),
    noted("money"), noted("conflict"), noted("illness"), noted("isolation"), noted("harm thoughts"),
    noted("treatment"), noted("coping"), noted("report"), noted("figure of speech"),
)  # fmt: skip
"""What is translated; anything else is shown as it is stored."""

MARKERS = (
    noted("Ambiguous"), noted("Anger"), noted("Antagonism"), noted("Anticipation"), noted("Anxiety"),
    noted("Basic anger"), noted("Basic fear"), noted("Basic joy"), noted("Basic love"), noted("Basic sadness"),
    noted("Basic surprise"),
    noted("Calmness"), noted("Confusion"), noted("Crisis"), noted("Depression"), noted("Despair"),
    noted("Disappointment"), noted("Disgust"), noted("Emotional"), noted("Fear"), noted("Hate"), noted("Health"),
    noted("Hope"), noted("Horror"), noted("Hostility"), noted("Joy"), noted("Like"), noted("Loneliness"),
    noted("Love"), noted("Mitigation"), noted("Moral outrage"), noted("Negative"), noted("Neglect"),
    noted("Nervousness"), noted("Out group"), noted("Pain"), noted("Polarization"), noted("Positive"),
    noted("Preparedness"), noted("Recovery"), noted("Response"), noted("Sadness"), noted("Self harm"),
    noted("Shame"), noted("Stress"), noted("Suffering"), noted("Surprise"), noted("Torment"),
)  # fmt: skip
"""Markers and dimensions that come with barograph, as `wording.label` calls them; others keep their names."""


def stored(text: str) -> str:
    """A sentence of a table, clause by clause, in the reader's language; one that has no translation as it is."""
    return "; ".join(_clause(clause) for clause in text.split("; "))


def _clause(text: str) -> str:
    if "{" in text or "}" in text:
        return text
    parts = _PART.findall(text)
    places = iter(range(len(parts)))
    return gettext(_PART.sub(lambda _match: f"{{{next(places)}}}", text)).format(*parts)
