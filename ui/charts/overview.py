"""Charts of the Overview: small, one finding each."""

from __future__ import annotations

import plotly.graph_objects as go

from analysis.experiments.portfolio import Portfolio
from analysis.experiments.report import ExperimentReport
from analysis.recommend import Leaderboard
from ui.charts import theme

_ROW = 30
"""Height of a row, in pixels."""


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
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [lift.high - lift.estimate],
                "arrayminus": [lift.estimate - lift.low],
                "thickness": 2,
                "width": 0,
            },
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
    figure.update_xaxes(tickformat="+.0%", zeroline=False)
    figure.update_yaxes(type="category")
    return figure


def leaderboard(result: Leaderboard) -> go.Figure:
    """NDCG@k of each model with its interval, best on top."""
    entries = [entry for entry in result.finished if "ndcg" in entry.estimates][::-1]
    best = entries[-1].label if entries else "No model"
    figure = theme.figure(
        f"{best} finds the next title best",
        subtitle=f"NDCG@{result.k} on what came after the split, with 95 % interval",
        height=70 + _ROW * max(len(entries), 3),
    )
    values = [entry.estimates["ndcg"] for entry in entries]
    figure.add_scatter(
        x=[value.value for value in values],
        y=[entry.label for entry in entries],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [value.high - value.value for value in values],
            "arrayminus": [value.value - value.low for value in values],
            "thickness": 2,
            "width": 0,
        },
        mode="markers",
        marker={"color": theme.BETTER, "size": 10},
        customdata=[(value.low, value.high) for value in values],
        hovertemplate="<b>%{y}</b><br>%{x:.4f} (%{customdata[0]:.4f} to %{customdata[1]:.4f})<extra></extra>",
    )
    figure.update_xaxes(rangemode="tozero", zeroline=False)
    figure.update_yaxes(type="category")
    return figure


def _lift(report: ExperimentReport) -> float:
    comparison = report.reading.comparison
    return comparison.relative.estimate if comparison and comparison.relative else 0.0
