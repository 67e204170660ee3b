"""The Overview's results and charts, computed once for all visitors."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns, recommend
from analysis.data import Dataset
from analysis.experiments.portfolio import Portfolio, portfolio
from ui import state
from ui.charts import overview as charts
from ui.charts import patterns as pattern_charts
from ui.charts import recommend as recommend_charts
from ui.charts.theme import Finished

CHAPTER = 330
"""Height of a chapter's chart, and of what is kept free for it while it is computed, in pixels."""


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def viewing(_dataset: Dataset, content: str) -> tuple[patterns.Patterns, go.Figure, go.Figure]:
    """Daily trend and week, with their charts."""
    found = patterns.look(
        _dataset, filters=patterns.Filters(), zone=None, measure="events", workspace=state.workspace()
    )
    return found, small(charts.growth(found.daily)), small(pattern_charts.clock(found.clock))


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def tried(_dataset: Dataset, content: str) -> tuple[Portfolio, go.Figure]:
    """All experiments, with their chart."""
    found = portfolio(_dataset)
    return found, small(charts.experiments(found))


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def trained(_run: recommend.Run, run_id: str, content: str) -> go.Figure:
    """The chart of a run's leaderboard."""
    return small(recommend_charts.whiskers(_run.leaderboard))


def small(figure: go.Figure) -> Finished:
    """Without a title of its own: the finding stands above it as a sentence."""
    figure.update_layout(height=CHAPTER, meta={"title": "", "subtitle": figure.layout.meta["subtitle"]})
    return Finished(figure)
