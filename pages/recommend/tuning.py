"""Tuning: do better settings make a model better, and how much history does it need?"""

import streamlit as st

from ui import jobs, recommend_learning, recommend_tuning
from ui.recommend_learning import has_any, learning_form, show_learning
from ui.recommend_tuning import choose_study, going_on, show_tuning, tuning_form
from ui.story import Story

LOOKS = {"settings": "Better settings", "history": "More history"}
TUNING = (
    "Of twenty settings one looks best even where none is: the validation period, where settings are chosen, "
    "flatters. Only the gain on the test period counts, and it is worth having where its interval lies clear of "
    "zero. A model that beats another one's defaults after tuning has won little; compare tuned with tuned.",
    "The training period is split once more; every setting is fitted on its first part and judged on its second, "
    "the validation period. The first trial is the model's defaults, about ten are drawn by chance, the others lie "
    "near what did well (a tree-structured Parzen estimator, by Optuna). Every model gets as many trials, the "
    "baselines too. Then defaults and best setting are fitted on the whole training period and compared on the test"
    " period, viewer by viewer, by 2,000 resamples and with Holm's correction for the number of models. Models that"
    " learn in iterations are first fitted on a quarter of the viewers, and a setting behind the median of the "
    "finished ones goes no further. A tuning that was stopped can be continued: no trial is made twice.",
)
LEARNING = (
    "A curve that still rises says that more data would probably help, a flat one that it would not. One that falls"
    " says that old plays speak of tastes and titles of the past: learn from the last months only. The model to "
    "start a young service with is the one that leads on the left.",
    "Models with their default settings are fitted on the last days before the test, or on some of the viewers, and"
    " tested on one and the same test period. By days, everybody is tested, with what they had ever watched left "
    "out of their lists; who watched nothing in those days is a newcomer and counts. By viewers, an eighth of the "
    "viewers is always learnt from and alone is tested, and others join. Half and whole are compared viewer by "
    "viewer.",
)

story = Story.begin(
    "Tuning", "Do better settings make a model better, and how much history does it need?", needs=("views", "ratings")
)
dataset = story.dataset
look = st.segmented_control(
    "Look for", list(LOOKS), format_func=LOOKS.get, default="settings", required=True, key="tuning_look",
    bind="query-params",
)  # fmt: skip
tuning = look != "history"
kind, job = ("tuning", recommend_tuning.KIND) if tuning else ("learning_curve", recommend_learning.KIND)
kept = has_any(dataset, kind)
(tuning_form if tuning else learning_form)(dataset, expanded=not kept)
working = jobs.panel(job, dataset_hash=dataset.content_hash)
if working:
    going_on(dataset, kind)
found = choose_study(dataset, kind, f"{kind}_study") if kept else None
if found is None:
    if not working:
        story.empty(
            "Nothing has been tuned on this dataset yet." if tuning else "No learning curve has been drawn yet.",
            "Press “Tune”; it takes some minutes." if tuning else "Press “Draw the curve”; it takes a minute.",
        )
elif found[1].complete or not working:
    study, result = found
    (show_tuning if tuning else show_learning)(story, study, result)
    story.explain(*(TUNING if tuning else LEARNING))
    with st.expander("This study as Python code", icon=":material/code:"):
        st.code(result.recipe(), language="python")
    story.end(result.to_frame())
