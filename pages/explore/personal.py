"""My year: one viewer's clock, seasons, titles, binges and devices."""

import streamlit as st

from analysis.errors import DataError, ParameterError
from ui.habits import of_locale
from ui.patterns_personal import ALL, cards, look, people, pick, tell_binges
from ui.story import Story
from ui.text import escape

MEANS = (
    "It is a mirror and no measurement: everything here is what was played, counted, without any interval. What stands "
    "out in one year may be chance."
)
COMPUTED = (
    "Plays count on the day and in the hour they begin in, on the clock named above the chart. A binge is three "
    "different episodes or more of one series in one sitting: a session where the data name sessions, plays with "
    "breaks of at most 30 minutes where they don't, and a day where times of day are unknown. A title of k genres "
    "counts 1/k in each."
)

story = Story.begin("My year", "What did one viewer watch in a year, and when?", needs=("views", "ratings"))
dataset, content = story.dataset, story.dataset.content_hash
habits = of_locale(st.context.locale)
if not dataset.has("views"):
    story.empty(
        f"{escape(dataset.name)} has ratings and no plays: when and how long somebody watched is not in it.",
        "Bring your own Netflix export on the Data page: ViewingActivity.csv from the account's data download.",
    )
    st.stop()
try:
    known = people(dataset, content)
    labels = {}
    for number, name in known.items():
        labels[name if name not in labels else f"{name} ({number})"] = number
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = next(iter(labels))
        if len(labels) > 1:
            chosen = pick("Viewer", "person_viewer", list(labels))
        years = look(dataset, content, labels[chosen], None, habits)[1]
        year = pick("Year", "person_year", [ALL, *map(str, reversed(years))]) if len(years) > 1 else ALL
    found, _, figures = look(dataset, content, labels[chosen], None if year == ALL else int(year), habits)
except (DataError, ParameterError) as error:
    story.empty(escape(error.problem), escape(error.remedy))
    st.stop()

story.verdict(found.summary(habits))
story.metrics(cards(found, habits))
story.chart(figures["calendar"], key="person_calendar", alt=f"Days of {found.year} with plays.")
if "clock" in figures:
    story.chart(figures["clock"], key="person_clock", alt="Hours of the week.")
else:
    story.text("The source has dates without times of day, so there is no clock.")
story.chart(figures["months"], key="person_months", alt="Months of the year.")
story.chart(figures["titles"], key="person_titles", alt=found.headline())
tell_binges(story, found)
if "devices" in figures:
    story.chart(figures["devices"], key="person_devices", alt="Devices.")
story.text(f"The first title of {found.year} was {found.first}, the last {found.last}.")
story.explain(MEANS, COMPUTED)
story.end(found.to_frame())
