"""What is watched when: choose an hour and see its titles, choose a genre and see its week."""

import streamlit as st

from analysis import patterns
from analysis.errors import DataError
from analysis.patterns.words import WEEKDAYS
from ui import habits as ways
from ui import patterns_known, truth
from ui.glossary import define
from ui.patterns import count_first
from ui.patterns_hours import GENRE, HOUR, HOURS, WEEKDAY, by_hour, clicked, of_hour, pick
from ui.story import Card, Story
from ui.text import count, escape, share

RATED = "This dataset has ratings and no plays: read it as what people rate when, not what they watch."
MEANS = (
    "A lift of 1.20 means that the genre holds a fifth more of that hour than of the day as a whole. It says nothing "
    "of how much is watched then: a genre can have its hour at four in the morning."
)
COMPUTED = (
    "Plays count in the hour they start in, on the clock named above each chart; a title of k genres counts 1/k in "
    "each. Intervals are clustered by viewer (jackknife over 64 buckets), lifts are shrunk towards 1 by how little "
    "they rest on, and dots mark cells at a false discovery rate of 5 % over all cells of the chart (Benjamini and "
    "Hochberg). The lift of a title is its share in the hour over its share overall, shrunk likewise; it is a "
    "ranking and no claim."
)

story = Story.begin(
    "Genres & hours", "What is watched on Friday at eight, and when is romance watched?", needs=("views", "ratings")
)
dataset, what = story.dataset, patterns.events(story.dataset)
content = dataset.content_hash
if what.table == "ratings":
    story.text(RATED)
count_first(story, what, None)
habits = ways.choose()
try:
    with st.spinner(f"Counting {what.noun}", show_time=True):
        found, figure = by_hour(dataset, content, None, habits)
except DataError as nothing:
    story.empty(escape(nothing.problem), escape(nothing.remedy))
    st.stop()

story.verdict(found.summary(habits))
strongest = found.strongest
cards = [
    Card("Cells beyond chance", str(int(found.claimed.sum())), define("false discovery rate"), f"of {found.q.size}"),
    Card(what.noun.capitalize(), count(found.total), None, what.zone_label),
]
if strongest is not None:
    cell, top = strongest
    cards.insert(0, Card("Strongest lift", f"{found.lift[cell, top]:.2f}", define("lift"), found.genres[top]))
    cards.insert(
        1, Card("At", found.at(cell, habits), define("local time"), share(found.share[cell, top]) + " of the hour")
    )
story.metrics(cards)
story.chart(figure, key="hours_genres", alt=found.summary(habits), picked=clicked)
if truth.toggle(dataset, "hours_truth"):
    patterns_known.tell(story, patterns_known.HOURS)
    for sentence in patterns.planted_hours(dataset):
        story.text(sentence)

story.heading("One hour: its titles")
with st.container(horizontal=True, vertical_alignment="bottom"):
    day = pick("Weekday", WEEKDAY, WEEKDAYS, 4)
    hour = pick("Hour", HOUR, HOURS, 20)
try:
    titles = of_hour(dataset, content, WEEKDAYS.index(day), HOURS.index(hour))
    story.text(titles.summary(habits))
    columns = {
        "title": "Title", "genres": "Genres",
        "plays": st.column_config.NumberColumn(what.noun.capitalize()),
        "share": st.column_config.NumberColumn("Share of the hour", format="percent"),
        "lift": st.column_config.NumberColumn("Lift", format="%.2f", help=define("lift")),
    }  # fmt: skip
    shown = titles.titles if titles.favoured else titles.titles.drop(columns="lift")
    story.table(shown.head(12), key="hours_titles", alt=titles.summary(habits), columns=columns)
except patterns.EmptySelection as nothing:
    story.text(f"{nothing.problem} {nothing.remedy}")

story.heading("One genre: its week")
wanted = pick("Genre", GENRE, found.genres, found.first("Romance"))
week, drawn = by_hour(dataset, content, wanted, habits)
story.chart(drawn, key="hours_week", alt=week.summary(habits), picked=clicked)
story.text(week.summary(habits))
story.explain(MEANS, COMPUTED)
story.end(found.to_frame())
