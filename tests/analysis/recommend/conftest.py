"""A small world for the recommenders: two tastes, two hundred viewers, sixty titles, a year of plays and ratings."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.recommend import Interactions, Recommender, Split, TemporalSplit

N_VIEWERS, N_TITLES, N_PLAYS = 200, 60, 4_000


def make_views(seed: int = 7) -> pd.DataFrame:
    """Plays of viewers with one of two tastes; each taste has its half of the titles, some more popular than others."""
    rng = np.random.default_rng(seed)
    viewer = rng.integers(0, N_VIEWERS, N_PLAYS)
    appeal = 0.1 + rng.random(N_TITLES) ** 2
    title = np.empty(N_PLAYS, dtype=int)
    for taste in (0, 1):
        rows = viewer % 2 == taste
        liked = np.where(np.arange(N_TITLES) % 2 == taste, 8.0, 1.0) * appeal
        title[rows] = rng.choice(N_TITLES, rows.sum(), p=liked / liked.sum())
    start = np.datetime64("2025-01-01", "us") + rng.integers(0, 365 * 86_400, N_PLAYS).astype("timedelta64[s]")
    return pd.DataFrame(
        {
            "viewer_id": viewer + 1_000,
            "title_id": title * 3 + 5,
            "started_at": start,
            "completion": rng.random(N_PLAYS).round(2),
        }
    ).sort_values("started_at", ignore_index=True)


def make_ratings(seed: int = 8) -> pd.DataFrame:
    """One rating a viewer and title of the plays: high within the own taste."""
    views = make_views().drop_duplicates(["viewer_id", "title_id"], ignore_index=True)
    rng = np.random.default_rng(seed)
    own = (views["viewer_id"] % 2) == ((views["title_id"] - 5) // 3 % 2)
    stars = np.clip(np.round(2 + 2 * own + rng.normal(0, 0.7, len(views))), 1, 5)
    return pd.DataFrame(
        {
            "viewer_id": views["viewer_id"],
            "title_id": views["title_id"],
            "rated_at": views["started_at"] + pd.Timedelta(hours=2),
            "stars": stars,
        }
    )


def make_titles() -> pd.DataFrame:
    """The catalogue, with one title that nobody ever watches."""
    ids = np.arange(N_TITLES + 1) * 3 + 5
    return pd.DataFrame({"title_id": ids, "name": [f"Film {i}" for i in ids], "genres": [["Drama"]] * len(ids)})


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """Plays, ratings and titles."""
    return Dataset.from_frames(name="two tastes", views=make_views(), ratings=make_ratings(), titles=make_titles())


@pytest.fixture(scope="session")
def interactions(dataset: Dataset) -> Interactions:
    """The plays of `dataset`, with its ratings beside."""
    return Interactions.from_dataset(dataset)


@pytest.fixture(scope="session")
def part(interactions: Interactions) -> Split:
    """`interactions`, the latest 30 % of them parted as the test."""
    return TemporalSplit(0.3).split(interactions)


@pytest.fixture(scope="session")
def early(part: Split) -> Callable[[type[Recommender]], Recommender]:
    """Each model fitted on the training of `part` with seed 5, once for all tests that only ask it."""
    return functools.cache(lambda model: model(seed=5).fit(part.train))


@pytest.fixture(scope="session")
def trained(interactions: Interactions) -> Callable[[type[Recommender]], Recommender]:
    """Each model fitted on `interactions` with seed 5, once for all tests that only ask it."""
    return functools.cache(lambda model: model(seed=5).fit(interactions))
