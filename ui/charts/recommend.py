"""Charts of the recommenders: who is best and how sure that is, and what accuracy costs in variety."""

from __future__ import annotations

import plotly.graph_objects as go

from analysis.recommend import DIMENSIONS, METRICS, Entry, Leaderboard, SegmentScore
from ui.charts import theme

ROW = 44
"""Height of a model's row, in pixels."""

MATRIX = 12
"""Models in the matrix of pairs: more would not be read."""

PANELS = 4
"""Models shown side by side within segments."""

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


def trade_off(board: Leaderboard, against: str = "coverage") -> go.Figure:
    """NDCG against a metric of variety, a dot a model."""
    entries = [entry for entry in board.finished if {"ndcg", against} <= entry.estimates.keys()]
    metric = METRICS[against]
    percent = against in ("coverage", "personalization")
    figure = theme.figure(
        _variety(entries, against, board.k),
        subtitle=f"Right: finds more of what is watched. Up: a higher value. {metric.doc}",
        height=420,
    )
    by_accuracy = sorted(entries, key=lambda entry: entry.estimates["ndcg"].value)
    figure.add_scatter(
        x=[entry.estimates["ndcg"].value for entry in entries],
        y=[entry.estimates[against].value for entry in entries],
        text=[short(entry) for entry in entries],
        # Alternately above and below, from left to right, so that the names of close models do not cover each other.
        textposition=[("top center", "bottom center")[by_accuracy.index(entry) % 2] for entry in entries],
        mode="markers+text",
        marker={"size": 13, "color": [theme.PALETTE[i % len(theme.PALETTE)] for i in range(len(entries))]},
        cliponaxis=False,
        hovertemplate=f"%{{text}}<br>NDCG %{{x:.4f}}<br>{label(against, board.k)} "
        f"%{{y:{'.1%' if percent else '.3f'}}}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title=label("ndcg", board.k), rangemode="tozero")
    figure.update_yaxes(title=label(against, board.k), tickformat=".2~%" if percent else None)
    # Room for the names above, below and beside the outermost points.
    if entries:
        ys = [entry.estimates[against].value for entry in entries]
        room = 0.15 * ((max(ys) - min(min(ys), 0)) or 1.0)
        figure.update_yaxes(range=[min(min(ys), 0) - room, max(ys) + room])
        xs = [entry.estimates["ndcg"].value for entry in entries]
        figure.update_xaxes(range=[-0.08 * max(max(xs), 1e-4), 1.15 * max(max(xs), 1e-4)])
    return figure


def pair_matrix(board: Leaderboard, best: int = MATRIX) -> go.Figure:
    """Each of the best models against each: difference on NDCG@k, grey where two can't be told apart."""
    entries = board.finished[:best]
    names = [entry.model for entry in entries]
    pairs = {(pair.first, pair.second): pair for pair in board.comparisons}
    values, texts, hovers = [], [], []
    for row in names:
        cells: list[tuple[float | None, str, str]] = []
        for column in names:
            pair = pairs.get((row, column)) or pairs.get((column, row))
            if pair is None:
                cells.append((None, "", ""))
                continue
            sign = 1.0 if (row, column) in pairs else -1.0
            shown = f"{sign * pair.difference:+.3f}".replace("-", "−")
            low, high = sorted((sign * pair.low, sign * pair.high))
            verdict = "told apart" if pair.told_apart else "can't be told apart"
            words = f"{shown}<br>95 % interval {low:+.4f} to {high:+.4f}<br>effect size {sign * pair.effect:+.2f}"
            value = sign * pair.difference if pair.told_apart else 0.0
            cells.append((value, _hundredths(value) if pair.told_apart else "≈", f"{words}<br>{verdict}"))
        values.append([cell[0] for cell in cells])
        texts.append([cell[1] for cell in cells])
        hovers.append([cell[2] for cell in cells])
    labels = [short(entry) for entry in entries]
    most = max((abs(value) for row in values for value in row if value is not None), default=0.0) or 1.0
    figure = theme.figure(
        _ties(board, names),
        subtitle=f"Row minus column on {label('ndcg', board.k)}, in hundredths; blue: the row is better, orange: "
        "worse, ≈ can't be told apart (paired t-tests over viewers, Holm's correction over all pairs).",
        height=120 + ROW * max(len(entries), 2),
    )
    figure.add_heatmap(
        z=values,
        x=labels,
        y=labels,
        text=texts,
        customdata=hovers,
        colorscale=theme.DIVERGING,
        # Twice the range, so that the strongest fill stays pale enough for the page's own text colour.
        zmin=-2 * most,
        zmax=2 * most,
        showscale=False,
        xgap=2,
        ygap=2,
        hovertemplate="%{y} against %{x}: %{customdata}<extra></extra>",
        hoverongaps=False,
    )
    for row, line in zip(labels, texts, strict=True):
        for column, text in zip(labels, line, strict=True):
            figure.add_annotation(x=column, y=row, text=text, showarrow=False, font={"size": 12})
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    figure.update_xaxes(type="category", side="top", showgrid=False)
    return figure


def segments(board: Leaderboard, dimension: str, best: int = PANELS) -> go.Figure:
    """NDCG@k of the best models within each segment of a dimension, a panel a model, all on one scale."""
    entries = board.finished[:best]
    scores = [score for score in board.segments if score.dimension == dimension]
    names = list(dict.fromkeys(score.segment for score in scores))
    figure = theme.figure(
        _uneven(board, scores),
        subtitle=f"{label('ndcg', board.k)} by {DIMENSIONS[dimension].lower()}, counting only what is to be found in "
        "each. Bars are 95 % intervals over viewers; segments with fewer than 30 tested viewers are left out.",
        height=130 + 34 * max(len(names), 2),
    )
    figure.set_subplots(1, max(len(entries), 1), shared_yaxes=True, horizontal_spacing=0.03)
    top = max((score.high for score in scores), default=0.1) * 1.05
    for place, entry in enumerate(entries, start=1):
        mine = [score for score in scores if score.model == entry.model]
        figure.add_scatter(
            x=[score.ndcg for score in mine],
            y=[plain_text(score.segment) for score in mine],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [score.high - score.ndcg for score in mine],
                "arrayminus": [score.ndcg - score.low for score in mine],
                "thickness": 3,
                "width": 0,
            },
            customdata=[[score.viewers, score.low, score.high] for score in mine],
            mode="markers",
            marker={"size": 10, "color": theme.PALETTE[(place - 1) % len(theme.PALETTE)]},
            hovertemplate="%{y}: %{x:.4f}<br>95 % interval %{customdata[1]:.4f} to %{customdata[2]:.4f}"
            "<br>%{customdata[0]:,} viewers<extra></extra>",
            showlegend=False,
            row=1,
            col=place,
        )
        figure.update_xaxes(title=short(entry), range=[0, top], nticks=4, row=1, col=place)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=True)
    return figure


def _hundredths(value: float) -> str:
    """A difference short enough for a narrow cell."""
    text = f"{value * 100:+.0f}" if abs(value) >= 0.01 else f"{value * 100:+.1f}"
    return text.replace("-", "−")


def plain_text(text: str) -> str:
    """A name from data with nothing in it that plotly would take for markup."""
    return text.replace("<", "‹").replace(">", "›").replace("&", "＆")


def _ties(board: Leaderboard, names: list[str]) -> str:
    """How many of the pairs shown can't be told apart."""
    shown = [pair for pair in board.comparisons if pair.first in names and pair.second in names]
    ties = sum(not pair.told_apart for pair in shown)
    if not shown:
        return "There is nothing to compare"
    if not ties:
        return f"All {len(shown)} pairs of models can be told apart"
    return f"{ties} of {len(shown)} pairs of models can't be told apart"


def _uneven(board: Leaderboard, scores: list[SegmentScore]) -> str:
    """Where the best model does best and worst."""
    best = board.finished[0]
    mine = sorted((score for score in scores if score.model == best.model), key=lambda score: score.ndcg)
    if not mine:
        return "No segment has enough viewers"
    if len(mine) == 1:
        return f"{best.label} has one segment to look at: {mine[0].segment}"
    return f"{best.label} does best for {mine[-1].segment} and worst for {mine[0].segment}"


def short(entry: Entry) -> str:
    """A model's label, cut where it is long, with nothing in it that plotly would take for markup."""
    text = plain_text(entry.label)
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


def _variety(entries: list[Entry], against: str, k: int) -> str:
    if not entries:
        return "No model could be evaluated"
    least = METRICS[against].better == "lower"
    most = (min if least else max)(entries, key=lambda entry: entry.estimates[against].value)
    best = max(entries, key=lambda entry: entry.estimates["ndcg"].value)
    value = most.estimates[against].value
    shown = f"{value * 100:.0f} %" if against in ("coverage", "personalization") else f"{value:.2f}"
    what = f"the {'lowest' if least else 'highest'} {label(against, k).lower()}: {shown}"
    if most is best:
        return f"{best.label} is the most accurate and has {what}"
    return f"{best.label} is the most accurate, {most.label} has {what}"
