"""Cells of a heatmap that can be clicked, and numbers written on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from ui.charts import theme

_STRONG = 0.5
"""Part of the colour scale from which a cell is dark enough for white text, in light and in dark."""


def clickable(
    figure: go.Figure, x: Sequence[Any], y: Sequence[Any], names: Sequence[Sequence[Any]], hover: Sequence[str]
) -> None:
    """Lay a square over each cell, seen once it was clicked: plotly tells nothing of clicks on a heatmap itself.

    Args:
        figure: With a heatmap whose own hover is off.
        x: Column of each cell.
        y: Row of each cell.
        names: What a click on the cell hands to the page, as `customdata`.
        hover: What is shown over the cell.
    """
    figure.add_scatter(
        x=list(x), y=list(y), mode="markers", customdata=[list(name) for name in names], text=list(hover),
        marker={"symbol": "square-open", "size": 22, "color": theme.UNSURE, "line": {"width": 2.5}, "opacity": 0},
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 0}},
        hovertemplate="%{text}<extra></extra>", showlegend=False,
    )  # fmt: skip


def written(figure: go.Figure, x: Any, y: Any, text: str, depth: float, *, bold: bool = False) -> None:
    """Write on a cell; `depth` is how far its colour is from the middle of the scale, from 0 to 1.

    No trace of text: the browser would pale it as soon as a cell is clicked.
    """
    font: dict[str, Any] = {"size": 12}
    if depth >= _STRONG:
        font["color"] = "#FFFFFF"
    figure.add_annotation(
        x=x, y=y, text=f"<b>{text}</b>" if bold else text, showarrow=False, font=font, captureevents=False
    )
