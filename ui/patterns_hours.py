"""What the page of genres and hours is made of: cached results and their figures."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from ui import state
from ui.charts import patterns_hours as charts


@st.cache_resource(max_entries=32, ttl=3600, show_spinner=False)
def by_hour(_dataset: Dataset, content: str, genre: str | None) -> tuple[patterns.HourGenre, go.Figure]:
    """Genres by hour, or one genre by hour of the week, with its figure; shared, so not to be changed."""
    found = patterns.hours(_dataset, genre=genre, workspace=state.workspace())
    return found, (charts.week if genre else charts.genres)(found)


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def of_hour(_dataset: Dataset, content: str, weekday: int, hour: int) -> patterns.HourTitles:
    """The titles of one hour of the week."""
    return patterns.hour_titles(_dataset, weekday, hour, workspace=state.workspace())
