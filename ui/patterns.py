"""What the Viewing patterns page is made of: cached results with their figures, filters, and counting as a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from analysis.patterns.selection import Measure
from analysis.patterns.words import WEEKDAYS, Habits
from ui import jobs, state
from ui.charts import patterns as charts
from ui.patterns_hours import of_hour
from ui.story import Story
from ui.text import escape

GENRE, MONTHS, AT = "patterns_genre", "patterns_months", "patterns_at"
ALL_GENRES, NO_HOUR = "All genres", "No hour"
_AT = tuple(f"{day} {hour}:00" for day in WEEKDAYS for hour in range(24))


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


def clicked_genre(point: Mapping[str, Any]) -> None:
    """A cell of month × genre was clicked: all charts show its genre alone; a second click shows all again."""
    genre = point["customdata"][0]
    st.session_state[GENRE] = ALL_GENRES if st.session_state.get(GENRE) == genre else genre


def clicked_day(months: tuple[str, ...], point: Mapping[str, Any]) -> None:
    """A day was clicked: all charts show its month alone; a second click shows all months again."""
    month = point["customdata"][0][:7]
    alone = st.session_state.get(MONTHS) == (month, month)
    st.session_state[MONTHS] = (months[0], months[-1]) if alone else (month, month)


def clicked_hour(point: Mapping[str, Any]) -> None:
    """A cell of the clock was clicked: its titles are shown below; a second click puts them away."""
    weekday, hour = point["customdata"][:2]
    name = _AT[24 * int(weekday) + int(hour)]
    st.session_state[AT] = NO_HOUR if st.session_state.get(AT) == name else name


def tell_clock(story: Story, week: patterns.Clock, figure: go.Figure, habits: Habits, zone: str | None) -> None:
    """The clock, and the titles of an hour once one is chosen by a click or from the list; the link keeps it."""
    story.chart(figure, key="patterns_clock", alt=week.summary(habits), picked=clicked_hour)
    dataset = story.dataset
    if not week.what.has_hours:
        return
    if not {"name", "genres"} <= set(dataset.columns("titles") if dataset.has("titles") else ()):
        return
    asked = st.query_params.get(AT)
    if asked is not None and asked not in (NO_HOUR, *_AT):
        st.warning(f"The link asks for {escape(asked)}, which is no hour of the week.")
    chosen = st.selectbox("Titles of an hour", (NO_HOUR, *_AT), key=AT, bind="query-params", width=260)
    if chosen not in _AT:
        return
    weekday, hour = divmod(_AT.index(chosen), 24)
    try:
        found = of_hour(dataset, dataset.content_hash, weekday, hour, zone)
    except patterns.EmptySelection as nothing:
        story.text(f"{nothing.problem} {nothing.remedy}")
        return
    noun = week.what.noun
    unlike = f" These are all {noun}, without the choices above." if week.filters != patterns.Filters() else ""
    story.text(found.summary(habits) + unlike)
    columns = {
        "title": "Title", "genres": "Genres", "plays": st.column_config.NumberColumn(noun.capitalize()),
        "share": st.column_config.NumberColumn("Share of the hour", format="percent"),
    }  # fmt: skip
    story.table(found.titles[list(columns)].head(8), key="patterns_titles", alt=found.summary(habits), columns=columns)


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
