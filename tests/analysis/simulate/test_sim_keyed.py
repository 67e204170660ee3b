import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.simulate.keyed import TICK, Stream, as_normal, cumulate, logistic, pick, step, ticks


def test_numbers_are_uniform_and_unrelated_across_coordinates_and_streams():
    grid = Stream(5, "a").uniform(np.arange(300)[:, None], np.arange(300))
    other = Stream(5, "b").uniform(np.arange(300)[:, None], np.arange(300))
    assert stats.kstest(grid.ravel(), "uniform").pvalue > 0.001
    for left, right in ((grid[:-1], grid[1:]), (grid[:, :-1], grid[:, 1:]), (grid, other), (grid, grid.T)):
        off = ~np.eye(300, dtype=bool)[: left.shape[0], : left.shape[1]]
        assert abs(np.corrcoef(left[off], right[off])[0, 1]) < 0.015


def test_normals_have_the_moments_of_a_standard_normal():
    drawn = as_normal(Stream(1, "n").keys(np.arange(200_000)))
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    assert stats.kurtosis(drawn) == pytest.approx(0, abs=0.06)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 10**6), st.integers(-400, 900))
def test_a_number_depends_on_its_coordinates_and_not_on_what_else_is_asked(seed, viewer, day):
    stream = Stream(seed, "x")
    together = stream.uniform(np.arange(viewer, viewer + 5), day)
    assert together[3] == stream.uniform(viewer + 3, day)[0]
    assert together[3] == stream.uniform(np.array([viewer + 3]), np.array([day]))[0]
    assert together[0] != stream.uniform(viewer, day + 1)[0]


def test_whole_numbers_and_arrays_fold_alike():
    keys = Stream(0, "k").keys(np.arange(4))
    assert (step(keys, 17) == step(keys, np.array([17]))).all()
    assert (step(keys, -3) == step(keys, np.array([-3]))).all()


def test_the_logistic_table_is_the_logistic_function():
    log_odds = np.linspace(-11, 11, 400)
    exact = 1 / (1 + np.exp(-ticks(log_odds) / TICK))
    assert np.abs(logistic(ticks(log_odds)) - exact).max() < 1e-8
    assert logistic(np.array([10**6, -(10**6)])) == pytest.approx([1, 0], abs=1e-4)


def test_picking_follows_the_shares_of_each_group():
    shares = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
    luck = Stream(2, "pick").uniform(np.arange(60_000))
    group = np.arange(60_000) % 2
    drawn = pick(cumulate(shares), group, luck)
    for row in (0, 1):
        found = np.bincount(drawn[group == row], minlength=3) / (group == row).sum()
        assert found == pytest.approx(shares[row], abs=0.01)
