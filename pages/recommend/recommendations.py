"""Recommendations: what would each model show this viewer, and did they watch it?"""

import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from ui import state
from ui.glossary import define
from ui.recommend import choose_viewer, posters
from ui.story import Card, Story
from ui.text import escape

MEANS = (
    "Each row is what one model would have shown on the day of the split, knowing only what came before. A flag marks "
    "what the viewer then went on to watch. One viewer proves nothing: whose list is better is decided over all "
    "viewers, on Train & compare."
)
COMPUTED = (
    "The lists were made when the run was trained and are kept with it. Titles watched before the split are left out. "
    "A viewer who had watched nothing has no taste to go by and gets the lists of the popularity models only. Posters "
    "are drawn from name and genre; they are not the titles' real artwork."
)


@st.cache_data(max_entries=256, ttl=3600, show_spinner=False)
def look(
    _dataset: Dataset, _run: recommend.Run, content: str, run_id: str, viewer: int, k: int
) -> recommend.ViewerHome:
    return recommend.viewer_home(_dataset, _run, viewer, k=k)


def shelf_row(shelf: recommend.Shelf, tested: int) -> None:
    with st.container(border=True, key=f"recommend_shelf_{shelf.model}"):
        came_true = f"{shelf.hits} of {len(shelf.titles)} watched later" if tested else "nothing watched since"
        st.markdown(f"**{escape(shelf.label)}** :gray-badge[{came_true}]")
        posters(shelf.titles, ["Watched" if title.watched_later else "" for title in shelf.titles])


story = Story.begin(
    "Recommendations", "What would each model show this viewer, and did they watch it?", needs=("views", "ratings")
)
dataset = story.dataset
run = recommend.newest_run(state.workspace(), dataset, with_lists=True)
if run is None:
    story.empty("No model has been trained on this dataset yet.", "Train some first; it takes a minute.")
    st.page_link("pages/recommend/train.py", label="Train & compare", icon=":material/leaderboard:")
    st.stop()
viewer, k = choose_viewer(dataset, run)
if viewer is None:
    story.empty("No viewer fits.", "Search for something else, or choose the other group of viewers.")
    st.stop()
home = look(dataset, run, dataset.content_hash, run.id, viewer, k)
story.verdict(home.summary())
story.metrics(
    [
        Card("Watched before", f"{home.n_before:,}", "Different titles the models could learn from."),
        Card("Watched for the first time since", f"{home.n_after:,}", "Different titles the lists are tested on."),
        Card("Split", home.split_at[:10], define("temporal split")),
    ]
)
story.heading("History")
if home.before:
    with st.container(border=True, key="recommend_history"):
        st.markdown(f"**Watched before {home.split_at[:10]}**, the last one first")
        posters(home.before[:k], [f"{title.stars:g} stars" if title.stars else "" for title in home.before[:k]])
else:
    st.info(
        "This viewer had watched nothing before the split. The models that learn a personal taste have nothing to go "
        "by; popularity is shown instead.",
        icon=":material/person_add:",
    )
if home.after:
    with st.container(border=True, key="recommend_after"):
        st.markdown(f"**Watched for the first time since {home.split_at[:10]}**: what a good list would have held")
        posters(home.after[:k], [""] * len(home.after[:k]))
story.heading("What each model would have shown")
for shelf in home.shelves:
    shelf_row(shelf, home.n_after)
if home.without_list:
    st.caption(f"Without a list for this viewer: {escape(', '.join(home.without_list))}.")
with st.expander("All lists as a table", icon=":material/table:"):
    story.table(home.to_frame(), key="recommend_lists", alt="Each model's list for this viewer")
story.explain(MEANS, COMPUTED)
story.end(home.to_frame())
