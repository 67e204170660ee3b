"""Plans and decisions: what is written down before an experiment, and what was decided after it."""

import streamlit as st

from ui import experiments_plans as room
from ui import state
from ui.charts import experiments_detail as charts
from ui.story import Story

MEANS = (
    "Write down what you expect, the metric that decides, what must not suffer and when you will look, before anybody "
    "sees a result. Then the answer is an answer, and not the best of many. The log says who decided what, when and "
    "why; it is only added to."
)
COMPUTED = (
    "The forecast takes the dataset’s last days as if an experiment with equal variants had run in them: viewers "
    "enter on their first visit, go on watching, and their number and spread give the lift that is found four times "
    "in five at the 5 % level. Nothing is taken to grow linearly with the days. Loss ruled out: what a non- "
    "inferiority test at 2.5 % would show for a change without effect. Looks: Lan–DeMets O’Brien–Fleming "
    "boundaries; the bounds to give up at spend the chance to miss the effect (Hwang–Shih–DeCani, −2), and nobody "
    "needs to obey them. Leaving: two proportions, from how many left in the last 28 days. Interleaving: the sign "
    "test."
)

story = Story.begin("Plans & decisions", "What shall we test, for how long, and what did we decide?", needs=("views",))
design = room.question()
found = room.forecast(story.dataset, design)
story.verdict(found.summary())
story.metrics(room.cards(found, design))
story.chart(charts.reach(found), key="plans_reach", alt=found.summary())
room.looks(story, design)
room.others(story, found.viewers)
registered = room.registry().all(state.current_key())
story.heading("Plans")
if registered:
    story.table(room.table(registered), key="plans_table", alt="Experiments with a plan and their status")
    room.move(registered)
else:
    story.text("No plan has been written down for this dataset yet.")
with st.expander("Write a plan", icon=":material/edit_note:"):
    room.write(story, design)
log = room.registry().log(state.current_key())
if log.lines:
    story.heading("Log")
    story.text(log.summary())
    story.table(log.to_frame().iloc[::-1], key="plans_log", alt="Who did what, when and why")
story.explain(MEANS, COMPUTED)
story.end(found.to_frame())
