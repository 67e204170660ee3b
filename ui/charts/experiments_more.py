"""Charts beside the forest plot: what to believe of the effect, who stays, and when units came."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from analysis.experiments import words
from analysis.experiments.belief import Belief, chance
from analysis.experiments.exposure import Exposure
from analysis.experiments.survival import Survival, SurvivalComparison
from ui.charts import theme

_POINTS = 161
_MOST_STEPS = 400
"""Steps of a curve that are drawn; more would not be seen."""


def density(found: Belief) -> go.Figure:
    """The density of the effect: what is a gain in blue, what is a loss in orange; a line a treatment for several."""
    best = max(range(len(found.variants)), key=lambda i: found.chances[i])
    scale = f"Change of {found.metric} against {found.control}" if found.relative else f"Difference of {found.metric}"
    figure = theme.figure(
        f"A gain from {found.variants[best]} has a probability of {chance(found.chances[best])}",
        subtitle=f"{scale}; the higher the curve, the more likely, with nothing believed beforehand",
        height=300,
    )
    if len(found.variants) == 1:
        _sides(figure, found)
    else:
        _lines(figure, found)
    if found.truth is not None:
        figure.add_vline(
            x=found.truth, line_width=3, line_color=theme.TRUTH, name="True effect of the simulation", showlegend=True
        )
    figure.add_vline(x=0, line_width=2, line_color=theme.UNSURE)
    figure.update_xaxes(tickformat="+.2~%" if found.relative else None, zeroline=False, showgrid=False)
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, rangemode="tozero")
    return figure


def _sides(figure: go.Figure, found: Belief) -> None:
    posterior, good = found.posteriors[0], found.chances[0]
    x, y = _bell(posterior.mean, posterior.standard_deviation)
    hover = "%{x:+.1%}<extra></extra>" if found.relative else "%{x:+.4~g}<extra></extra>"
    for above in (True, False):
        gain = above == found.higher_is_better
        # Zero belongs to both sides, so that they meet there.
        side = np.union1d(x[x > 0] if above else x[x < 0], [0.0])
        side = side[(side >= x[0]) & (side <= x[-1])]
        share = good if gain else 1 - good
        figure.add_scatter(
            x=side,
            y=np.interp(side, x, y),
            mode="lines",
            fill="tozeroy",
            fillcolor=theme.rgba(theme.BLUE if gain else theme.ORANGE, 0.3),
            line={"color": theme.BETTER if gain else theme.WORSE, "width": 2},
            name=f"{'a gain' if gain else 'a loss'}: {chance(share)}",
            hovertemplate=hover,
        )


def _lines(figure: go.Figure, found: Belief) -> None:
    for place, (name, posterior, good) in enumerate(zip(found.variants, found.posteriors, found.chances, strict=True)):
        x, y = _bell(posterior.mean, posterior.standard_deviation)
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": theme.PALETTE[place % len(theme.PALETTE)], "width": 3, "dash": _dash(place)},
            name=f"{html.escape(name)}: a gain with {chance(good)}",
            hovertemplate="%{x:+.1%}<extra></extra>" if found.relative else "%{x:+.4~g}<extra></extra>",
        )


def _dash(place: int) -> str:
    """Lines beyond the palette, and neighbours within it, differ in more than colour."""
    return ("solid", "dash", "dot", "dashdot")[place % 4]


def _bell(mean: float, spread: float) -> tuple[np.ndarray, np.ndarray]:
    x = mean + spread * np.linspace(-4, 4, _POINTS)
    return x, np.exp(-0.5 * ((x - mean) / spread) ** 2) / (spread * math.sqrt(2 * math.pi))


def staying(found: Mapping[str, SurvivalComparison], control: str) -> go.Figure:
    """Kaplan and Meier's curves with their bands, the control's in grey."""
    (name, one), *more = found.items()
    if more:
        title = "Who stays, variant by variant"
    elif one.low > 1 or one.high < 1:
        title = f"{'Fewer' if one.low > 1 else 'More'} stay in {name} than in {control}"
    else:
        title = f"Nobody can tell whether more stay in {name} or in {control}"
    figure = theme.figure(title, subtitle="Share of units to whom it has not happened, by day; 95 % bands", height=340)
    _curve(figure, control, one.control, theme.UNSURE, "dash")
    for place, (treatment, each) in enumerate(found.items()):
        _curve(figure, treatment, each.treatment, theme.PALETTE[place % len(theme.PALETTE)], "solid")
    figure.update_yaxes(tickformat=".1~%", zeroline=False)
    figure.update_xaxes(title="Days", showgrid=False, rangemode="tozero")
    return figure


def _curve(figure: go.Figure, name: str, arm: Survival, colour: str, dash: str) -> None:
    every = max(1, math.ceil(len(arm.times) / _MOST_STEPS))
    days = [0.0, *arm.times[::every]]
    low, high = ([1.0, *ends[::every]] for ends in (arm.low, arm.high))
    figure.add_scatter(
        x=[*days, *reversed(days)],
        y=[*high, *reversed(low)],
        fill="toself",
        fillcolor=theme.rgba(colour, 0.15),
        line={"width": 0, "shape": "hv"},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=days,
        y=[1.0, *arm.staying[::every]],
        mode="lines",
        line={"color": colour, "width": 3, "shape": "hv", "dash": dash},
        name=html.escape(name),
        hovertemplate="day %{x:.0f}: %{y:.1%}<extra></extra>",
    )


def exposure(found: Exposure) -> go.Figure:
    """Units so far by variant, day by day."""
    figure = theme.figure(
        "The split changed on the way" if found.moved else "Units came evenly to all variants",
        subtitle=f"Units assigned until the end of each day; {words.p_value(found.p_value)} for shares that stay",
        height=280,
    )
    for place, (name, counts) in enumerate(found.counts.items()):
        figure.add_scatter(
            x=found.dates,
            y=np.cumsum(counts),
            mode="lines",
            line={"color": theme.PALETTE[place % len(theme.PALETTE)], "width": 3, "dash": _dash(place)},
            name=html.escape(name),
            hovertemplate="%{x|%d %b}: %{y:,} units<extra></extra>",
        )
    figure.update_yaxes(tickformat=",", rangemode="tozero")
    figure.update_xaxes(showgrid=False)
    return figure
