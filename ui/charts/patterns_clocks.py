"""Charts of personal clocks: when each group watches, and who stays in it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from analysis.patterns.personal_clocks import CELLS, HOURS, PARTS, PersonalClocks
from analysis.patterns.words import Habits
from ui.charts import theme
from ui.charts.patterns_sessions import shares

_LEAST_RANGE = 1.0
"""The colours of lifts reach at least from a half to twice."""


def profiles(result: PersonalClocks, habits: Habits) -> go.Figure:
    """Group × three hours of weekdays and of the weekend: how much more than others each group watches then."""
    figure = theme.figure(
        result.headline(),
        subtitle=f"Share of the group's sittings ÷ share of all viewers' sittings · {result.zone_label}",
        height=150 + 44 * len(result.names),
    )
    colour = np.log2(np.maximum(result.lift, 1e-3))
    reach = float(max(np.abs(colour).max(initial=0.0), _LEAST_RANGE))
    ticks = np.linspace(-reach, reach, 5)
    rows = [f"{name.replace(' ', '<br>', 1)}" for name in result.names]
    half = len(PARTS)
    figure.set_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.03,
                        column_titles=["weekdays", "weekend"])  # fmt: skip
    hours = [habits.hour(HOURS * block) for block in range(half)]
    for column in (0, 1):
        here = slice(column * half, (column + 1) * half)
        hover = [
            [
                f"<b>{name}</b><br>on {CELLS[cell]}: {result.lift[g, cell]:.2f} times as much as others<br>"
                f"{result.profile[g, cell] * 100:.1f} % of their sittings"
                for cell in range(len(CELLS))[here]
            ]
            for g, name in enumerate(result.names)
        ]
        figure.add_heatmap(
            z=colour[:, here], x=hours, y=rows, coloraxis="coloraxis", xgap=1, ygap=1, customdata=hover,
            hovertemplate="%{customdata}<extra></extra>", row=1, col=column + 1,
        )  # fmt: skip
    figure.update_layout(
        coloraxis={
            "colorscale": theme.DIVERGING, "cmin": -reach, "cmid": 0, "cmax": reach,
            "colorbar": {
                "title": {"text": "times"}, "tickvals": ticks, "ticktext": [f"{2**tick:.1f}" for tick in ticks],
                "thickness": 12, "outlinewidth": 0,
            },
        },
        margin={"t": 30},
    )  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def staying(result: PersonalClocks) -> go.Figure:
    """How many of each group are in it again by the second half of their time, and what chance would give."""
    figure = shares(
        f"{result.same.value * 100:.0f} % of viewers keep their group",
        "Of the viewers in a group by the first half of their time, the share in it by the second, with 95 % intervals",
        result.names, result.stay, {},
    )  # fmt: skip
    figure.add_vline(
        x=result.by_chance, line={"color": theme.UNSURE, "dash": "dot"}, annotation_text="all, by chance",
        annotation_position="top right",
    )  # fmt: skip
    figure.update_layout(margin={"t": 30})
    return figure
