"""Known truth: do the intervals hold what they promise to hold?"""

import streamlit as st

from ui import truth as room
from ui.charts import truth as charts
from ui.story import Story

MEANS = (
    "Each point is one number that an analysis is after, such as the share of plays at night or the minutes that a new "
    "home screen adds. The pink line is the truth, which is known because this service is simulated. An interval that "
    "crosses the line holds the truth. A 95 % interval promises to do so 95 times in 100, so about one in twenty "
    "should miss: if none ever did, the intervals would be wider than they say, and many real effects would be called "
    "unclear. A miss is therefore no mistake of the method, and on real data nobody knows which intervals are the "
    "misses. Numbers of one experiment move together, so misses come in clusters. What has no interval here is no "
    "smaller question: it is one that these tables can’t answer, and the page says why."
)
COMPUTED = (
    "Effects of experiments are known because each experiment’s weeks were run twice, with all viewers in control and "
    "with all treated. Parameters are known in closed form. Expectations, such as the night share, were counted in a "
    "large run of the same service with other viewers and other luck, never with the estimator; what chance is left "
    "in that run is small against the intervals. The estimates come from the tables alone, by the same functions as "
    "on the other pages. Distances are in standard errors, read off the end of the interval towards the truth, so that "
    "1.96 is an end of every interval whatever its scale."
)
COLUMNS = {
    name: st.column_config.NumberColumn(format="%.4g", help=words)
    for name, words in {
        "Truth": "What is true of the simulated service.",
        "Estimate": "What the data say.",
        "From": "Lower end of the 95 % interval.",
        "To": "Upper end of the 95 % interval.",
        "Errors off": "Estimate less truth, in standard errors; past ±1.96 the interval misses.",
    }.items()
}

story = Story.begin("Known truth", "Do the intervals hold the truth, where the truth is known?")
if not story.dataset.info.has_truth:
    story.empty(
        "Nobody knows the truth behind this dataset, as with all real data.",
        "Choose the sample in the sidebar, or simulate a service of your own: `python -m analysis simulate`.",
    )
    st.stop()
found = room.table(story.dataset, story.dataset.content_hash)
if not found.promised:
    story.empty("This dataset’s truth names nothing that can be estimated.", "Simulate it anew, or choose the sample.")
    st.stop()

story.verdict(found.summary())
story.metrics(room.cards(found))
story.chart(charts.caterpillar(found), key="truth_caterpillar", alt=found.summary())
if found.missed:
    story.heading("Which ones miss")
    for row in found.missed:
        story.text(row.sentence())
story.heading("All of them in numbers")
story.table(
    room.numbers(found), key="truth_table", alt="Truth, estimate and interval of each estimand", columns=COLUMNS
)
story.heading("What these tables can’t say")
for sentence in room.without_promise(found):
    story.text(sentence)
story.explain(MEANS, COMPUTED)
story.end(found.to_frame())
