"""Charts of what is watched when: genres by hour, and one genre's week."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from analysis.patterns import HourGenre
from analysis.patterns.words import WEEKDAYS
from ui.charts import theme

_LEAST_RANGE = np.log2(1.25)
_ROW = 26


def genres(result: HourGenre) -> go.Figure:
    """Genre × hour of the day: lifts, with a dot on what chance does not explain."""
    figure = theme.figure(
        result.headline(),
        subtitle=(
            "Share in the hour ÷ share overall, shrunk towards 1; dots mark what chance does not explain · "
            f"{result.what.zone_label}"
        ),
        height=120 + _ROW * len(result.genres),
    )
    _heat(figure, result.shrunk.T, list(range(24)), list(result.genres), _hover(result))
    cells, marked = np.nonzero(result.claimed)
    _dots(figure, [int(c) for c in cells], [result.genres[g] for g in marked])
    figure.update_xaxes(tickvals=list(range(0, 24, 3)), ticktext=[f"{h}:00" for h in range(0, 24, 3)], title="Hour")
    return figure


def week(result: HourGenre) -> go.Figure:
    """Weekday × hour of one genre."""
    figure = theme.figure(
        f"{result.genres[0]}: {result.headline().partition(' holds ')[2] or 'no hour of its own'}",
        subtitle=(
            f"Share of {result.genres[0]} in each hour of the week ÷ its share overall, shrunk towards 1; dots mark "
            f"what chance does not explain · {result.what.zone_label}"
        ),
        height=320,
    )
    hover = np.array(_hover(result)[0]).reshape(7, 24).tolist()
    _heat(figure, result.shrunk[:, 0].reshape(7, 24), list(range(24)), list(WEEKDAYS), hover)
    days, hours = np.nonzero(result.claimed[:, 0].reshape(7, 24))
    _dots(figure, [int(h) for h in hours], [WEEKDAYS[d] for d in days])
    figure.update_xaxes(tickvals=list(range(0, 24, 3)), ticktext=[f"{h}:00" for h in range(0, 24, 3)], title="Hour")
    return figure


def _heat(figure: go.Figure, lift: np.ndarray, x: list[int], y: list[str], hover: list[list[str]]) -> None:
    colour = np.log2(lift)
    seen = np.abs(colour[np.isfinite(colour)])
    reach = float(max(1.1 * seen.max(initial=0.0), _LEAST_RANGE))
    ticks = np.linspace(-reach, reach, 5)
    figure.add_heatmap(
        z=colour, x=x, y=y, customdata=hover, hovertemplate="%{customdata}<extra></extra>",
        colorscale=theme.DIVERGING, zmin=-reach, zmid=0, zmax=reach, xgap=1, ygap=1,
        colorbar={
            "title": {"text": "lift"}, "tickvals": ticks, "ticktext": [f"{2**tick:.2f}" for tick in ticks],
            "thickness": 12, "outlinewidth": 0,
        },
    )  # fmt: skip
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)


def _dots(figure: go.Figure, x: list[int], y: list[str]) -> None:
    figure.add_scatter(x=x, y=y, text=["•"] * len(x), mode="text", hoverinfo="skip", showlegend=False)


def _hover(result: HourGenre) -> list[list[str]]:
    def words(c: int, g: int) -> str:
        return (
            f"<b>{result.genres[g]} at {result.columns[c]}</b><br>lift {result.lift[c, g]:.2f} "
            f"({result.low[c, g]:.2f} to {result.high[c, g]:.2f})<br>{result.share[c, g] * 100:.1f} % of "
            f"{result.what.noun}, {result.overall[g] * 100:.1f} % overall<br>{result.events[c, g]:,.0f} "
            f"{result.what.noun}<br>{'differs beyond chance' if result.claimed[c, g] else 'may be chance'}"
        )

    return [[words(c, g) for c in range(len(result.columns))] for g in range(len(result.genres))]
