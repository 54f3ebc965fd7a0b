"""What `streamlit run dashboard/app.py` opens: the pages, one file each."""

from pathlib import Path

import streamlit as st

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

st.navigation(
    [
        st.Page("now.py", title="Now", icon=":material/speed:", default=True),
        st.Page("timeline.py", title="Timeline", icon=":material/show_chart:"),
        st.Page("polarization.py", title="Polarization", icon=":material/call_split:"),
        st.Page("alerts.py", title="Alerts", icon=":material/notifications:"),
    ],
    position="top",
).run()
