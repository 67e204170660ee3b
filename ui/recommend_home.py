"""The Recommendations page's three looks: one viewer's home page, a new viewer who picks titles, and similar titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from analysis.recommend.ask import Question
from analysis.recommend.shelves import beside, taste_of
from ui.glossary import define
from ui.posters import poster
from ui.recommend import POSTER, artworks, choose_viewer, posters
from ui.recommend_ask import able, answer, catalogue, choose_model, choose_models
from ui.story import Card, Story
from ui.text import escape

VIEWS = {"viewer": "A viewer", "new": "A new viewer", "similar": "Similar titles"}
PICKED = 3
"""Titles that a new viewer begins with, until they choose their own."""

ROW = 8
"""Titles a row where nothing else is chosen: as many as fit beside each other on a laptop."""


@st.cache_data(max_entries=256, ttl=3600, show_spinner=False)
def _look(
    _dataset: Dataset, _run: recommend.Run, content: str, run_id: str, viewer: int, k: int
) -> recommend.ViewerHome:
    return recommend.viewer_home(_dataset, _run, viewer, k=k)


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
    taste = taste_of(home.before)
    _history(story, home, k)
    if not home.is_new:
        _home_page(story, run, viewer, k, taste)
    _side_by_side(story, home, taste)
    with st.expander("All lists as a table", icon=":material/table:"):
        story.table(home.to_frame(), key="recommend_lists", alt="Each model's list for this viewer")


def _history(story: Story, home: recommend.ViewerHome, k: int) -> None:
    story.heading("History")
    if home.before:
        with st.container(border=True, key="recommend_history"):
            st.markdown(f"**Watched before {home.split_at[:10]}**, the last one first")
            stars = [f"{title.stars:g} stars" if title.stars else "" for title in home.before[:k]]
            posters(story.dataset, home.before[:k], stars)
    else:
        st.info(
            "This viewer had watched nothing before the split. The models that learn a personal taste have nothing to "
            "go by; popularity is shown instead.",
            icon=":material/person_add:",
        )
    if home.after:
        with st.container(border=True, key="recommend_after"):
            st.markdown(f"**Watched for the first time since {home.split_at[:10]}**: what a good list would have held")
            posters(story.dataset, home.after[:k])


def _home_page(story: Story, run: recommend.Run, viewer: int, k: int, taste: Mapping[str, int]) -> None:
    """Rows "because you watched …" of a model that can say where its picks come from."""
    story.heading("The home page")
    model = choose_model(run, "explains", "recommend_home_model")
    found = None if model is None else answer(story.dataset, run, model, Question(viewer=viewer, k=k))
    if found is None:
        return
    story.text(found.summary())
    if taste:
        most = max(taste, key=lambda genre: (taste[genre], genre))
        st.caption(f"Of a title's artworks, this viewer sees the one that fits best; they watch {escape(most)} most.")
    _picks(story, [found], "Top picks", taste)
    _because(story, found, taste)


def _picks(story: Story, answers: Sequence[recommend.Because], title: str, taste: Mapping[str, int]) -> None:
    """One answer's picks, or two beside each other with what differs marked."""
    shared: frozenset[int] = frozenset()
    if len(answers) > 1:
        both = beside(answers[0].picks, answers[1].picks, (answers[0].label, answers[1].label))
        story.text(both.summary())
        shared = both.shared
    for one in answers:
        with st.container(border=True, key=f"recommend_picks_{one.model}"):
            st.markdown(f"**{escape(title)}** by {escape(one.label)}")
            flags = [_flag(pick.title_id, one.picks, shared) for pick in one.picks]
            posters(story.dataset, one.picks, flags, taste=taste)


def _because(story: Story, found: recommend.Because, taste: Mapping[str, int]) -> None:
    """A row for each watched title that speaks for several of the picks."""
    for place, row in enumerate(found.rows):
        with st.container(border=True, key=f"recommend_because_{place}"):
            part = f"{row.share * 100:.0f} % of their scores come from it"
            st.markdown(f"**Because you watched {escape(row.name)}** :gray-badge[{part}]")
            posters(story.dataset, row.titles, taste=taste)


def _side_by_side(story: Story, home: recommend.ViewerHome, taste: Mapping[str, int]) -> None:
    """Two models' lists, what differs marked; and the others below."""
    story.heading("What each model would have shown")
    shelves = {shelf.model: shelf for shelf in home.shelves}
    if len(shelves) > 1:
        names = {name: shelf.label for name, shelf in shelves.items()}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            first = st.selectbox("One model", list(names), format_func=names.get, key="recommend_first", width=240)
            rest = [name for name in names if name != first]
            second = st.selectbox("Beside", rest, format_func=names.get, key="recommend_second", width=240)
        one, other = shelves[first or rest[0]], shelves[second or rest[0]]
        both = beside(one.titles, other.titles, (one.label, other.label))
        story.text(both.summary())
        for shelf in (one, other):
            _shelf(story.dataset, shelf, home.n_after, "pair", both.shared, taste)
    with st.expander("Every model's list", icon=":material/view_agenda:", expanded=len(shelves) < 2):
        for shelf in home.shelves:
            _shelf(story.dataset, shelf, home.n_after, "all", frozenset(), taste)
    if home.without_list:
        st.caption(f"Without a list for this viewer: {escape(', '.join(home.without_list))}.")


def _shelf(
    dataset: Dataset,
    shelf: recommend.Shelf,
    tested: int,
    kind: str,
    shared: frozenset[int],
    taste: Mapping[str, int],
) -> None:
    with st.container(border=True, key=f"recommend_shelf_{kind}_{shelf.model}"):
        came_true = f"{shelf.hits} of {len(shelf.titles)} watched later" if tested else "nothing watched since"
        st.markdown(f"**{escape(shelf.label)}** :gray-badge[{came_true}]")
        flags = [
            "Watched" if title.watched_later else _flag(title.title_id, shelf.titles, shared) for title in shelf.titles
        ]
        posters(dataset, shelf.titles, flags, taste=taste)


def _flag(title_id: int, titles: tuple[recommend.Recommended, ...], shared: frozenset[int]) -> str:
    """What marks a title beside another list: the smaller group is flagged, none where the lists have nothing shared.

    >>> _flag(1, (), frozenset())
    ''
    """
    if not shared:
        return ""
    mostly_shared = 2 * len(shared) > len(titles)
    if mostly_shared:
        return "" if title_id in shared else "Only here"
    return "In both" if title_id in shared else ""


def new_viewer(story: Story, run: recommend.Run) -> None:
    """Somebody nobody knows picks a few titles and gets a list at once, without a new fit."""
    dataset = story.dataset
    models = choose_models(run, "folds_in", "recommend_new")
    if not models:
        st.stop()
    known = catalogue(dataset, run)
    picked = st.multiselect(
        "What have you watched and liked?",
        sorted(known, key=lambda title: known[title].name.casefold()),
        default=list(known)[:PICKED],
        format_func=lambda title: known[title].name,
        placeholder="Type a title's name",
        key="recommend_picked",
        help="The list follows at once: the model takes in the history without learning anew.",
    )
    taste = taste_of(known[title] for title in picked)
    if not picked:
        _nothing_known(story, run)
        return
    found = {name: answer(dataset, run, name, Question(titles=tuple(picked), k=ROW)) for name in models}
    answers = [one for one in found.values() if one is not None]
    if not answers:
        st.stop()
    story.verdict(answers[0].summary())
    with st.container(border=True, key="recommend_picked_row"):
        st.markdown("**You picked**")
        posters(dataset, [known[title] for title in picked])
    _picks(story, answers, "Top picks", taste)
    because = answers[0]
    _because(story, because, taste)
    if because.model not in able(run, "explains"):
        st.caption(f"{escape(because.label)} can't say which of the titles a pick comes from.")
    with st.expander("The list as a table", icon=":material/table:"):
        story.table(because.to_frame(), key="recommend_new_list", alt="The new viewer's list")


def _nothing_known(story: Story, run: recommend.Run) -> None:
    """What everybody gets, for somebody of whom nothing is known."""
    cold, folding = able(run, "cold_viewers"), able(run, "folds_in")
    everybody = next((name for name in cold if name in folding and "popularity" in name), None)
    found = None if everybody is None else answer(story.dataset, run, everybody, Question(titles=(), k=ROW))
    if found is None or not found.picks:
        story.empty("Nothing is known of this viewer yet.", "Pick a title or two above, or train a popularity model.")
        return
    story.verdict(f"Nothing is known of this viewer yet: {found.label} would show everybody the same.")
    _picks(story, [found], "Top picks", {})


def similar(story: Story, run: recommend.Run) -> None:
    """Titles that one model, or two, find most like one; and the title's artworks."""
    dataset = story.dataset
    models = choose_models(run, "finds_similar", "recommend_similar")
    if not models:
        st.stop()
    known = catalogue(dataset, run)
    title = known[
        st.selectbox(
            "Title", list(known), format_func=lambda one: known[one].name, key="recommend_title", width=500,
            help="Those with most viewers come first; type a name to find another.",
        )
    ]  # fmt: skip
    found = [answer(dataset, run, name, Question(like=title.title_id, k=ROW)) for name in models]
    answers = [one for one in found if one is not None and one.picks]
    if not answers:
        story.empty(f"Nothing like {escape(title.name)} was found.", "Choose another title, or another model.")
        st.stop()
    story.verdict(f"Most like {title.name}, {answers[0].label} finds {answers[0].picks[0].name}.")
    _artworks(dataset, title)
    _picks(story, answers, f"Like {title.name}", {})


def _artworks(dataset: Dataset, title: recommend.Recommended) -> None:
    """All artworks of a title, with what each stresses."""
    shows = artworks(dataset).get(title.title_id, title.genres) or ("",)
    with st.container(border=True, key="recommend_artworks"):
        st.markdown(f"**{escape(title.name)}**: its artworks, and what each stresses")
        pictures = [poster(title.name, title.genres, variant=n, shows=genre) for n, genre in enumerate(shows)]
        st.image(pictures, width=POSTER, alt=[f"{title.name}, {genre or 'no genre'}" for genre in shows])
