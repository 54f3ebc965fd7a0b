"""What a page's address holds, and what pages remember, on a page of one control of each kind."""

from typing import Any

from streamlit.testing.v1 import AppTest


def _page() -> None:
    from datetime import date

    import streamlit as st

    from dashboard import selection

    view = selection.View()
    bar = selection.bar()
    options = ["a", "b", "c"] if st.session_state.get("wide", True) else ["a", "b"]
    said: dict[str, Any] = {
        "letter": view.one(bar.selectbox, "Letter", "letter", options, "b", format_func=str.upper),
        "hidden": view.one(None, "Hidden", "hidden", ["x", "y"], "z"),
        "smooth": view.one(bar.segmented_control, "Smooth", "smooth", ["off", "7"], "off", lasts=False),
        "also": view.several(bar.multiselect, "Also", "also", options, 2),
        "from": view.day(bar.date_input, "From", "from", date(2026, 3, 1), date(2026, 1, 1), date(2026, 3, 31)),
    }
    view.keep()
    st.json({name: str(value) if isinstance(value, date) else value for name, value in said.items()})


def opened(**query: str | list[str]) -> AppTest:
    page = AppTest.from_function(_page)
    return follow(page, **query)


def follow(page: AppTest, **query: str | list[str]) -> AppTest:
    page.query_params.clear()
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads(page.json[0].value)
    return found


USUAL = {"letter": "b", "hidden": "x", "smooth": "off", "also": [], "from": "2026-03-01"}


def test_without_a_link_all_is_as_usual_and_the_address_says_what_lasts() -> None:
    page = opened()
    assert said(page) == USUAL
    assert page.query_params == {"letter": "b", "hidden": "x", "from": "2026-03-01"}


def test_a_link_restores_everything() -> None:
    page = opened(letter="c", hidden="y", smooth="7", also=["a", "b"], **{"from": "2026-02-02"})
    assert said(page) == {"letter": "c", "hidden": "y", "smooth": "7", "also": ["a", "b"], "from": "2026-02-02"}
    assert not page.warning
    assert page.query_params["also"] == ["a", "b"]


def test_what_a_link_names_in_vain_is_said_once() -> None:
    page = opened(letter="q", also=["a", "w"], **{"from": "yesterday"})
    assert said(page) == USUAL | {"also": ["a"]}
    (warned,) = page.warning
    assert "The link names letter “q” and also “w” and from “yesterday”, which is not published here" in warned.value
    assert not page.run().warning


def test_a_day_out_of_reach_is_the_nearest_one() -> None:
    assert said(opened(**{"from": "2020-01-01"}))["from"] == "2026-01-01"


def test_what_is_chosen_is_in_the_address_and_a_wish_waits_where_it_cannot_be_had() -> None:
    page = opened()
    page.selectbox(key="letter").select("c").run()
    assert said(page)["letter"] == "c"
    assert page.query_params["letter"] == "c"
    page.session_state["wide"] = False
    assert said(page.run())["letter"] == "b"
    page.session_state["wide"] = True
    assert said(page.run())["letter"] == "c"


def test_a_link_within_a_session_changes_what_it_names_and_ends_what_does_not_last() -> None:
    page = opened(letter="c", hidden="y", smooth="7", also=["a"], **{"from": "2026-02-02"})
    assert said(follow(page, letter="a")) == USUAL | {"letter": "a", "hidden": "y"}
    # An address that names nothing is that of the menu: all stays.
    page = opened(letter="c", smooth="7")
    assert said(follow(page)) == USUAL | {"letter": "c", "smooth": "7"}
