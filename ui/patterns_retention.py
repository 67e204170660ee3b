"""What the page of who comes back is made of: cached results and their figures."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from ui import state
from ui.charts import patterns_retention as charts


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def look(_dataset: Dataset, content: str, segment: str | None) -> tuple[patterns.Retention, dict[str, go.Figure]]:
    """The curves and cohorts of one segment, with their figures; shared, so not to be changed."""
    found = patterns.retention(_dataset, segment=segment, workspace=state.workspace())
    return found, {"staying": charts.staying(found), "cohorts": charts.cohorts(found)}


def segments(dataset: Dataset) -> list[str]:
    """The segments that the viewers of a dataset have."""
    columns = dataset.columns("viewers") if dataset.has("viewers") else ()
    return [name for name in patterns.SEGMENTS if name in columns]
