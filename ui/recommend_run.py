"""A run on the page: who is best, who can be told apart, for whom, at what cost in variety, and what a test needs."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from analysis import handover, recommend
from analysis.recommend import DIMENSIONS, METRICS
from ui.charts import recommend as charts
from ui.glossary import define
from ui.recommend_newcomers import newcomers
from ui.story import Card, Story
from ui.text import count, escape, interval, share

AGAINST = ("coverage", "diversity", "personalization", "serendipity", "novelty", "popularity_lift", "calibration")
"""Metrics of variety that accuracy can be drawn against."""

TABS = ("Which is best?", "Which can be told apart?", "For whom?", "For new viewers?", "Variety", "A test of it")


@st.cache_resource(max_entries=128, ttl=3600, show_spinner=False)
def _drawn(_board: recommend.Leaderboard, made_at: str, content: str, kind: str, what: str) -> go.Figure:
    if kind == "whiskers":
        return charts.whiskers(_board, what)
    if kind == "pairs":
        return charts.pair_matrix(_board)
    return charts.segments(_board, what) if kind == "segments" else charts.trade_off(_board, what)


def _chart(story: Story, board: recommend.Leaderboard, kind: str, what: str = "") -> None:
    figure = _drawn(board, board.made_at + board.summary(), board.dataset_hash, kind, what)
    story.chart(figure, key=f"recommend_{kind}", alt=figure.layout.meta["title"] or board.summary())


def show(story: Story, run: recommend.Run) -> None:
    """The run as a story: sentence, cards, and a tab for each question."""
    board = run.leaderboard
    sure = bool(board.comparisons) and board.comparisons[0].told_apart
    story.verdict(board.summary(), "better" if sure else "unsure")
    if board.split["leaks"]:
        st.warning(
            f"Tested on {board.split['words']}: this leaks the future. The numbers flatter, and the order may differ.",
            icon=":material/warning:",
        )
    for entry in board.entries:
        if entry.error:
            st.warning(f"{escape(entry.label)} has no result: {escape(entry.error)}")
    if not board.finished:
        return
    _cards(story, board)
    # Only the open tab is drawn and sent.
    tab = st.segmented_control(
        "Question", TABS, default=TABS[0], required=True, key="recommend_tab", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if tab == TABS[1]:
        _pairs(story, board)
    elif tab == TABS[2]:
        _segments(story, board)
    elif tab == TABS[3]:
        newcomers(story, run)
    elif tab == TABS[4]:
        _variety(story, board)
    elif tab == TABS[5]:
        _test(story, board)
    else:
        _leaders(story, board)


def _cards(story: Story, board: recommend.Leaderboard) -> None:
    best, tested = board.finished[0].estimates, board.counts
    ndcg, hit = best["ndcg"], best["hit_rate"]
    cold = tested["viewers left out: no training history"]
    story.metrics(
        [
            Card(f"NDCG@{board.k}", f"{ndcg.value:.4f}", define("NDCG"), interval(ndcg.low, ndcg.high, digits=4)),
            Card(
                f"Hit rate@{board.k}", share(hit.value), define("hit rate"), interval(hit.low, hit.high, percent=True)
            ),
            Card("Viewers tested", count(tested["viewers tested"]), define("viewer"), f"{cold:,} new ones left out"),
            Card(
                "Out of reach", share(board.unlearnable_share),
                "Share of the titles to find that nobody had watched in training, so that no list could hold them.",
            ),
        ]
    )  # fmt: skip


def _leaders(story: Story, board: recommend.Leaderboard) -> None:
    there = [name for name in METRICS if any(name in entry.estimates for entry in board.finished)]
    # Metrics of all lists together have no interval to draw.
    drawable = [name for name in there if name not in ("coverage", "gini", "personalization")]
    metric = st.selectbox(
        "Measure",
        drawable,
        format_func=lambda name: charts.label(name, board.k),
        key="recommend_metric",
        width=320,
        help="What the models are drawn by; the order of the leaderboard stays that of NDCG.",
    )
    _chart(story, board, "whiskers", metric or "ndcg")
    if gain := recommend.taste_gain(board):
        story.text(gain.summary())
    hidden = {f"{name}_{end}": None for name in METRICS for end in ("low", "high")} | {"model": None, "error": None}
    shown = {
        name: st.column_config.NumberColumn(charts.label(name, board.k), help=METRICS[name].doc, format="%.4f")
        for name in METRICS
    }
    seconds = {
        "fit_seconds": st.column_config.NumberColumn("Fit, s", format="%.2f"),
        "recommend_seconds": st.column_config.NumberColumn("Lists, s", format="%.2f"),
    }
    story.heading("Leaderboard")
    story.table(
        board.to_frame(), key="recommend_table", alt="All metrics of all models", columns=hidden | shown | seconds
    )
    tested = board.counts
    story.text(
        f"{tested[f'training {board.signal}']:,} {board.signal} were learnt from, {tested[f'test {board.signal}']:,} "
        f"were the test ({board.split['words']}); "
        f"{tested[f'test {board.signal} left out: title already watched in training']:,} of them were of titles "
        "watched before and do not count."
    )


def _pairs(story: Story, board: recommend.Leaderboard) -> None:
    if not board.comparisons:
        st.info("There is one model only. Train another beside it to compare them.", icon=":material/info:")
        return
    _chart(story, board, "pairs")
    with st.expander("All pairs as a table", icon=":material/table:"):
        story.table(board.pairs_frame(), key="recommend_pair_table", alt=f"Pairs of models on NDCG@{board.k}")


def _segments(story: Story, board: recommend.Leaderboard) -> None:
    there = [name for name in DIMENSIONS if any(score.dimension == name for score in board.segments)]
    if not there:
        st.info(
            "This run has no segments: its split leaks, or too few viewers were tested. Train again on one point in "
            "time.",
            icon=":material/info:",
        )
        return
    dimension = st.segmented_control(
        "Cut by", there, format_func=DIMENSIONS.get, default=there[0], required=True, key="recommend_dimension",
        bind="query-params",
    )  # fmt: skip
    dimension = dimension or there[0]
    best = board.best_frame(dimension)
    if len(best):
        story.text(board.best_in(dimension, str(best["segment"].iloc[0])))
        story.heading("Who is best in each segment, and how sure that is")
        story.table(
            best, key="recommend_best_table", alt=f"The best model by {DIMENSIONS[dimension].lower()}",
            columns={
                "segment": DIMENSIONS[dimension],
                "viewers": st.column_config.NumberColumn("Viewers", format="localized"),
                "best": "Best model",
                "ndcg": st.column_config.NumberColumn(charts.label("ndcg", board.k), format="%.4f"),
                "low": st.column_config.NumberColumn("From", format="%.4f", help=define("95 % interval")),
                "high": st.column_config.NumberColumn("To", format="%.4f", help=define("95 % interval")),
                "cant_be_told_apart_from": st.column_config.TextColumn(
                    "Can't be told apart from",
                    help="Paired t-tests over the segment's viewers, with Holm's correction for all pairs of models in "
                    "all segments of this cut.",
                ),
            },
        )  # fmt: skip
    _chart(story, board, "segments", dimension)
    frame = board.segments_frame()
    with st.expander("All models as a table", icon=":material/table:"):
        story.table(frame[frame["dimension"] == dimension], key="recommend_segment_table", alt="NDCG within segments")


def _variety(story: Story, board: recommend.Leaderboard) -> None:
    there = [name for name in AGAINST if any(name in entry.estimates for entry in board.finished)]
    against = st.selectbox(
        "Against",
        there,
        format_func=lambda name: charts.label(name, board.k),
        key="recommend_against",
        width=320,
        help="Accuracy is one thing that a list should be; this is another.",
    )
    _chart(story, board, "variety", against or "coverage")


def _test(story: Story, board: recommend.Leaderboard) -> None:
    names = {entry.model: entry.label for entry in board.finished}
    if len(names) < 2:
        st.info("A test needs two models. Train another beside this one.", icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        control = st.selectbox("Shown now", list(names), index=1, format_func=names.get, key="recommend_control")
        rest = [name for name in names if name != control]
        tried = st.selectbox("Tried", rest, format_func=names.get, key="recommend_tried")
        left = st.slider(
            "Difference left with real viewers", 10, 100, 50, 10, format="%d %%", key="recommend_carried",
            help="Offline differences usually shrink when viewers see them; half is a guess, not a measurement.",
        )  # fmt: skip
    plan = handover.plan_test(story.dataset, board, control or rest[0], tried or rest[0], carried=left / 100)
    story.heading("How many viewers would an A/B test need?")
    story.text(plan.summary())
    story.metrics(
        [
            Card("Viewers in two arms", "–" if plan.viewers is None else count(plan.viewers), define("A/B test")),
            Card("Days", "–" if plan.days is None else f"{plan.days:,}", "At the pace of the test period."),
            Card(
                f"{plan.control}, served", share(plan.control_rate),
                "Share of viewers who found something new in the list, offline.",
            ),
        ]
    )  # fmt: skip
    st.page_link("pages/experiment/experiments.py", label="Experiments", icon=":material/science:")
