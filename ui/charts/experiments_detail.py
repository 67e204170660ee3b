"""Charts of one experiment's course: lift over time, week by week, by segment, and what would still be found."""

from __future__ import annotations

import datetime as dt
import html
import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from analysis.experiments import words
from analysis.experiments.fixed import Comparison
from analysis.experiments.planner import Outlook
from analysis.experiments.reach import Reach
from analysis.experiments.segments import Segments, Weeks, spoken
from analysis.experiments.timeline import Timeline
from ui.charts import theme

_ROW = 38
_ICON = {1: "circle", -1: "diamond", 0: "circle-open"}


def course(found: Timeline, looks: Sequence[dt.date] = (), truth: float | None = None) -> go.Figure:
    """Lift over time: the interval of a single look, and around it the one that holds at every look."""
    days = [day for day in found.days if not math.isnan(day.fixed.low)]
    dates = [day.date for day in days]
    if found.any_time_alarm:
        title = f"From {found.any_time_alarm:%d %B} on the effect can’t be chance, however often one looked"
    elif found.alarms:
        title = f"On {words.plural(found.alarms, 'day')} of {len(days)} someone who peeked would have seen an effect"
    else:
        title = "No daily look would have shown an effect"
    figure = theme.figure(
        title,
        subtitle=f"Lift of {found.metric} in {found.treatment} {found.counted}",
        height=400,
    )
    valid = [day for day in days if not math.isnan(day.any_time.low)]
    _band(
        figure,
        [day.date for day in valid],
        [day.any_time.low for day in valid],
        [day.any_time.high for day in valid],
        "Holds at every look",
        theme.rgba(theme.BLUE, 0.16),
    )
    _band(
        figure,
        dates,
        [day.fixed.low for day in days],
        [day.fixed.high for day in days],
        "For a single look only",
        "rgba(138,148,160,0.38)",
    )
    figure.add_scatter(
        x=dates,
        y=[day.fixed.estimate for day in days],
        mode="lines",
        line={"color": theme.BETTER, "width": 3},
        name="Lift so far",
        hovertemplate="%{x|%d %b}: %{y:+.1%}<extra></extra>",
    )
    # The last day is the look that counts.
    tempting = [day for day in days[:-1] if day.fixed.sign != 0 and day.any_time.sign == 0]
    if tempting:
        figure.add_scatter(
            x=[day.date for day in tempting],
            y=[day.fixed.estimate for day in tempting],
            mode="markers",
            marker={"color": theme.WORSE, "size": 10, "symbol": "diamond"},
            name="A peek that tempts",
            hovertemplate="%{x|%d %b}: a single look leaves zero out, the other does not<extra></extra>",
        )
    if truth is not None and dates:
        figure.add_scatter(
            x=[dates[0], dates[-1]],
            y=[truth, truth],
            mode="lines",
            line={"color": theme.TRUTH, "width": 2, "dash": "dash"},
            name="True effect at the end",
            hovertemplate="True effect: %{y:+.2%}<extra></extra>",
        )
    figure.add_hline(y=0, line_width=2, line_color=theme.UNSURE)
    for look in looks:
        if dates and dates[0] <= look <= dates[-1]:
            figure.add_vline(x=look, line_width=1.5, line_dash="dot", line_color=theme.UNSURE)
    figure.update_yaxes(tickformat="+.2~%", zeroline=False, range=_window([d.fixed for d in days[2:]] or []))
    figure.update_xaxes(showgrid=False)
    return figure


def weeks(found: Weeks) -> go.Figure:
    """The lift in each week since the viewers' assignment."""
    shown = [(i, c) for i, c in enumerate(found.weeks, start=1) if c.relative is not None]
    title = "The effect, week by week since a viewer joined"
    figure = theme.figure(
        title, subtitle=f"Lift of {found.metric}; viewers who were in it for the whole week; 95 % intervals", height=330
    )
    for i, comparison in shown:
        lift = comparison.relative
        assert lift is not None
        colour = theme.direction(lift.low, lift.high)
        figure.add_scatter(
            x=[f"week {i}"],
            y=[lift.estimate],
            error_y=theme.whisker(lift.low, lift.estimate, lift.high),
            mode="markers+text",
            text=[f"  {words.percent(lift.estimate)}"],
            textposition="middle right",
            marker={"color": colour, "size": 12, "symbol": _ICON[lift.sign], "line": {"width": 2, "color": colour}},
            hovertemplate=(
                f"week {i}: {words.percent(lift.estimate)} ({words.percent(lift.low)} to {words.percent(lift.high)})"
                f"<br>{comparison.control_moments.n + comparison.treatment_moments.n:,} viewers<extra></extra>"
            ),
            showlegend=False,
        )
    figure.add_hline(y=0, line_width=2, line_color=theme.UNSURE)
    figure.update_yaxes(tickformat="+.2~%", zeroline=False)
    # Room for the last week's number beside its mark.
    figure.update_xaxes(showgrid=False, range=[-0.4, max(1, len(shown)) - 0.3])
    return figure


def segments(found: Segments, truth: Mapping[tuple[str, str], float]) -> go.Figure:
    """Forest plot of the segments, grouped by column, with the true lift of those (column, value) where it is known."""
    known = [truth.get((s.column, s.value)) for s in found.segments if s.comparison.relative is not None]
    rows: list[tuple[str, Comparison]] = [
        (f"{html.escape(spoken(s.column))}: {html.escape(s.value)}", s.comparison)
        for s in found.segments
        if s.comparison.relative is not None
    ]
    differ = [spoken(t.column) for t in found.interactions if t.found]
    if found.reversals:
        title = f"The effect reverses by {', '.join(spoken(c) for c in found.reversals)}"
    elif differ:
        title = f"The effect differs by {', '.join(differ)}"
    else:
        title = "The effect by segment: no difference beyond chance"
    figure = theme.figure(
        title,
        subtitle=f"Lift of {found.metric}; {words.level(found.confidence)} intervals, each by itself, not corrected",
        height=90 + _ROW * max(2, len(rows)),
    )
    for place, (_, comparison) in enumerate(reversed(rows)):
        lift = comparison.relative
        assert lift is not None
        colour = theme.direction(lift.low, lift.high)
        figure.add_scatter(
            x=[lift.estimate],
            y=[place],
            error_x=theme.whisker(lift.low, lift.estimate, lift.high),
            mode="markers",
            marker={"color": colour, "size": 11, "symbol": _ICON[lift.sign], "line": {"width": 2, "color": colour}},
            hovertemplate=(
                f"{words.percent(lift.estimate)} ({words.percent(lift.low)} to {words.percent(lift.high)})<br>"
                f"{words.p_value(comparison.p_value)} after Holm’s correction<br>"
                f"{comparison.control_moments.n + comparison.treatment_moments.n:,} viewers<extra></extra>"
            ),
            showlegend=False,
        )
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="left",
            xshift=8,
            y=place,
            text=words.percent(lift.estimate),
            showarrow=False,
            font={"color": colour},
        )
    marked = [(place, lift) for place, lift in enumerate(reversed(known)) if lift is not None]
    if marked:
        figure.add_scatter(
            x=[lift for _, lift in marked],
            y=[place for place, _ in marked],
            mode="markers",
            name="True effect of the simulation",
            marker={"color": theme.TRUTH, "size": 20, "symbol": "line-ns-open", "line": {"width": 3}},
            hovertemplate="True effect: %{x:+.2%}<extra></extra>",
        )
    figure.add_vline(x=0, line_width=2, line_color=theme.UNSURE)
    figure.update_xaxes(tickformat="+.2~%", zeroline=False)
    labels = [label for label, _ in reversed(rows)]
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=labels, showgrid=False, zeroline=False)
    figure.update_layout(margin={"r": 80})
    return figure


def outlook(found: Outlook) -> go.Figure:
    """The lift that would be found, day by day from now on."""
    days, reach = zip(*found.curve, strict=True)
    figure = theme.figure(
        "What the experiment can see, and what it could",
        subtitle="Smallest lift found four times in five, by day; the course so far is carried on",
        height=280,
    )
    figure.add_scatter(
        x=days,
        y=reach,
        mode="lines" if len(days) > 1 else "markers",
        line={"color": theme.BETTER, "width": 3},
        marker={"size": 12},
        name="Detectable lift",
        hovertemplate="day %{x}: %{y:.1%}<extra></extra>",
    )
    figure.add_hline(
        y=found.lift,
        line_width=2,
        line_dash="dash",
        line_color=theme.UNSURE,
        annotation_text=f"asked about: {words.percent(found.lift, sign=False)}",
        annotation_position="bottom right",
    )
    figure.update_yaxes(tickformat=".2~%", rangemode="tozero")
    figure.update_xaxes(title="Days since the start", showgrid=False)
    figure.update_layout(showlegend=False)
    return figure


def reach(found: Reach) -> go.Figure:
    """The lift that an experiment would find and the loss that it would rule out, by its length."""
    figure = theme.figure(
        "The longer it runs, the smaller the lift that is found",
        subtitle=f"{found.metric} by length in days; equal variants, found {words.percent(found.power, sign=False)} "
        "of the time",
        height=340,
    )
    rows = zip(found.days, found.viewers, found.lifts, found.margins, strict=True)
    shown = [row for row in rows if row[2] < 2]
    for name, place, colour, dash in (
        ("Lift that is found", 2, theme.BETTER, "solid"),
        ("Loss that is ruled out for one just as good", 3, theme.AMBER, "dash"),
    ):
        figure.add_scatter(
            x=[row[0] for row in shown],
            y=[row[place] for row in shown],
            customdata=[row[1] for row in shown],
            mode="lines",
            line={"color": colour, "width": 3, "dash": dash},
            name=name,
            hovertemplate="%{x} days, %{customdata:,} viewers: %{y:.1%}<extra></extra>",
        )
    figure.update_yaxes(tickformat=".2~%", rangemode="tozero")
    figure.update_xaxes(title="Days", showgrid=False)
    return figure


def _band(
    figure: go.Figure, x: Sequence[dt.date], low: Sequence[float], high: Sequence[float], name: str, colour: str
) -> None:
    figure.add_scatter(
        x=[*x, *reversed(x)],
        y=[*high, *reversed(low)],
        fill="toself",
        fillcolor=colour,
        line={"width": 0},
        mode="lines",
        name=name,
        hoverinfo="skip",
    )


def _window(effects: Sequence[object]) -> list[float] | None:
    """The first days' intervals are so wide that they would hide all others."""
    ends = [abs(end) for e in effects for end in (e.low, e.high)]  # type: ignore[attr-defined]
    if not ends:
        return None
    top = sorted(ends)[int(0.8 * len(ends))] * 1.6
    return [-top, top]
