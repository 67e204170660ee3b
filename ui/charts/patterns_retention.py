"""Charts of who comes back: survival curves with bands, and the triangle of cohorts."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from analysis.patterns import Retention
from ui.charts import theme

_MOST_POINTS = 400


def staying(result: Retention) -> go.Figure:
    """Share still subscribed by days since joining, with 95 % bands."""
    split = f" by {result.segment.replace('_', ' ')}" if result.segment else ""
    figure = theme.figure(
        result.headline(), subtitle=f"Share still subscribed{split}, with pointwise 95 % bands (Kaplan–Meier)"
    )
    for number, curve in enumerate(result.curves):
        colour = theme.PALETTE[number % len(theme.PALETTE)]
        # Steps are so fine that some hundred points draw the same line.
        kept = np.unique(np.linspace(0, len(curve.days) - 1, min(len(curve.days), _MOST_POINTS)).astype(int))
        days, values, low, high = (v[kept] for v in (curve.days, curve.staying, curve.low, curve.high))
        figure.add_scatter(
            x=np.concatenate([days, days[::-1]]), y=np.concatenate([high, low[::-1]]), fill="toself",
            fillcolor=theme.rgba(colour, 0.15), line={"width": 0}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=days, y=values, mode="lines", line={"color": colour, "width": 2.5, "shape": "hv"},
            name=f"{curve.group} ({curve.viewers:,})",
            hovertemplate=f"{curve.group}, day %{{x}}: %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title="still subscribed")
    figure.update_xaxes(title="days since joining", rangemode="tozero")
    return figure


def cohorts(result: Retention) -> go.Figure:
    """Month of joining × months since: share of the newcomers who watched."""
    figure = theme.figure(
        "Which newcomers still watch",
        subtitle="Share of those who joined in a month with a play in each month after, as far as months are over",
        height=140 + 20 * len(result.cohorts),
    )
    hover = [
        [
            f"<b>joined {cohort}</b> ({size:,} viewers)<br>month {month}: {share:.0%} watched" if share == share else ""
            for month, share in enumerate(shares)
        ]
        for cohort, size, shares in zip(result.cohorts, result.newcomers, result.active, strict=True)
    ]
    figure.add_heatmap(
        z=result.active * 100, x=list(range(result.active.shape[1])), y=list(result.cohorts), customdata=hover,
        hovertemplate="%{customdata}<extra></extra>", colorscale=theme.SEQUENTIAL, zmin=0, zmax=100, xgap=1, ygap=1,
        colorbar={"title": {"text": "watched"}, "ticksuffix": " %", "thickness": 12, "outlinewidth": 0},
    )  # fmt: skip
    figure.update_xaxes(title="months since joining", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure
