"""What `streamlit run dashboard/app.py` opens: the pages, one file each."""

import streamlit as st

st.set_page_config(
    page_title="barograph", page_icon=":material/monitoring:", layout="wide",
    menu_items={"Get help": None, "Report a bug": None, "About": "barograph: expressed mood of populations, never of a person."},
)  # fmt: skip

st.navigation(
    [st.Page("timeline.py", title="Timeline", icon=":material/show_chart:", default=True)], position="top"
).run()
