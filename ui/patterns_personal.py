"""What the page of one viewer's year is made of: who there is, and a year with its figures, both cached."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis.data import Dataset
from analysis.patterns import personal
from analysis.patterns.words import Habits
from ui import state
from ui.charts import patterns_personal as charts
from ui.story import Card, Story
from ui.text import escape, share

ALL = "Last year with plays"


@st.cache_data(max_entries=32, ttl=3600, show_spinner=False)
def people(_dataset: Dataset, content: str) -> dict[int, str]:
    """The viewers to choose from."""
    return personal.people(_dataset, workspace=state.workspace())


@st.cache_resource(max_entries=64, ttl=3600, show_spinner=False)
def look(
    _dataset: Dataset, content: str, viewer: int, year: int | None, habits: Habits
) -> tuple[personal.MyYear, tuple[int, ...], dict[str, go.Figure]]:
    """One viewer's year, the years there are, and the figures; shared, so not to be changed."""
    found, years = personal.my_year(_dataset, viewer, year)
    figures = {"calendar": charts.calendar(found, habits)}
    if found.has_hours:
        figures["clock"] = charts.clock(found, habits)
    figures |= {"months": charts.months(found), "titles": charts.titles(found)}
    if len(found.devices):
        figures["devices"] = charts.devices(found)
    return found, years, figures


def pick(label: str, key: str, options: list[str]) -> str:
    """A choice that the URL keeps; what the link asks for in vain is said."""
    asked = st.query_params.get(key)
    if asked is not None and asked not in options:
        st.warning(f"The link asks for {escape(asked)}, which is not there. Showing {escape(options[0])}.")
    picked = st.selectbox(label, options, key=key, bind="query-params")
    return picked if picked in options else options[0]


def cards(found: personal.MyYear, habits: Habits) -> list[Card]:
    """The year in numbers."""
    amount = f"{found.total / 60:,.0f} h" if found.measure == "minutes" else f"{found.plays:,}"
    run, since = found.streak
    shown = [
        Card("Watched" if found.measure == "minutes" else "Plays", amount, None, f"{found.plays:,} plays"),
        Card("Days", str(found.active), "Days with a play.", f"of {len(found.days)}"),
        Card("Longest streak", f"{run} days", "Days in a row with a play.", f"from {since}"),
        Card("Different titles", str(found.different)),
    ]
    if found.has_hours:
        shown.append(Card("By night", share(found.night), f"From midnight to {habits.hour(6)}."))
    return shown


def tell_binges(story: Story, found: personal.MyYear) -> None:
    """The longest sittings with one series."""
    if found.binges.empty:
        return
    longest = found.binges.iloc[0]
    story.heading(f"{len(found.binges)} binges, the longest {longest['episodes']} episodes of {longest['title']}")
    columns = {
        "date": st.column_config.DateColumn("Day", format="iso8601"), "title": "Series", "episodes": "Episodes",
        found.measure: st.column_config.NumberColumn(found.measure.capitalize(), format="%.0f"),
    }  # fmt: skip
    story.table(found.binges.head(10), key="person_binges", alt="The longest sittings with one series.",
                columns=columns)  # fmt: skip
