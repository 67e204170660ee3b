"""Who comes back: how long viewers stay, and which newcomers still watch."""

import streamlit as st

from analysis import patterns
from analysis.errors import DataError
from ui.patterns import count_first
from ui.patterns_retention import look, segments
from ui.story import Card, Story
from ui.text import count, escape, interval, share

NAMES = {"plan": "Plan", "age_band": "Age band", "country": "Country"}
MEANS = (
    "The curve falls where viewers leave; a steep start says that the first weeks decide. Groups differ where their "
    "bands part for long, and the log-rank test says whether that is more than chance. It is no proof that the segment "
    "is the cause. In the triangle, a row is a month's newcomers: compare rows to see whether newer ones stay longer."
)
COMPUTED = (
    "Kaplan and Meier's estimate with Greenwood's variance on the log(−log) scale. Viewers who joined before the data "
    "begin are followed from then on (delayed entry), and those who have not left until the last day. A curve ends "
    "where fewer than 20 viewers are left to follow. A viewer is active in a month with at least one play in it."
)

story = Story.begin(
    "Who comes back", "How long do viewers stay, and which newcomers still watch?", needs=("views", "ratings")
)
dataset = story.dataset
if dataset.has("views"):
    count_first(story, patterns.events(dataset), None)
wanted = st.segmented_control(
    "Split by", segments(dataset), format_func=lambda name: NAMES[name], key="retention_segment", bind="query-params"
)
try:
    with st.spinner("Following viewers", show_time=True):
        found, figures = look(dataset, dataset.content_hash, wanted)
        whole = look(dataset, dataset.content_hash, None)[0].curves[0]
except DataError as error:
    story.empty(escape(error.problem), escape(error.remedy))
    st.stop()

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
story.explain(MEANS, COMPUTED)
story.end(found.to_frame())
