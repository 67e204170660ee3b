"""What the Calendar page is made of: cached results under a selection, and their figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns.selection import Measure
from analysis.patterns.words import Habits
from ui import state, truth
from ui.charts import patterns_calendar as charts

DAY = "calendar_day"
SUNDAY = "Sunday's share of minutes"
"""The estimand that a weekday's part can be held to."""


@dataclass(frozen=True)
class Page:
    """Everything that the page shows of one selection; shared by all visitors, so not to be changed.

    Attributes:
        calendar: The days.
        special: Holidays and days that stand out.
        made_of: Trend, week, year and rest, or None.
        without: Why there is no decomposition; empty otherwise.
        figures: By name.
    """

    calendar: patterns.CalendarMap
    special: patterns.SpecialDays
    made_of: patterns.Decomposition | None
    without: str
    figures: dict[str, go.Figure]


@st.cache_resource(max_entries=32, ttl=3600, show_spinner=False)
def look(
    _dataset: Dataset, content: str, chosen: tuple[str | None, ...], zone: str | None, measure: Measure, habits: Habits
) -> Page:
    """The calendar under genre, device, country and kind."""
    filters = patterns.Filters(None, None, *chosen)
    workspace = state.workspace()
    calendar = patterns.calendar_map(_dataset, filters=filters, zone=zone, measure=measure, workspace=workspace)
    special = patterns.special_days(_dataset, calendar, workspace=workspace)
    figures = {"days": charts.days(calendar, special, habits)}
    if len(calendar.years) > 1:
        figures["years"] = charts.years(calendar)
    if special.holidays:
        figures["holidays"] = charts.holidays(special)
    try:
        made_of = patterns.decompose(calendar.trend)
    except DataError as error:
        return Page(calendar, special, None, f"{error.problem} {error.remedy}", figures)
    figures["weekdays"] = charts.weekdays(made_of, true_weekdays(_dataset, calendar), habits)
    figures["parts"] = charts.parts(made_of)
    return Page(calendar, special, made_of, "", figures)


def true_weekdays(dataset: Dataset, calendar: patterns.CalendarMap) -> dict[int, float]:
    """What is known to be true of weekdays: of all minutes, without any filter, Sunday's part."""
    if calendar.trend.filters != patterns.Filters() or calendar.trend.measure != "minutes":
        return {}
    sunday = truth.value(dataset, SUNDAY)
    days = calendar.trend.days
    # The truth is a share of all days; a mean day has one in as many.
    return {} if sunday is None else {6: sunday * len(days) / sum(day.weekday() == 6 for day in days)}


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def of_day(
    _dataset: Dataset, content: str, chosen: tuple[str | None, ...], _page: Page, day: dt.date
) -> patterns.DayTitles:
    """The titles of one day under a selection."""
    return patterns.titles_of_day(_dataset, _page.calendar, day, workspace=state.workspace())


def clicked(point: Mapping[str, Any]) -> None:
    """A day of the heatmap was clicked: the choice below it follows."""
    st.session_state[DAY] = dt.date.fromisoformat(point["customdata"][0])


def chosen_day(page: Page) -> int:
    """Number of the day that the reader wants to know about; at first the one that stands out most, or the busiest."""
    days = page.calendar.trend.days
    odd = min(page.special.anomalies, key=lambda anomaly: anomaly.q, default=None)
    first = odd.day if odd is not None else days[page.calendar.busiest]
    kept = st.session_state.get(DAY)
    if kept is not None and not days[0] <= kept <= days[-1]:
        # A day of another dataset or selection: this one doesn't have it.
        st.session_state[DAY] = first
    day = st.date_input("Day", first, min_value=days[0], max_value=days[-1], key=DAY, bind="query-params")
    return days.index(day) if day in days else days.index(first)
