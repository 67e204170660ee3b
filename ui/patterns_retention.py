"""What the page of who comes back is made of: three parts, each cached with its figures."""

from __future__ import annotations

from typing import cast

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from analysis.patterns.first_week import FirstWeek, first_week
from analysis.patterns.returns import Returns, returns
from ui import state
from ui.charts import patterns_retention as charts
from ui.story import Card, Story
from ui.text import count, interval, share

NAMES = {"plan": "Plan", "age_band": "Age band", "country": "Country"}
PARTS = ("Staying", "Silence and return", "First week")


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def look(_dataset: Dataset, content: str, segment: str | None) -> tuple[patterns.Retention, dict[str, go.Figure]]:
    """The curves and cohorts of one segment, with their figures; shared, so not to be changed."""
    found = patterns.retention(_dataset, segment=segment, workspace=state.workspace())
    return found, {"staying": charts.staying(found), "cohorts": charts.cohorts(found)}


@st.cache_resource(max_entries=8, ttl=3600, show_spinner=False)
def silence(_dataset: Dataset, content: str) -> tuple[Returns, dict[str, go.Figure]]:
    """Silence and return, with figures; shared, so not to be changed."""
    found = returns(_dataset, workspace=state.workspace())
    figures = {"back": charts.back(found), "since": charts.since(found)}
    if found.left:
        figures["returned"] = charts.returned(found)
    return found, figures


@st.cache_resource(max_entries=8, ttl=3600, show_spinner=False)
def week(_dataset: Dataset, content: str) -> tuple[FirstWeek, dict[str, go.Figure]]:
    """What the first week predicts, with figures; shared, so not to be changed."""
    found = first_week(_dataset, workspace=state.workspace())
    return found, {"hazards": charts.hazards(found), "groups": charts.groups(found)}


def pick_segment(dataset: Dataset) -> str | None:
    """The segment to split by, of those that the viewers of the dataset have; the link keeps it."""
    columns = dataset.columns("viewers") if dataset.has("viewers") else ()
    known = [NAMES[name] for name in patterns.SEGMENTS if name in columns]
    asked = st.query_params.get("retention_segment")
    if asked in NAMES and NAMES[asked] in known:
        # A link may name the column; the widget keeps in the link what it shows.
        st.session_state["retention_segment"] = NAMES[asked]
    picked = st.segmented_control("Split by", known, key="retention_segment", bind="query-params")
    return next((name for name, shown in NAMES.items() if shown == picked), None)


def tell_staying(story: Story) -> patterns.Retention:
    """How long viewers stay, by segment, and the cohorts."""
    dataset = story.dataset
    found, figures = look(dataset, dataset.content_hash, pick_segment(dataset))
    whole = look(dataset, dataset.content_hash, None)[0].curves[0]
    story.verdict(found.summary())
    cards = [Card("Viewers followed", count(whole.viewers), None, f"{whole.left:,} left")]
    for day in (30, 90, 365):
        value, low, high = whole.at(day)
        if value == value:
            cards.append(Card(f"Still there after {day} days", share(value), None, interval(low, high, percent=True)))
    story.metrics(cards)
    story.chart(figures["staying"], key="retention_staying", alt=found.summary())
    if found.odd:
        story.text(f"{found.odd:,} viewers without a day of joining, or who left before it, are not counted.")
    story.chart(figures["cohorts"], key="retention_cohorts", alt="Share of each month's newcomers who still watch.")
    return found


def tell_silence(story: Story) -> Returns:
    """How long since the last play, who is back after a silence, and who after leaving."""
    found, figures = silence(story.dataset, story.dataset.content_hash)
    story.verdict(found.summary())
    quiet = [found.since[n] for n in (0, 3, 4)]
    cards = [
        Card(label, share(i.value), "Of viewers subscribed on the last day.", _ends(i.low, i.high))
        for label, i in zip(("Played this week", "Silent for 4 to 8 weeks", "Silent for longer"), quiet, strict=True)
    ]
    if found.left:
        back = found.returned_90
        cards.append(Card("Back after leaving", share(back.value), "Within 90 days.", _ends(back.low, back.high)))
    story.metrics(cards)
    story.chart(figures["back"], key="retention_back", alt=found.headline())
    story.chart(figures["since"], key="retention_since", alt="Days since the last play.")
    if "returned" in figures:
        story.chart(figures["returned"], key="retention_returned", alt="Share back by days since leaving.")
    else:
        story.text("The data don't say when somebody who had left came back, so that is not shown.")
    return found


def tell_week(story: Story) -> FirstWeek:
    """What the first week predicts."""
    found, figures = week(story.dataset, story.dataset.content_hash)
    story.verdict(found.summary())
    cards = [Card("Newcomers", f"{found.newcomers:,}", "Joined within the data and there after a week.",
                  f"{found.left:,} left later")]  # fmt: skip
    for curve in found.groups:
        value, low, high = curve.at(90)
        if value == value:
            cards.append(Card(f"Stay: {curve.group}", share(value), "Still subscribed 90 days after the first week, by "
                              "days with a play in it.", _ends(low, high)))  # fmt: skip
    story.metrics(cards)
    story.chart(figures["hazards"], key="retention_hazards", alt=found.summary())
    story.chart(figures["groups"], key="retention_groups", alt="Survival by days with a play in the first week.")
    return found


def tell(story: Story, part: str) -> patterns.Retention | Returns | FirstWeek:
    """Tell one part on the page, and hand back its finding."""
    told = {PARTS[0]: tell_staying, PARTS[1]: tell_silence, PARTS[2]: tell_week}[part](story)
    return cast("patterns.Retention | Returns | FirstWeek", told)


def _ends(low: float, high: float) -> str | None:
    return interval(low, high, percent=True) if low == low and high == high else None
