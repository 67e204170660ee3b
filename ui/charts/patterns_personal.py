"""Charts of one viewer's year: the calendar, the clock, the months, the titles, the devices."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go

from analysis.patterns.personal import MyYear
from analysis.patterns.words import MONTHS, WEEKDAYS, Habits
from ui.charts import theme


def calendar(result: MyYear, habits: Habits) -> go.Figure:
    """Every day of the year: weeks across, weekdays down."""
    figure = theme.figure(
        f"{result.active} days with something to watch",
        subtitle=f"{result.measure.capitalize()} on each day of {result.year}",
        height=230,
    )
    first = (result.days[0].weekday() - habits.first_day) % 7
    place = np.arange(len(result.days)) + first
    shape = (7, int(place[-1] // 7) + 1)
    amount, words = np.full(shape, np.nan), np.full(shape, "", dtype=object)
    amount[place % 7, place // 7] = result.by_day
    words[place % 7, place // 7] = [
        f"<b>{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}</b><br>{value:,.0f} {result.measure}"
        for day, value in zip(result.days, result.by_day, strict=True)
    ]
    seen = result.by_day[result.by_day > 0]
    figure.add_heatmap(
        z=amount, y=[WEEKDAYS[day][:3] for day in habits.days], customdata=words,
        hovertemplate="%{customdata}<extra></extra>",
        colorscale=theme.SEQUENTIAL, zmin=0, zmax=float(np.quantile(seen, 0.95)) if len(seen) else 1, xgap=2, ygap=2,
        showscale=False, hoverongaps=False,
    )  # fmt: skip
    starts = [number for number, day in enumerate(result.days) if day.day == 1]
    figure.update_xaxes(
        tickvals=[(number + first) // 7 for number in starts], ticktext=[month[:3] for month in MONTHS],
        showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False, tickvals=["Mon", "Wed", "Fri", "Sun"], type="category")
    return figure


def clock(result: MyYear, habits: Habits) -> go.Figure:
    """Weekday × hour."""
    weekday, hour = result.peak
    figure = theme.figure(
        f"{WEEKDAYS[weekday]} from {habits.hour(hour)} to {habits.hour(hour + 1)} holds most",
        subtitle=f"{result.measure.capitalize()} by the hour they begin in · {result.zone_label}",
        height=300,
    )
    figure.add_heatmap(
        z=result.clock[list(habits.days)], x=list(range(24)), y=[WEEKDAYS[day] for day in habits.days],
        colorscale=theme.SEQUENTIAL, zmin=0, xgap=1, ygap=1, showscale=False,
        customdata=[[habits.hour(hour) for hour in range(24)]] * 7,
        hovertemplate=f"%{{y}} %{{customdata}}: %{{z:,.0f}} {result.measure}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(
        tickvals=list(range(0, 24, 3)), ticktext=[habits.hour(h) for h in range(0, 24, 3)], showgrid=False, title="Hour"
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def months(result: MyYear) -> go.Figure:
    """Months by genre, or by film and series."""
    most = int(result.by_month.sum(axis=1).argmax())
    hours = result.measure == "minutes"
    figure = theme.figure(
        f"{MONTHS[most]} was the month with most to watch",
        subtitle=f"{'Hours' if hours else 'Plays'} by month; a title of several genres counts in parts",
        height=340,
    )
    for number, name in enumerate(result.groups):
        colour = theme.UNSURE if name == "others" else theme.PALETTE[number % len(theme.PALETTE)]
        figure.add_bar(
            x=[month[:3] for month in MONTHS], y=result.by_month[:, number] / (60 if hours else 1), name=name,
            marker_color=colour,
            hovertemplate=f"%{{x}}, {name}: %{{y:,.1f}}{' hours' if hours else ''}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_yaxes(title="hours" if hours else "plays", rangemode="tozero")
    return figure


def titles(result: MyYear) -> go.Figure:
    """The most watched titles."""
    shown = result.titles.iloc[::-1]
    first = result.titles.iloc[0]
    hours = result.measure == "minutes"
    figure = theme.figure(
        f"{first['title']} takes {first['share'] * 100:.0f} % of the year",
        subtitle="Hours with each title" if hours else "Plays of each title",
        height=110 + 26 * len(shown),
    )
    figure.add_bar(
        x=shown["minutes"] / 60 if hours else shown["plays"], y=[_short(name) for name in shown["title"]],
        orientation="h", marker_color=theme.BLUE, showlegend=False,
        customdata=[[html.escape(name), plays] for name, plays in zip(shown["title"], shown["plays"], strict=True)],
        hovertemplate="<b>%{customdata[0]}</b><br>%{x:,.1f}" + (" hours, %{customdata[1]} plays" if hours else " plays")
        + "<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="hours" if hours else "plays", rangemode="tozero")
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def devices(result: MyYear) -> go.Figure:
    """Shares of devices."""
    shown = result.devices.iloc[::-1]
    first = result.devices.iloc[0]
    figure = theme.figure(
        f"{first['share'] * 100:.0f} % on {first['device']}", subtitle=f"Share of {result.measure} on each device",
        height=100 + 34 * len(shown),
    )  # fmt: skip
    figure.add_bar(
        x=shown["share"], y=shown["device"], orientation="h", marker_color=theme.BLUE, showlegend=False,
        text=[f"{value * 100:.0f} %" for value in shown["share"]], textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", range=[0, 1.08])
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def _short(name: str) -> str:
    # Names come from data: nothing in them becomes a link or a tag.
    return html.escape(name if len(name) <= 28 else f"{name[:26].rstrip()}…")
