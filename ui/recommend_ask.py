"""Asking a run's models on a page: kept models at once, models of somebody's own in a process of their own."""

from __future__ import annotations

import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from analysis.errors import DataError, ModelError, PrimetimeError
from analysis.recommend import kept
from analysis.recommend.ask import Question, ask, ask_apart
from analysis.recommend.shelves import watched_titles
from ui import state
from ui.story import error_box


def able(run: recommend.Run, capability: str) -> dict[str, str]:
    """The run's models that can do something: name and label, the personal ones first."""
    found = [entry for entry in run.leaderboard.finished if kept.can(entry.model, entry.can)[capability]]
    # Popularity is at the top of many boards and has the same answer for everybody.
    found.sort(key=lambda entry: "popularity" in entry.model)
    return {entry.model: entry.label for entry in found}


def choose_models(run: recommend.Run, capability: str, key: str) -> tuple[str, ...]:
    """Two of the run's models that can do something, to be asked beside each other; says so where there is none."""
    names = able(run, capability)
    if not names:
        st.info(
            f"This run has no model that {recommend.CAPABILITIES[capability]}. Train item kNN, EASE or ALS.",
            icon=":material/info:",
        )
        return ()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox("Model", list(names), format_func=names.get, key=f"{key}_model", width=240)
        rest = {"": "No other"} | {name: label for name, label in names.items() if name != first}
        # What everybody gets shows what is personal in a list.
        baseline = list(rest).index("popularity") if "popularity" in rest else 0
        second = st.selectbox(
            "Beside", list(rest), index=baseline, format_func=rest.get, key=f"{key}_beside", width=240
        )
    return tuple(name for name in (first, second) if name)


def choose_model(run: recommend.Run, capability: str, key: str) -> str | None:
    """One of the run's models that can do something; None, with what to do, where there is none."""
    names = able(run, capability)
    if not names:
        st.info(
            f"This run has no model that {recommend.CAPABILITIES[capability]}. Train item kNN, EASE or ALS.",
            icon=":material/info:",
        )
        return None
    return st.selectbox("Model", list(names), format_func=names.get, key=key, width=240)


def answer(dataset: Dataset, run: recommend.Run, name: str, question: Question) -> recommend.Because | None:
    """A model's answer; None, with the reason under the model's name on the page, where it has none."""
    with st.spinner("Asking the model", show_time=True):
        found = _answer(dataset, run, dataset.content_hash, _version(run), name, question, _changed(name))
    if isinstance(found, PrimetimeError):
        error_box(found)
        return None
    return found


def _changed(name: str) -> int:
    """When the files of one's own models changed last; what a mended model failed to answer is asked again."""
    if name in recommend.models():
        return 0
    files = (state.workspace().home / "models").glob("*.py")
    return max((file.stat().st_mtime_ns for file in files), default=0)


@st.cache_resource(max_entries=2, ttl=3600, show_spinner=False)
def _training(_dataset: Dataset, _run: recommend.Run, content: str, version: str) -> recommend.Interactions:
    return kept.training_of(_dataset, _run)


@st.cache_resource(max_entries=6, ttl=3600, show_spinner=False)
def _model(_dataset: Dataset, _run: recommend.Run, content: str, version: str, name: str) -> recommend.Recommender:
    train = _training(_dataset, _run, content, version)
    return kept.fitted_model(state.workspace(), _dataset, _run, name, train)


@st.cache_data(max_entries=256, ttl=3600, show_spinner=False)
def _answer(
    _dataset: Dataset, _run: recommend.Run, content: str, version: str, name: str, question: Question, changed: int
) -> recommend.Because | PrimetimeError:
    """The answer, or why there is none: a model that hangs is not waited for again each time the page is drawn."""
    try:
        if name in recommend.models():
            return ask(_model(_dataset, _run, content, version, name), question)
        return ask_apart(state.workspace(), state.current_key(), _run, name, question)
    except (DataError, ModelError) as error:
        return type(error)(error.problem, error.remedy)


def catalogue(dataset: Dataset, run: recommend.Run) -> dict[int, recommend.Recommended]:
    """Titles that somebody watched in the run's training, the most watched first, by id."""
    return _catalogue(dataset, run, dataset.content_hash, _version(run))


@st.cache_resource(max_entries=4, ttl=3600, show_spinner="Reading the titles")
def _catalogue(_dataset: Dataset, _run: recommend.Run, content: str, version: str) -> dict[int, recommend.Recommended]:
    titles = watched_titles(_training(_dataset, _run, content, version))
    return {title.title_id: title for title in titles}


def _version(run: recommend.Run) -> str:
    """Tells runs apart, also two that a dataset carried one after the other."""
    return run.id + run.leaderboard.made_at
