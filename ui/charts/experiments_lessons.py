"""Charts of the lessons: each draws what was simulated, with the truth in it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from analysis.experiments import words
from analysis.experiments.lessons import Z95, CurseLesson, ManyLesson, PeekingLesson
from analysis.experiments.lessons_data import (
    ClickbaitLesson,
    CupedLesson,
    NoveltyLesson,
    SimpsonLesson,
    SplitLesson,
)
from ui.charts import theme

_SHOWN = 600
"""Marks of a cloud; more would only be slower."""


def peeking(lesson: PeekingLesson) -> go.Figure:
    """False alarms by the number of looks."""
    figure = theme.figure(
        f"{words.percent(lesson.stopped[-1], sign=False)} false alarms where 5 % were promised",
        subtitle=f"Share of {lesson.experiments:,} experiments without any effect that have shown one, by look",
    )
    looks = list(range(1, lesson.looks + 1))
    _line(figure, looks, lesson.stopped, "A test for one look, looked at each time", theme.WORSE)
    _line(figure, looks, lesson.stopped_any_time, "An interval that holds at every look", theme.BETTER)
    _level(figure, 0.05, "promised: 5 %")
    figure.update_yaxes(tickformat=".2~%", rangemode="tozero")
    figure.update_xaxes(title="Looks so far", showgrid=False)
    return figure


def peeking_paths(lesson: PeekingLesson) -> go.Figure:
    """A few z-scores wandering, with the bounds that one look has."""
    figure = theme.figure(
        "Thirty experiments without an effect, wandering",
        subtitle="z-score at each look; outside of the dashed lines p is below .05. Orange crossed at some look",
        height=320,
    )
    looks = np.arange(1, lesson.looks + 1)
    crossed = np.abs(lesson.paths).max(axis=1) > Z95
    for hit in (False, True):
        rows = lesson.paths[crossed == hit]
        if not len(rows):
            continue
        # One trace a colour: a gap parts the paths.
        x = np.concatenate([np.append(looks.astype(float), np.nan) for _ in rows])
        y = np.concatenate([np.append(row, np.nan) for row in rows])
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": theme.WORSE if hit else theme.UNSURE, "width": 2 if hit else 1},
            opacity=0.9 if hit else 0.5,
            name="called an effect" if hit else "never called one",
            hoverinfo="skip",
        )
    for side in (-Z95, Z95):
        figure.add_hline(y=side, line_dash="dash", line_color=theme.UNSURE, line_width=2)
    figure.update_xaxes(title="Look", showgrid=False)
    return figure


def winners_curse(lesson: CurseLesson) -> go.Figure:
    """Estimates of all experiments, those that are found set apart."""
    figure = theme.figure(
        f"What is found is {words.number(lesson.exaggeration)} times too large",
        subtitle="Estimates of 20,000 experiments, in multiples of the true effect",
    )
    low, high = np.quantile(lesson.estimates, [0.001, 0.999])
    bins = np.linspace(low, high, 61)
    middle = (bins[1:] + bins[:-1]) / 2
    for found, name, colour in ((False, "not found", theme.UNSURE), (True, "found at p < .05", theme.WORSE)):
        counts, _ = np.histogram(lesson.estimates[lesson.found == found], bins)
        figure.add_bar(
            x=middle, y=counts, name=name, marker_color=colour, width=bins[1] - bins[0], hovertemplate="%{y:,}"
        )
    figure.add_vline(
        x=1, line_color=theme.TRUTH, line_width=3, annotation_text="truth", annotation_position="top right"
    )
    figure.add_vline(x=0, line_color=theme.UNSURE, line_width=1)
    figure.update_layout(barmode="stack", bargap=0.05)
    figure.update_xaxes(title="Estimate ÷ truth", showgrid=False)
    figure.update_yaxes(title="Experiments")
    return figure


def many_metrics(lesson: ManyLesson) -> go.Figure:
    """False alarms by the number of metrics."""
    figure = theme.figure(
        f"{words.percent(lesson.any_alarm['none'], sign=False)} are fooled by some metric",
        subtitle="Share of 5,000 experiments without any effect that show one in some metric, by number of metrics",
    )
    counts = list(range(1, lesson.metrics + 1))
    _line(figure, counts, lesson.by_count, "Not corrected", theme.WORSE)
    symbols = {"Bonferroni": "circle", "Holm": "diamond", "Benjamini–Hochberg": "square"}
    for name, symbol in symbols.items():
        figure.add_scatter(
            x=[lesson.metrics],
            y=[lesson.any_alarm[name]],
            mode="markers",
            marker={"size": 13, "symbol": f"{symbol}-open", "color": theme.BETTER, "line": {"width": 3}},
            name=name,
        )
    _level(figure, 0.05, "promised: 5 %")
    figure.update_yaxes(tickformat=".2~%", rangemode="tozero")
    figure.update_xaxes(title="Metrics looked at", showgrid=False)
    return figure


def broken_split(lesson: SplitLesson) -> go.Figure:
    """Measured lifts of experiments without an effect."""
    figure = theme.figure(
        f"No effect, and yet {words.percent(lesson.fooled, sign=False)} of the experiments show one",
        subtitle=f"Measured lift of {len(lesson.effects):,} experiments whose treatment loses units",
    )
    figure.add_histogram(
        x=lesson.effects, nbinsx=40, marker_color=theme.WORSE, name="measured lift", hovertemplate="%{y} experiments"
    )
    figure.add_vline(x=0, line_color=theme.TRUTH, line_width=3, annotation_text="truth", annotation_position="top")
    figure.update_xaxes(tickformat="+.2~%", showgrid=False)
    figure.update_yaxes(title="Experiments")
    figure.update_layout(showlegend=False, bargap=0.05)
    return figure


def simpson(lesson: SimpsonLesson) -> go.Figure:
    """The lift by day, and what throwing the days together makes of it."""
    rows = {
        "Friday": lesson.friday,
        "Saturday": lesson.saturday,
        "both days, day by day": lesson.stratified,
        "both days thrown together": lesson.pooled,
    }
    figure = theme.figure(
        "Each day says one thing, the days together another",
        subtitle=f"Lift; treated were {lesson.friday_share:.0%} on Friday and {lesson.saturday_share:.0%} on Saturday",
        height=320,
    )
    figure.add_bar(
        y=list(reversed(rows)),
        x=list(reversed(rows.values())),
        orientation="h",
        marker_color=[theme.BETTER if x > 0 else theme.WORSE for x in reversed(rows.values())],
        text=[words.percent(x) for x in reversed(rows.values())],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x:+.1%}<extra></extra>",
    )
    figure.add_vline(
        x=lesson.truth, line_color=theme.TRUTH, line_width=3, annotation_text="truth", annotation_position="top"
    )
    figure.add_vline(x=0, line_color=theme.UNSURE, line_width=1)
    ends = [*rows.values(), lesson.truth, 0.0]
    pad = 0.2 * (max(ends) - min(ends))
    figure.update_xaxes(tickformat="+.2~%", range=[min(ends) - pad, max(ends) + pad])
    figure.update_yaxes(showgrid=False)
    figure.update_layout(margin={"t": 30})
    return figure


def cuped(lesson: CupedLesson) -> go.Figure:
    """Both estimates of every experiment."""
    figure = theme.figure(
        f"The same precision with {words.percent(lesson.days_saved, sign=False)} fewer viewers",
        subtitle=f"Estimates of {len(lesson.plain):,} experiments, in minutes, with and without viewing before",
    )
    bins = np.linspace(
        min(lesson.plain.min(), lesson.adjusted.min()), max(lesson.plain.max(), lesson.adjusted.max()), 51
    )
    middle = (bins[1:] + bins[:-1]) / 2
    for values, name, colour in (
        (lesson.plain, "plain", theme.UNSURE),
        (lesson.adjusted, "adjusted (CUPED)", theme.BETTER),
    ):
        counts, _ = np.histogram(values, bins)
        figure.add_scatter(
            x=middle,
            y=counts,
            mode="lines",
            line={"color": colour, "width": 3, "shape": "spline"},
            fill="tozeroy",
            fillcolor=theme.rgba(colour, 0.18),
            name=name,
            hovertemplate="%{x:.2f} minutes: %{y}",
        )
    figure.add_vline(x=lesson.truth, line_color=theme.TRUTH, line_width=3, annotation_text="truth")
    figure.update_xaxes(title="Estimated effect in minutes", showgrid=False)
    figure.update_yaxes(title="Experiments")
    return figure


def novelty(lesson: NoveltyLesson) -> go.Figure:
    """The effect by day, and the average so far."""
    figure = theme.figure(
        f"All days together show {words.percent(lesson.so_far[-1])}; {words.percent(lesson.lasting)} lasts",
        subtitle="Lift by day since the start; dots are measured, with the 95 % interval of a day",
    )
    days = list(range(1, len(lesson.truth) + 1))
    figure.add_scatter(
        x=days,
        y=lesson.measured,
        mode="markers",
        marker={"color": theme.UNSURE, "size": 8},
        error_y={"type": "constant", "value": lesson.half_width, "thickness": 1.5, "width": 0, "color": theme.UNSURE},
        name="measured on the day",
        hovertemplate="day %{x}: %{y:+.1%}",
    )
    _line(figure, days, lesson.so_far, "average of all days so far", theme.WORSE)
    figure.add_scatter(
        x=days, y=lesson.truth, mode="lines", line={"color": theme.TRUTH, "width": 3}, name="truth", hoverinfo="skip"
    )
    _level(figure, lesson.lasting, "what lasts")
    figure.update_yaxes(tickformat="+.2~%", zeroline=False)
    figure.update_xaxes(title="Day", showgrid=False)
    return figure


def clickbait(lesson: ClickbaitLesson) -> go.Figure:
    """Plays against completion, each experiment a dot, with the guardrail drawn in."""
    figure = theme.figure(
        f"By plays alone {words.percent(lesson.by_plays, sign=False)} are rolled out, with the guardrail "
        f"{words.percent(lesson.guarded, sign=False)}",
        subtitle=f"Measured lifts of {_SHOWN} experiments of the same change",
    )
    for out, name, colour, symbol in (
        (False, "stopped", theme.WORSE, "diamond-open"),
        (True, "rolled out", theme.BETTER, "circle"),
    ):
        rows = lesson.estimates[:_SHOWN][lesson.rolled_out[:_SHOWN] == out]
        figure.add_scatter(
            x=rows[:, 0],
            y=rows[:, 1],
            mode="markers",
            marker={"color": colour, "size": 7, "symbol": symbol, "opacity": 0.7},
            name=name,
            hovertemplate="plays %{x:+.1%}, completion %{y:+.1%}",
        )
    figure.add_scatter(
        x=[lesson.plays_lift],
        y=[lesson.completion_lift],
        mode="markers",
        marker={"color": theme.TRUTH, "size": 18, "symbol": "x", "line": {"width": 2}},
        name="truth",
    )
    _level(figure, -lesson.margin, f"guardrail: {words.percent(-lesson.margin)}")
    figure.update_xaxes(title="Lift of plays", tickformat="+.2~%")
    figure.update_yaxes(title="Lift of completion", tickformat="+.2~%")
    return figure


def _line(figure: go.Figure, x: list[int], y: tuple[float, ...], name: str, colour: str) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines" if len(x) > 1 else "markers",
        line={"color": colour, "width": 3},
        marker={"size": 10, "color": colour},
        name=name,
        hovertemplate="%{x}: %{y:.1%}",
    )


def _level(figure: go.Figure, y: float, text: str) -> None:
    figure.add_hline(
        y=y, line_dash="dash", line_color=theme.UNSURE, line_width=2, annotation_text=text,
        annotation_position="bottom right",
    )  # fmt: skip
