"""Charts of sessions, titles and one viewer's year draw what was found, and escape names from data."""

import numpy as np
import pandas as pd

from analysis.data import Dataset
from analysis.patterns.flow import Together
from analysis.patterns.lifecycle import Movers
from analysis.patterns.personal import my_year
from analysis.patterns.words import Habits
from analysis.stats.clustered import Interval
from ui.charts import patterns_personal, patterns_sessions, patterns_titles

EVIL = '<a href="http://x">x</a>'


def test_names_from_data_are_escaped() -> None:
    row = {"title": EVIL, "before": 50.0, "after": 100.0, "change": 2.0, "low": 1.5, "high": 2.6, "shrunk": 1.9}
    moving = Movers(
        "plays", pd.Timestamp("2025-01-01").date(), 1, 0, pd.DataFrame([{**row, "q": 0.0, "claim": "rising"}])
    )
    pair = {**row, "other": EVIL, "viewers": 9.0, "lift": 2.0, "claimed": True}
    views = pd.DataFrame({"viewer_id": [1], "title_id": [1], "started_at": pd.to_datetime(["2025-02-01 20:00"])})
    titles = pd.DataFrame({"title_id": [1], "name": [EVIL]})
    year = my_year(Dataset.from_frames(views=views, titles=titles), 1)[0]
    for figure in (
        patterns_titles.movers(moving), patterns_titles.together(Together("watched", 2, 9, 1, pd.DataFrame([pair]))),
        patterns_personal.titles(year),
    ):  # fmt: skip
        drawn = str(figure.data)
        assert "&lt;a href" in drawn
        assert "<a href" not in drawn


def test_shares_draw_the_truth_where_it_is_known() -> None:
    known = Interval(0.5, 0.4, 0.6, 0.1, 64)
    alone = Interval(0.2, np.nan, np.nan, np.nan, 1)
    figure = patterns_sessions.shares("t", "s", ["tv", "phone"], [known, alone], {"tv": 0.55})
    estimate, truth = figure.data
    assert list(estimate.x) == [0.5, 0.2]
    assert list(estimate.error_x.array) == [0.6 - 0.5, 0.0]
    assert (list(truth.x), list(truth.y)) == ([0.55], ["tv"])
    assert len(patterns_sessions.shares("t", "s", ["tv"], [known], {}).data) == 1


def test_a_year_of_days_stands_in_weeks() -> None:
    views = pd.DataFrame({"viewer_id": 1, "title_id": 1, "started_at": pd.to_datetime(["2024-02-29", "2024-12-31"])})
    year = my_year(Dataset.from_frames(views=views), 1)[0]
    (heat,) = patterns_personal.calendar(year, Habits()).data
    # 2024 began on a Monday; the leap day was a Thursday in its ninth week.
    assert heat.z[3][8] == 1
    assert np.nansum(np.asarray(heat.z, dtype=float)) == 2
    assert np.isfinite(np.asarray(heat.z, dtype=float)).sum() == 366
