"""What the Seasons page is made of: one cached estimate for each dataset, and its figures."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from ui import state
from ui.charts import patterns_seasons as charts

Known = dict[tuple[int, int], float]


@st.cache_resource(max_entries=8, ttl=24 * 3600, show_spinner=False)
def look(_dataset: Dataset, content: str) -> tuple[patterns.Appetite, Known, dict[str, go.Figure]]:
    """The estimate, what is known of the truth, and the figures; shared by all visitors, so not to be changed."""
    found = patterns.appetite(_dataset, workspace=state.workspace())
    known = patterns.planted(_dataset, found)
    figures = {
        "causes": charts.causes(found, known),
        "every_cell": charts.every_cell(found),
        "decay": charts.decay(found),
    }
    return found, known, figures
