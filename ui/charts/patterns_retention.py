"""Charts of who comes back: survival with bands, cohorts, silence and return, what the first week predicts."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from analysis.patterns import Retention
from analysis.patterns.first_week import FirstWeek
from analysis.patterns.retention import Curve
from analysis.patterns.returns import AHEAD, CLASSES, Returns
from ui.charts import theme

_MOST_POINTS = 400


def staying(result: Retention) -> go.Figure:
    """Share still subscribed by days since joining, with 95 % bands."""
    split = f" by {result.segment.replace('_', ' ')}" if result.segment else ""
    figure = theme.figure(
        result.headline(), subtitle=f"Share still subscribed{split}, with pointwise 95 % bands (Kaplan–Meier)"
    )
    _survival(figure, result.curves)
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


def back(result: Returns) -> go.Figure:
    """Chance to be back after so many silent days."""
    figure = theme.figure(
        result.headline(),
        subtitle=f"Chance to play within {AHEAD} days after so many days without a play, with its 95 % band",
    )
    day = np.arange(len(result.back))
    figure.add_scatter(
        x=np.r_[day, day[::-1]], y=np.r_[result.high, result.low[::-1]], fill="toself",
        fillcolor=theme.rgba(theme.BLUE, 0.2), line={"width": 0}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=day, y=result.back, mode="lines", line={"color": theme.BLUE, "width": 2.5}, showlegend=False,
        hovertemplate=f"silent for %{{x}} days: %{{y:.1%}} are back within {AHEAD}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="days without a play", rangemode="tozero")
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    return figure


def since(result: Returns) -> go.Figure:
    """Days since the last play of those subscribed."""
    first = result.since[0].value
    figure = theme.figure(
        f"{first * 100:.0f} % of the subscribed viewers played in the last week",
        subtitle="Subscribed viewers by days since their last play, with 95 % intervals", height=300,
    )  # fmt: skip
    ends = [*(end - 1 for end in CLASSES[1:]), None]
    names = [f"{start} to {end}" if end else f"{start} or more" for start, end in zip(CLASSES, ends, strict=True)]
    known = [(i.low, i.value, i.high) if i.known else (i.value,) * 3 for i in result.since]
    figure.add_bar(
        x=names, y=[i.value for i in result.since], marker_color=theme.BLUE, showlegend=False,
        error_y=theme.whiskers(*map(list, zip(*known, strict=True))),
        hovertemplate="%{x} days: %{y:.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(type="category", title="days since the last play")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def returned(result: Returns) -> go.Figure:
    """Who comes back after leaving."""
    figure = theme.figure(
        f"{result.returned[-1] * 100:.0f} % of those who leave are back within {len(result.returned) - 1} days",
        subtitle=f"Share back by days since leaving (Kaplan–Meier) · {result.left:,} leavings", height=300,
    )  # fmt: skip
    figure.add_scatter(
        x=np.arange(len(result.returned)), y=result.returned, mode="lines", showlegend=False,
        line={"color": theme.BLUE, "width": 2.5, "shape": "hv"},
        hovertemplate="by day %{x}: %{y:.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="days since leaving", rangemode="tozero")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def hazards(result: FirstWeek) -> go.Figure:
    """Hazard ratios of what was done in the first week."""
    shown = result.effects.iloc[::-1]
    figure = theme.figure(
        result.headline(),
        subtitle="Times the rate of leaving later, for one unit more and all else equal, with 95 % intervals (Cox)",
        height=120 + 44 * len(shown),
    )
    ends = [shown[end].tolist() for end in ("low", "hazard", "high")]
    colours = [theme.direction(-high, -low, zero=-1.0) for low, high in zip(ends[0], ends[2], strict=True)]
    figure.add_scatter(
        x=shown["hazard"], y=shown["what"], mode="markers", marker={"color": colours, "size": 11}, showlegend=False,
        error_x={**theme.whiskers(*ends), "color": theme.UNSURE}, customdata=shown[["unit", "low", "high"]].to_numpy(),
        hovertemplate="<b>%{y}</b>, each %{customdata[0]}<br>%{x:.2f} times (%{customdata[1]:.2f} to "
        "%{customdata[2]:.2f})<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=1, line={"color": theme.UNSURE, "dash": "dot", "width": 1})
    figure.update_xaxes(
        type="log", tickvals=[0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2], title="times the rate of leaving"
    )
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def groups(result: FirstWeek) -> go.Figure:
    """Survival after the first week, by days with a play in it."""
    figure = theme.figure(
        "Who stays, by the days with a play in the first week",
        subtitle="Share still subscribed by days since the end of the first week, with pointwise 95 % bands",
    )
    _survival(figure, result.groups)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title="still subscribed")
    figure.update_xaxes(title="days since the first week", rangemode="tozero")
    return figure


def _survival(figure: go.Figure, curves: tuple[Curve, ...]) -> None:
    for number, curve in enumerate(curves):
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
