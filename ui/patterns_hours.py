"""What the page of genres and hours is made of: cached results with their figures, and what a click chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from analysis.patterns.words import WEEKDAYS, Habits
from ui import state
from ui.charts import patterns_hours as charts
from ui.text import escape

WEEKDAY, HOUR, GENRE = "hours_weekday", "hours_hour", "hours_genre"
HOURS = tuple(f"{hour}:00" for hour in range(24))
"""As the link has them, whatever the clock of the visitor."""


@st.cache_resource(max_entries=32, ttl=3600, show_spinner=False)
def by_hour(_dataset: Dataset, content: str, genre: str | None, habits: Habits) -> tuple[patterns.HourGenre, go.Figure]:
    """Genres by hour, or one genre by hour of the week, with its figure; shared, so not to be changed."""
    found = patterns.hours(_dataset, genre=genre, workspace=state.workspace())
    return found, (charts.week if genre else charts.genres)(found, habits)


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def of_hour(_dataset: Dataset, content: str, weekday: int, hour: int, zone: str | None = None) -> patterns.HourTitles:
    """The titles of one hour of the week."""
    return patterns.hour_titles(_dataset, weekday, hour, zone=zone, workspace=state.workspace())


def clicked(point: Mapping[str, Any]) -> None:
    """A cell was clicked: genre, weekday (where it has one) and hour below follow."""
    genre, weekday, hour = point["customdata"][:3]
    st.session_state[GENRE], st.session_state[HOUR] = genre, HOURS[int(hour)]
    if weekday is not None:
        st.session_state[WEEKDAY] = WEEKDAYS[int(weekday)]


def pick(label: str, key: str, options: tuple[str, ...], first: int) -> str:
    """A choice that the link keeps; what the link asks for in vain is said."""
    asked = st.query_params.get(key)
    if asked is not None and asked not in options:
        st.warning(f"The link asks for {escape(asked)}, which is not there. Showing {escape(options[first])}.")
    if st.session_state.get(key) not in (None, *options):
        # A genre of another dataset.
        st.session_state[key] = options[first]
    return str(st.selectbox(label, options, index=first, key=key, bind="query-params"))
