"""The Recommendations page's three looks: one viewer's home page, a new viewer who picks titles, and similar titles."""

from __future__ import annotations

import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from analysis.errors import DataError, ModelError
from ui.glossary import define
from ui.recommend import choose_viewer, posters
from ui.story import Card, Story, error_box
from ui.text import escape

VIEWS = {"viewer": "A viewer", "new": "A new viewer", "similar": "Similar titles"}
PICKED = 5
"""Titles that a new viewer begins with, until they choose their own."""


@st.cache_data(max_entries=256, ttl=3600, show_spinner=False)
def _look(
    _dataset: Dataset, _run: recommend.Run, content: str, run_id: str, viewer: int, k: int
) -> recommend.ViewerHome:
    return recommend.viewer_home(_dataset, _run, viewer, k=k)


@st.cache_resource(max_entries=6, ttl=3600, show_spinner="Fitting the model again, once")
def _model(_dataset: Dataset, _run: recommend.Run, content: str, run_id: str, name: str) -> recommend.Recommender:
    return recommend.refit(_dataset, _run, name)


def _fitted(dataset: Dataset, run: recommend.Run, name: str) -> recommend.Recommender | None:
    """The run's model, fitted once for all visitors; None, with the reason on the page, where it can't be."""
    try:
        return _model(dataset, run, dataset.content_hash, run.id + run.leaderboard.made_at, name)
    except (DataError, ModelError) as error:
        error_box(error)
        return None


def one_viewer(story: Story, run: recommend.Run) -> None:
    """A home page as the viewer would see it, the history beside it, and all models' lists."""
    dataset = story.dataset
    viewer, k = choose_viewer(dataset, run)
    if viewer is None:
        story.empty("No viewer fits.", "Search for something else, or choose the other group of viewers.")
        st.stop()
    home = _look(dataset, run, dataset.content_hash, run.id, viewer, k)
    story.verdict(home.summary())
    story.metrics(
        [
            Card("Watched before", f"{home.n_before:,}", "Different titles the models could learn from."),
            Card("Watched for the first time since", f"{home.n_after:,}", "Different titles the lists are tested on."),
            Card("Split", home.split_at[:10], define("temporal split")),
        ]
    )
    _history(story, home, k)
    if not home.is_new:
        _home_page(story, run, viewer, k)
    _side_by_side(story, home)
    with st.expander("All lists as a table", icon=":material/table:"):
        story.table(home.to_frame(), key="recommend_lists", alt="Each model's list for this viewer")


def _history(story: Story, home: recommend.ViewerHome, k: int) -> None:
    story.heading("History")
    if home.before:
        with st.container(border=True, key="recommend_history"):
            st.markdown(f"**Watched before {home.split_at[:10]}**, the last one first")
            posters(home.before[:k], [f"{title.stars:g} stars" if title.stars else "" for title in home.before[:k]])
    else:
        st.info(
            "This viewer had watched nothing before the split. The models that learn a personal taste have nothing to "
            "go by; popularity is shown instead.",
            icon=":material/person_add:",
        )
    if home.after:
        with st.container(border=True, key="recommend_after"):
            st.markdown(f"**Watched for the first time since {home.split_at[:10]}**: what a good list would have held")
            posters(home.after[:k], [""] * len(home.after[:k]))


def _home_page(story: Story, run: recommend.Run, viewer: int, k: int) -> None:
    """Rows "because you watched …" of a model that can say where its picks come from."""
    story.heading("The home page")
    model = _choose_model(run, "explains", "recommend_home_model")
    if model is None:
        return
    fitted = _fitted(story.dataset, run, model)
    if fitted is None:
        return
    found = recommend.because_viewer_watched(fitted, viewer, k=k)
    story.text(found.summary())
    because_rows(found)


def because_rows(found: recommend.Because) -> None:
    """The picks, and a row for each watched title that speaks for several of them."""
    if not found.picks:
        return
    with st.container(border=True, key="recommend_picks"):
        st.markdown(f"**Top picks** by {escape(found.label)}")
        posters(found.picks, [""] * len(found.picks))
    for place, row in enumerate(found.rows):
        with st.container(border=True, key=f"recommend_because_{place}"):
            part = f"{row.share * 100:.0f} % of their scores come from it"
            st.markdown(f"**Because you watched {escape(row.name)}** :gray-badge[{part}]")
            posters(row.titles, [""] * len(row.titles))


def _side_by_side(story: Story, home: recommend.ViewerHome) -> None:
    """Two models' lists, what only one of them holds marked; and the others below."""
    story.heading("What each model would have shown")
    shelves = {shelf.model: shelf for shelf in home.shelves}
    if len(shelves) > 1:
        names = {name: shelf.label for name, shelf in shelves.items()}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            first = st.selectbox("One model", list(names), format_func=names.get, key="recommend_first", width=240)
            rest = [name for name in names if name != first]
            second = st.selectbox("Beside", rest, format_func=names.get, key="recommend_second", width=240)
        pair = [shelves[first or rest[0]], shelves[second or rest[0]]]
        ids = [{title.title_id for title in shelf.titles} for shelf in pair]
        story.text(f"{len(ids[0] & ids[1])} of {max(map(len, ids))} titles are in both lists.")
        for shelf, others in zip(pair, reversed(ids), strict=True):
            _shelf(shelf, home.n_after, others)
    with st.expander("Every model's list", icon=":material/view_agenda:", expanded=len(shelves) < 2):
        for shelf in home.shelves:
            _shelf(shelf, home.n_after, None)
    if home.without_list:
        st.caption(f"Without a list for this viewer: {escape(', '.join(home.without_list))}.")


def _shelf(shelf: recommend.Shelf, tested: int, others: set[int] | None) -> None:
    kind = "all" if others is None else "pair"
    with st.container(border=True, key=f"recommend_shelf_{kind}_{shelf.model}"):
        came_true = f"{shelf.hits} of {len(shelf.titles)} watched later" if tested else "nothing watched since"
        st.markdown(f"**{escape(shelf.label)}** :gray-badge[{came_true}]")
        flags = [
            "Watched" if title.watched_later else "Only here" if others and title.title_id not in others else ""
            for title in shelf.titles
        ]
        posters(shelf.titles, flags)


def new_viewer(story: Story, run: recommend.Run) -> None:
    """Somebody nobody knows picks a few titles and gets a list at once, without a new fit."""
    model = _choose_model(run, "folds_in", "recommend_new_model")
    fitted = None if model is None else _fitted(story.dataset, run, model)
    if fitted is None or fitted.interactions_ is None:
        st.stop()
    train = fitted.interactions_
    known = train.catalogue[train.viewers_per_title > 0]
    names = dict(zip(known["title_id"].tolist(), known["name"].astype("str").tolist(), strict=True))
    popular = train.titles[train.viewers_per_title.argsort(kind="stable")[::-1][:PICKED]].tolist()
    picked = st.multiselect(
        "What have you watched and liked?",
        sorted(names, key=lambda title: names[title].casefold()),
        default=[title for title in popular if title in names],
        format_func=lambda title: f"{names[title]} ({title})",
        key="recommend_picked",
        help="The list follows at once: the model takes in the history without learning anew.",
    )
    found = recommend.because_you_watched(fitted, picked, k=10)
    if not found.picks:
        story.empty("Nothing is known of this viewer yet.", "Pick a title or two above, or choose a popularity model.")
        st.stop()
    story.verdict(found.summary())
    because_rows(found)
    if not fitted.explains:
        st.caption(f"{escape(found.label)} can't say which of the titles a pick comes from.")
    with st.expander("The list as a table", icon=":material/table:"):
        story.table(found.to_frame(), key="recommend_new_list", alt="The new viewer's list")


def similar(story: Story, run: recommend.Run) -> None:
    """Titles that a model finds most like one."""
    model = _choose_model(run, "finds_similar", "recommend_similar_model")
    fitted = None if model is None else _fitted(story.dataset, run, model)
    if fitted is None or fitted.interactions_ is None:
        st.stop()
    train = fitted.interactions_
    known = train.catalogue[train.viewers_per_title > 0]
    names = dict(zip(known["title_id"].tolist(), known["name"].astype("str").tolist(), strict=True))
    title = st.selectbox(
        "Title",
        sorted(names, key=lambda one: names[one].casefold()),
        format_func=lambda one: f"{names[one]} ({one})",
        key="recommend_title",
        width=420,
    )
    found = recommend.similar_titles(fitted, int(title), 10)
    if not found:
        story.empty(f"{escape(fitted.label)} finds nothing like {escape(names[title])}.", "Choose another title.")
        st.stop()
    story.verdict(f"Most like {names[title]}, {fitted.label} finds {found[0].name}.")
    with st.container(border=True, key="recommend_similar"):
        st.markdown(f"**Like {escape(names[title])}**, by {escape(fitted.label)}, the most similar first")
        posters(found, [""] * len(found))


def _choose_model(run: recommend.Run, capability: str, key: str) -> str | None:
    """One of the run's models that can do something; None, with what to do, where there is none."""
    known = recommend.models()
    able = [
        entry.model
        for entry in run.leaderboard.finished
        if entry.model in known and recommend.capabilities(known[entry.model])[capability]
    ]
    if not able:
        st.info(
            f"This run has no model that {recommend.CAPABILITIES[capability]}. Train item kNN, EASE or ALS.",
            icon=":material/info:",
        )
        return None
    # Popularity is at the top of many boards and has the same answer for everybody.
    personal = next((place for place, name in enumerate(able) if "popularity" not in name), 0)
    return st.selectbox("Model", able, index=personal, format_func=lambda name: known[name].label, key=key, width=240)
