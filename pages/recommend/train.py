"""Train and compare: which model finds what viewers watch next, and how sure is that?"""

import streamlit as st

from analysis import recommend
from ui import jobs, state
from ui.recommend import KIND, choose_run, training_form
from ui.recommend_run import show
from ui.story import Story

MEANS = (
    "A model is worth trying on viewers when its interval lies clear of the baselines', popularity above all. A leader "
    "that can't be told apart from the second may be no better at all. Offline, a model is judged by what people found "
    "without it, so a better place here is a reason to run an experiment, and no proof."
)
COMPUTED = (
    "By default one moment splits everybody's history: models learn from what was before and are tested on what came "
    "after. Only titles new to the viewer count, titles watched before are left out of the lists, and every title of "
    "the catalogue competes (nothing is sampled). A play of less than a tenth of the running time is no hit; every "
    "rating is one. Intervals come from 2,000 resamples of viewers, the same for all models; pairs are compared viewer "
    "by viewer, with Holm's correction for the number of pairs. Coverage, Gini and variety across viewers are of all "
    "lists together and have no interval."
)

story = Story.begin(
    "Train & compare", "Which model finds what viewers watch next, and how sure is that?", needs=("views", "ratings")
)
dataset = story.dataset
has_run = recommend.newest_run(state.workspace(), dataset) is not None
training_form(dataset, expanded=not has_run)
working = jobs.panel(KIND, dataset_hash=dataset.content_hash)
if not has_run and not working:
    story.empty("No model has been trained on this dataset yet.", "Press “Train and compare”; it takes a minute.")
run = choose_run(dataset) if has_run else None
if run is not None:
    show(story, run)
    story.explain(MEANS, COMPUTED)
    with st.expander("This run as Python code", icon=":material/code:"):
        st.code(run.leaderboard.recipe(), language="python")
    story.end(run.to_frame())
