"""The chart of effects whose truth is known: estimate, interval and truth."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from ui.charts import theme

if TYPE_CHECKING:
    from ui.patterns_known import Known


def known(found: Sequence[Known]) -> go.Figure:
    """A row an effect: the estimate with its interval, and a diamond where the truth is."""
    held = sum(one.estimate.low <= one.true <= one.estimate.high for one in found)
    figure = theme.figure(
        f"{held} of {len(found)} intervals hold what is true of the simulated service",
        subtitle="Share of the genre at that time ÷ its share at the other time, with 95 % intervals; diamonds: truth",
        height=120 + 46 * len(found),
    )
    # A name in two lines leaves room for the chart on a phone.
    names = [html.escape(one.name).replace(", ", ",<br>", 1) for one in found]
    figure.add_scatter(
        x=[one.estimate.value for one in found], y=names, mode="markers", name="estimate with 95 % interval",
        marker={"color": theme.BLUE, "size": 11},
        error_x=theme.whiskers(
            [one.estimate.low for one in found], [one.estimate.value for one in found],
            [one.estimate.high for one in found],
        ),
        customdata=[[one.estimate.low, one.estimate.high] for one in found],
        hovertemplate="%{y}<br>%{x:.2f} times (%{customdata[0]:.2f} to %{customdata[1]:.2f})<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[one.true for one in found], y=names, mode="markers", name="truth",
        marker={"color": theme.TRUTH, "symbol": "diamond-open", "size": 15, "line": {"width": 2.5}},
        hovertemplate="%{y}<br>truly %{x:.2f} times<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=1, line={"color": theme.UNSURE, "dash": "dot", "width": 1})
    figure.update_xaxes(title="times as much")
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure
