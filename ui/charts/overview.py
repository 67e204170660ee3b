"""The Overview's own charts; its others are those of the rooms."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go

from analysis.experiments.fixed import Effect
from analysis.experiments.portfolio import Portfolio
from analysis.experiments.report import ExperimentReport
from analysis.patterns import DailyTrend
from ui.charts import patterns, theme

_ROW = 30
"""Height of a row, in pixels."""


def growth(result: DailyTrend) -> go.Figure:
    """The daily counts alone: without the panel of active viewers, the page's first chart is drawn in half the time."""
    return patterns.daily(replace(result, viewers=None))


def experiments(result: Portfolio) -> go.Figure:
    """One interval an experiment: the lift of its primary metric, best first; hollow where nothing can be said."""
    drawn = [report for report in result.reports if report.reading.comparison and report.reading.comparison.relative]
    drawn.sort(key=_lift)
    confidence = f"{round(drawn[0].confidence * 100)} %" if drawn else "95 %"
    figure = theme.figure(
        f"{result.count('roll out')} of {len(result.reports) + len(result.failures)} experiments can be rolled out",
        subtitle=f"Lift of the primary metric with its {confidence} interval; hollow: no decision can rest on it",
        height=70 + _ROW * max(len(drawn), 3),
    )
    looks: dict[tuple[str, bool], list[ExperimentReport]] = {}
    for report in drawn:
        unsettled = report.verdict.badge == "cannot say"
        lift = _relative(report)
        colour = theme.UNSURE if unsettled else theme.direction(lift.low, lift.high)
        looks.setdefault((colour, unsettled), []).append(report)
    for (colour, unsettled), reports in looks.items():
        lifts = [_relative(report) for report in reports]
        values = [lift.estimate for lift in lifts]
        figure.add_scatter(
            x=values,
            y=[report.experiment.name for report in reports],
            error_x=theme.whiskers([lift.low for lift in lifts], values, [lift.high for lift in lifts]),
            mode="markers",
            marker={
                "color": colour,
                "size": 10,
                "symbol": "circle-open" if unsettled else "circle",
                "line": {"width": 2 if unsettled else 0},
            },
            hovertemplate=[
                f"<b>%{{y}}</b><br>{report.verdict.badge}<br>{report.primary}<br>"
                f"%{{x:+.1%}} ({lift.low:+.1%} to {lift.high:+.1%})<extra></extra>"
                for report, lift in zip(reports, lifts, strict=True)
            ],
            showlegend=False,
        )
    figure.add_vline(x=0, line_width=1, line_color=theme.UNSURE)
    figure.update_xaxes(tickformat="+.2~%", zeroline=False)
    order = [report.experiment.name for report in drawn]
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=order)
    return figure


def _lift(report: ExperimentReport) -> float:
    return _relative(report).estimate


def _relative(report: ExperimentReport) -> Effect:
    """The lift, of a report that has one."""
    comparison = report.reading.comparison
    assert comparison is not None
    assert comparison.relative is not None
    return comparison.relative
