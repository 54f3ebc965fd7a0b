"""What dashboard/served.py serves behind its door: the pages, one file each."""

from pathlib import Path

import streamlit as st

from barograph.language import gettext as _
from dashboard import access, voice

st.set_page_config(
    page_title="barograph",
    # An icon by name would be fetched from the network.
    page_icon=str(Path(__file__).with_name("icon.svg")),
    layout="wide",
    menu_items={
        "Get help": None,
        "Report a bug": None,
        "About": "The mood of populations, never of a person.",
    },
)

voice.listen()
who = access.standing()
page = st.navigation(
    [
        st.Page("now.py", title=_("Now"), icon=":material/speed:", default=True),
        st.Page("timeline.py", title=_("Timeline"), icon=":material/show_chart:"),
        st.Page("why.py", title=_("Why"), icon=":material/help_center:"),
        st.Page("heatmap.py", title=_("Heatmap"), icon=":material/grid_on:"),
        st.Page("polarization.py", title=_("Polarization"), icon=":material/call_split:"),
        st.Page("alerts.py", title=_("Alerts"), icon=":material/notifications:"),
        st.Page("record.py", title=_("Forecast record"), icon=":material/fact_check:"),
        st.Page("methods.py", title=_("Data and methods"), icon=":material/dataset:"),
    ],
    position="hidden" if who.why else "top",
)
if who.why:
    access.refuse(who.why)
else:
    page.run()
