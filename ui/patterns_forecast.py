"""What the Forecast page is made of: one cached forecast for each dataset, and its figures."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from analysis.patterns.selection import Measure
from ui import state
from ui.charts import patterns_forecast as charts


@st.cache_resource(max_entries=16, ttl=24 * 3600, show_spinner=False)
def look(
    _dataset: Dataset, content: str, measure: Measure, zone: str | None
) -> tuple[patterns.Forecast, dict[str, go.Figure]]:
    """The forecast of days and its figures; shared by all visitors, so not to be changed."""
    found = patterns.forecast(_dataset, measure=measure, zone=zone, workspace=state.workspace())
    return found, {"ahead": charts.ahead(found), "record": charts.record(found)}


@st.cache_resource(max_entries=16, ttl=24 * 3600, show_spinner=False)
def look_at_genres(
    _dataset: Dataset, content: str, measure: Measure, zone: str | None
) -> tuple[patterns.GenreForecast, go.Figure]:
    """The forecast of genre shares and its figure; shared likewise."""
    found = patterns.forecast_genres(_dataset, measure=measure, zone=zone, workspace=state.workspace())
    return found, charts.genres(found)
