"""The one plotly template and palette, for light and dark.

Colours are Okabe and Ito's, told apart by people with any kind of colour vision. Better and worse are blue and
orange, always with sign and word. Backgrounds are transparent and text takes the page's colour, so that one figure
serves both appearances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

BLUE, AMBER, GREEN, PINK, SKY, ORANGE = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
PALETTE = (BLUE, AMBER, GREEN, PINK, SKY, ORANGE)
BETTER, WORSE, UNSURE = "#2B8CC9", ORANGE, "#8A94A0"
"""Blue for better, orange for worse, grey where nobody can tell."""

TRUTH = PINK
"""What is drawn where the truth is known."""

SEQUENTIAL = ((0.0, "rgba(10,124,191,0.04)"), (1.0, "rgba(10,124,191,1)"))
"""From almost the page's own background to blue, for shares and counts: see-through, so that more ink is more in
light and in dark alike."""

DIVERGING = ((0.0, "rgba(213,94,0,1)"), (0.5, "rgba(138,148,160,0.08)"), (1.0, "rgba(10,124,191,1)"))
"""Orange below the middle, blue above it: for lifts around 1 and differences around 0."""

FONT = '"Source Sans", "Source Sans Pro", "Helvetica Neue", Arial, sans-serif'
GRID = "rgba(128,138,150,0.22)"
HEIGHT = 380

pio.templates["primetime"] = go.layout.Template(
    layout=go.Layout(
        colorway=PALETTE,
        font={"family": FONT, "size": 14},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hovermode="closest",
        hoverlabel={"font": {"family": FONT, "size": 13}},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0, "title": {"text": ""}},
        xaxis={"gridcolor": GRID, "zerolinecolor": GRID, "automargin": True, "title": {"standoff": 12}},
        yaxis={"gridcolor": GRID, "zerolinecolor": GRID, "automargin": True, "title": {"standoff": 12}},
        colorscale={"sequential": SEQUENTIAL, "diverging": DIVERGING},
        bargap=0.25,
    )
)


class Finished(go.Figure):  # type: ignore[misc]
    """A figure that nobody changes any more, kept for many visitors: it is turned into a dict once and not each time.

    >>> Finished(figure("People watch at nine")).to_dict()["layout"]["meta"]["title"]
    'People watch at nine'
    """

    def to_dict(self) -> dict[str, Any]:
        """As Plotly's own; the parts of the dict are shared, so they are not to be changed."""
        kept = self.__dict__.get("_kept")
        if kept is None:
            kept = self.__dict__["_kept"] = super().to_dict()
        return dict(kept)


def figure(title: str, *, subtitle: str = "", height: int = HEIGHT) -> go.Figure:
    """An empty figure in the house style.

    The title is the finding, as a sentence; the subtitle names units and the time zone. Both are kept in the figure's
    `meta`: the page and the report show them as text above the chart, where they wrap and a screen reader finds them.

    >>> figure("People watch at nine", subtitle="Local time").layout.meta["title"]
    'People watch at nine'
    """
    return go.Figure(layout={"template": "primetime", "height": height, "meta": {"title": title, "subtitle": subtitle}})


def rgba(colour: str, alpha: float) -> str:
    """A hex colour made see-through, for bands and fills.

    >>> rgba("#0072B2", 0.2)
    'rgba(0,114,178,0.2)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def direction(low: float, high: float, *, zero: float = 0.0) -> str:
    """The colour of an interval: better when all of it is above `zero`, worse below, grey when it holds it.

    >>> direction(0.1, 0.4) == BETTER, direction(-1, 1) == UNSURE
    (True, True)
    """
    if low > zero:
        return BETTER
    return WORSE if high < zero else UNSURE


def whisker(low: float, value: float, high: float) -> dict[str, Any]:
    """One interval around its estimate, as a trace's `error_x`; it takes the marker's colour.

    >>> whisker(1.0, 1.5, 3.0)["array"], whisker(1.0, 1.5, 3.0)["arrayminus"]
    ([1.5], [0.5])
    """
    return whiskers([low], [value], [high])


def whiskers(lows: Sequence[float], values: Sequence[float], highs: Sequence[float]) -> dict[str, Any]:
    """The same for all points of one trace: a browser draws one trace of ten points faster than ten traces of one."""
    up = [high - value for value, high in zip(values, highs, strict=True)]
    down = [value - low for low, value in zip(lows, values, strict=True)]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 3, "width": 0}
