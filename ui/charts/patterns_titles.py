"""Charts of titles and genres: concentration, release decay, what rises, what follows what."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go

from analysis.patterns.concentration import Concentration
from analysis.patterns.flow import Flow, Together
from analysis.patterns.lifecycle import FOLLOWED, Decay, Movers
from ui.charts import theme

_LEAST_RANGE = np.log2(1.1)
SHOWN = 12
"""Titles or pairs in a chart."""


def lorenz(result: Concentration) -> go.Figure:
    """Share of the viewing held by the least watched titles, against an even spread."""
    figure = theme.figure(
        result.headline(),
        subtitle=f"Share of the {result.measure} held by the least watched titles (Lorenz curve), with its 95 % band",
        height=360,
    )
    place = np.linspace(0, 1, len(result.lorenz))
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": theme.UNSURE, "dash": "dot"}, name="all titles alike",
        hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=np.r_[place, place[::-1]], y=np.r_[result.high, result.low[::-1]], fill="toself",
        fillcolor=theme.rgba(theme.BLUE, 0.25), line={"width": 0}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=place, y=result.lorenz, mode="lines", line={"color": theme.BLUE, "width": 2.5}, name="as watched",
        hovertemplate="the least watched %{x:.0%} hold %{y:.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="titles, the least watched first", tickformat=".0%")
    figure.update_yaxes(title=f"share of {result.measure}", tickformat=".0%")
    return figure


def decay(result: Decay) -> go.Figure:
    """Share of a release's first twelve weeks by day."""
    figure = theme.figure(
        result.headline(),
        subtitle=f"Share of the {result.noun} of the first {FOLLOWED} days by days since release, with 95 % bands by "
        "title",
        height=360,
    )
    day = np.arange(1, FOLLOWED + 1)
    for number, curve in enumerate(result.curves):
        colour = theme.PALETTE[number % len(theme.PALETTE)]
        if number == 0:
            figure.add_scatter(
                x=np.r_[day, day[::-1]], y=np.r_[curve.high, curve.low[::-1]], fill="toself",
                fillcolor=theme.rgba(colour, 0.18), line={"width": 0}, hoverinfo="skip", showlegend=False,
            )  # fmt: skip
        figure.add_scatter(
            x=day, y=curve.share, mode="lines", name=f"{curve.kind} ({curve.titles})",
            line={"color": colour, "width": 2.5 if number == 0 else 1.5, "dash": "solid" if number == 0 else "dash"},
            hovertemplate=f"{curve.kind}, by day %{{x}}: %{{y:.0%}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="days since release", rangemode="tozero")
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    return figure


def movers(result: Movers) -> go.Figure:
    """The strongest claims of rising and fading, as times the share before."""
    claims = result.titles[result.titles["claim"] != ""]
    order = np.argsort(-np.abs(np.log(claims["shrunk"].to_numpy(float))), kind="stable")[:SHOWN]
    # Names come from data: nothing in them becomes a link or a tag.
    shown = claims.iloc[order].sort_values("change").assign(title=lambda rows: rows["title"].map(html.escape))
    figure = theme.figure(
        result.headline(),
        subtitle="Share of the last four weeks ÷ share of the four before, with 95 % intervals; claims alone",
        height=120 + 30 * len(shown),
    )
    for word, colour in (("rising", theme.BETTER), ("fading", theme.WORSE)):
        some = shown[shown["claim"] == word]
        if some.empty:
            continue
        figure.add_scatter(
            x=some["change"], y=some["title"], mode="markers", name=word, marker={"color": colour, "size": 11},
            error_x=theme.whiskers(*(some[end].tolist() for end in ("low", "change", "high"))),
            customdata=some[["before", "after", "low", "high"]].to_numpy(),
            hovertemplate="<b>%{y}</b><br>%{customdata[0]:,.0f} then %{customdata[1]:,.0f}<br>%{x:.2f} times "
            "(%{customdata[2]:.2f} to %{customdata[3]:.2f})<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=1, line={"color": theme.UNSURE, "dash": "dot", "width": 1})
    figure.update_xaxes(type="log", tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 50], title="times its share before")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=shown["title"].tolist(), showgrid=False)
    return figure


def flow(result: Flow) -> go.Figure:
    """Genre × genre: what follows, against each viewer's own taste."""
    figure = theme.figure(
        result.headline(),
        subtitle="How often the genre of the column follows that of the row ÷ how often it would in any order of each "
        "viewer's titles, shrunk towards 1; dots mark what chance does not explain",
        height=150 + 26 * len(result.genres),
    )
    colour = np.log2(result.shrunk)
    reach = float(max(1.1 * np.abs(colour[np.isfinite(colour)]).max(initial=0.0), _LEAST_RANGE))
    ticks = np.linspace(-reach, reach, 5)
    names = list(result.genres)
    hover = [
        [
            f"<b>{to} after {source}</b><br>{result.lift[i, j]:.2f} times ({result.low[i, j]:.2f} to "
            f"{result.high[i, j]:.2f})<br>{result.share[i, j]:.1%} of what follows {source}<br>taste alone: "
            f"{result.by_taste[i, j]:.2f} times its usual share"
            for j, to in enumerate(names)
        ]
        for i, source in enumerate(names)
    ]
    figure.add_heatmap(
        z=colour, x=names, y=names, customdata=hover, hovertemplate="%{customdata}<extra></extra>",
        colorscale=theme.DIVERGING, zmin=-reach, zmid=0, zmax=reach, xgap=1, ygap=1,
        colorbar={
            "title": {"text": "times"}, "tickvals": ticks, "ticktext": [f"{2**tick:.2f}" for tick in ticks],
            "thickness": 12, "outlinewidth": 0,
        },
    )  # fmt: skip
    rows, columns = np.nonzero(result.claimed)
    figure.add_scatter(
        x=[names[j] for j in columns], y=[names[i] for i in rows], text=["•"] * len(rows), mode="text",
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False, title="comes next", tickangle=-45)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, title="after")
    return figure


def together(result: Together) -> go.Figure:
    """The pairs that share most viewers against chance."""
    shown = result.pairs[result.pairs["claimed"] & (result.pairs["lift"] > 1)].head(SHOWN).iloc[::-1]
    figure = theme.figure(
        result.headline(),
        subtitle="Viewers of both ÷ viewers of both if only activity and success mattered, with 95 % intervals",
        height=120 + 46 * len(shown),
    )
    pairs = list(zip(shown["title"], shown["other"], strict=True))
    figure.add_scatter(
        x=shown["lift"], y=[f"{_short(a)}<br>+ {_short(b)}" for a, b in pairs],
        mode="markers", marker={"color": theme.BLUE, "size": 11}, showlegend=False,
        error_x=theme.whiskers(*(shown[end].tolist() for end in ("low", "lift", "high"))),
        customdata=[[html.escape(a), html.escape(b), n] for (a, b), n in zip(pairs, shown["viewers"], strict=True)],
        hovertemplate="<b>%{customdata[0]}</b> and <b>%{customdata[1]}</b><br>%{customdata[2]:,.0f} viewers of both, "
        "%{x:.2f} times chance<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="times chance", rangemode="tozero")
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def _short(name: str) -> str:
    return html.escape(name if len(name) <= 22 else f"{name[:20].rstrip()}…")
