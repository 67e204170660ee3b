"""What the page of titles and genres is made of: five parts, each cached with its figures, and told as a story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from analysis.data import Dataset
from analysis.patterns.concentration import Concentration, concentration
from analysis.patterns.flow import Flow, Together, flow, together
from analysis.patterns.lifecycle import EARLY, FOLLOWED, Decay, Movers, decay, movers
from analysis.results import Result
from ui import state
from ui.charts import patterns_titles as charts
from ui.glossary import define
from ui.story import Card, Story
from ui.text import interval, share


@st.cache_resource(max_entries=40, ttl=3600, show_spinner=False)
def look(_dataset: Dataset, content: str, part: str) -> tuple[Result, go.Figure]:
    """One part's finding and its figure; shared by all visitors, so not to be changed."""
    found = _PARTS[part][0](_dataset, workspace=state.workspace())
    return found, _PARTS[part][1](found)


def tell(story: Story, part: str) -> Result:
    """Tell one part on the page, and hand back its finding."""
    found, figure = look(story.dataset, story.dataset.content_hash, part)
    story.verdict(found.summary())
    _PARTS[part][2](story, found, figure)
    return found


def _tell_concentration(story: Story, found: Concentration, figure: go.Figure) -> None:
    top, gini, size = found.top[0], found.gini, found.effective
    story.metrics(
        [
            Card("Top 1 % of titles", share(top.value), f"Share of the {found.measure}.", _ends(top, percent=True)),
            Card("Top 10 %", share(found.top[1].value), None, _ends(found.top[1], percent=True)),
            Card("Gini", f"{gini.value:.3f}", "0 when all titles are watched alike, 1 when one has it all.",
                 _ends(gini, digits=3)),
            Card("Effective size", f"{size.value:.0f} titles", "As many equally watched titles would be as "
                 f"concentrated. The catalogue has {found.titles:,}.", _ends(size, digits=0)),
        ]
    )  # fmt: skip
    story.chart(figure, key="titles_lorenz", alt=found.summary())
    unwatched = found.titles - found.watched
    if unwatched:
        story.text(f"{unwatched:,} of {found.titles:,} titles were never watched.")
    story.heading("The most watched")
    columns = {"title": "Title", **_shares("share", "low", "high")}
    story.table(found.leaders, key="titles_leaders", alt="The most watched titles.", columns=columns)


def _tell_decay(story: Story, found: Decay, figure: go.Figure) -> None:
    cards = [
        Card(f"First {EARLY} days, {c.kind}", share(c.early.value), f"Of the first {FOLLOWED} days.",
             _ends(c.early, percent=True))
        for c in found.curves
    ]  # fmt: skip
    story.metrics([*cards, Card("Half by", f"day {found.curves[0].half_day}", define("release decay"))])
    story.chart(figure, key="titles_decay", alt=found.summary())
    if found.others:
        story.text(f"{found.others} releases are too young to be followed for {FOLLOWED} days and are left out.")


def _tell_movers(story: Story, found: Movers, figure: go.Figure) -> None:
    story.metrics(
        [
            Card(
                "Rising", str(len(found.claims("rising"))), define("false discovery rate"), f"of {found.tested} tested"
            ),
            Card("Fading", str(len(found.claims("fading"))), define("false discovery rate")),
            Card("New", str(found.new), "Released within the eight weeks: they can but rise, and are not tested."),
        ]
    )
    if (found.titles["claim"] != "").any():
        story.chart(figure, key="titles_movers", alt=found.summary())
    columns = {
        "title": "Title", "before": st.column_config.NumberColumn("Four weeks before", format="%d"),
        "after": st.column_config.NumberColumn("Last four weeks", format="%d"),
        "change": st.column_config.NumberColumn("Times", format="%.2f"),
        "low": st.column_config.NumberColumn("From", format="%.2f"),
        "high": st.column_config.NumberColumn("To", format="%.2f"), "claim": "Claim",
        "days_old": st.column_config.NumberColumn("Days old", format="%d"),
    }  # fmt: skip
    story.table(found.titles[list(columns)].head(30), key="titles_moving", alt="Titles, the surest change first.",
                columns=columns)  # fmt: skip


def _tell_flow(story: Story, found: Flow, figure: go.Figure) -> None:
    strongest = found.strongest
    cards = [
        Card("Pairs beyond chance", str(int(found.claimed.sum())), define("false discovery rate"),
             f"of {found.q.size}"),
        Card("Pairs of titles", f"{found.pairs:,}", "A title and the next one of the same viewer."),
    ]  # fmt: skip
    if strongest is not None:
        i, j = strongest
        cards.insert(0, Card("Strongest", f"{found.lift[i, j]:.2f} ×", define("lift"),
                             f"{found.genres[i]}, then {found.genres[j]}"))  # fmt: skip
    story.metrics(cards)
    story.chart(figure, key="titles_flow", alt=found.summary())


def _tell_together(story: Story, found: Together, figure: go.Figure) -> None:
    claimed = found.pairs["claimed"]
    story.metrics(
        [
            Card("Together", f"{int((claimed & (found.pairs['lift'] > 1)).sum()):,}",
                 "Pairs that share more viewers than chance gives.", f"of {found.tested:,} pairs"),
            Card("Apart", f"{int((claimed & (found.pairs['lift'] < 1)).sum()):,}",
                 "Pairs that share fewer viewers than chance gives."),
            Card("Viewers", f"{found.viewers:,}", f"Of at least one of the {found.titles} titles."),
        ]
    )  # fmt: skip
    if claimed.any():
        story.chart(figure, key="titles_together", alt=found.summary())
    columns = {
        "title": "Title", "other": "With", "viewers": st.column_config.NumberColumn("Viewers of both", format="%d"),
        "expected": st.column_config.NumberColumn("By chance", format="%.0f"),
        "lift": st.column_config.NumberColumn("Times", format="%.2f"),
        "low": st.column_config.NumberColumn("From", format="%.2f"),
        "high": st.column_config.NumberColumn("To", format="%.2f"),
    }  # fmt: skip
    story.table(found.pairs[list(columns)].head(30), key="titles_pairs", alt="Pairs of titles.", columns=columns)


def _ends(i: Any, *, percent: bool = False, digits: int = 1) -> str | None:
    return interval(i.low, i.high, percent=percent, digits=digits) if i.known else None


def _shares(value: str, low: str, high: str) -> dict[str, Any]:
    names = {value: "Share", low: "From", high: "To"}
    return {key: st.column_config.NumberColumn(name, format="percent") for key, name in names.items()}


_PARTS: dict[str, tuple[Callable[..., Any], Callable[..., go.Figure], Callable[..., None]]] = {
    "Concentration": (concentration, charts.lorenz, _tell_concentration),
    "Release decay": (decay, charts.decay, _tell_decay),
    "Rising and fading": (movers, charts.movers, _tell_movers),
    "What follows what": (flow, charts.flow, _tell_flow),
    "Watched together": (together, charts.together, _tell_together),
}
PARTS = tuple(_PARTS)
