"""What the Seasons page is made of: one cached estimate for each dataset, its figures, and the chosen cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analysis import patterns
from analysis.data import Dataset
from ui import state
from ui.charts import patterns_seasons as charts
from ui.text import escape

Known = dict[tuple[int, int], float]
GENRE, SEASON = "seasons_genre", "seasons_season"


@st.cache_resource(max_entries=8, ttl=24 * 3600, show_spinner=False)
def look(_dataset: Dataset, content: str) -> tuple[patterns.Appetite, Known, dict[str, go.Figure]]:
    """The estimate, what is known of the truth, and the figures; shared by all visitors, so not to be changed."""
    found = patterns.appetite(_dataset, workspace=state.workspace())
    known = patterns.planted(_dataset, found)
    figures = {
        "causes": charts.causes(found, {}),
        "planted": charts.causes(found, known),
        "every_cell": charts.every_cell(found),
        "decay": charts.decay(found),
    }
    return found, known, figures


def clicked(point: Mapping[str, Any]) -> None:
    """A cell of the heatmap was clicked: the two choices below it follow."""
    genre, season = point["customdata"][:2]
    st.session_state[GENRE], st.session_state[SEASON] = genre, season


def chosen(found: patterns.Appetite) -> tuple[int, int]:
    """Genre and season that the reader wants the numbers of; at first the surest claim."""
    genre, season = next(iter(found.claims()), (0, 0))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = _pick("Genre", GENRE, found.genres, genre), _pick("Season", SEASON, found.seasons, season)
    return picked


def _pick(label: str, key: str, options: Sequence[str], first: int) -> int:
    asked = st.query_params.get(key)
    if asked is not None and asked not in options:
        st.warning(f"The link asks for {escape(asked)}, which is not in this dataset. Showing {options[first]}.")
    return list(options).index(st.selectbox(label, options, index=first, key=key, bind="query-params"))


def numbers(found: patterns.Appetite, genre: int, season: int, known: Known) -> pd.DataFrame:
    """The numbers behind one cell, a row each."""
    cell = genre, season
    rows = [
        ("Count alone: share in the season ÷ share in the rest", f"{found.seen[cell]:.2f}"),
        ("Explained by supply", f"{found.available[cell]:.2f}"),
        ("Appetite", f"{found.appetite[cell]:.2f}"),
        ("95 % interval", f"{found.low[cell]:.2f} to {found.high[cell]:.2f}"),
        ("q-value (false discovery rate)", f"{found.q[cell]:.3f}"),
        ("Plays, at 1/k of a title of k genres", f"{found.plays[cell]:,.0f}"),
        ("Titles of equal weight", f"{found.titles[cell]:.1f}"),
    ]
    if cell in known:
        rows.append(("Planted in the sample, on the odds of a click", f"{known[cell]:.2f}"))
    shown = [(name, "not tested" if "nan" in value else value) for name, value in rows]
    return pd.DataFrame(shown, columns=["what", "value"])
