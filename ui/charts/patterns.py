"""Charts of viewing patterns: the clock, the seasons, the daily trend."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go

from analysis.patterns import Clock, DailyTrend, MonthGenre
from analysis.patterns.words import MONTHS, PLAIN, WEEKDAYS, Habits
from ui.charts import cells, theme

_LEAST_RANGE = np.log2(1.25)
"""The colours of lifts reach at least from 0.8 to 1.25, so that noise doesn't look like a finding."""
_ROW = 26
"""Height of a heatmap's row, in pixels."""


def clock(result: Clock, habits: Habits = PLAIN) -> go.Figure:
    """Hour × weekday heatmap: share of the week in each hour; bars of the weekdays where hours are unknown."""
    if not result.what.has_hours:
        return _weekdays(result, habits)
    figure = theme.figure(
        result.headline(habits),
        subtitle=f"Share of the week's {result.noun} in each hour · {result.what.zone_label} · click an hour for its "
        "titles",
        height=330,
    )
    shares = result.shares * 100
    figure.add_heatmap(
        z=shares[list(habits.days)],
        x=list(range(24)),
        y=[WEEKDAYS[day] for day in habits.days],
        hoverinfo="skip",
        colorscale=theme.SEQUENTIAL,
        zmin=0,
        zmax=float(shares.max()),
        xgap=1,
        ygap=1,
        colorbar={"title": {"text": "share"}, "ticksuffix": " %", "thickness": 12, "outlinewidth": 0},
    )
    every = [(day, hour) for day in habits.days for hour in range(24)]
    cells.clickable(
        figure,
        [hour for _, hour in every],
        [WEEKDAYS[day] for day, _ in every],
        every,
        [_clock_hover(result, habits, day, hour) for day, hour in every],
    )
    figure.update_xaxes(
        tickvals=list(range(0, 24, 3)), ticktext=[habits.hour(h) for h in range(0, 24, 3)], showgrid=False, title="Hour"
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def _weekdays(result: Clock, habits: Habits) -> go.Figure:
    figure = theme.figure(
        result.headline(),
        subtitle=f"Share of the week's {result.noun} on each day · {result.what.zone_label} · times of day are unknown",
        height=300,
    )
    shares = result.shares.sum(axis=1)[list(habits.days)] * 100
    figure.add_bar(
        x=[WEEKDAYS[day] for day in habits.days],
        y=shares,
        marker_color=[theme.SKY if day >= 5 else theme.BLUE for day in habits.days],
        text=[f"{value:.1f} %" for value in shares],
        hovertemplate="%{x}: %{text} of " + result.noun + "<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(y=100 / 7, line={"color": theme.UNSURE, "dash": "dot"}, annotation_text="if all days were alike")
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero")
    return figure


def seasons(result: MonthGenre) -> go.Figure:
    """Month × genre heatmap of lifts, centred at 1; the cells that differ beyond chance carry their number."""
    years = "–".join(dict.fromkeys(str(year) for year in result.years))
    figure = theme.figure(
        result.headline(),
        subtitle=(
            f"Share in the month ÷ share overall, shrunk towards 1; numbers mark what chance does not explain, "
            f"bold ones across titles · {years} · {result.what.zone_label} · click a cell to see its genre alone"
        ),
        height=110 + _ROW * len(result.genres),
    )
    colour = np.log2(result.shrunk.T)
    seen = np.abs(colour[np.isfinite(colour)])
    # Some way beyond the strongest cell, so that the number on it can be read.
    reach = float(max(1.3 * seen.max(initial=0.0), _LEAST_RANGE))
    ticks = np.linspace(-reach, reach, 5)
    figure.add_heatmap(
        z=colour,
        x=[MONTHS[month - 1][:3] for month in result.months],
        y=list(result.genres),
        hoverinfo="skip",
        colorscale=theme.DIVERGING,
        zmin=-reach,
        zmid=0,
        zmax=reach,
        xgap=1,
        ygap=1,
        colorbar={
            "title": {"text": "lift"},
            "tickvals": ticks,
            "ticktext": [f"{2**tick:.2f}" for tick in ticks],
            "thickness": 12,
            "outlinewidth": 0,
        },
    )
    names = [MONTHS[month - 1][:3] for month in result.months]
    for m, g in result.claims():
        bold, depth = bool(result.across_titles[m, g]), abs(colour[g, m]) / reach
        cells.written(figure, names[m], result.genres[g], f"{result.lift[m, g]:.2f}", depth, bold=bold)
    every = [(m, g) for m in range(len(names)) for g in range(len(result.genres))]
    cells.clickable(
        figure,
        [names[m] for m, _ in every],
        [result.genres[g] for _, g in every],
        [(result.genres[g],) for _, g in every],
        [_seasons_hover(result, m, g) for m, g in every],
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def daily(result: DailyTrend) -> go.Figure:
    """The daily counts with their seven-day mean; below them, where known, the viewers active on the day."""
    with_viewers = result.viewers is not None
    figure = theme.figure(
        result.headline(),
        subtitle=f"{result.noun.capitalize()} a day and their mean over seven days · {result.what.zone_label} · "
        "click a day to see its month alone",
        height=460 if with_viewers else 340,
    )
    if with_viewers:
        figure.set_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.62, 0.38], vertical_spacing=0.08)
    days = np.array(result.days, dtype="datetime64[D]")
    seen = 0.0 if len(days) > 60 else 1.0
    top = {"row": 1, "col": 1} if with_viewers else {}
    figure.add_scatter(
        x=days,
        y=result.values,
        # A line alone can't be clicked; in a crowd its points are not seen.
        mode="lines+markers",
        marker={"opacity": seen},
        selected={"marker": {"opacity": seen}},
        unselected={"marker": {"opacity": seen}},
        customdata=[[str(day)] for day in result.days],
        name="each day",
        line={"color": theme.rgba(theme.SKY, 0.7), "width": 1},
        connectgaps=False,
        hovertemplate="%{x|%a %d %b %Y}: %{y:,.0f} " + result.noun + "<extra></extra>",
        **top,
    )
    figure.add_scatter(
        x=days,
        y=result.mean_7,
        mode="lines",
        name="mean of seven days",
        line={"color": theme.BLUE, "width": 2.5},
        connectgaps=False,
        hovertemplate="week around %{x|%d %b %Y}: %{y:,.0f} a day<extra></extra>",
        **top,
    )
    if with_viewers:
        figure.add_scatter(
            x=days,
            y=result.viewers,
            mode="lines" if len(days) > 60 else "lines+markers",
            name="active viewers",
            line={"color": theme.AMBER, "width": 1.5},
            connectgaps=False,
            hovertemplate="%{x|%a %d %b %Y}: %{y:,.0f} viewers<extra></extra>",
            row=2,
            col=1,
        )
        figure.update_yaxes(title="active viewers", rangemode="tozero", row=2, col=1)
    figure.update_yaxes(title=result.noun, rangemode="tozero", **top)
    for first, last in _gaps(result):
        figure.add_vrect(x0=first, x1=last, fillcolor=theme.rgba(theme.UNSURE, 0.18), line_width=0)
    return figure


def _clock_hover(result: Clock, habits: Habits, day: int, hour: int) -> str:
    lines = [
        f"<b>{WEEKDAYS[day]} {habits.hour(hour)} to {habits.hour(hour + 1)}</b>",
        f"{result.events[day, hour]:,.0f} {result.what.noun}",
        f"{result.shares[day, hour] * 100:.2f} % of the week's {result.noun}",
    ]
    if result.what.has_minutes:
        lines.append(f"{result.minutes[day, hour]:,.0f} minutes")
    if np.isfinite(result.completion[day, hour]):
        lines.append(f"{result.completion[day, hour] * 100:.0f} % of a title watched on average")
    if result.viewers is not None:
        lines.append(f"{result.viewers[day, hour]:,.1f} viewers on a mean {WEEKDAYS[day]}")
    return "<br>".join(lines)


def _seasons_hover(result: MonthGenre, m: int, g: int) -> str:
    lines = [
        f"<b>{html.escape(result.genres[g])} in {MONTHS[result.months[m] - 1]}</b>",
        f"{result.share[m, g] * 100:.1f} % in the month, {result.overall[g] * 100:.1f} % overall",
    ]
    if np.isfinite(result.low[m, g]):
        lines.append(f"lift {result.lift[m, g]:.2f} ({result.low[m, g]:.2f} to {result.high[m, g]:.2f})")
    lines.append(f"{result.events[m, g]:,.0f} {result.what.noun}")
    claim = "differs beyond chance, across titles" if result.across_titles[m, g] else "differs, by a few titles"
    lines.append(claim if result.claimed[m, g] else "may be chance")
    return "<br>".join(lines)


def _gaps(result: DailyTrend) -> list[tuple[object, object]]:
    """First and last day of each run of silent days."""
    silent = np.flatnonzero(np.isnan(result.events))
    runs = np.split(silent, np.flatnonzero(np.diff(silent) > 1) + 1)
    return [(result.days[run[0]], result.days[run[-1]]) for run in runs if len(run)]
