"""The Overview's own charts; its others are those of the rooms."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go

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
    """One interval an experiment: the lift of its primary metric, best first; broken ones are drawn hollow."""
    drawn = [report for report in result.reports if report.reading.comparison and report.reading.comparison.relative]
    drawn.sort(key=_lift)
    confidence = f"{round(drawn[0].confidence * 100)} %" if drawn else "95 %"
    figure = theme.figure(
        f"{result.count('roll out')} of {len(result.reports) + len(result.failures)} experiments can be rolled out",
        subtitle=f"Lift of the primary metric with its {confidence} interval; hollow: the split is broken",
        height=70 + _ROW * max(len(drawn), 3),
    )
    for report in drawn:
        comparison = report.reading.comparison
        assert comparison is not None
        assert comparison.relative is not None
        lift = comparison.relative
        broken = report.verdict.badge == "cannot say"
        colour = theme.UNSURE if broken else theme.direction(lift.low, lift.high)
        figure.add_scatter(
            x=[lift.estimate],
            y=[report.experiment.name],
            error_x=theme.whisker(lift.low, lift.estimate, lift.high),
            mode="markers",
            marker={
                "color": colour,
                "size": 10,
                "symbol": "circle-open" if broken else "circle",
                "line": {"width": 2 if broken else 0},
            },
            hovertemplate=f"<b>%{{y}}</b><br>{report.verdict.badge}<br>{report.primary}<br>"
            f"%{{x:+.1%}} ({lift.low:+.1%} to {lift.high:+.1%})<extra></extra>",
            showlegend=False,
        )
    figure.add_vline(x=0, line_width=1, line_color=theme.UNSURE)
    figure.update_xaxes(tickformat="+.2~%", zeroline=False)
    figure.update_yaxes(type="category")
    return figure


def _lift(report: ExperimentReport) -> float:
    comparison = report.reading.comparison
    return comparison.relative.estimate if comparison and comparison.relative else 0.0
