"""What the Viewing patterns page is made of: cached results with their figures, filters, and counting as a job."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from analysis.patterns.selection import Measure
from analysis.patterns.words import Habits
from ui import jobs, state
from ui.charts import patterns as charts
from ui.story import Story
from ui.text import escape


@st.cache_data(max_entries=32, ttl=3600, show_spinner=False)
def choices(_dataset: Dataset, content: str, zone: str | None) -> patterns.Choices:
    """What there is to choose from."""
    return patterns.choices(_dataset, zone=zone, workspace=state.workspace())


@st.cache_resource(max_entries=64, ttl=3600, show_spinner=False)
def look(
    _dataset: Dataset, content: str, chosen: tuple[str | None, ...], zone: str | None, measure: Measure, habits: Habits
) -> tuple[patterns.Patterns, dict[str, go.Figure]]:
    """The findings under a selection, and their figures by name; shared by all visitors, so not to be changed.

    Drawing costs more than counting from cubes, and a rerun of the page should cost neither.
    """
    filters = patterns.Filters(*chosen)
    found = patterns.look(_dataset, filters=filters, zone=zone, measure=measure, workspace=state.workspace())
    figures = {"clock": charts.clock(found.clock, habits), "daily": charts.daily(found.daily)}
    if found.months is not None:
        figures["seasons"] = charts.seasons(found.months)
    return found, figures


def pick(label: str, key: str, options: tuple[str, ...], everything: str) -> str | None:
    """A filter that the URL keeps; nothing is shown where there is nothing to choose."""
    asked = st.query_params.get(key)
    if asked is not None and asked not in (*options, everything):
        st.warning(f"The link asks for {escape(asked)}, which is not in this dataset. Showing {everything.lower()}.")
    if not options:
        return None
    picked = st.selectbox(label, (everything, *options), key=key, bind="query-params")
    return picked if picked in options else None


def count_first(story: Story, what: patterns.Events, zone: str | None) -> None:
    """A big dataset is counted by a job before the page shows it; stops the page until that is done."""
    dataset = story.dataset
    rows = dataset.info.rows(what.table)
    if rows <= patterns.AT_ONCE or patterns.prepared(dataset, zone=zone, workspace=state.workspace()):
        return
    story.empty(f"The {what.noun} of this dataset have not been counted yet.", "It is done once and then kept.")
    jobs.submit_button(
        f"Count {rows:,} {what.noun}",
        ["patterns", "--data", state.current_key(), *(["--zone", zone] if zone else [])],
        title=f"Count the {what.noun} of {dataset.name}",
        kind="patterns",
        key="patterns_count",
        dataset_hash=dataset.content_hash,
    )
    jobs.panel("patterns", dataset_hash=dataset.content_hash)
    st.stop()
