"""Reading interactions and cutting them at one point in time."""

from __future__ import annotations

import datetime as dt
import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.recommend import Interactions, TemporalSplit


def views(rows: list[tuple[int, int, str, float | None]]) -> Interactions:
    frame = pd.DataFrame(rows, columns=["viewer_id", "title_id", "started_at", "completion"])
    frame["started_at"] = pd.to_datetime(frame["started_at"])
    return Interactions.from_dataset(Dataset.from_frames(views=frame))


def test_plays_weigh_their_completion_and_add_up() -> None:
    interactions = views([(1, 10, "2025-01-01", 0.5), (1, 10, "2025-01-02", 1.0), (2, 20, "2025-01-03", 0.0)])
    np.testing.assert_allclose(interactions.matrix.toarray(), [[1.5, 0], [0, 0.05]])
    assert interactions.watched.tolist() == [True, True, False]


def test_unknown_completion_counts_as_watched() -> None:
    interactions = views([(1, 10, "2025-01-01", None), (2, 20, "2025-01-03", 0.2)])
    assert interactions.weight.tolist() == pytest.approx([1.0, 0.2])
    assert interactions.watched.all()


def test_the_last_rating_of_a_pair_counts() -> None:
    frame = pd.DataFrame(
        {
            "viewer_id": [1, 1, 2],
            "title_id": [10, 10, 10],
            "rated_at": pd.to_datetime(["2025-02-01", "2025-01-01", "2025-01-01"]),
            "stars": [2.0, 5.0, 4.0],
        }
    )
    interactions = Interactions.from_dataset(Dataset.from_frames(ratings=frame))
    assert interactions.ratings is not None
    assert interactions.ratings.stars.tolist() == [4.0, 2.0]
    assert interactions.matrix.toarray().tolist() == [[1.0], [1.0]]
    assert interactions.ratings.scale == (2.0, 5.0)
    assert interactions.dropped == {"ratings replaced by a later one of the same viewer and title": 1}


def test_viewers_and_titles_of_the_dataset_are_all_there(dataset: Dataset) -> None:
    small = Dataset.from_frames(
        ratings=pd.DataFrame({"viewer_id": [5], "title_id": [9], "stars": [1.0]}),
        viewers=pd.DataFrame({"viewer_id": [3, 4]}),
        titles=pd.DataFrame({"title_id": [8], "name": ["Eight"]}),
    )
    interactions = Interactions.from_dataset(small)
    assert interactions.viewers.tolist() == [3, 4, 5]
    assert interactions.titles.tolist() == [8, 9]
    assert interactions.catalogue["name"].tolist() == ["Eight", "Title 9"]
    assert Interactions.from_dataset(dataset).signal == "views"
    assert Interactions.from_dataset(dataset, "ratings").signal == "ratings"


def test_an_unknown_signal_or_table_is_refused(dataset: Dataset) -> None:
    with pytest.raises(ParameterError, match="clicks"):
        Interactions.from_dataset(dataset, "clicks")  # type: ignore[arg-type]
    ratings = Dataset.from_frames(ratings=pd.DataFrame({"viewer_id": [5], "title_id": [9], "stars": [1.0]}))
    with pytest.raises(DataError, match="views"):
        Interactions.from_dataset(ratings, "views")


ROWS = [
    (v, t, "2025-01-01", c) for v, t, c in [(1, 10, 0.3), (1, 10, 0.7), (2, 10, 1), (2, 20, 1), (3, 5, 1), (1, 5, 1)]
]


@functools.cache
def in_order() -> Interactions:
    return views(ROWS)


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    straight, shuffled = in_order(), views([ROWS[i] for i in order])
    for name in ("viewer", "title", "at", "weight", "watched"):
        assert np.array_equal(getattr(straight, name), getattr(shuffled, name))


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0.05, 0.95), seconds=st.lists(st.integers(0, 6), min_size=2, max_size=30))
def test_one_moment_for_everybody(share: float, seconds: list[int]) -> None:
    interactions = interactions_at(seconds)
    if len(set(seconds)) == 1:
        with pytest.raises(DataError, match="nothing to learn from"):
            TemporalSplit(share).split(interactions)
        return
    moment = sorted(seconds)[min(int(np.ceil(len(seconds) * (1 - share))), len(seconds) - 1)]
    if moment == min(seconds):
        with pytest.raises(DataError, match="nothing to learn from"):
            TemporalSplit(share).split(interactions)
        return
    split = TemporalSplit(share).split(interactions)
    assert split.train.at.max() < split.at <= split.test.at.min()
    assert len(split.train) + len(split.test) == len(seconds)
    assert len(split.test) >= min(share * len(seconds) - 1, 1)


def interactions_at(seconds: list[int]) -> Interactions:
    n = len(seconds)
    return Interactions(
        signal="views",
        viewers=np.arange(n),
        titles=np.arange(3),
        viewer=np.arange(n, dtype=np.int32),
        title=np.zeros(n, dtype=np.int32),
        at=np.sort(np.array(seconds)).astype("datetime64[s]").astype("datetime64[us]"),
        weight=np.ones(n, dtype=np.float32),
        watched=np.ones(n, dtype=bool),
        ratings=None,
        catalogue=pd.DataFrame(),
        dropped={},
    )


def test_what_is_tested_and_what_is_left_out() -> None:
    interactions = views(
        [
            (1, 10, "2025-01-01", 1.0),
            (2, 20, "2025-01-02", 1.0),
            (4, 20, "2025-01-02", 1.0),
            # The test period.
            (1, 10, "2025-02-01", 1.0),  # watched before: no recommendation
            (1, 20, "2025-02-01", 1.0),  # to be found
            (1, 20, "2025-02-02", 1.0),  # the same again: one title
            (1, 30, "2025-02-02", 1.0),  # nobody had watched it in training: can't be found, but counts
            (2, 10, "2025-02-03", 0.05),  # left at once: no hit
            (3, 10, "2025-02-03", 1.0),  # no history: left out
            (4, 20, "2025-02-03", 1.0),  # nothing new
        ]
    )
    split = TemporalSplit(at=dt.date(2025, 2, 1)).split(interactions)
    assert split.viewers.tolist() == [0]
    assert split.relevant.tolist() == [1, 2]
    assert split.unlearnable_share == 0.5
    assert split.counts == {
        "training views": 3,
        "test views": 7,
        "viewers with training history": 3,
        "viewers in the test period": 4,
        "viewers tested": 1,
        "viewers left out: no training history": 1,
        "viewers left out: nothing new watched": 2,
        "test views left out: title already watched in training": 2,
        "test titles to find": 2,
        # Title 20 was first watched on 2 January, 30 days before; title 30 by nobody.
        "test titles to find that were first watched under 30 days before": 0,
    }
    assert split.days_known.tolist() == pytest.approx([31.0, 30.0, np.nan], nan_ok=True)
    assert "1 viewers had no history" in split.summary()
    assert split.to_frame()["count"].sum() == sum(split.counts.values())


def test_a_moment_with_a_zone_is_taken_as_that_moment(interactions: Interactions) -> None:
    utc = dt.datetime(2025, 7, 1, 3, tzinfo=dt.UTC)
    berlin = utc.astimezone(dt.timezone(dt.timedelta(hours=2)))
    plain = TemporalSplit(at=utc.replace(tzinfo=None)).split(interactions)
    assert TemporalSplit(at=berlin).split(interactions).at == plain.at == TemporalSplit(at=utc).split(interactions).at


def test_ratings_are_cut_at_the_same_moment(interactions: Interactions) -> None:
    split = TemporalSplit(0.25).split(interactions)
    assert split.train.ratings is not None
    assert split.train.ratings.at.max() < split.at
    assert split.ratings is not None
    learnt = set(zip(split.train.ratings.viewer.tolist(), split.train.ratings.title.tolist(), strict=True))
    assert not learnt & set(zip(split.ratings.viewer.tolist(), split.ratings.title.tolist(), strict=True))


@pytest.mark.parametrize(("at", "empty"), [("2030-01-01", "test on"), ("2020-01-01", "learn from")])
def test_a_period_without_anything_is_refused(interactions: Interactions, at: str, empty: str) -> None:
    with pytest.raises(DataError, match=rf"nothing to {empty}.*{at}.*2025-01-01"):
        TemporalSplit(at=dt.date.fromisoformat(at)).split(interactions)


@pytest.mark.parametrize("share", [0, 1, -0.5, 1.5])
def test_a_share_must_be_one(share: float) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1"):
        TemporalSplit(share)


def test_no_times_no_split() -> None:
    ratings = pd.DataFrame({"viewer_id": [1, 2], "title_id": [10, 20], "stars": [4.0, 3.0]})
    with pytest.raises(DataError, match="2 of 2 ratings have no time"):
        TemporalSplit().split(Interactions.from_dataset(Dataset.from_frames(ratings=ratings)))
