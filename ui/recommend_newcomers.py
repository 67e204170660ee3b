"""Which model is best for new viewers: from a test on viewers who came after training, started with one press."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from analysis.errors import DataError
from analysis.jobs import recent
from ui import jobs, state
from ui.charts import recommend as charts
from ui.recommend import KIND
from ui.story import Card, Story
from ui.text import count, escape, interval

NEW, FEW = "new_viewers", "history"
TOLD = {3: "Their first three titles", 0: "Nothing at all"}
"""What the models may know of a new viewer, by the number of titles."""

TEST = {
    3: "told their first three titles, what do they watch next, without a new fit?",
    0: "told nothing of them but what their profile says, which list holds what they watch?",
}
LOOKED_AT = 30
"""Newest runs among which a test on new viewers is looked for."""


def newcomers(story: Story, run: recommend.Run) -> None:
    """The answer, how sure it is, and what the test that everybody had says of viewers with little history."""
    of_new = run.leaderboard.split["name"] == NEW
    told = _told(run.leaderboard) if of_new else None
    if told not in TOLD:
        told = st.segmented_control(
            "What is known of a new viewer", list(TOLD), format_func=TOLD.get, default=3, required=True,
            key="recommend_told", bind="query-params",
        )  # fmt: skip
    tested = run if of_new else _newest_test(story.dataset, told or 0)
    if tested is None:
        _offer(story, run.leaderboard, told or 0)
    else:
        _answer(story, tested.leaderboard, shown=tested.id == run.id)
    board = run.leaderboard
    few = next((one.segment for one in board.contrasts if one.dimension == FEW), None)
    if few is not None:
        story.heading("Viewers with little history")
        story.text(board.best_in(FEW, few))


def _offer(story: Story, board: recommend.Leaderboard, told: int) -> None:
    """Say what a test on new viewers would tell, and start it."""
    st.info(
        "These models were tested on viewers with history. To know which serves new ones best, test them on those who "
        f"came after training: {TEST[told]}",
        icon=":material/person_add:",
    )
    title = f"Test on new viewers of {story.dataset.name}, {TOLD[told].lower()} known"
    if any(job.active and job.title.startswith(title) for job in recent(state.workspace(), KIND)):
        st.caption("Such a test is under way; its answer will stand here.")
    elif st.button("Test on new viewers", type="primary", icon=":material/play_arrow:", key="recommend_newcomers"):
        jobs.start(
            newcomers_words(board, state.current_key(), told),
            title=f"{title}: {len(board.finished)} models",
            kind=KIND,
            dataset_hash=story.dataset.content_hash,
        )
        st.rerun()


def newcomers_words(board: recommend.Leaderboard, data: str, told: int) -> list[str]:
    """The command that tests the same models with the same settings on new viewers, told so many titles of each."""
    words = ["train", "--data", data, "--models", ",".join(entry.model for entry in board.finished)]
    words += ["--signal", board.signal, "--split", NEW, "--told", str(told), "--k", str(board.k)]
    known = recommend.models()
    for entry in board.finished:
        usual = known[entry.model]().parameters if entry.model in known else None
        for name, value in entry.parameters.items():
            if usual is None or getattr(usual, name) != value:
                words += ["--set", f"{entry.model}.{name}={value}"]
    return words


def _answer(story: Story, board: recommend.Leaderboard, *, shown: bool) -> None:
    """The answer of a test on new viewers; `shown` says that it is the run whose sentence stands above already."""
    story.heading("Which model is best for new viewers?")
    if not shown:
        story.text(board.summary())
    ties = [pair for pair in board.comparisons if pair.first == board.finished[0].model and not pair.told_apart]
    labels = {entry.model: entry.label for entry in board.finished}
    if len(ties) > 1:
        rest = ", ".join(labels[pair.second] for pair in ties)
        story.text(f"{board.finished[0].label} can't be told apart from any of these: {rest}.")
    best = board.finished[0].estimates["ndcg"]
    told = _told(board)
    story.metrics(
        [
            Card(f"NDCG@{board.k} of the best", f"{best.value:.4f}", None, interval(best.low, best.high, digits=4)),
            Card("New viewers tested", count(board.counts["viewers tested"]), "They came after training."),
            Card("Titles told of each", f"{told:,}", "All that the models know of a new viewer, but for the profile."),
        ]
    )
    figure = _drawn(board, board.made_at + board.summary(), board.dataset_hash)
    story.chart(figure, key="recommend_new_whiskers", alt=figure.layout.meta["title"])
    for entry in board.entries:
        if entry.error and not shown:
            st.caption(f"{escape(entry.label)} has no result: {escape(entry.error)}")


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def _drawn(_board: recommend.Leaderboard, made_at: str, content: str) -> go.Figure:
    return charts.whiskers(_board)


def _told(board: recommend.Leaderboard) -> int:
    """How many titles of each new viewer the models of a run were told."""
    return int(board.split["code"].partition("given=")[2].partition(",")[0])


def _newest_test(dataset: Dataset, told: int) -> recommend.Run | None:
    """The newest kept run that tested new viewers, told so many titles of each, and has a result."""
    kept = recommend.list_runs(state.workspace(), dataset.content_hash).runs[:LOOKED_AT]
    return _found(tuple(info.id for info in kept), told)


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def _found(run_ids: tuple[str, ...], told: int) -> recommend.Run | None:
    for run_id in run_ids:
        try:
            board = (run := recommend.load_run(state.workspace(), run_id)).leaderboard
        except DataError:
            # Somebody else has deleted it, or its files are broken: the others are looked at.
            continue
        if board.split["name"] == NEW and board.finished and _told(board) == told:
            return run
    return None
