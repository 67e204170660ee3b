"""Charts of what is watched when: genres by hour, and one genre's week."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go

from analysis.patterns import HourGenre
from analysis.patterns.words import PLAIN, WEEKDAYS, Habits
from ui.charts import cells, theme

_LEAST_RANGE = np.log2(1.25)
_ROW = 26


def genres(result: HourGenre, habits: Habits = PLAIN) -> go.Figure:
    """Genre × hour of the day: lifts, with a dot on what chance does not explain."""
    figure = theme.figure(
        result.headline(habits),
        subtitle=(
            "Share in the hour ÷ share overall, shrunk towards 1; dots mark what chance does not explain · "
            f"{result.what.zone_label} · click a cell for its genre and its hour"
        ),
        height=120 + _ROW * len(result.genres),
    )
    every = [(hour, genre) for genre in range(len(result.genres)) for hour in range(24)]
    rows = [result.genres[genre] for _, genre in every]
    _heat(figure, result.shrunk.T, list(result.genres), habits)
    _cells(figure, result, [hour for hour, _ in every], rows, every, habits)
    return figure


def week(result: HourGenre, habits: Habits = PLAIN) -> go.Figure:
    """Weekday × hour of one genre."""
    figure = theme.figure(
        f"{result.genres[0]}: {result.headline(habits).partition(' holds ')[2] or 'no hour of its own'}",
        subtitle=(
            f"Share of {result.genres[0]} in each hour of the week ÷ its share overall, shrunk towards 1; dots mark "
            f"what chance does not explain · {result.what.zone_label} · click an hour for its titles"
        ),
        height=330,
    )
    every = [(24 * day + hour, 0) for day in habits.days for hour in range(24)]
    rows = [WEEKDAYS[cell // 24] for cell, _ in every]
    lift = result.shrunk[:, 0].reshape(7, 24)[list(habits.days)]
    _heat(figure, lift, [WEEKDAYS[day] for day in habits.days], habits)
    _cells(figure, result, [cell % 24 for cell, _ in every], rows, every, habits)
    return figure


def _heat(figure: go.Figure, lift: np.ndarray, rows: list[str], habits: Habits) -> None:
    colour = np.log2(lift)
    seen = np.abs(colour[np.isfinite(colour)])
    reach = float(max(1.1 * seen.max(initial=0.0), _LEAST_RANGE))
    ticks = np.linspace(-reach, reach, 5)
    figure.add_heatmap(
        z=colour, x=list(range(24)), y=rows, hoverinfo="skip",
        colorscale=theme.DIVERGING, zmin=-reach, zmid=0, zmax=reach, xgap=1, ygap=1,
        colorbar={
            "title": {"text": "lift"}, "tickvals": ticks, "ticktext": [f"{2**tick:.2f}" for tick in ticks],
            "thickness": 12, "outlinewidth": 0,
        },
    )  # fmt: skip
    named = list(range(0, 24, 3))
    figure.update_xaxes(tickvals=named, ticktext=[habits.hour(h) for h in named], title="Hour", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)


def _cells(
    figure: go.Figure, result: HourGenre, x: list[int], y: list[str], every: list[tuple[int, int]], habits: Habits
) -> None:
    """Dots on claims, and squares to click: they hand over the genre, the weekday (or none) and the hour."""
    marked = [place for place, cell in enumerate(every) if result.claimed[cell]]
    figure.add_scatter(
        x=[x[place] for place in marked], y=[y[place] for place in marked], mode="markers", hoverinfo="skip",
        marker={"symbol": "circle", "size": 6, "color": "#FFFFFF", "line": {"color": "#1B2733", "width": 1}},
        unselected={"marker": {"opacity": 1}}, showlegend=False,
    )  # fmt: skip
    of_week = len(result.columns) > 24
    names = [(result.genres[g], cell // 24 if of_week else None, cell % 24) for cell, g in every]
    cells.clickable(figure, x, y, names, [_hover(result, cell, genre, habits) for cell, genre in every])


def _hover(result: HourGenre, c: int, g: int, habits: Habits) -> str:
    ends = f" ({result.low[c, g]:.2f} to {result.high[c, g]:.2f})" if np.isfinite(result.low[c, g]) else ""
    return (
        f"<b>{html.escape(result.genres[g])} at {result.at(c, habits)}</b><br>lift {result.lift[c, g]:.2f}{ends}<br>"
        f"{result.share[c, g] * 100:.1f} % of {result.what.noun}, {result.overall[g] * 100:.1f} % overall<br>"
        f"{result.events[c, g]:,.0f} {result.what.noun}<br>"
        f"{'differs beyond chance' if result.claimed[c, g] else 'may be chance'}"
    )
