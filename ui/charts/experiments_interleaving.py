"""Charts of interleaving: what viewers preferred, and what it finds beside an A/B test."""

from __future__ import annotations

import html

import plotly.graph_objects as go

from analysis.experiments import words
from analysis.experiments.interleaving import Preference
from analysis.experiments.sensitivity import Sensitivity
from ui.charts import theme


def chances(found: Sensitivity) -> go.Figure:
    """Chance to find the difference by the number of viewers, with the share of experiments that did."""
    alike = found.true_lift == 0
    title = (
        "Without a difference, B is called better about once in forty times"
        if alike
        else f"An A/B test needs {words.number(found.ratio[0], 2)} times as many viewers"
    )
    figure = theme.figure(
        title,
        subtitle=f"Chance to find the difference the right way round; dots: the share of {found.tries} experiments",
        height=360,
    )
    viewers = [row[0] for row in found.curve]
    lines = (("A/B test", theme.WORSE, "dash"), ("Interleaving, credit test", theme.BETTER, "solid"))
    for place, (name, colour, dash) in enumerate(lines):
        figure.add_scatter(
            x=viewers,
            y=[row[place + 1] for row in found.curve],
            mode="lines",
            line={"color": colour, "width": 3, "dash": dash},
            name=name,
            hovertemplate="%{x:,} viewers: %{y:.0%}<extra></extra>",
        )
        figure.add_scatter(
            x=[found.viewers],
            y=[found.found[place]],
            mode="markers",
            marker={"color": colour, "size": 13, "symbol": ("diamond", "circle")[place], "line": {"width": 2}},
            showlegend=False,
            hovertemplate=f"{html.escape(name)}: %{{y:.0%}} of {found.tries} experiments<extra></extra>",
        )
    figure.add_hline(y=0.8, line_width=1.5, line_dash="dot", line_color=theme.UNSURE)
    figure.update_xaxes(type="log", title="Viewers in all", showgrid=False, tickvals=[10, 100, 1_000, 10_000, 100_000])
    figure.update_xaxes(ticktext=["10", "100", "1,000", "10,000", "100,000"])
    figure.update_yaxes(tickformat=".0%", range=[0, 1.04])
    return figure


def wins(found: Preference) -> go.Figure:
    """Viewers who chose more from A, as much from both, more from B."""
    total = found.wins_a + found.ties + found.wins_b
    a, b = (html.escape(name) for name in found.names)
    sure = found.share_b.p_value < 0.05
    ahead = found.names[1] if found.wins_b > found.wins_a else found.names[0]
    title = f"More viewers prefer {ahead}" if sure else "Nobody can tell which of the two viewers prefer"
    figure = theme.figure(title, subtitle="Viewers by what they chose more of from the shared list", height=190)
    parts = (
        (f"more from {a}", found.wins_a, theme.AMBER),
        ("as much from both, or nothing", found.ties, theme.UNSURE),
        (f"more from {b}", found.wins_b, theme.BLUE),
    )
    for name, count, colour in parts:
        figure.add_bar(
            x=[count / total],
            y=["viewers"],
            orientation="h",
            name=name,
            marker={"color": colour},
            text=[words.percent(count / total, sign=False)],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": "#ffffff" if colour == theme.BLUE else "#16202a", "size": 15},
            hovertemplate=f"{name}: {count:,} viewers<extra></extra>",
        )
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    figure.update_xaxes(tickformat=".0%", showgrid=False, range=[0, 1])
    figure.update_yaxes(showticklabels=False, showgrid=False)
    return figure
