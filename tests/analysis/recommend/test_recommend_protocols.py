"""Ways to split: what is learnt, what is tested, and which leak the future."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.recommend import (
    SPLITS,
    FoldSplit,
    Interactions,
    Leaderboard,
    LeaveLastSplit,
    NewTitlesSplit,
    NewViewersSplit,
    RandomSplit,
    RollingSplit,
    TemporalSplit,
    evaluate,
)
from analysis.recommend.interactions import pair_keys
from analysis.recommend.protocols import describe


def keys(part: Interactions) -> set[int]:
    return set(pair_keys(part.viewer, part.title, part.n_titles).tolist())


def small(rows: list[tuple[int, int, str]]) -> Interactions:
    frame = pd.DataFrame(rows, columns=["viewer_id", "title_id", "started_at"])
    frame["started_at"] = pd.to_datetime(frame["started_at"])
    return Interactions.from_dataset(Dataset.from_frames(views=frame))


def test_rolling_windows_follow_each_other(interactions: Interactions) -> None:
    parts = RollingSplit(0.3, 3).splits(interactions)
    assert len(parts) == 3
    for before, after in itertools.pairwise(parts):
        assert before.test.at.max() < after.at
        assert len(after.train) == len(before.train) + len(before.test)
    for part in parts:
        assert part.train.at.max() < part.at <= part.test.at.min()
    assert sum(len(part.test) for part in parts) == pytest.approx(0.3 * len(interactions), abs=5)


def test_folds_test_each_rating_once(dataset: Dataset) -> None:
    ratings = Interactions.from_dataset(dataset, "ratings")
    parts = FoldSplit(4, seed=3).splits(ratings)
    tested = np.concatenate([pair_keys(p.test.viewer, p.test.title, p.test.n_titles) for p in parts])
    assert sorted(tested.tolist()) == sorted(keys(ratings))
    for part in parts:
        assert not keys(part.train) & keys(part.test)
        assert part.train.ratings is not None
        assert part.test.ratings is not None
        assert len(part.train.ratings) + len(part.test.ratings) == len(ratings)
    with pytest.raises(DataError, match="Folds are drawn of ratings"):
        FoldSplit().splits(Interactions.from_dataset(dataset, "views"))


def test_random_pairs_are_on_one_side(interactions: Interactions) -> None:
    (part,) = RandomSplit(0.25, seed=1).splits(interactions)
    assert not keys(part.train) & keys(part.test)
    assert keys(part.train) | keys(part.test) == keys(interactions)
    assert len(keys(part.test)) / len(keys(interactions)) == pytest.approx(0.25, abs=0.03)
    assert part.train.ratings is not None
    stars = part.train.ratings
    assert not set(pair_keys(stars.viewer, stars.title, part.train.n_titles).tolist()) & keys(part.test)


def test_the_last_new_title_is_left_out_with_all_that_followed() -> None:
    data = small(
        [
            (1, 10, "2025-01-01"),
            (1, 20, "2025-01-03"),  # viewer 1's last new title
            (1, 10, "2025-01-04"),  # after it: not learnt from, not tested
            (2, 10, "2025-01-02"),  # one title only: learnt from
            (3, 30, "2025-01-05"),
            (3, 10, "2025-01-06"),
        ]
    )
    (part,) = LeaveLastSplit().splits(data)
    assert [(int(v), int(t)) for v, t in zip(part.train.viewer, part.train.title, strict=True)] == [
        (0, 0),
        (1, 0),
        (2, 2),
    ]
    assert part.relevant.tolist() == [0 * 3 + 1, 2 * 3 + 0]
    with pytest.raises(DataError, match="to test"):
        LeaveLastSplit().splits(small([(1, 10, "2025-01-01"), (2, 10, "2025-01-02")]))


def test_new_titles_are_nowhere_in_training(interactions: Interactions) -> None:
    (part,) = NewTitlesSplit(0.3, seed=2).splits(interactions)
    assert part.among is not None
    assert 10 < part.among.sum() < 30
    assert not part.among[part.train.title].any()
    assert part.train.ratings is not None
    assert not part.among[part.train.ratings.title].any()
    assert part.among[part.relevant % part.test.n_titles].all()
    # Somebody who had watched such a title in the training period is not tested on it.
    known = keys(interactions.select(interactions.at < part.at))
    assert not known & set(part.relevant.tolist())


def test_new_viewers_are_told_by_their_first_titles() -> None:
    data = small(
        [
            (1, 10, "2025-01-01"),
            (1, 20, "2025-01-02"),
            (2, 30, "2025-01-03"),
            (9, 10, "2025-02-01"),
            (9, 10, "2025-02-02"),  # the same again is no new title
            (9, 30, "2025-02-03"),
            (9, 20, "2025-02-04"),
            (8, 20, "2025-02-05"),  # one title only: nothing left to test
            (1, 30, "2025-02-06"),  # not new
        ]
    )
    (part,) = NewViewersSplit(given=2, test_share=0.67).splits(data)
    assert part.given is not None
    assert part.given.toarray().tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0], [2, 0, 1]]
    assert part.relevant.tolist() == [3 * 3 + 1]
    assert part.viewers.tolist() == [3]
    with pytest.raises(DataError, match="more than 3 titles"):
        NewViewersSplit(given=3, test_share=0.67).splits(data)
    (strangers,) = NewViewersSplit(given=0, test_share=0.67).splits(data)
    assert strangers.given is not None
    assert strangers.given.nnz == 0
    assert strangers.relevant.tolist() == [2 * 3 + 1, *(3 * 3 + title for title in range(3))]
    assert strangers.viewers.tolist() == [2, 3]


@pytest.fixture(scope="module")
def with_a_latecomer(dataset: Dataset) -> Dataset:
    """The two tastes, and viewer 5 who comes near the end and watches twenty titles."""
    late = pd.DataFrame({"viewer_id": 5, "title_id": 5 + 3 * np.arange(20)})
    late["started_at"] = pd.Timestamp("2025-12-20") + pd.to_timedelta(np.arange(20), unit="h")
    views = pd.concat([dataset.frame("views", ["viewer_id", "title_id", "started_at"]), late])
    return Dataset.from_frames(views=views, ratings=dataset.frame("ratings"), titles=dataset.frame("titles"))


def test_of_strangers_only_models_with_a_list_for_them_are_judged(with_a_latecomer: Dataset) -> None:
    board = evaluate(with_a_latecomer, ["popularity", "item_knn"], split=NewViewersSplit(given=0), seed=4)
    assert [entry.model for entry in board.finished] == ["popularity"]
    assert "no list for viewers of whom nothing is known" in board.entries[1].error
    known = evaluate(with_a_latecomer, ["popularity"], split=NewViewersSplit(given=3), seed=4)
    # Viewer 5 watches twenty titles: told three of them, seventeen are left to find.
    assert board.counts["test titles to find"] == known.counts["test titles to find"] + 3 == 20


@pytest.mark.parametrize("name", SPLITS)
def test_every_split_can_be_evaluated_and_told(with_a_latecomer: Dataset, name: str) -> None:
    split = SPLITS[name]()
    chosen = ["random", "popularity", "popularity_at_time", "item_knn", "content"]
    signal = "ratings" if name == "folds" else "views"
    board = evaluate(with_a_latecomer, chosen, split=split, signal=signal, seed=4)
    told = describe(split)
    assert board.split == told
    assert told["leaks"] == (name in ("folds", "leave_last", "random"))
    assert bool(board.lists) == (name in ("time", "rolling"))
    assert f"split={told['code']}" in board.recipe()
    errors = {entry.model: entry.error for entry in board.entries}
    if name == "new_titles":
        assert "nobody has watched yet" in errors["item_knn"]
        assert {entry.model for entry in board.finished} == {"random", "content"}
    else:
        assert not any(errors.values())
    if name != "time":
        space: dict[str, object] = {"dataset": with_a_latecomer}
        exec(board.recipe().replace("print(", "str("), space)
        again: Leaderboard = space["leaderboard"]  # type: ignore[assignment]
        # As text, because NaN equals nothing.
        assert repr([e.estimates for e in again.entries]) == repr([e.estimates for e in board.entries])


@pytest.mark.parametrize(
    "make",
    [
        lambda: RollingSplit(points=1),
        lambda: RollingSplit(share=1),
        lambda: FoldSplit(folds=1),
        lambda: RandomSplit(share=0),
        lambda: NewTitlesSplit(share=2),
        lambda: NewViewersSplit(given=-1),
    ],
)
def test_wrong_splits_are_refused(make: object) -> None:
    with pytest.raises(ParameterError):
        make()  # type: ignore[operator]


def test_the_moment_is_what_a_model_that_follows_time_is_judged_at(dataset: Dataset) -> None:
    split = TemporalSplit(0.3)
    part = split.split(Interactions.from_dataset(dataset))
    assert part.first_visits.shape == part.viewers.shape
    for viewer, first in zip(part.viewers[:20], part.first_visits[:20], strict=True):
        times = part.test.at
        assert first == times[part.test.viewer == viewer].min()
