"""Charts of the known truth: table -> figure."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go

from analysis.truth import Held, TruthTable
from ui.charts import theme

_GAP = 2
"""Empty places between two groups."""

_END = 1.959964
"""Standard errors from an estimate to the end of its 95 % interval."""


def caterpillar(table: TruthTable) -> go.Figure:
    """Every estimate with its interval, as its distance from the truth in standard errors, by room and in order.

    The line at zero is the truth. An interval that crosses it holds the truth: a blue circle; one that does not is an
    orange diamond, named where there are few.
    """
    rows, places, ticks = _placed(table)
    missed = len(table.missed)
    figure = theme.figure(
        f"{table.covered} of {len(rows)} intervals cross the line of the truth, {missed} do not",
        subtitle="Estimate less truth in standard errors, with the 95 % interval; within a group in order",
        height=440,
    )
    for holds, colour, symbol, word in (
        (True, theme.BETTER, "circle", "holds the truth"),
        (False, theme.WORSE, "diamond", "misses the truth"),
    ):
        chosen = [(place, row) for place, row in zip(places, rows, strict=True) if bool(row.covered) == holds]
        if not chosen:
            continue
        figure.add_scatter(
            x=[place for place, _ in chosen],
            y=[row.standardised for _, row in chosen],
            error_y={"type": "constant", "value": _END, "thickness": 2, "width": 0, "color": theme.rgba(colour, 0.45)},
            mode="markers",
            name=f"{word} ({len(chosen)})",
            marker={"color": colour, "symbol": symbol, "size": 7 if holds else 10},
            text=[_hover(row) for _, row in chosen],
            hovertemplate="%{text}<extra></extra>",
        )
    figure.add_hline(y=0, line_width=3, line_color=theme.TRUTH)
    last = max(places, default=0)
    figure.add_annotation(
        x=last + 1, xanchor="left", y=0, yshift=11, text="truth", showarrow=False,
        font={"color": theme.TRUTH, "size": 14},
    )  # fmt: skip
    reach = max([3.0, *(abs(row.standardised) for row in rows)]) + _END + 0.2
    figure.update_yaxes(title="standard errors off", range=[-reach, reach], zeroline=False)
    figure.update_xaxes(
        tickvals=[place for place, _ in ticks], ticktext=[name for _, name in ticks], showgrid=False, zeroline=False,
        range=[-1.5, last + 2 + last // 14],
    )  # fmt: skip
    return figure


def with_lift(figure: go.Figure, month: str, genre: str, lift: float) -> go.Figure:
    """A copy of the month × genre chart with the true lift of one cell beside it."""
    marked = go.Figure(figure)
    marked.add_annotation(
        x=month, y=genre, text=f"truth {lift:.2f}", showarrow=True, arrowcolor=theme.TRUTH, arrowwidth=2, ax=0, ay=-30,
        standoff=9,
        font={"color": theme.TRUTH, "size": 13}, bgcolor="rgba(128,128,128,0.12)",
    )  # fmt: skip
    return marked


def _placed(table: TruthTable) -> tuple[list[Held], list[int], list[tuple[float, str]]]:
    """Rows in order, the place of each, and the middle of each group with its name."""
    rows: list[Held] = []
    places: list[int] = []
    ticks: list[tuple[float, str]] = []
    promised = [row for row in table.promised if np.isfinite(row.standardised)]
    start = 0
    for group in dict.fromkeys(row.group for row in promised):
        members = sorted((row for row in promised if row.group == group), key=lambda row: row.standardised)
        rows += members
        places += range(start, start + len(members))
        ticks.append((start + (len(members) - 1) / 2, group))
        start += len(members) + _GAP
    return rows, places, ticks


def _hover(row: Held) -> str:
    e = row.estimate
    assert e is not None
    truth, estimate, low, high = (html.escape(row.shown(v)) for v in (row.truth, e.value, e.low, e.high))
    return (
        f"<b>{html.escape(row.name)}</b><br>truth {truth}<br>estimate {estimate} ({low} to {high})<br>"
        f"{row.standardised:+.2f} standard errors off"
    )
