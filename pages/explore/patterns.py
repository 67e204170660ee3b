"""Viewing patterns: when people watch, what, and whether it grows."""

from functools import partial

import streamlit as st

from analysis import patterns
from analysis.patterns.clock import EVEN_WEEKEND
from ui import habits as ways
from ui import truth
from ui.glossary import define
from ui.patterns import ALL_GENRES, choices, clicked_day, clicked_genre, count_first, look, pick, tell_clock
from ui.story import Card, Story
from ui.text import count, escape, interval, share

RATED = (
    "This dataset has ratings and no plays, so this page shows when people rate. People rate days after they watched, "
    "and many titles in one sitting: read it as the rhythm of rating, not of watching."
)
DAYS_ONLY = (
    "This dataset has dates without times of day, so hours, the night share and the busiest hour are not shown: "
    "every row would stand at midnight."
)
MEANS = (
    "The first chart says when to release and to remind, the second what is in season, the third whether it grows. "
    "An interval that holds no change means that nobody can tell."
)
COMPUTED = (
    "Everything counts in the hour it starts in, on the clock named above each chart. Looked at alone, a genre counts "
    "every title that has it; in the month chart a title of k genres counts 1/k in each, so that a month adds up to "
    "100 %. Intervals are clustered by viewer: viewers are hashed into 64 buckets, and each is left out once "
    "(jackknife). Lifts are shrunk towards 1 by how little they rest on, and marked where the false discovery rate "
    "over all cells is at most 5 % (Benjamini and Hochberg); in bold if that holds with titles drawn by chance "
    "too, so that it does not rest on a few of them. The trend is a Poisson regression on day and weekday "
    "with Newey–West errors. A day without any data in a busy dataset is a gap, shaded and left out; other empty days "
    "are zeros. Viewers are distinct viewers of the day or hour; they are not shown when one genre is chosen."
)
MEASURES = {"events": "Plays", "minutes": "Minutes"}

story = Story.begin(
    "Viewing patterns", "When do people watch, what do they watch when, and does it grow?", needs=("views", "ratings")
)
dataset, what = story.dataset, patterns.events(story.dataset)
rated = what.table == "ratings"
content, zone, measure = dataset.content_hash, None, "events"
if rated:
    story.text(RATED)
    zone = pick("Time zone", "patterns_zone", patterns.zones(), f"Time zone of the data ({what.zone})")

count_first(story, what, zone)
try:
    with st.spinner(f"Counting {what.noun}", show_time=True):
        known = choices(dataset, content, zone)
except patterns.EmptySelection as nothing:
    story.empty(escape(nothing.problem), escape(nothing.remedy))
    st.stop()
first, last = known.months[0], known.months[-1]
if gone := [month for month in st.query_params.get_all("patterns_months") if month not in known.months]:
    st.warning(f"The link asks for {escape(', '.join(gone))}, of which this dataset has nothing. Showing all months.")
with st.container(horizontal=True, vertical_alignment="bottom", key="patterns_filters"):
    if len(known.months) > 1:
        first, last = st.select_slider(
            "Months", known.months, value=(first, last), key="patterns_months", bind="query-params"
        )
    if what.has_minutes:
        measure = st.segmented_control(
            "Count", list(MEASURES), format_func=MEASURES.get, default="events", required=True,
            key="patterns_measure", bind="query-params",
        )  # fmt: skip
with st.container(horizontal=True, vertical_alignment="bottom"):
    genre = pick("Genre", "patterns_genre", known.genres, ALL_GENRES)
    device = pick("Device", "patterns_device", known.devices, "All devices")
    country = pick("Country", "patterns_country", known.countries, "All countries")
    kind = pick("Films or series", "patterns_kind", known.kinds, "Films and series")
    habits = ways.choose() if what.has_hours else ways.of_locale(st.context.locale)
months = (first if first != known.months[0] else None, last if last != known.months[-1] else None)

try:
    with st.spinner(f"Counting {what.noun}", show_time=True):
        chosen = (*months, genre, device, country, kind)
        found, figures = look(dataset, content, chosen, zone, measure or "events", habits)
except patterns.EmptySelection as nothing:
    story.empty(escape(nothing.problem), escape(nothing.remedy))
    st.stop()

week, season, trend = found.clock, found.months, found.daily
story.verdict(week.summary(habits))
weekend, night = week.weekend, week.night
cards = [Card("Weekend share", share(weekend.value), define("weekend share"), f"even week: {share(EVEN_WEEKEND)}")]
if what.has_hours:
    spread = interval(night.low, night.high, percent=True) if night.known else None
    cards += [
        Card("Night share", share(night.value), define("night share"), spread),
        Card(
            "Busiest hour", habits.hour(week.peak_hour), define("local time"), f"{share(week.peak_hour_share)} of all"
        ),
    ]
cards.append(Card(week.noun.capitalize(), count(week.values.sum()), None, f"{trend.days[0]} to {trend.days[-1]}"))
story.metrics(cards)
figures = truth.on_patterns(story, found, figures)
if not what.has_hours:
    story.text(DAYS_ONLY)
tell_clock(story, week, figures["clock"], habits, zone)
if season is not None:
    story.chart(figures["seasons"], key="patterns_seasons", alt=season.summary(), picked=clicked_genre)
    story.text(season.summary())
    story.text(" ".join((*season.caveats(), *(["The genre filter does not apply to this chart."] if genre else []))))
story.chart(figures["daily"], key="patterns_daily", alt=trend.summary(), picked=partial(clicked_day, known.months))
story.text(trend.summary())
if caveat := known.caveat(what.noun):
    story.text(caveat)
story.explain(MEANS, COMPUTED)
story.end(found.numbers())
