"""Charts of the recommenders: who is best and how sure that is, and what accuracy costs in variety."""

from __future__ import annotations

import plotly.graph_objects as go

from analysis.recommend import METRICS, Entry, Leaderboard
from ui.charts import theme

ROW = 44
"""Height of a model's row, in pixels."""

LABEL_CHARACTERS = 28
"""Longer names of models are cut in the chart; the table has them whole."""


def label(metric: str, k: int) -> str:
    """A metric's name with the length of the lists.

    >>> label("ndcg", 10)
    'NDCG@10'
    """
    return METRICS[metric].label.replace("@k", f"@{k}")


def whiskers(board: Leaderboard, metric: str = "ndcg") -> go.Figure:
    """Each model's value with its 95 % interval, best on top; models that failed are left out."""
    entries = [entry for entry in board.finished if metric in entry.estimates]
    higher = METRICS[metric].better != "lower"
    entries.sort(key=lambda entry: entry.estimates[metric].value, reverse=not higher)
    name = label(metric, board.k)
    figure = theme.figure(
        _finding(board) if metric == "ndcg" else f"{name} of each model",
        subtitle=f"{METRICS[metric].doc} Bars are 95 % intervals over {board.counts['viewers tested']:,} viewers.",
        height=110 + ROW * max(len(entries), 2),
    )
    for place, entry in enumerate(entries):
        one = entry.estimates[metric]
        colour = theme.BETTER if place == len(entries) - 1 else theme.UNSURE
        figure.add_scatter(
            x=[one.value],
            y=[short(entry)],
            error_x=theme.whisker(one.low, one.value, one.high),
            mode="markers",
            marker={"size": 12, "color": colour},
            hovertemplate=f"%{{y}}: %{{x:.4f}}<br>95 % interval {one.low:.4f} to {one.high:.4f}<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(title=name, rangemode="tozero")
    figure.update_yaxes(type="category", showgrid=True)
    return figure


def accuracy_and_coverage(board: Leaderboard) -> go.Figure:
    """NDCG against the share of the catalogue that is shown: up and to the right is better at both."""
    entries = [entry for entry in board.finished if {"ndcg", "coverage"} <= entry.estimates.keys()]
    figure = theme.figure(
        _variety(entries),
        subtitle="Right: finds more of what is watched. Up: more of the catalogue is in somebody's list.",
    )
    by_accuracy = sorted(entries, key=lambda entry: entry.estimates["ndcg"].value)
    figure.add_scatter(
        x=[entry.estimates["ndcg"].value for entry in entries],
        y=[entry.estimates["coverage"].value for entry in entries],
        text=[short(entry) for entry in entries],
        # Alternately above and below, from left to right, so that the names of close models do not cover each other.
        textposition=[("top center", "bottom center")[by_accuracy.index(entry) % 2] for entry in entries],
        mode="markers+text",
        marker={"size": 13, "color": [theme.PALETTE[i % len(theme.PALETTE)] for i in range(len(entries))]},
        cliponaxis=False,
        hovertemplate="%{text}<br>NDCG %{x:.4f}<br>coverage %{y:.1%}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title=label("ndcg", board.k), rangemode="tozero")
    figure.update_yaxes(title="Share of the catalogue shown", tickformat=".0%", rangemode="tozero")
    # Room for the names above and beside the outermost points.
    if entries:
        figure.update_yaxes(range=[0, max(0.05, 1.2 * max(e.estimates["coverage"].value for e in entries))])
        figure.update_xaxes(range=[0, max(1e-4, 1.15 * max(e.estimates["ndcg"].value for e in entries))])
    return figure


def short(entry: Entry) -> str:
    """A model's label, cut where it is long, with nothing in it that plotly would take for markup."""
    text = entry.label.replace("<", "‹").replace(">", "›").replace("&", "＆")
    return text if len(text) <= LABEL_CHARACTERS else text[: LABEL_CHARACTERS - 1] + "…"


def _finding(board: Leaderboard) -> str:
    finished = board.finished
    if not finished:
        return "No model could be evaluated"
    if len(finished) == 1:
        return f"{finished[0].label} has nothing to be compared with"
    if board.comparisons[0].told_apart:
        return f"{finished[0].label} is ahead of {finished[1].label}"
    return f"{finished[0].label} and {finished[1].label} can't be told apart"


def _variety(entries: list[Entry]) -> str:
    if not entries:
        return "No model could be evaluated"
    widest = max(entries, key=lambda entry: entry.estimates["coverage"].value)
    best = max(entries, key=lambda entry: entry.estimates["ndcg"].value)
    share = f"{widest.estimates['coverage'].value * 100:.0f} %"
    if widest is best:
        return f"{best.label} is the most accurate and shows most of the catalogue: {share}"
    return f"{best.label} is the most accurate, {widest.label} shows most of the catalogue: {share}"
