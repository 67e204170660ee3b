"""Calendar: every day, year against year, holidays, and days that stand out."""

import streamlit as st

from analysis import patterns
from analysis.patterns.words import WEEKDAYS
from ui.glossary import define
from ui.habits import of_locale
from ui.patterns import choices, count_first, pick
from ui.patterns_calendar import chosen_day, clicked, look, of_day, true_weekdays
from ui.story import Card, Story
from ui.text import escape

RATED = "This dataset has ratings and no plays: these are days on which people rate, not on which they watch."
MEANS = (
    "A day that stands out is worth a question, and its likely reason is where to begin: a holiday and a release come "
    "back or can be planned, an outage can be repaired. The week and the year are what to expect of a day before "
    "anything special happens."
)
COMPUTED = (
    "Every day is held against the median of the same weekday in the four weeks before and after it. How far ordinary "
    "days stray from that (on square roots, with the spread and the tails read off all days) says what is more than "
    "chance; days are claimed at a false discovery rate of 5 % over all days (Benjamini and Hochberg), and so are "
    "holidays. A holiday's interval comes from the ordinary days of the countries that have it. A reason is named when "
    "a quarter of the usual plays come from countries with a holiday, when a title of the last seven days holds half "
    "of the plays beyond the usual, or when what is missing is missing on one device, in one country or everywhere. "
    "A year is held against the one before in weeks, 52 weeks apart, with Newey–West errors. Trend, week and year are "
    "taken apart on logarithms by MSTL from two years on, by STL below, both robust; weekdays' intervals are "
    "jackknifed over groups of weeks."
)
MEASURES = {"minutes": "Minutes", "events": "Plays"}

story = Story.begin("Calendar", "Which days stand out, and how does this year compare?", needs=("views", "ratings"))
dataset, what = story.dataset, patterns.events(story.dataset)
content, zone, measure = dataset.content_hash, None, "events"
if what.table == "ratings":
    story.text(RATED)
    zone = pick("Time zone", "calendar_zone", patterns.zones(), f"Time zone of the data ({what.zone})")
count_first(story, what, zone)
with st.spinner(f"Counting {what.noun}", show_time=True):
    known = choices(dataset, content, zone)
with st.container(horizontal=True, vertical_alignment="bottom", key="calendar_filters"):
    if what.has_minutes:
        measure = st.segmented_control(
            "Count", list(MEASURES), format_func=MEASURES.get, default="minutes", required=True,
            key="calendar_measure", bind="query-params",
        )  # fmt: skip
    genre = pick("Genre", "calendar_genre", known.genres, "All genres")
    device = pick("Device", "calendar_device", known.devices, "All devices")
    country = pick("Country", "calendar_country", known.countries, "All countries")
    kind = pick("Films or series", "calendar_kind", known.kinds, "Films and series")
try:
    with story.loading():
        page = look(
            dataset, content, (genre, device, country, kind), zone, measure or "events", of_locale(st.context.locale)
        )
except patterns.EmptySelection as nothing:
    story.empty(escape(nothing.problem), escape(nothing.remedy))
    st.stop()

calendar, special, made_of = page.calendar, page.special, page.made_of
noun = calendar.trend.noun
story.verdict(calendar.summary())
cards = [
    Card("Busiest day", f"{calendar.counts[calendar.busiest]:,.0f}", None, str(calendar.trend.days[calendar.busiest]))
]
if calendar.growth is not None:
    value, low, high = calendar.growth
    change, ends = f"{100 * value:+.1f} %", f"{100 * low:+.1f} to {100 * high:+.1f} %"
    cards.append(Card("Against a year before", change, define("95 % interval"), ends))
if made_of is not None:
    best = made_of.weekdays[made_of.strongest]
    cards.append(
        Card("Strongest weekday", WEEKDAYS[made_of.strongest], define("local time"), f"{best.value:.2f} × a mean day")
    )
odd = f"of {special.tested} tested"
cards.append(Card("Days that stand out", str(len(special.anomalies)), define("false discovery rate"), odd))
story.metrics(cards)

story.chart(page.figures["days"], key="calendar_days", alt=calendar.summary(), picked=clicked)
story.text(special.day_sentence())
for anomaly in sorted(special.anomalies, key=lambda found: found.q)[1:7]:
    story.text(anomaly.sentence(noun))
if calendar.trend.gaps:
    story.text(f"On {calendar.trend.gaps} days there are no data at all; they are left empty and are not tested.")
day = chosen_day(page)
story.text(special.sentence(day))
if what.table == "views" and dataset.has("titles"):
    titles = of_day(dataset, content, (genre, country, kind), page, calendar.trend.days[day]).titles
    columns = {
        "title": "Title",
        "plays": st.column_config.NumberColumn("Plays"),
        "share": st.column_config.NumberColumn("Share of the day", format="percent"),
        "days_since_release": st.column_config.NumberColumn("Days since release"),
    }
    if device:
        story.text("Titles are counted on all devices.")
    story.table(titles.head(8), key="calendar_titles", alt=special.sentence(day), columns=columns)
if "years" in page.figures:
    story.chart(page.figures["years"], key="calendar_years", alt=calendar.growth_sentence())
story.text(calendar.growth_sentence())
if "holidays" in page.figures:
    story.chart(page.figures["holidays"], key="calendar_holidays", alt=special.holiday_sentence())
story.text(special.holiday_sentence())
if made_of is not None:
    story.chart(page.figures["weekdays"], key="calendar_weekdays", alt=made_of.summary())
    story.text(made_of.summary())
    for day, true in true_weekdays(dataset, calendar).items():
        story.text(f"True of the simulated service: {WEEKDAYS[day]} has {true:.2f} times what a mean day has.")
    story.chart(page.figures["parts"], key="calendar_parts", alt=made_of.summary())
    if made_of.year is None:
        story.text("With less than two years, what comes back every year can't be told from growth.")
else:
    story.text(page.without)
story.explain(MEANS, COMPUTED)
story.end(calendar.to_frame())
