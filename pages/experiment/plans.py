"""Plans and decisions: what is written down before an experiment, and what was decided after it."""

import streamlit as st

from analysis.experiments.words import percent, plural
from ui import experiments_plans as room
from ui import state
from ui.charts import experiments_detail as charts
from ui.story import Card, Story

MEANS = (
    "Write down what you expect, the metric that decides, what must not suffer and when you will look, before anybody "
    "sees a result. Then the answer is an answer, and not the best of many. The log says who decided what, when and "
    "why; it is only added to."
)
COMPUTED = (
    "The forecast takes the dataset’s last days as if an experiment with two equal variants had run in them: viewers "
    "enter on their first visit, go on watching, and their number and spread give the lift that is found four times in "
    "five at the 5 % level. Nothing is taken to grow linearly with the days."
)

story = Story.begin("Plans & decisions", "What shall we test, for how long, and what did we decide?", needs=("views",))
metric, days = room.question()
found = room.forecast(story.dataset, metric, days)
story.verdict(found.summary())
week = found.lifts[min(6, len(found.lifts) - 1)]
story.metrics(
    [
        Card("Viewers", f"{found.viewers[-1]:,}", "Different viewers who come within these days.", plural(days, "day")),
        Card("Detectable lift", percent(found.lifts[-1], sign=False), "Found four times in five.", f"of {metric}"),
        Card("After one week", percent(week, sign=False), "Detectable lift after seven days."),
    ]
)
story.chart(charts.reach(found), key="plans_reach", alt=found.summary())
registered = room.registry().all(state.current_key())
story.heading("Plans")
if registered:
    story.table(room.table(registered), key="plans_table", alt="Experiments with a plan and their status")
    room.move(registered)
else:
    story.text("No plan has been written down for this dataset yet.")
with st.expander("Write a plan", icon=":material/edit_note:"):
    room.write(story, metric, days)
log = room.registry().log(state.current_key())
if log.lines:
    story.heading("Log")
    story.text(log.summary())
    story.table(log.to_frame().iloc[::-1], key="plans_log", alt="Who did what, when and why")
story.explain(MEANS, COMPUTED)
story.end(found.to_frame())
