"""Clicks on the home page, against the same counted in pandas."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns.page import clicks_per_visit, examination
from tests.analysis.patterns.conftest import make_views

LOOK = np.array([[0.8, 0.4], [0.4, 0.2]])
"""Chance that each place is looked at."""


@pytest.fixture(scope="module")
def impressions() -> pd.DataFrame:
    """Pages of two rows and two columns; a click needs a look, and a title that invites."""
    rng = np.random.default_rng(4)
    visits = 6_000
    session, row, column = (a.ravel() for a in np.meshgrid(np.arange(visits), [0, 1], [0, 1], indexing="ij"))
    uniform = rng.random(visits) < 0.5
    inviting = np.where(uniform[session], 0.2, 0.5)
    return pd.DataFrame(
        {
            "session_id": session,
            "viewer_id": session % 500,
            "shown_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(session, unit="min"),
            "title_id": rng.integers(0, 50, len(session)),
            "row": row,
            "column": column,
            "policy": np.where(uniform[session], "uniform", "ours"),
            "propensity": 0.02,
            "clicked": rng.random(len(session)) < LOOK[row, column] * inviting,
        }
    )


@pytest.fixture(scope="module")
def dataset(impressions) -> Dataset:
    return Dataset.from_frames(views=make_views(100), impressions=impressions)


def test_clicks_per_visit_are_those_of_pandas(dataset, impressions):
    for policy, truth in (("uniform", 0.2), ("ours", 0.5)):
        per_visit = impressions[impressions["policy"] == policy].groupby("session_id")["clicked"].sum()
        found = clicks_per_visit(dataset, policy)
        assert found.interval.value == pytest.approx(per_visit.mean())
        assert found.rows == len(per_visit)
        assert found.interval.low <= truth * LOOK.sum() <= found.interval.high
        plain = 2 * 1.96 * per_visit.std() / np.sqrt(len(per_visit))
        assert found.interval.high - found.interval.low == pytest.approx(plain, rel=0.3)


def test_click_rates_on_uniform_pages_give_the_chance_of_a_look(dataset):
    first, second = {"rows": [0], "columns": [0, 1]}, {"rows": [1], "columns": [0, 1]}
    found = examination(dataset, second, first).interval
    assert found.low <= 0.5 <= found.high
    corner = examination(dataset, {"rows": [1], "columns": [1]}, {"rows": [0], "columns": [0]}).interval
    assert corner.low <= 0.25 <= corner.high
    assert corner.high < 0.5


def test_what_is_not_there_is_named(dataset):
    with pytest.raises(DataError, match="filled by the policy 'nobody'"):
        clicks_per_visit(dataset, "nobody")
    with pytest.raises(DataError, match="no table impressions"):
        clicks_per_visit(Dataset.from_frames(views=make_views(20)), "uniform")
