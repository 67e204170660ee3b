"""Charts of the calendar: days by year, year against year, holidays, and what days are made of."""

from __future__ import annotations

import datetime as dt

import numpy as np
import plotly.graph_objects as go

from analysis.patterns import CalendarMap, Decomposition, SpecialDays
from analysis.patterns.words import MONTHS, PLAIN, WEEKDAYS, Habits
from ui.charts import theme

MOST_YEARS = 5
"""Years drawn, the last ones: each has 365 cells."""
MOST_HOLIDAYS = 12
_FIRSTS = [dt.date(2001, month, 1).timetuple().tm_yday for month in range(1, 13)]


def days(calendar: CalendarMap, special: SpecialDays, habits: Habits = PLAIN) -> go.Figure:
    """One heatmap of weekdays × weeks for each year; rings mark days that stand out beyond chance."""
    years = calendar.years[-MOST_YEARS:]
    noun, label = calendar.trend.noun, calendar.trend.what.zone_label
    left_out = f" · the last {MOST_YEARS} of {len(calendar.years)} years" if len(calendar.years) > MOST_YEARS else ""
    figure = theme.figure(
        calendar.headline(),
        subtitle=f"{noun.capitalize()} of each day · {label} · rings: days that stand out beyond chance{left_out} · "
        "click a day to see what was watched",
        height=110 + 135 * len(years),
    )
    figure.set_subplots(
        rows=len(years), cols=1, row_titles=[str(year) for year in years], vertical_spacing=0.1 / max(len(years), 1)
    )
    odd = {anomaly.day for anomaly in special.anomalies}
    for row, year in enumerate(years, 1):
        shown = np.full((7, 54), np.nan)
        cells: list[tuple[int, str, str, str, bool]] = []
        for number, day in enumerate(calendar.trend.days):
            if day.year != year:
                continue
            week, hover = _week(day, habits), _hover(calendar, special, number)
            shown[habits.days.index(day.weekday()), week] = calendar.counts[number]
            cells.append((week, WEEKDAYS[day.weekday()][:3], str(day), hover, day in odd))
        figure.add_heatmap(
            z=shown, x=list(range(54)), y=[WEEKDAYS[day][:3] for day in habits.days], coloraxis="coloraxis",
            hoverinfo="skip", hoverongaps=False, xgap=2, ygap=2, row=row, col=1,
        )  # fmt: skip
        # A heatmap's cells can't be clicked: over each stands a ring, seen where the day is odd or was clicked.
        figure.add_scatter(
            x=[cell[0] for cell in cells], y=[cell[1] for cell in cells], mode="markers",
            customdata=[[cell[2]] for cell in cells], text=[cell[3] for cell in cells],
            hovertemplate="%{text}<extra></extra>", showlegend=False,
            marker={
                "symbol": "circle-open", "size": 14, "color": theme.ORANGE, "line": {"width": 2.5},
                "opacity": [float(cell[4]) for cell in cells],
            },
            selected={"marker": {"opacity": 1, "color": theme.AMBER}}, row=row, col=1,
        )  # fmt: skip
        middles = [_week(dt.date(year, month, 15), habits) for month in range(1, 13)]
        # Months stand at the same place in every year but for a week, so they are named once, at the foot.
        figure.update_xaxes(
            tickvals=middles, ticktext=[name[:3] for name in MONTHS], showticklabels=row == len(years),
            showgrid=False, zeroline=False, range=[-0.6, 53.6], row=row, col=1,
        )  # fmt: skip
    figure.update_yaxes(
        autorange="reversed", showgrid=False, zeroline=False, tickvals=["Mon", "Wed", "Fri", "Sun"], type="category"
    )
    bar = {
        "title": {"text": f"{noun} a day", "side": "top"}, "thickness": 10, "outlinewidth": 0, "tickformat": ",.3~s",
        "orientation": "h", "x": 0, "xanchor": "left", "len": 0.4, "y": 0, "yanchor": "top", "ypad": 34,
    }  # fmt: skip
    figure.update_layout(coloraxis={"colorscale": theme.SEQUENTIAL, "colorbar": bar})
    return figure


def years(calendar: CalendarMap) -> go.Figure:
    """The mean of seven days through each year; the last year in front."""
    found = calendar.years[-MOST_YEARS:]
    title = "One year against the other"
    if calendar.growth is not None:
        value, low, high = calendar.growth
        word = "More" if value > 0 else "Less"
        title = f"{word} than a year before: {value * 100:+.0f} %" if low > 0 or high < 0 else "Much as a year before"
    figure = theme.figure(
        title, subtitle=f"{calendar.trend.noun.capitalize()} a day, mean over seven days · "
        f"{calendar.trend.what.zone_label}", height=340,
    )  # fmt: skip
    muted = (theme.UNSURE, theme.SKY, theme.AMBER, theme.GREEN)
    of_year = np.array([day.year for day in calendar.trend.days])
    through = np.array([min(day.timetuple().tm_yday, 365) for day in calendar.trend.days])
    for number, year in enumerate(found):
        here, last = of_year == year, year == found[-1]
        figure.add_scatter(
            x=through[here], y=calendar.trend.mean_7[here], mode="lines", name=str(year), connectgaps=False,
            line={"color": theme.BLUE if last else muted[number % len(muted)], "width": 3 if last else 1.8},
            customdata=[str(day) for day, shown in zip(calendar.trend.days, here, strict=True) if shown],
            hovertemplate="week around %{customdata}: %{y:,.0f} a day<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickvals=_FIRSTS, ticktext=[name[:3] for name in MONTHS], range=[1, 366])
    figure.update_yaxes(rangemode="tozero", title=calendar.trend.noun)
    return figure


def holidays(special: SpecialDays) -> go.Figure:
    """Public holidays against the same weekdays around them: those that differ first, then the nearest to it."""
    shown = sorted(special.holidays, key=lambda h: h.q)[:MOST_HOLIDAYS]
    sure = sum(h.claimed for h in special.holidays)
    figure = theme.figure(
        f"{sure} of {len(special.holidays)} public holidays differ beyond chance",
        subtitle=f"{special.calendar.trend.noun.capitalize()} ÷ those of the same weekdays around, with 95 % intervals "
        f"· filled: differs beyond chance · the {len(shown)} nearest to it",
        height=110 + 30 * len(shown),
    )
    names = [_short(f"{h.name} ({', '.join(h.places)})") for h in shown]
    whiskers = theme.whiskers([h.low for h in shown], [h.ratio for h in shown], [h.high for h in shown])
    figure.add_scatter(
        x=[h.ratio for h in shown],
        y=names,
        mode="markers",
        marker={
            "size": 11, "color": theme.BLUE, "line": {"width": 2, "color": theme.BLUE},
            "symbol": ["circle" if h.claimed else "circle-open" for h in shown],
        },
        error_x=whiskers,
        customdata=[[h.low, h.high, h.days] for h in shown],
        hovertemplate="%{y}<br>%{x:.2f} times (%{customdata[0]:.2f} to %{customdata[1]:.2f})"
        "<br>%{customdata[2]} days<extra></extra>",
        showlegend=False,
    )  # fmt: skip
    figure.add_vline(x=1, line={"color": theme.UNSURE, "dash": "dot", "width": 1})
    figure.update_xaxes(type="log", tickvals=[0.25, 0.5, 0.7, 1, 1.4, 2, 3, 4], title="times as much")
    figure.update_yaxes(autorange="reversed")
    return figure


def weekdays(found: Decomposition, truth: dict[int, float], habits: Habits = PLAIN) -> go.Figure:
    """Each weekday's part of its week, with intervals; where the truth is known, beside it."""
    figure = theme.figure(
        found.headline(),
        subtitle=f"{found.daily.noun.capitalize()} of the day ÷ those of a mean day of its week, with 95 % intervals",
        height=280,
    )
    parts = found.weekdays
    known = all(part.known for part in parts)
    ends = theme.whiskers([p.low for p in parts], [p.value for p in parts], [p.high for p in parts]) if known else None
    figure.add_scatter(
        x=[name[:3] for name in WEEKDAYS], y=[part.value for part in parts], mode="markers",
        marker={"size": 11, "color": theme.BLUE}, error_y=ends, name="estimate",
        hovertemplate="%{x}: %{y:.2f} times<extra></extra>", showlegend=bool(truth),
    )  # fmt: skip
    if truth:
        figure.add_scatter(
            x=[WEEKDAYS[day][:3] for day in truth], y=list(truth.values()), mode="markers", name="true",
            marker={"symbol": "diamond-open", "size": 15, "color": theme.TRUTH, "line": {"width": 2.5}},
            hovertemplate="%{x}: truly %{y:.2f} times<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=1, line={"color": theme.UNSURE, "dash": "dot", "width": 1})
    order = [WEEKDAYS[day][:3] for day in habits.days]
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    figure.update_yaxes(title="times as much")
    return figure


def parts(found: Decomposition) -> go.Figure:
    """Days with their trend; below them the year, where it can be told, and the rest."""
    rows = [("the year", found.year), ("the rest", found.rest)]
    rows = [(name, values) for name, values in rows if values is not None]
    figure = theme.figure(
        f"Trend, week{', year' if found.year is not None else ''} and rest",
        subtitle=f"{found.daily.noun.capitalize()} a day = trend × week × {'year × ' if found.year is not None else ''}"
        f"rest · {found.daily.what.zone_label}",
        height=220 + 120 * len(rows),
    )
    figure.set_subplots(
        rows=1 + len(rows), cols=1, shared_xaxes=True, vertical_spacing=0.05,
        row_heights=[0.5, *([0.5 / len(rows)] * len(rows))],
    )  # fmt: skip
    x = np.array(found.daily.days, dtype="datetime64[D]")
    values = found.daily.events if found.daily.measure == "events" else found.daily.minutes
    line = {"color": theme.rgba(theme.SKY, 0.7), "width": 1}
    figure.add_scatter(
        x=x, y=values, mode="lines", name="each day", line=line, row=1, col=1,
        hovertemplate="%{x|%a %d %b %Y}: %{y:,.0f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=found.trend, mode="lines", name="trend", line={"color": theme.BLUE, "width": 2.5}, row=1, col=1,
        hovertemplate="trend at %{x|%d %b %Y}: %{y:,.0f}<extra></extra>",
    )  # fmt: skip
    for row, (name, part) in enumerate(rows, 2):
        colour = theme.UNSURE if name == "the rest" else theme.AMBER
        figure.add_scatter(
            x=x, y=part, mode="lines", name=name, line={"color": colour, "width": 1.5},
            hovertemplate=name + " on %{x|%d %b %Y}: %{y:.2f} times<extra></extra>", row=row, col=1,
        )  # fmt: skip
        figure.update_yaxes(title="times", row=row, col=1)
    figure.update_yaxes(title=found.daily.noun, rangemode="tozero", row=1, col=1)
    return figure


def _week(day: dt.date, habits: Habits) -> int:
    """Number of the week within the calendar year, 0 to 53."""
    first = habits.days.index(dt.date(day.year, 1, 1).weekday())
    return (day.timetuple().tm_yday - 1 + first) // 7


def _hover(calendar: CalendarMap, special: SpecialDays, number: int) -> str:
    day, value, usual = calendar.trend.days[number], calendar.counts[number], special.expected[number]
    lines = [f"<b>{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}</b>"]
    lines.append("no data" if np.isnan(value) else f"{value:,.0f} {calendar.trend.noun}")
    if np.isfinite(usual):
        lines.append(f"the same weekday around it: {usual:,.0f}")
    if calendar.holidays[number]:
        lines.append(_short(calendar.holidays[number], 60))
    return "<br>".join(lines)


def _short(text: str, most: int = 44) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
