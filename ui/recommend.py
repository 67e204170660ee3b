"""What the two pages of the recommenders are made of: the training form, the choice of runs and viewers, posters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path

import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from analysis.errors import PrimetimeError
from analysis.recommend import CAPABILITIES, shelves
from analysis.recommend.custom import CustomModel, discover
from analysis.recommend.shelves import fitting_artwork
from ui import jobs, state
from ui.glossary import define
from ui.posters import poster
from ui.story import error_box, guard
from ui.text import escape

KIND = "train"
"""Kind of the jobs that train models."""

NEWEST = "newest"
SIGNALS = {"views": "Plays", "ratings": "Ratings"}
SPLIT_LABELS = {
    "time": "what came after one point in time",
    "rolling": "what came after several points in time",
    "new_titles": "titles nobody had watched",
    "new_viewers": "viewers who came later",
    "folds": "folds of ratings (leaks the future)",
    "leave_last": "everybody's last title (leaks the future)",
    "random": "plays drawn by chance (leaks the future)",
}
GROUPS = {"known": "With history", "new": "New ones"}

POSTER = 106
"""Width of a poster, in pixels: eight fit beside each other on a laptop, three on a phone."""

LIMIT_MINUTES = 30
"""Time that a model may take where nothing else is chosen, as on the command line."""

LISTED = 200
"""Viewers in the list to choose from; the search finds the others."""


def training_form(dataset: Dataset, *, expanded: bool) -> None:
    """The form that explains what can be trained and starts a job; what is changed in it redraws only the form."""
    with st.expander("Train models", expanded=expanded, icon=":material/model_training:"):
        st.fragment(guard(partial(_form, dataset)))()


def _form(dataset: Dataset) -> None:
    known = recommend.models()
    own = {model.name: model for model in discover(state.workspace().home / "models")}
    labels = {name: model.label for name, model in known.items()} | {name: model.label for name, model in own.items()}
    names = st.pills(
        "Models",
        list(labels),
        selection_mode="multi",
        default=list(recommend.DEFAULT),
        format_func=labels.get,
        key="recommend_models",
        help="Baselines first, then models of plays, of what titles are about, and of stars; your own from the "
        "workspace's folder models come last.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        signal = st.segmented_control(
            "Learn from",
            [name for name in SIGNALS if dataset.has(name)],
            format_func=SIGNALS.get,
            default=recommend.default_signal(dataset),
            required=True,
            key="recommend_signal",
            help=define("signal"),
        )
        split = st.selectbox(
            "Test on",
            list(SPLIT_LABELS),
            format_func=SPLIT_LABELS.get,
            key="recommend_split",
            width=330,
            help="How the past that models learn from is parted from what they are tested on.",
        )
        tested = st.slider(
            "Test on the latest", 5, 50, 20, 5, format="%d %%", key="recommend_share", help=define("temporal split")
        )
        day = st.date_input(
            "Or from a day on",
            None,
            min_value=dt.date(1970, 1, 1),
            key="recommend_at",
            help="If given, it is used instead of the share, for a test on one point in time.",
        )
        told = 3
        if split == "new_viewers":
            told = st.number_input(
                "Titles told of each", 0, 20, 3, key="recommend_given", width=170,
                help="How many of a new viewer's first titles the models are told; with none, only models that have a "
                "list for strangers can serve them.",
            )  # fmt: skip
        k = st.slider("Length of a list", 1, 50, 10, key="recommend_k", help="How many titles a viewer is shown.")
        limit = st.number_input(
            "Minutes a model may take", 1, 600, LIMIT_MINUTES, key="recommend_limit", width=190,
            help="A model that takes longer is stopped and named; the others go on.",
        )  # fmt: skip
    if recommend.SPLITS[split].leaks:
        st.warning(
            "This test leaks the future: models learn from what came after the test, which flatters and reorders them. "
            "Use it to compare with published numbers only.",
            icon=":material/warning:",
        )
    for model in own.values():
        if model.problem:
            st.warning(escape(model.problem))
    settings = _settings([known[name] for name in names if name in known], [own[name] for name in names if name in own])
    if st.button("Train and compare", type="primary", icon=":material/play_arrow:", key="recommend_train"):
        if not names:
            st.warning("Choose at least one model.")
            return
        when = ["--at", day.isoformat()] if day and split == "time" else ["--share", str(tested / 100)]
        chosen = ["--models", ",".join(names), "--signal", signal, "--split", split, "--k", str(k)]
        if split == "new_viewers":
            chosen += ["--told", str(told)]
        if limit != LIMIT_MINUTES:
            chosen += ["--limit-minutes", str(limit)]
        jobs.start(
            ["train", "--data", state.current_key(), *chosen, *when, *settings],
            title=f"Train {len(names)} model{'' if len(names) == 1 else 's'} on {dataset.name}",
            kind=KIND,
            dataset_hash=dataset.content_hash,
        )
        st.rerun()


def _settings(models: list[type[recommend.Recommender]], own: Sequence[CustomModel] = ()) -> list[str]:
    """What each chosen model is, its parameters to change; returns the command line's words for those changed."""
    words: list[str] = []
    with st.expander("What the models are, and their settings", icon=":material/tune:"):
        for model in models:
            can = [CAPABILITIES[name] for name, able in recommend.capabilities(model).items() if able]
            able = f" It {', '.join(can)}." if can else ""
            st.markdown(f"**{model.label}.** {model.description}{able}")
            words += _changed(model.name, recommend.parameter_docs(model))
        for mine in own:
            st.markdown(
                f"**{escape(mine.label)}.** {escape(mine.description)} Your own: {escape(Path(mine.spec).name)}."
            )
            words += _changed(mine.name, mine.parameters)
    return words


def _changed(model: str, docs: Sequence[recommend.ParameterDoc]) -> list[str]:
    """Inputs for a model's parameters; returns the command line's words for those changed."""
    words: list[str] = []
    if not docs:
        return words
    with st.grid(4, min_column_width=170):
        for doc in docs:
            whole = isinstance(doc.default, int)
            kind = int if whole else float
            value = st.number_input(
                doc.name.replace("_", " ").capitalize(),
                min_value=kind(doc.space.least),
                value=doc.default,
                step=1 if whole else None,
                format=None if whole else "%g",
                key=f"recommend_set_{model}_{doc.name}",
                help=f"{escape(doc.doc)} Worth trying: {doc.space.low:g} to {doc.space.high:g}.",
            )
            if value != doc.default:
                words += ["--set", f"{model}.{doc.name}={value}"]
    return words


def choose_run(dataset: Dataset) -> recommend.Run | None:
    """The run to show: the newest, or a kept one by choice, which can be deleted; None where there is none."""
    kept = recommend.list_runs(state.workspace(), dataset.content_hash).runs
    if not kept:
        return recommend.newest_run(state.workspace(), dataset)
    # A link holds what the box shows, so it shows the names of the runs themselves.
    names = {NEWEST: kept[0]} | {run.id: run for run in kept}
    asked = st.query_params.get("recommend_run")
    if asked is not None and asked not in names:
        st.warning(f"The link names a run that is not here: {escape(asked)}. The newest is shown instead.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Run", list(names), key="recommend_run", bind="query-params")
        info = names[chosen]
        st.button(
            "Delete this run", icon=":material/delete:", on_click=_delete, args=(info.id,), key="recommend_delete"
        )
    newest = recommend.newest_run(state.workspace(), dataset) if chosen == NEWEST else None
    run = newest or recommend.load_run(state.workspace(), info.id)
    labels = ", ".join(entry.label for entry in run.leaderboard.entries)
    st.caption(
        escape(
            f"Kept on {info.made_at:%Y-%m-%d %H:%M} UTC, {SIGNALS[info.signal].lower()}, tested on "
            f"{run.leaderboard.split['words']}: {labels}."
        )
    )
    return run


def choose_viewer(dataset: Dataset, run: recommend.Run) -> tuple[int | None, int]:
    """The viewer to look at, None where nobody fits the search; and the number of titles a row."""
    if problem := st.session_state.pop("recommend_problem", None):
        error_box(problem)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        group = st.segmented_control(
            "Viewers",
            list(GROUPS),
            format_func=GROUPS.get,
            default="known",
            required=True,
            key="recommend_group",
            bind="query-params",
            on_change=_forget_viewer,
            help=define("cold viewer"),
        )
        words = st.text_input("Search", key="recommend_words", placeholder="Number or name", max_chars=40)
        listed, summary = _find(dataset, run.leaderboard, dataset.content_hash, run.id, words, group == "new")
        # A link holds what the box shows: the viewer's number first.
        options = [f"{number} · {name}" if name else str(number) for number, name, _, _ in listed]
        if options and st.session_state.get("recommend_viewer", "") is None:
            # After a search without a match, or in the other group, the box would stay empty.
            st.session_state["recommend_viewer"] = options[0]
        asked = str(st.session_state.get("recommend_viewer") or st.query_params.get("recommend_viewer", ""))
        if asked not in options and not words and asked.split(" ")[0].isdecimal():
            options.append(asked)
        chosen = st.selectbox("Viewer", options, key="recommend_viewer", bind="query-params", width=240)
        st.button(
            "Anyone",
            icon=":material/shuffle:",
            on_click=_draw,
            args=(dataset, run.leaderboard, group == "new"),
            key="recommend_random",
            help="A viewer drawn by chance.",
        )
        k = st.slider("Titles a row", 4, 20, 8, key="recommend_row")
    st.caption(escape(summary))
    return (int(chosen.split(" ")[0]) if chosen else None), k


def posters(
    dataset: Dataset,
    titles: Sequence[recommend.Recommended | recommend.Watched],
    flags: Sequence[str] = (),
    *,
    taste: Mapping[str, int] | None = None,
) -> None:
    """A row of posters, each with a small flag where the words for it are not empty.

    With a viewer's taste each title has the artwork that stresses the genre they watch most, else its first one.
    """
    drawn = []
    for title, flag in zip_longest(titles, flags, fillvalue=""):
        shows = artworks(dataset).get(title.title_id, title.genres)
        variant = fitting_artwork(shows, taste or {})
        drawn.append(
            poster(title.name, title.genres, variant=variant, shows=shows[variant] if shows else "", note=flag)
        )
    flagged = zip_longest(titles, flags, fillvalue="")
    alt = [f"{title.name}, {flag.lower()}" if flag else title.name for title, flag in flagged]
    st.image(drawn, width=POSTER, alt=alt)


def artworks(dataset: Dataset) -> dict[int, tuple[str, ...]]:
    """The genre that each artwork variant of each title stresses, where the dataset has artworks."""
    return _artworks(dataset, dataset.content_hash)


@st.cache_resource(max_entries=4, ttl=3600, show_spinner=False)
def _artworks(_dataset: Dataset, content: str) -> dict[int, tuple[str, ...]]:
    return shelves.artworks(_dataset)


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def _find(
    _dataset: Dataset, _board: recommend.Leaderboard, content: str, run_id: str, words: str, new: bool
) -> tuple[tuple[tuple[int, str | None, int, int], ...], str]:
    found = recommend.find_viewers(_dataset, _board, words, new=new, limit=LISTED)
    return tuple(found.viewers.itertuples(index=False, name=None)), found.summary()


def _forget_viewer() -> None:
    st.session_state["recommend_viewer"] = None


def _draw(dataset: Dataset, board: recommend.Leaderboard, new: bool) -> None:
    try:
        st.session_state["recommend_viewer"] = str(recommend.any_viewer(dataset, board, new=new))
        st.session_state["recommend_words"] = ""
    except PrimetimeError as error:
        st.session_state["recommend_problem"] = error


def _delete(run_id: str) -> None:
    recommend.delete_run(state.workspace(), run_id)
    st.session_state["recommend_run"] = NEWEST
