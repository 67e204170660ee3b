"""Charts of appetite against supply: what the count shows, what supply explains, and what is left."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from analysis.patterns import Appetite
from ui.charts import cells, theme

MOST = 12
"""Seasons of genres that fit into one chart and can still be read."""
_LEAST_RANGE = np.log2(1.25)


def causes(result: Appetite, truth: Mapping[tuple[int, int], float]) -> go.Figure:
    """For each claim (or, without one, the nearest to it): the count alone, supply, and appetite with its interval."""
    shown = _shown(result, truth)
    names = [f"{result.genres[g]}, {result.seasons[s]}" for g, s in shown]
    figure = theme.figure(
        result.headline(),
        subtitle="Times as much as at other times: what the count alone shows, what supply explains, and appetite",
        height=130 + 44 * len(shown),
    )
    for label, values, symbol, colour in (
        ("count alone", result.seen, "circle-open", theme.UNSURE),
        ("explained by supply", result.available, "square-open", theme.AMBER),
    ):
        figure.add_scatter(
            x=[values[cell] for cell in shown],
            y=names,
            mode="markers",
            name=label,
            marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2}},
            hovertemplate="%{y}<br>" + label + ": %{x:.2f} times<extra></extra>",
        )
    low, value, high = (
        np.array([numbers[cell] for cell in shown]) for numbers in (result.low, result.appetite, result.high)
    )
    figure.add_scatter(
        x=value,
        y=names,
        mode="markers",
        name="appetite, with 95 % interval",
        marker={"size": 12, "color": theme.BLUE},
        error_x={
            "type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
            "thickness": 3, "width": 0,
        },
        customdata=np.column_stack([low, high, [result.plays[cell] for cell in shown]]),
        hovertemplate=(
            "%{y}<br>appetite %{x:.2f} times (%{customdata[0]:.2f} to %{customdata[1]:.2f})"
            "<br>%{customdata[2]:,.0f} plays<extra></extra>"
        ),
    )  # fmt: skip
    known = [(truth[cell], name) for cell, name in zip(shown, names, strict=True) if cell in truth]
    if known:
        figure.add_scatter(
            x=[x for x, _ in known],
            y=[y for _, y in known],
            mode="markers",
            name="planted, on the odds of a click",
            marker={"symbol": "diamond", "size": 11, "color": theme.TRUTH},
            hovertemplate="%{y}<br>planted: %{x:.2f} times the odds of a click<extra></extra>",
        )
    figure.add_vline(x=1, line={"color": theme.UNSURE, "dash": "dot", "width": 1})
    figure.update_xaxes(type="log", tickvals=[0.25, 0.5, 0.7, 1, 1.4, 2, 3, 4], title="times as much as at other times")
    figure.update_yaxes(autorange="reversed")
    return figure


def every_cell(result: Appetite) -> go.Figure:
    """Genre × season heatmap of appetite; claims carry their number."""
    figure = theme.figure(
        "Appetite for each genre through the year",
        subtitle="Times as much as supply explains; numbers mark what chance does not explain; empty: too few titles; "
        "click a cell for its numbers",
        height=120 + 26 * len(result.genres),
    )
    tested = np.isfinite(result.q)
    colour = np.where(tested, np.log2(np.where(tested, result.appetite, 1.0)), np.nan)
    reach = float(max(np.nanmax(np.abs(colour), initial=0.0), _LEAST_RANGE)) if tested.any() else _LEAST_RANGE
    labels = [_label(season) for season in result.seasons]
    hover = [
        [
            f"<b>{genre}, {season}</b><br>appetite {result.appetite[g, s]:.2f} "
            f"({result.low[g, s]:.2f} to {result.high[g, s]:.2f})<br>count alone {result.seen[g, s]:.2f}, "
            f"supply {result.available[g, s]:.2f}<br>{result.plays[g, s]:,.0f} plays"
            for s, season in enumerate(result.seasons)
        ]
        for g, genre in enumerate(result.genres)
    ]
    ticks = np.linspace(-reach, reach, 5)
    figure.add_heatmap(
        z=colour, x=labels, y=list(result.genres), hoverinfo="skip",
        colorscale=theme.DIVERGING, zmin=-reach, zmid=0, zmax=reach, xgap=1, ygap=1,
        colorbar={
            "title": {"text": "times"}, "tickvals": ticks, "ticktext": [f"{2**tick:.2f}" for tick in ticks],
            "thickness": 12, "outlinewidth": 0,
        },
    )  # fmt: skip
    for g, s in result.claims():
        depth = abs(colour[g, s]) / reach
        cells.written(figure, labels[s], result.genres[g], f"{result.appetite[g, s]:.2f}", depth, bold=True)
    every = [(g, s) for g in range(len(result.genres)) for s in range(len(result.seasons))]
    cells.clickable(
        figure,
        [labels[s] for _, s in every],
        [result.genres[g] for g, _ in every],
        [(result.genres[g], result.seasons[s]) for g, s in every],
        [hover[g][s] for g, s in every],
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def of_genre(result: Appetite, genre: int, season: int) -> go.Figure:
    """One genre through the year, with intervals; the chosen season is filled."""
    tested = [s for s in range(len(result.seasons)) if np.isfinite(result.q[genre, s])]
    figure = theme.figure(
        f"{result.genres[genre]} through the year",
        subtitle="Times as much as supply explains, with 95 % intervals that hold for each season by itself",
        height=300,
    )
    low, value, high = (numbers[genre, tested].tolist() for numbers in (result.low, result.appetite, result.high))
    figure.add_scatter(
        x=[_label(result.seasons[s]) for s in tested],
        y=value,
        mode="markers",
        marker={
            "size": 12, "color": theme.BLUE, "line": {"width": 2, "color": theme.BLUE},
            "symbol": ["circle" if s == season else "circle-open" for s in tested],
        },
        error_y=theme.whiskers(low, value, high),
        customdata=np.column_stack([low, high]) if tested else None,
        hovertemplate="%{x}: %{y:.2f} times (%{customdata[0]:.2f} to %{customdata[1]:.2f})<extra></extra>",
        showlegend=False,
    )  # fmt: skip
    figure.add_hline(y=1, line={"color": theme.UNSURE, "dash": "dot", "width": 1})
    figure.update_yaxes(type="log", tickvals=[0.25, 0.5, 0.7, 1, 1.4, 2, 3, 4], title="times as much")
    figure.update_xaxes(type="category", categoryarray=[_label(s) for s in result.seasons])
    return figure


def decay(result: Appetite) -> go.Figure:
    """How a title's pull falls with its age."""
    ages, pull = zip(*result.decay, strict=True)
    figure = theme.figure(
        f"A title pulls {max(pull):.0f} times as much in its first weeks as after a year",
        subtitle="Pull of a title by days since its release, relative to its pull after a year",
        height=300,
    )
    figure.add_scatter(
        x=[max(age, 1) for age in ages],
        y=pull,
        mode="lines+markers",
        line={"color": theme.BLUE, "shape": "hv", "width": 2.5},
        hovertemplate="from day %{x}: %{y:.1f} times<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(type="log", tickvals=[1, 7, 28, 84, 364], title="days since release")
    figure.update_yaxes(rangemode="tozero", title="times")
    return figure


def _label(season: str) -> str:
    return season[:3] if season.istitle() else season


def _shown(result: Appetite, truth: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Claims first, then what was planted, then the nearest to a claim; no more than can be read."""
    rows, columns = np.nonzero(np.isfinite(result.q))
    order = np.argsort(result.q[rows, columns], kind="stable")
    nearest = [(int(rows[i]), int(columns[i])) for i in order[:5]]
    wanted = [*result.claims()[: MOST - len(truth)], *(cell for cell in truth if np.isfinite(result.q[cell])), *nearest]
    return list(dict.fromkeys(wanted))[:MOST]
