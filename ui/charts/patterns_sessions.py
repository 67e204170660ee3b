"""Charts of sessions, devices, completion, binges and surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from analysis.patterns.binges import BINGE, Binges
from analysis.patterns.completion import Completion
from analysis.patterns.devices import Devices
from analysis.patterns.sessions import CLASS, LONGEST, Sessions
from analysis.patterns.surfaces import Surfaces
from analysis.patterns.words import PLAIN, Habits
from analysis.stats.clustered import Interval
from ui.charts import theme


def lengths(result: Sessions) -> go.Figure:
    """Share of sessions by minutes watched; the median is marked."""
    figure = theme.figure(result.headline(), subtitle="Share of sessions by minutes watched in them", height=320)
    starts = np.arange(len(result.lengths)) * CLASS
    words = [f"{s} to {s + CLASS} minutes" for s in starts[:-1]] + [f"{LONGEST} minutes or more"]
    figure.add_bar(
        x=starts + CLASS / 2, y=result.lengths, width=CLASS * 0.9, marker_color=theme.BLUE, customdata=words,
        hovertemplate="%{customdata}: %{y:.1%} of sessions<extra></extra>", showlegend=False,
    )  # fmt: skip
    figure.add_vline(
        x=result.minutes.value, line={"color": theme.AMBER, "width": 2}, annotation_text="median",
        annotation_position="top right",
    )  # fmt: skip
    figure.update_xaxes(title="minutes watched", rangemode="tozero")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def by_hour(result: Devices, habits: Habits = PLAIN) -> go.Figure:
    """Share of each hour's viewing on each device, stacked."""
    figure = theme.figure(
        result.headline(habits),
        subtitle=f"Share of the {result.measure} that begin in each hour · {result.zone_label}",
        height=340,
    )  # fmt: skip
    for number, name in enumerate(result.names):
        figure.add_bar(
            x=list(range(24)), y=result.by_hour[:, number], name=name,
            marker_color=theme.PALETTE[number % len(theme.PALETTE)],
            customdata=[habits.hour(hour) for hour in range(24)],
            hovertemplate=f"%{{customdata}}, {name}: %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0.08)
    figure.update_xaxes(
        tickvals=list(range(0, 24, 3)), ticktext=[habits.hour(h) for h in range(0, 24, 3)], title="Hour"
    )
    figure.update_yaxes(tickformat=".0%", range=[0, 1])
    return figure


def moves(result: Devices) -> go.Figure:
    """From the device of one play to that of the next."""
    figure = theme.figure(
        f"{result.switched.value * 100:.0f} % of plays follow one on another device",
        subtitle="Of the plays after one on the device of the row, share on the device of the column",
        height=130 + 46 * len(result.names),
    )
    text = [[f"{value * 100:.0f} %" for value in row] for row in result.moves]
    names = list(result.names)
    figure.add_heatmap(
        z=result.moves, x=names, y=names, colorscale=theme.SEQUENTIAL, zmin=0, zmax=1, xgap=2, ygap=2, showscale=False,
        hovertemplate="%{y}, then %{x}: %{z:.1%}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=names * len(names), y=[name for name in names for _ in names], text=[cell for row in text for cell in row],
        mode="text", hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False, title="next play", side="bottom")
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, title="play before")
    return figure


def shares(
    title: str, subtitle: str, names: Sequence[str], values: Sequence[Interval], truth: Mapping[str, float]
) -> go.Figure:
    """Shares with their intervals, and where it is known the truth beside them."""
    figure = theme.figure(title, subtitle=subtitle, height=110 + 44 * len(names))
    known = [(name, i) for name, i in zip(names, values, strict=True) if np.isfinite(i.value)]
    ends = [(i.low, i.value, i.high) if i.known else (i.value,) * 3 for _, i in known]
    figure.add_scatter(
        x=[i.value for _, i in known], y=[name for name, _ in known], mode="markers",
        marker={"color": theme.BLUE, "size": 11}, name="estimate with 95 % interval",
        error_x=theme.whiskers(*map(list, zip(*ends, strict=True))) if ends else None,
        customdata=[[low, high] for low, _, high in ends],
        hovertemplate="%{y}: %{x:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})<extra></extra>",
        showlegend=bool(truth),
    )  # fmt: skip
    if truth:
        figure.add_scatter(
            x=list(truth.values()), y=list(truth), mode="markers", name="truth",
            marker={"color": theme.TRUTH, "symbol": "diamond-open", "size": 14, "line": {"width": 2}},
            hovertemplate="%{y}: truly %{x:.1%}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=list(names)[::-1], showgrid=False)
    return figure


def reached(result: Completion) -> go.Figure:
    """How far plays from the beginning get."""
    figure = theme.figure(
        result.headline(),
        subtitle="Share of the plays from the beginning by how much of the title or episode they reached",
        height=320,
    )
    size = len(result.histogram)
    ends = (np.arange(size) + 1) / size
    figure.add_bar(
        x=ends - 0.5 / size, y=result.histogram, width=0.92 / size,
        marker_color=[theme.BLUE if end <= 0.9 + 1e-9 else theme.AMBER for end in ends],
        customdata=[f"{end - 1 / size:.0%} to {end:.0%}" for end in ends],
        hovertemplate="reached %{customdata}: %{y:.1%} of plays<extra></extra>", showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", title="share of the running time reached; finished in amber", range=[0, 1])
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def leaving(result: Completion) -> go.Figure:
    """Of those still watching, who stops in each minute."""
    worst = int(np.nanargmax(result.leaving))
    figure = theme.figure(
        f"Minute {worst + 1} loses most: {result.leaving[worst] * 100:.0f} % of those still watching stop in it",
        subtitle="Of the plays from the beginning that last so long, share stopped in the minute, with 95 % intervals",
        height=320,
    )
    minute = np.arange(1, len(result.leaving) + 1)
    figure.add_scatter(
        x=np.r_[minute, minute[::-1]], y=np.r_[result.leaving_high, result.leaving_low[::-1]], fill="toself",
        fillcolor=theme.rgba(theme.BLUE, 0.2), line={"width": 0}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=minute, y=result.leaving, mode="lines+markers", line={"color": theme.BLUE, "width": 2}, showlegend=False,
        hovertemplate="minute %{x}: %{y:.1%} stop<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="minute of the play")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def episodes(result: Binges) -> go.Figure:
    """Different episodes of one series in one session."""
    figure = theme.figure(
        result.headline(), subtitle="Sittings with a series by the number of its episodes played in one session",
        height=300,
    )  # fmt: skip
    number = [str(n + 1) for n in range(len(result.by_episodes))]
    number[-1] += "+"
    figure.add_bar(
        x=number, y=result.by_episodes, showlegend=False, text=[_percent(v) for v in result.by_episodes],
        textposition="outside", cliponaxis=False,
        marker_color=[theme.AMBER if n + 1 >= BINGE else theme.BLUE for n in range(len(number))],
        hovertemplate="%{x} episodes: %{y:.2%} of sittings<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(type="category", title="episodes; binges in amber")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def going_on(result: Binges) -> go.Figure:
    """Of those who finished an episode, who began the next."""
    value = [i.value for i in result.next_episode]
    lowest = int(np.nanargmin(value))
    figure = theme.figure(
        f"After episode {lowest + 1} most give up: {(1 - value[lowest]) * 100:.0f} % of those who finished it don't "
        "begin the next",
        subtitle="Of the viewers who finished an episode, share who began the next one, with 95 % intervals",
        height=300,
    )
    known = [(k + 1, i) for k, i in enumerate(result.next_episode) if i.known]
    figure.add_scatter(
        x=[k for k, _ in known], y=[i.value for _, i in known], mode="markers+lines", showlegend=False,
        error_y=theme.whiskers(*([getattr(i, end) for _, i in known] for end in ("low", "value", "high"))),
        line={"color": theme.BLUE, "width": 1.5}, marker={"size": 9},
        hovertemplate="after episode %{x}: %{y:.1%} go on<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="episode finished", dtick=1)
    figure.update_yaxes(tickformat=".0%")
    return figure


def finishing(result: Binges) -> go.Figure:
    """How long a season takes."""
    last = result.finishing[-1]
    figure = theme.figure(
        f"{last * 100:.1f} % of those who begin a season finish it within {len(result.finishing) - 1} days",
        subtitle="Share who have finished by so many days after the first episode (Kaplan–Meier)",
        height=300,
    )
    figure.add_scatter(
        x=np.arange(len(result.finishing)), y=result.finishing, mode="lines", showlegend=False,
        line={"color": theme.BLUE, "width": 2.5, "shape": "hv"},
        hovertemplate="by day %{x}: %{y:.2%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="days since the first episode", rangemode="tozero")
    figure.update_yaxes(tickformat=".1%", rangemode="tozero")
    return figure


def begins(result: Surfaces, truth: Mapping[str, float]) -> go.Figure:
    """Where watching begins."""
    subtitle = f"Share of {result.measure} by where the play began, with 95 % intervals"
    return shares(result.headline(), subtitle, result.names, result.share, truth)


def ends(result: Surfaces) -> go.Figure:
    """Which surface leads to plays that are finished."""
    best = max(zip(result.names, result.finished, strict=True), key=lambda pair: np.nan_to_num(pair[1].value))
    title = f"Plays that begin from {best[0]} are finished most often: {best[1].value * 100:.0f} %"
    subtitle = "Share of plays from each surface that reach 90 % of the running time, with 95 % intervals"
    return shares(title, subtitle, result.names, result.finished, {})


def _percent(value: float) -> str:
    return f"{value * 100:.0f} %" if value >= 0.01 else f"{value * 100:.1f} %" if value >= 0.0005 else ""
