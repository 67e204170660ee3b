"""Every metric against a slow textbook version of itself."""

from __future__ import annotations

import functools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.data import Dataset
from analysis.recommend import Interactions, RecommendationTable, metrics

K = 4
N_TITLES = 8


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[list[int]], list[set[int]]]:
    """Lists of up to K different titles, and a non-empty set of relevant titles, for one to five viewers."""
    n = draw(st.integers(1, 5))
    title = st.integers(0, N_TITLES - 1)
    lists = draw(st.lists(st.lists(title, max_size=K, unique=True), min_size=n, max_size=n))
    relevant = draw(st.lists(st.sets(title, min_size=1), min_size=n, max_size=n))
    return lists, relevant


def as_arrays(lists: list[list[int]], relevant: list[set[int]]) -> tuple[RecommendationTable, np.ndarray, Interactions]:
    """The same in the package's form: viewer v has id 100 + v, title t id 50 + t; title t has t + 1 viewers."""
    data = history()
    titles = np.full((len(lists), K), -1, dtype=np.int64)
    scores = np.full((len(lists), K), np.nan, dtype=np.float32)
    for v, ranked in enumerate(lists):
        titles[v, : len(ranked)] = [50 + t for t in ranked]
        scores[v, : len(ranked)] = -np.arange(len(ranked))
    keys = np.array(sorted(v * data.n_titles + t for v, wanted in enumerate(relevant) for t in wanted))
    table = RecommendationTable("viewer_id", 100 + np.arange(len(lists)), titles, scores)
    return table, keys, data


@functools.cache
def history() -> Interactions:
    pairs = [(100 + v, 50 + t) for t in range(N_TITLES) for v in range(t + 1)]
    frame = pd.DataFrame(pairs, columns=["viewer_id", "title_id"]).assign(
        stars=1.0, rated_at=pd.Timestamp("2025-01-01")
    )
    return Interactions.from_dataset(Dataset.from_frames(ratings=frame))


def slow_dcg(ranked: list[int], wanted: set[int]) -> float:
    return sum(1 / math.log2(place + 2) for place, title in enumerate(ranked) if title in wanted)


def slow_ap(ranked: list[int], wanted: set[int]) -> float:
    total = 0.0
    for place in range(len(ranked)):
        if ranked[place] in wanted:
            total += sum(title in wanted for title in ranked[: place + 1]) / (place + 1)
    return total / min(len(wanted), K)


SLOW = {
    "precision": lambda ranked, wanted: len(set(ranked) & wanted) / K,
    "recall": lambda ranked, wanted: len(set(ranked) & wanted) / len(wanted),
    "recall_capped": lambda ranked, wanted: len(set(ranked) & wanted) / min(len(wanted), K),
    "ndcg": lambda ranked, wanted: slow_dcg(ranked, wanted) / slow_dcg(sorted(wanted)[:K], wanted),
    "average_precision": slow_ap,
    "reciprocal_rank": lambda ranked, wanted: next((1 / (i + 1) for i, t in enumerate(ranked) if t in wanted), 0.0),
    "hit_rate": lambda ranked, wanted: float(bool(set(ranked) & wanted)),
}
NEED_COUNTS = {"recall", "recall_capped", "ndcg", "average_precision"}


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_ranking_metrics(world: tuple[list[list[int]], list[set[int]]]) -> None:
    lists, relevant = world
    hits, counts = metrics.hits_and_relevant(*as_arrays(lists, relevant))
    for name, textbook in SLOW.items():
        function = getattr(metrics, name)
        fast = function(hits, counts) if name in NEED_COUNTS else function(hits)
        slow = [textbook(ranked, wanted) for ranked, wanted in zip(lists, relevant, strict=True)]
        np.testing.assert_allclose(fast, slow, rtol=1e-12, err_msg=name)
        assert ((fast >= 0) & (fast <= 1)).all(), name


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_novelty(world: tuple[list[list[int]], list[set[int]]]) -> None:
    lists, relevant = world
    table, _, data = as_arrays(lists, relevant)
    fast = metrics.novelty(table, data)
    slow = [np.mean([-math.log2((t + 1) / N_TITLES) for t in ranked]) if ranked else math.nan for ranked in lists]
    np.testing.assert_allclose(fast, slow, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_coverage_and_gini(world: tuple[list[list[int]], list[set[int]]]) -> None:
    lists, relevant = world
    table, _, data = as_arrays(lists, relevant)
    shown = metrics.exposure(table, data)
    counts = [sum(t in ranked for ranked in lists) for t in range(N_TITLES)]
    assert shown.tolist() == counts
    assert metrics.coverage(shown) == len({t for ranked in lists for t in ranked}) / N_TITLES
    total = sum(counts)
    if total:
        # The mean absolute difference of all pairs over twice the mean.
        apart = sum(abs(a - b) for a in counts for b in counts)
        assert metrics.gini(shown) == pytest.approx(apart / (2 * N_TITLES * total))
    else:
        assert math.isnan(metrics.gini(shown))


@settings(max_examples=40, deadline=None)
@given(pairs=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=30))
def test_errors_of_stars(pairs: list[tuple[float, float]]) -> None:
    predicted, stars = np.array(pairs).T
    assert metrics.rmse(predicted, stars) == pytest.approx(math.sqrt(sum((a - b) ** 2 for a, b in pairs) / len(pairs)))
    assert metrics.mae(predicted, stars) == pytest.approx(sum(abs(a - b) for a, b in pairs) / len(pairs))


def test_a_perfect_list_and_an_empty_one() -> None:
    hits, counts = metrics.hits_and_relevant(*as_arrays([[3, 1, 2], []], [{1, 2, 3}, {5}]))
    assert metrics.ndcg(hits, counts).tolist() == [1.0, 0.0]
    assert metrics.average_precision(hits, counts).tolist() == [1.0, 0.0]
    assert metrics.precision(hits).tolist() == [0.75, 0.0]


def test_numbers_from_a_textbook() -> None:
    # Hits at places 1 and 3 of 4, three relevant: DCG 1 + 1/2, ideal 1 + 1/log2(3) + 1/2.
    hits, counts = metrics.hits_and_relevant(*as_arrays([[0, 4, 1, 5]], [{0, 1, 2}]))
    assert metrics.ndcg(hits, counts)[0] == pytest.approx(1.5 / 2.1309297535714578)
    assert metrics.average_precision(hits, counts)[0] == pytest.approx((1 + 2 / 3) / 3)


def test_every_metric_says_what_it_is() -> None:
    for name, metric in metrics.METRICS.items():
        assert metric.name == name
        assert metric.doc.endswith(".")
