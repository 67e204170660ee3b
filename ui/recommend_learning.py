"""Learning curves on the page: the form that starts one, and what came of it."""

from __future__ import annotations

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from analysis.recommend import LearningCurve
from analysis.recommend.tuning import signed
from ui import jobs, state
from ui.charts import recommend_tuning as charts
from ui.glossary import define
from ui.recommend_tuning import model_labels, model_pills, period_inputs
from ui.story import Card, Story, guard
from ui.text import count, escape, interval

KIND = "learn"
"""Kind of the jobs that compute learning curves."""

BY = {"days": "Days of history", "viewers": "Number of viewers"}
FIRST = ("popularity", "recent_popularity", "item_knn", "ease", "als")
"""Models chosen at first: two baselines and three quick ones."""


def learning_form(dataset: Dataset, *, expanded: bool) -> None:
    """The form that starts a job; what is changed in it redraws only the form."""
    with st.expander("Draw a learning curve", expanded=expanded, icon=":material/show_chart:"):
        st.fragment(guard(partial(_form, dataset)))()


def _form(dataset: Dataset) -> None:
    labels = model_labels(tunable=False)
    names = model_pills(labels, FIRST, "learning_models", "Each is fitted once for every amount of history.")
    signal, when, k = period_inputs(dataset, "learning")
    by = st.segmented_control(
        "More and more", list(BY), format_func=BY.get, default="days", required=True, key="learning_by",
        help="By days, models learn from the last days before the test only. By viewers, an eighth of the viewers is "
        "tested, and more and more others are learnt from beside them.",
    )  # fmt: skip
    if st.button("Draw the curve", type="primary", icon=":material/play_arrow:", key="learning_start"):
        if not names:
            st.warning("Choose at least one model.")
            return
        chosen = ["--models", ",".join(names), "--by", by or "days"]
        jobs.start(
            ["learning-curve", "--data", state.current_key(), *chosen, "--signal", signal, "--k", str(k), *when],
            title=f"Learning curve of {len(names)} model{'' if len(names) == 1 else 's'} on {dataset.name}",
            kind=KIND,
            dataset_hash=dataset.content_hash,
        )
        st.rerun()


@st.cache_resource(max_entries=32, ttl=3600, show_spinner=False)
def _drawn(_curve: LearningCurve, study: str, points: int, complete: bool) -> go.Figure:
    return charts.learning(_curve)


def show_learning(story: Story, study: str, curve: LearningCurve) -> None:
    """A learning curve as a story: is there enough history, and would more help?"""
    best = curve.leader
    pair = next((one for one in curve.doublings if best is not None and one.first == best.model), None)
    rising = pair is not None and pair.told_apart and pair.difference > 0
    story.verdict(curve.summary(), "better" if rising else "unsure" if curve.complete else "neutral")
    for label, error in {point.label: point.error for point in curve.points if point.error}.items():
        st.warning(f"{escape(label)} could not learn from every amount: {escape(error)}")
    if best is not None:
        cards = [
            Card(f"NDCG@{curve.k}, {best.label}", f"{best.ndcg:.4f}", define("NDCG"),
                 interval(best.low, best.high, digits=4)),
            Card("With" if curve.by == "days" else "From", f"{best.size:,} {curve.by}", None,
                 f"{best.interactions:,} {curve.signal}"),
        ]  # fmt: skip
        if pair is not None:
            cards.append(
                Card("The last doubling", signed(pair.difference), define("learning curve"),
                     f"{signed(pair.low)} to {signed(pair.high)}")
            )  # fmt: skip
        story.metrics([*cards, Card("Viewers tested", count(curve.viewers), define("viewer"), "the same everywhere")])
    story.chart(_drawn(curve, study, len(curve.points), curve.complete), key="learning_chart", alt=curve.summary())
    for words in (curve.better_with_less(), curve.beginners()):
        if words:
            story.text(words)
    with st.expander("All points as a table", icon=":material/table:"):
        story.table(
            curve.to_frame(), key="learning_table", alt="NDCG by amount of history",
            columns={"model": None, "size": st.column_config.NumberColumn(BY[curve.by])},
        )  # fmt: skip


def has_any(dataset: Dataset, kind: str) -> bool:
    """Whether a study of this kind is kept for the dataset."""
    return bool(recommend.list_studies(state.workspace(), kind, dataset.content_hash).studies)
