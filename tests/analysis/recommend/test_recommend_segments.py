"""Scores within segments: the right viewers and plays in each, and numbers that are those of the metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.recommend import Interactions, Leaderboard, TemporalSplit, evaluate, metrics, models
from analysis.recommend.segments import DIMENSIONS, segments_of


@pytest.fixture(scope="module")
def described(dataset: Dataset) -> Dataset:
    """The two tastes with devices, local times and countries."""
    views = dataset.frame("views", ["viewer_id", "title_id", "started_at"])
    views["started_local"] = views["started_at"] + pd.Timedelta(hours=2)
    views["device"] = np.where(views["title_id"] % 2, "tv", "phone")
    titles = dataset.frame("titles", ["title_id", "name"])
    titles["genres"] = [["Drama"] if t % 2 else ["Crime", "War"] for t in titles["title_id"]]
    viewers = pd.DataFrame({"viewer_id": np.arange(1000, 1200)})
    viewers["country"] = np.where(viewers["viewer_id"] % 2, "DE", "FR")
    return Dataset.from_frames(views=views, titles=titles, viewers=viewers)


@pytest.fixture(scope="module")
def board(described: Dataset) -> Leaderboard:
    return evaluate(described, ["popularity", "item_knn"])


def test_each_pair_is_in_one_segment_of_each_dimension(described: Dataset) -> None:
    part = TemporalSplit().split(Interactions.from_dataset(described))
    found = segments_of(described, part, "views")
    assert {dimension for dimension, _, _ in found} == set(DIMENSIONS)
    for dimension in DIMENSIONS:
        inside = np.sum([rows for name, _, rows in found if name == dimension], axis=0)
        if dimension == "genre":
            # Crime and War are both genres of a title: it counts fully in each.
            assert set(inside.tolist()) == {1, 2}
        else:
            assert (inside == 1).all(), dimension


def test_segments_hold_what_they_say(described: Dataset) -> None:
    part = TemporalSplit().split(Interactions.from_dataset(described))
    rows = {(dimension, name): inside for dimension, name, inside in segments_of(described, part, "views")}
    viewer = part.train.viewers[part.relevant // part.test.n_titles]
    title = part.train.titles[part.relevant % part.test.n_titles]
    assert np.array_equal(rows["country", "DE"], viewer % 2 == 1)
    assert np.array_equal(rows["device", "tv"], title % 2 == 1)
    assert np.array_equal(rows["genre", "War"], title % 2 == 0)
    views = described.frame("views")
    first = views[views["started_at"] >= pd.Timestamp(part.at)].drop_duplicates(["viewer_id", "title_id"])
    at = first.set_index(["viewer_id", "title_id"])["started_local"].loc[list(zip(viewer, title, strict=True))]
    assert np.array_equal(rows["weekday", "weekend"], at.dt.day_of_week.to_numpy() >= 5)
    assert np.array_equal(rows["hours", "evening, 18–24"], at.dt.hour.to_numpy() >= 18)
    assert np.array_equal(rows["season", "Dec–Feb"], np.isin(at.dt.month.to_numpy(), [12, 1, 2]))


def test_scores_are_the_metric_on_what_is_in_the_segment(described: Dataset, board: Leaderboard) -> None:
    part = TemporalSplit().split(Interactions.from_dataset(described))
    model = models()["item_knn"]().fit(part.train)
    inside = {(d, n): rows for d, n, rows in segments_of(described, part, "views")}["device", "tv"]
    wanted = part.relevant[inside]
    viewers = np.unique(wanted // part.test.n_titles)
    lists = model.recommend(part.train.viewers[viewers], 10)
    hits, relevant = metrics.hits_and_relevant(lists, wanted, part.train)
    expected = metrics.ndcg(hits, relevant)
    score = next(s for s in board.segments if (s.model, s.dimension, s.segment) == ("item_knn", "device", "tv"))
    assert score.ndcg == pytest.approx(expected.mean())
    assert score.viewers == len(viewers)
    assert score.low < score.ndcg < score.high
    assert score.high - score.low == pytest.approx(2 * 1.96 * expected.std(ddof=1) / np.sqrt(len(expected)), rel=1e-6)
    frame = board.segments_frame()
    assert len(frame) == len(board.segments)
    assert (frame["viewers"] >= 30).all()


def test_ratings_have_no_segments_of_plays(dataset: Dataset) -> None:
    board = evaluate(dataset, ["popularity"], signal="ratings")
    assert {score.dimension for score in board.segments} <= {"history", "activity", "genre"}
