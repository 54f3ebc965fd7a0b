"""The newest published snapshot, opened once per process, and a watch for the next one."""

import os
from pathlib import Path

import polars as pl
import streamlit as st

from barograph import publish
from barograph.home import Home
from barograph.store import Snapshot

_EVERY = "30s"


def home() -> Path:
    """BAROGRAPH_HOME, else ./barograph-home: the same as the command line's."""
    return Path(os.environ.get("BAROGRAPH_HOME") or "barograph-home").absolute()


def current() -> Path | None:
    """The snapshot that CURRENT names; None before the first."""
    return publish.current(Home(home()).published)


@st.cache_resource(max_entries=2, show_spinner=False)
def opened(path: str) -> Snapshot:
    """The snapshot at `path`. Immutable, and no name is used twice, so it may stay open."""
    return Snapshot(Path(path))


@st.cache_data(max_entries=2, show_spinner=False)
def lines(path: str) -> pl.DataFrame:
    """`Snapshot.lines` of the snapshot at `path`."""
    return opened(path).lines()


@st.fragment(run_every=_EVERY)
def follow(shown: Path | None) -> None:
    """Rerun the page as soon as a snapshot other than `shown` is published."""
    if current() != shown:
        st.rerun()
