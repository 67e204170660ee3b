"""The truth on the screen: a dataset's estimates held to it, and the toggle that draws it on other pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analysis import truth
from analysis.data import Dataset
from analysis.patterns import Filters, Patterns
from analysis.patterns.words import MONTHS
from analysis.truth import Held, TruthTable
from ui.charts import truth as charts
from ui.glossary import define
from ui.story import Card, Story
from ui.text import share, together

if TYPE_CHECKING:
    from analysis.experiments.experiment import Experiment

WEEKEND, NIGHT, LIFT = "weekend share of plays", "night share of plays", "lift of horror in October"
"""Estimands that the page of viewing patterns shows."""


@st.cache_resource(max_entries=8, ttl=3600, show_spinner="Estimating everything whose truth is known")
def table(_dataset: Dataset, content: str) -> TruthTable:
    """Every estimate of a dataset beside its truth; `content` is its content hash."""
    return truth.truth_table(_dataset)


def cards(found: TruthTable) -> list[Card]:
    """How many intervals hold, how many should, the farthest miss, and what promises nothing."""
    promised = len(found.promised)
    farthest = max(found.promised, key=lambda row: abs(row.standardised), default=None)
    off = "–" if farthest is None else f"{abs(farthest.standardised):.1f} errors"
    return [
        Card("Hold the truth", f"{found.covered} of {promised}", define("coverage")),
        Card("Expected to hold", f"{truth.LEVEL * promised:.0f}", define("95 % interval"), f"95 % of {promised}"),
        Card("Farthest off", off, define("standard error"), farthest.name if farthest else None),
        Card("Without a promise", str(len(found.rows) - promised), "Estimands that no interval claims to hold."),
    ]


def numbers(found: TruthTable) -> pd.DataFrame:
    """The table as the page shows it."""
    frame = found.to_frame()
    frame = frame[[row.promised for row in found.rows]]
    frame["covered"] = frame["covered"].map({True: "holds", False: "misses"})
    names = {
        "estimand": "Estimand",
        "covered": "Interval",
        "truth": "Truth",
        "estimate": "Estimate",
        "low": "From",
        "high": "To",
        "standard_errors_off": "Errors off",
        "unit": "Unit",
    }
    return frame[list(names)].rename(columns=names)


def without_promise(found: TruthTable) -> list[str]:
    """One sentence for each estimand whose estimate promises nothing, or that has none."""
    return [_unpromised(row) for row in found.rows if not row.promised]


def _unpromised(row: Held) -> str:
    plain = ""
    if row.estimate is not None:
        gap = row.estimate.value - row.truth
        side = "too high" if gap > 0 else "too low"
        plain = f" The data’s plain answer is {row.shown(row.estimate.value)}, which is {row.shown(abs(gap))} {side}."
    name = row.name[:1].upper() + row.name[1:]
    return together(f"{name}: truly {row.shown(row.truth)}.{plain} {row.reason}")


def toggle(dataset: Dataset, key: str) -> bool:
    """Ask whether to draw the truth; only where it is known."""
    if not dataset.info.has_truth:
        return False
    return st.toggle("Show the truth", value=True, key=key, bind="query-params", help=define("known truth"))


def with_or_without(experiment: Experiment, dataset: Dataset) -> Experiment:
    """The experiment with its true effects, or without them where a visitor wants to guess first."""
    if not experiment.truth or toggle(dataset, "experiments_truth"):
        return experiment
    return dataclasses.replace(experiment, truth={})


def on_patterns(story: Story, found: Patterns, figures: Mapping[str, go.Figure]) -> dict[str, go.Figure]:
    """The charts of the viewing patterns with the truth beside what it is known of: all plays, without any filter."""
    drawn = dict(figures)
    week, season = found.clock, found.months
    known = {name: value(story.dataset, name) for name in (WEEKEND, NIGHT, LIFT)}
    if week.filters != Filters() or week.measure != "events" or None in known.values():
        return drawn
    if not toggle(story.dataset, "patterns_truth"):
        return drawn
    weekend, night, lift = (number or 0.0 for number in known.values())
    story.text(
        f"True of the simulated service: {share(weekend)} of plays fall on the weekend and {share(night)} between "
        f"midnight and 6 am, and in October horror holds {lift:.2f} times its usual share."
    )
    if season is not None and 10 in season.months and "Horror" in season.genres:
        drawn["seasons"] = charts.with_lift(drawn["seasons"], MONTHS[9][:3], "Horror", lift)
    return drawn


def value(dataset: Dataset, name: str) -> float | None:
    """The true value of an estimand, or None where it is not known."""
    return _known(dataset, dataset.content_hash, name) if dataset.info.has_truth else None


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def _known(_dataset: Dataset, content: str, name: str) -> float | None:
    return truth.known(_dataset, name)
