"""Charts of the forecast: the days ahead with the weeks held out, genre shares by week, the record of the methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from analysis.patterns import Forecast, GenreForecast
from ui.charts import theme

_HISTORY = 182
"""Days of history shown before the forecast: half a year reads at a glance."""
_HISTORY_WEEKS = 52
_COLUMNS = 3


def ahead(result: Forecast) -> go.Figure:
    """History, the held-out weeks as they were forecast, and the days ahead with 80 % and 95 % intervals."""
    figure = theme.figure(
        result.headline(),
        subtitle=(
            f"{result.noun.capitalize()} a day · bands hold 80 % and 95 % · before the line, the forecast that would "
            f"have been made then · {result.what.zone_label}"
        ),
        height=420,
    )
    found, held = result.projection, result.held_out
    days, coming = _days(result.days[-_HISTORY:]), _days(result.ahead)
    for place, alpha in ((1, 0.13), (0, 0.22)):
        _band(figure, coming, found.low[place], found.high[place], theme.rgba(theme.BLUE, alpha))
    _band(figure, _days(held.days), held.low, held.high, theme.rgba(theme.AMBER, 0.16))
    figure.add_scatter(
        x=days, y=result.values[-_HISTORY:], mode="lines", name="what happened", connectgaps=False,
        line={"color": theme.UNSURE, "width": 1.5},
        hovertemplate="%{x|%a %d %b %Y}: %{y:,.0f} " + result.noun + "<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=_days(held.days), y=held.predicted, mode="lines", name="forecast of the held-out weeks",
        line={"color": theme.AMBER, "width": 2, "dash": "dot"},
        hovertemplate="%{x|%a %d %b %Y}: %{y:,.0f} were forecast<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=coming, y=found.mean, mode="lines", name=f"forecast ({found.method})",
        line={"color": theme.BLUE, "width": 2.5}, customdata=np.stack([found.low[1], found.high[1]], axis=1),
        hovertemplate="%{x|%a %d %b %Y}: %{y:,.0f} (95 % interval %{customdata[0]:,.0f} to %{customdata[1]:,.0f})"
        "<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=result.ahead[0].isoformat(), line={"color": theme.UNSURE, "dash": "dot", "width": 1})
    figure.update_yaxes(title=result.noun, rangemode="tozero")
    return figure


def record(result: Forecast) -> go.Figure:
    """Error of every method at every origin of the backtests."""
    past = result.projection.record
    best, errors = past.methods[past.best], past.mean_errors
    beats = (
        f"In {past.better(past.best)} of {len(past.origins)} backtests {best} errs less than repeating the last week"
        if result.beats_naive
        else f"In {len(past.origins)} backtests nothing errs less, on average, than repeating the last week"
    )
    figure = theme.figure(
        beats,
        subtitle="Mean absolute scaled error of eight weeks ahead, a dot a backtest, bar at the mean; less is better",
        height=130 + 48 * len(past.methods),
    )
    for place, name in enumerate(past.methods):
        colour = theme.BLUE if place == past.best else theme.UNSURE
        figure.add_scatter(
            x=past.errors[place], y=[name] * len(past.origins), mode="markers", showlegend=False,
            marker={"color": theme.rgba(colour, 0.45), "size": 9},
            customdata=[result.days[origin - 1].isoformat() for origin in past.origins],
            hovertemplate=f"{name}, fitted up to %{{customdata}}: %{{x:.2f}}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[errors[place]], y=[name], mode="markers", showlegend=False,
            marker={"color": colour, "size": 24, "symbol": "line-ns", "line": {"color": colour, "width": 4}},
            hovertemplate=f"{name}: mean %{{x:.2f}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(rangemode="tozero", title="mean absolute scaled error")
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def genres(result: GenreForecast) -> go.Figure:
    """Each genre's share by week, with the eight weeks ahead and the held-out ones."""
    count = len(result.genres)
    rows = -(-count // _COLUMNS)
    figure = theme.figure(
        result.headline(),
        subtitle=(
            f"Share of {result.noun} by week, a title of k genres counting 1/k in each · bands hold 95 % · "
            f"dotted: forecast of the held-out weeks · {result.what.zone_label}"
        ),
        height=90 + 170 * rows,
    )
    figure.set_subplots(
        rows=rows, cols=_COLUMNS, subplot_titles=result.genres, shared_xaxes=True, vertical_spacing=0.22 / rows
    )
    found = result.found
    past, coming = _days(result.weeks[-_HISTORY_WEEKS:]), _days(result.ahead)
    held = _days(result.weeks[-len(result.ahead) :])
    before, _, _ = found.held_out
    for place, genre in enumerate(result.genres):
        where = {"row": place // _COLUMNS + 1, "col": place % _COLUMNS + 1}
        _band(figure, coming, found.low[:, place] * 100, found.high[:, place] * 100, theme.rgba(theme.BLUE, 0.2), where)
        shares = (
            (past, result.shares[-_HISTORY_WEEKS:, place], theme.UNSURE, "solid", "held"),
            (held, before[:, place], theme.AMBER, "dot", "was forecast"),
            (coming, found.mean[:, place], theme.BLUE, "solid", "is forecast"),
        )
        for x, share, colour, dash, word in shares:
            figure.add_scatter(
                x=x, y=share * 100, mode="lines", showlegend=False, line={"color": colour, "width": 2, "dash": dash},
                hovertemplate=f"{genre}, week from %{{x|%d %b %Y}}: %{{y:.1f}} % {word}<extra></extra>", **where,
            )  # fmt: skip
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero")
    # The titles of the first row stand above the plot.
    figure.update_layout(margin_t=32)
    return figure


def _band(
    figure: go.Figure,
    x: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    colour: str,
    where: dict[str, int] | None = None,
) -> None:
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]), y=np.concatenate([high, low[::-1]]), mode="lines", fill="toself",
        fillcolor=colour, line={"width": 0}, hoverinfo="skip", showlegend=False, **(where or {}),
    )  # fmt: skip


def _days(dates: Sequence[object]) -> np.ndarray:
    return np.array(dates, dtype="datetime64[D]")
