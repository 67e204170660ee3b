"""The best k of each row, against sorting everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis.recommend.topk import top_k

# Few different values, so that ties cross the edge of the list all the time; −inf bars a column.
SCORES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 12)),
    elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]),
)


@settings(max_examples=100, deadline=None)
@given(scores=SCORES, k=st.integers(1, 15))
def test_same_as_sorting_everything(scores: np.ndarray, k: int) -> None:
    k = min(k, scores.shape[1])
    columns, best = top_k(scores.copy(), k)
    for row, (chosen, found) in enumerate(zip(columns, best, strict=True)):
        expected = sorted(range(scores.shape[1]), key=lambda c: (-scores[row, c], c))[:k]
        real = [c for c in expected if scores[row, c] > -np.inf]
        assert chosen[: len(real)].tolist() == real
        assert found.tolist() == scores[row, expected].tolist()


def test_nan_is_found_in_the_result() -> None:
    _, best = top_k(np.array([[1.0, np.nan, 3.0, 2.0]]), 2)
    assert np.isnan(best).any()


@pytest.mark.parametrize("k", [1, 3, 50, 199])
def test_random_scores(k: int) -> None:
    scores = np.random.default_rng(0).normal(size=(40, 200))
    columns, best = top_k(scores, k)
    assert np.array_equal(best, -np.sort(-scores, axis=1)[:, :k])
    assert np.array_equal(np.take_along_axis(scores, columns.astype(int), axis=1), best)
