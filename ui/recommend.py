"""What the two pages of the recommenders are made of: the training form, the choice of runs and viewers, posters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from analysis.errors import PrimetimeError
from ui import jobs, state
from ui.glossary import define
from ui.posters import poster
from ui.story import error_box
from ui.text import escape

KIND = "train"
"""Kind of the jobs that train models."""

NEWEST = "newest"
SIGNALS = {"views": "Plays", "ratings": "Ratings"}
GROUPS = {"known": "With history", "new": "New ones"}

POSTER = 112
"""Width of a poster, in pixels: eight fit beside each other on a laptop."""

LISTED = 200
"""Viewers in the list to choose from; the search finds the others."""


def training_form(dataset: Dataset, *, expanded: bool) -> None:
    """The form that explains what can be trained and starts a job."""
    known = recommend.models()
    with st.expander("Train models", expanded=expanded, icon=":material/model_training:"), st.form("recommend_form"):
        names = st.pills(
            "Models",
            list(known),
            selection_mode="multi",
            default=list(recommend.DEFAULT),
            format_func=lambda name: known[name].label,
            key="recommend_models",
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
            tested = st.slider(
                "Test on the latest", 5, 50, 20, 5, format="%d %%", key="recommend_share", help=define("temporal split")
            )
            day = st.date_input(
                "Or from a day on",
                None,
                min_value=dt.date(1970, 1, 1),
                key="recommend_at",
                help="If given, it is used instead of the share.",
            )
            k = st.slider("Length of a list", 1, 50, 10, key="recommend_k", help="How many titles a viewer is shown.")
        pressed = st.form_submit_button("Train and compare", type="primary", icon=":material/play_arrow:")
        for model in known.values():
            _explain(model)
    if pressed and not names:
        st.warning("Choose at least one model.")
    elif pressed:
        split = ["--at", day.isoformat()] if day else ["--share", str(tested / 100)]
        chosen = ["--models", ",".join(names), "--signal", signal, "--k", str(k)]
        jobs.start(
            ["train", "--data", state.current_key(), *chosen, *split],
            title=f"Train {len(names)} model{'' if len(names) == 1 else 's'} on {dataset.name}",
            kind=KIND,
            dataset_hash=dataset.content_hash,
        )


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
    labels = ", ".join(recommend.models()[name].label if name in recommend.models() else name for name in info.models)
    st.caption(escape(f"Kept on {info.made_at:%Y-%m-%d %H:%M} UTC, {SIGNALS[info.signal].lower()}: {labels}."))
    if chosen == NEWEST:
        return recommend.newest_run(state.workspace(), dataset)
    return recommend.load_run(state.workspace(), chosen)


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


def posters(titles: Sequence[recommend.Recommended | recommend.Watched], flags: Sequence[str]) -> None:
    """A row of posters, each with a small flag where the words for it are not empty."""
    pairs = list(zip(titles, flags, strict=True))
    st.image(
        [poster(title.name, title.genres, note=flag) for title, flag in pairs],
        width=POSTER,
        alt=[f"{title.name}, {flag.lower()}" if flag else title.name for title, flag in pairs],
    )


def _explain(model: type[recommend.Recommender]) -> None:
    """What a model is, and what each of its settings does."""
    needs = " Needs ratings." if model.predicts_ratings else ""
    settings = "".join(f"\n- {doc.name} = {doc.default}: {doc.doc}" for doc in recommend.parameter_docs(model))
    st.caption(f"**{model.label}.** {model.description}{needs}{settings}")


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
