"""Charts of the experiments room: report -> figure."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

import plotly.graph_objects as go

from analysis.experiments import words
from analysis.experiments.fixed import Comparison, Effect
from analysis.experiments.report import ExperimentReport
from analysis.experiments.verdict import POWER_FACTOR
from ui.charts import theme

_ROW = 44
"""Height of a row, in pixels."""

MOST_ROWS = 24
"""More comparisons than this are not drawn; those of the variant ahead are."""

_ICON = {1: "circle", -1: "diamond", 0: "circle-open"}
"""Shapes go with the colours, so that the chart reads without them."""


@dataclass(frozen=True)
class _Row:
    comparison: Comparison
    effect: Effect
    label: str
    good: int
    truth: float | None


def forest(report: ExperimentReport) -> go.Figure:
    """Forest plot: one interval a comparison around the zero line, the primary metric on top.

    Lifts where the primary metric has them, differences of the primary metric alone otherwise. What is better is blue
    and to be read as `better`, what is worse orange; where the split is broken all is grey.
    """
    rows, relative = _rows(report)
    write = words.percent if relative else words.signed
    broken = report.split.failed
    scale = "Change against the variant compared with" if relative else f"Difference of {report.primary}"
    figure = theme.figure(
        _title(report, rows),
        subtitle=f"{scale}; {_interval_name(rows)}. Right of the line is more, left of it less",
        height=110 + _ROW * max(len(rows), 2),
    )
    # Plotly draws the first row at the bottom.
    for place, row in enumerate(reversed(rows)):
        sign = row.effect.sign * row.good
        colour = theme.UNSURE if broken else {1: theme.BETTER, -1: theme.WORSE, 0: theme.UNSURE}[sign]
        figure.add_scatter(
            x=[row.effect.estimate],
            y=[place],
            error_x=theme.whisker(row.effect.low, row.effect.estimate, row.effect.high),
            mode="markers",
            marker={"color": colour, "size": 12, "symbol": _ICON[sign], "line": {"width": 2, "color": colour}},
            hovertemplate=(
                f"<b>{html.escape(row.comparison.metric)}</b><br>{html.escape(row.comparison.treatment)} against "
                f"{html.escape(row.comparison.control)}<br>{write(row.effect.estimate)} "
                f"({write(row.effect.low)} to {write(row.effect.high)})<br>{words.p_value(row.comparison.p_value)}"
                "<extra></extra>"
            ),
            showlegend=False,
        )
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="left",
            xshift=10,
            y=place,
            text=f"{write(row.effect.estimate)} {_word(sign, broken)}",
            showarrow=False,
            font={"color": colour},
        )
    _draw_truth(figure, rows)
    figure.add_vline(x=0, line_width=2, line_color=theme.UNSURE)
    _draw_reach(figure, report, rows)
    figure.update_xaxes(tickformat="+.2~%" if relative else None, zeroline=False, **_range(rows))
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=[row.label for row in reversed(rows)], showgrid=False, zeroline=False
    )
    figure.update_layout(margin={"r": 150})
    return figure


def _draw_reach(figure: go.Figure, report: ExperimentReport, rows: list[_Row]) -> None:
    """The band of effects of the primary metric that so many units would mostly miss."""
    own = [row.effect.standard_error for row in rows if row.comparison.metric == report.primary]
    if not own or not own[0] > 0 or report.split.failed:
        return
    reach = POWER_FACTOR * min(own)
    figure.add_vrect(
        x0=-reach,
        x1=reach,
        fillcolor=theme.UNSURE,
        opacity=0.12,
        line_width=0,
        layer="below",
        name="Mostly missed: smaller than the minimum detectable effect",
        showlegend=True,
    )


def _rows(report: ExperimentReport) -> tuple[list[_Row], bool]:
    """What is drawn, primary metric first, and whether it is drawn as lifts."""
    primary = report.comparisons[0]
    tested = [pair for pair in primary.pairs if not pair.problem]
    relative = bool(tested) and all(pair.relative is not None for pair in tested)
    rows: list[_Row] = []
    for comparison in report.comparisons if relative else report.comparisons[:1]:
        metric = report.experiment.metric(comparison.metric)
        pairs = [p for p in comparison.pairs if not p.problem and (p.relative is not None or not relative)]
        if len(pairs) > MOST_ROWS:
            pairs = [p for p in pairs if report.reading.variant in (p.control, p.treatment)][:MOST_ROWS]
        truth = report.experiment.truth.get(metric.name) if len(metric.arms) == 2 else None
        for pair in pairs:
            effect = pair.relative if relative and pair.relative is not None else pair.absolute
            known = None if truth is None else truth[1] if relative else truth[0]
            good = 1 if metric.higher_is_better else -1
            rows.append(_Row(pair, effect, _label(report, pair), good, known))
    return rows, relative


def _label(report: ExperimentReport, pair: Comparison) -> str:
    """Metric and variants as far as they vary; names are data, so markup in them is shown, not obeyed."""
    several = len(report.comparisons[0].pairs) > 1
    name = html.escape(pair.metric)
    if not several:
        return f"<b>{name}</b>" if pair.metric == report.primary else name
    treatment = html.escape(pair.treatment)
    against = treatment if report.experiment.control is not None else f"{treatment} against {html.escape(pair.control)}"
    return against if len(report.comparisons) == 1 else f"{name}: {against}"


def _title(report: ExperimentReport, rows: list[_Row]) -> str:
    if not rows:
        return f"{_capital(report.primary)} can’t be compared"
    if report.split.failed:
        return "No interval means anything while the split is broken"
    own = [row for row in rows if row.comparison.metric == report.primary]
    apart = sum(row.effect.sign != 0 for row in own)
    if len(own) == 1:
        sign = own[0].effect.sign * own[0].good
        found = {1: "is clearly better", -1: "is clearly worse", 0: "could be better or worse"}[sign]
        return f"{_capital(report.primary)}: {own[0].comparison.treatment} {found}"
    if report.experiment.control is None:
        return f"{_capital(report.primary)}: {apart} of {len(own)} pairs are clearly apart"
    better, worse = (
        [row.comparison.treatment for row in own if row.effect.sign * row.good == sign] for sign in (1, -1)
    )
    said = [f"{', '.join(names)} clearly {word}" for names, word in ((better, "better"), (worse, "worse")) if names]
    if len(own) > apart:
        said.append(f"{'all' if not apart else 'others'} unclear")
    return f"{_capital(report.primary)}: {'; '.join(said)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _interval_name(rows: list[_Row]) -> str:
    return rows[0].comparison.interval_name.rstrip(",") if rows else "no interval"


def _word(sign: int, broken: bool) -> str:
    return "can’t be trusted" if broken else {1: "better", -1: "worse", 0: "unclear"}[sign]


def _draw_truth(figure: go.Figure, rows: list[_Row]) -> None:
    known = [(place, row.truth) for place, row in enumerate(reversed(rows)) if row.truth is not None]
    if known:
        figure.add_scatter(
            x=[truth for _, truth in known],
            y=[place for place, _ in known],
            mode="markers",
            name="True effect of the simulation",
            marker={"color": theme.TRUTH, "size": 22, "symbol": "line-ns-open", "line": {"width": 3}},
            hovertemplate="True effect: %{x:+.2%}<extra></extra>",
        )


def _range(rows: list[_Row]) -> dict[str, list[float]]:
    """Room for all intervals and the zero line; an interval that is endless is cut."""
    ends = [end for row in rows for end in (row.effect.low, row.effect.high) if math.isfinite(end)]
    if not ends:
        return {}
    low, high = min(0.0, *ends), max(0.0, *ends)
    middle = sorted(abs(row.effect.estimate) for row in rows)[len(rows) // 2]
    # One hopeless interval must not squeeze all others to a dot.
    widest = max(6 * sorted(row.effect.high - row.effect.low for row in rows)[len(rows) // 2], 4 * middle)
    low, high = max(low, -widest), min(high, widest)
    pad = 0.05 * (high - low)
    return {"range": [low - pad, high + pad]}
