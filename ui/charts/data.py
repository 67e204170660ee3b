"""Charts of the Data page."""

from __future__ import annotations

import plotly.graph_objects as go

from analysis.data.quality import QualityReport
from ui.charts import theme

_ROW = 24
"""Height of a column's row, in pixels."""

_COLOURS = {"fine": theme.BLUE, "look": theme.AMBER, "wrong": theme.WORSE}
_WORDS = {"fine": "as it should be", "look": "worth a look", "wrong": "wrong"}


def completeness(report: QualityReport) -> go.Figure:
    """One bar a column: the share of its rows that hold a value; columns that are full are one bar a table."""
    gaps = [f for f in report.findings if f.check == "missing" and f.rows]
    gaps.sort(key=lambda f: f.share)
    full = dict.fromkeys(report.rows, 0)
    for finding in report.findings:
        if finding.check == "missing" and not finding.rows:
            full[finding.table] += 1
    bars = [(f"{f.table}.{f.column}", 1 - f.share, f.severity) for f in gaps]
    bars = [(f"{table}: {n} full columns", 1.0, "fine") for table, n in full.items() if n] + bars
    title = f"{len(gaps)} columns have gaps" if len(gaps) != 1 else "One column has gaps"
    if all(gap.severity == "fine" for gap in gaps):
        title += ", as they may" if len(gaps) != 1 else ", as it may"
    figure = theme.figure(
        title if gaps else "Every column is full",
        subtitle="Share of rows that hold a value",
        height=70 + _ROW * len(bars),
    )
    for severity, colour in _COLOURS.items():
        chosen = [bar for bar in bars if bar[2] == severity]
        if chosen:
            figure.add_bar(
                x=[filled for _, filled, _ in chosen],
                y=[name for name, _, _ in chosen],
                orientation="h",
                name=_WORDS[severity],
                marker_color=colour,
                hovertemplate="%{y}<br>%{x:.1%} of rows hold a value<extra></extra>",
            )
    figure.update_xaxes(range=[0, 1.02], tickformat=".2~%")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=[b[0] for b in bars][::-1])
    return figure
