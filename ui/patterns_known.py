"""Effects that a simulated dataset is known to hold, beside what its tables say of them: for the explore pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from analysis.data import Dataset
from analysis.errors import PrimetimeError
from analysis.truth import Estimate, Recovery
from ui.charts import patterns_known as charts
from ui.story import Story

HOURS, SEASONS = "hours", "seasons"


@dataclass(frozen=True)
class Known:
    """One ratio of shares whose truth is known.

    Attributes:
        name: What it is, in words.
        true: Its true value.
        estimate: What the tables say.
    """

    name: str
    true: float
    estimate: Estimate

    def sentence(self) -> str:
        """Estimate, interval and truth in words."""
        e = self.estimate
        held = "holds it" if e.low <= self.true <= e.high else "misses it"
        name = self.name[:1].upper() + self.name[1:]
        return (
            f"{name}: {e.value:.2f} times as much (95 % interval {e.low:.2f} to {e.high:.2f}). True of the simulated "
            f"service are {self.true:.2f} times; the interval {held}."
        )


def tell(story: Story, about: str) -> None:
    """Show the effects of the clock (`HOURS`) or the year (`SEASONS`), each with its interval and its truth."""
    if found := known(story.dataset, story.dataset.content_hash, about):
        story.chart(charts.known(found), key=f"{about}_known", alt=" ".join(one.sentence() for one in found))
        for one in found:
            story.text(one.sentence())


@st.cache_data(max_entries=16, ttl=3600, show_spinner=False)
def known(_dataset: Dataset, content: str, about: str) -> list[Known]:
    """Genres' effects of the clock or of the year, estimated from the tables alone."""
    recover, found = Recovery(), []
    for estimand in (_dataset.truth() or {}).get("estimands", ()):
        if _about(estimand) != about:
            continue
        try:
            estimate = recover(_dataset, estimand["function"], estimand["scope"])
        except PrimetimeError:
            # Of a small world, some hours hold nothing to compare.
            continue
        if estimate.low == estimate.low:
            found.append(Known(estimand["name"], float(estimand["value"]), estimate))
    return found


def _about(estimand: Mapping[str, Any]) -> str:
    """Whether an estimand is a genre's share at some time against another, and of which kind."""
    scope, function = estimand.get("scope") or {}, str(estimand.get("function"))
    if function.endswith((".months", ".genre_in_school_holidays")):
        return SEASONS
    if not function.endswith(".share_ratio") or "genre" not in scope["part"]:
        return ""
    return HOURS if "hours" in scope["here"] else SEASONS
