"""Cards as they ship, read on the page: of sources, word lists, what annotators are asked, the forecast model."""

import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files

import streamlit as st

from barograph import sources
from barograph.language import gettext as _
from barograph.language import reader

_STYLE = """<style>
.card {overflow-x:auto; margin:.25rem 0 1rem; border:1px solid rgba(128,140,155,.35); border-radius:.4rem}
.card table {border-collapse:collapse; font-size:.82rem; width:100%}
.card th, .card td {padding:.3rem .6rem; text-align:left; vertical-align:top}
.card th, .card td {border-bottom:1px solid rgba(128,140,155,.25)}
.card tr:last-child td {border-bottom:0}
.card td {min-width:4.5rem}
.card td:first-child {min-width:9rem}
.card th {font-weight:600; white-space:nowrap}
</style>"""


@st.cache_data(max_entries=64, show_spinner=False)
def lexicon(name: str, version: str) -> str | None:
    """The card of a word list that comes with barograph, of these very terms; None of another, whatever its name."""
    import lexicons  # with its compiler; only who asks for a card waits for it

    ours = name in lexicons.names() and lexicons.load(name).version == version
    return _card("lexicons", name) if ours else None


def task(name: str) -> str | None:
    """The card of what annotators are asked; `TASK:TOPIC` has that of its task. None of one of the analyst's."""
    name = name.split(":", maxsplit=1)[0]
    return _card("barograph", "annotate", "tasks", name) if name.isidentifier() else None


def source(kind: str) -> str | None:
    """The card of a kind of source; None of one that is no longer known."""
    try:
        return sources.card(kind)
    except FileNotFoundError:
        return None


def forecasts() -> str | None:
    """The card of the house model."""
    return _card("forecasting")


def show(text: str) -> None:
    """Put a card on the page: no image and no link of it leaves, and wide tables scroll by themselves."""
    if reader().language != "en":
        st.caption(_("Cards are in English."))
    for part in parts(text):
        if part.startswith("|"):
            st.html(_STYLE + table(part))
        else:
            st.markdown(part)


def parts(text: str) -> Iterator[str]:
    """A card cut into prose and tables, in order; headings one size down, links and images only their words."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[([^\]]*)\]\((https?://[^)]*)\)", r"\1 (`\2`)", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(?m)^(#+) ", r"##\1 ", text)
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip("\n")
        if not lines.strip():
            continue
        prose, _bar, rows = lines.partition("\n|") if not lines.startswith("|") else ("", "", lines[1:])
        if prose:
            yield prose
        if rows:
            yield f"|{rows}"


def table(markdown: str) -> str:
    """A table of a card as HTML that a keyboard can scroll."""
    rows = [[escape(cell.strip()) for cell in line.strip().strip("|").split("|")] for line in markdown.splitlines()]
    head, body = rows[0], [row for row in rows[1:] if not set("".join(row)) <= set("-: ")]
    headings = "".join(f"<th scope='col'>{cell}</th>" for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    named = escape(_("Table: {columns}").format(columns=", ".join(cell for cell in head if cell)), quote=True)
    return (
        f"<div class='card' role='region' tabindex='0' aria-label='{named}'><table><thead><tr>{headings}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


def _card(package: str, *path: str) -> str | None:
    found = files(package).joinpath(*path, "CARD.md")
    return found.read_text(encoding="utf-8") if found.is_file() else None
