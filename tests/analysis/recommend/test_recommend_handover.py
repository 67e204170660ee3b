"""From a leaderboard to the size of a test."""

from __future__ import annotations

import math

import pytest

from analysis.data import Dataset
from analysis.errors import ParameterError
from analysis.experiments.planning import units_for_proportion
from analysis.handover import plan_test
from analysis.recommend import Leaderboard, evaluate


@pytest.fixture(scope="module")
def board(dataset: Dataset) -> Leaderboard:
    return evaluate(dataset, ["random", "popularity", "item_knn"], k=3)


def test_the_size_is_that_of_the_two_shares(dataset: Dataset, board: Leaderboard) -> None:
    rates = {entry.model: entry.estimates["hit_rate"].value for entry in board.entries}
    plan = plan_test(dataset, board, "random", "item_knn")
    assert plan.viewers == 2 * math.ceil(units_for_proportion(rates["random"], rates["item_knn"]))
    assert plan.control == "Random"
    assert plan.observed_viewers == board.counts["viewers in the test period"]
    assert plan.days is None or 1 <= plan.days <= plan.observed_days
    assert f"{plan.viewers:,} viewers in two arms" in plan.summary()
    half = plan_test(dataset, board, "random", "item_knn", carried=0.5)
    assert half.viewers is not None
    assert half.viewers > 2.5 * plan.viewers
    assert half.treatment_rate == pytest.approx((rates["random"] + rates["item_knn"]) / 2)
    assert len(plan.to_frame()) == 1


def test_too_few_viewers_are_said_to_be_too_few(dataset: Dataset, board: Leaderboard) -> None:
    plan = plan_test(dataset, board, "random", "item_knn", carried=0.05)
    assert plan.days is None
    assert "more time or more viewers" in plan.summary()


def test_two_that_serve_the_same_need_no_test(dataset: Dataset) -> None:
    board = evaluate(dataset, ["recent_popularity", "popularity_at_time"], k=50)
    plan = plan_test(dataset, board, *(entry.model for entry in board.entries))
    assert plan.viewers is None
    assert "no size of test" in plan.summary()


@pytest.mark.parametrize(
    ("control", "treatment", "carried"), [("a", "random", 1), ("random", "random", 1), ("random", "popularity", 0)]
)
def test_what_makes_no_sense_is_refused(
    dataset: Dataset, board: Leaderboard, control: str, treatment: str, carried: float
) -> None:
    with pytest.raises(ParameterError):
        plan_test(dataset, board, control, treatment, carried=carried)
