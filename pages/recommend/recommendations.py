"""Recommendations: what would each model show this viewer, and did they watch it?"""

import streamlit as st

from analysis import recommend
from ui import state
from ui.recommend_home import VIEWS, new_viewer, one_viewer, similar
from ui.story import Story

MEANS = (
    "Each row is what one model would have shown on the day of the split, knowing only what came before. A flag marks "
    "what the viewer then went on to watch. One viewer proves nothing: whose list is better is decided over all "
    "viewers, on Train & compare. “Because you watched” names the watched title that adds most to the scores of a row: "
    "without it, they would fall most."
)
COMPUTED = (
    "The lists of all models were made when the run was trained and are kept with it. For the home page, a new viewer "
    "and similar titles, the chosen model is asked as it was fitted then, or fitted again on the same past. Titles "
    "watched before are left out. A viewer who had watched nothing has no taste to go by and gets the lists of the "
    "models that need none. Posters are drawn from name, genre and artwork variant; they are not the titles' real "
    "artwork."
)

story = Story.begin(
    "Recommendations", "What would each model show this viewer, and did they watch it?", needs=("views", "ratings")
)
run = recommend.newest_run(state.workspace(), story.dataset, with_lists=True)
if run is None:
    story.empty("No model has been trained on this dataset yet.", "Train some first; it takes a minute.")
    st.page_link("pages/recommend/train.py", label="Train & compare", icon=":material/leaderboard:")
    st.stop()
look = st.segmented_control(
    "Look at",
    list(VIEWS),
    format_func=VIEWS.get,
    default="viewer",
    required=True,
    key="recommend_look",
    bind="query-params",
)
{"new": new_viewer, "similar": similar}.get(look, one_viewer)(story, run)
story.explain(MEANS, COMPUTED)
story.end(run.to_frame())
