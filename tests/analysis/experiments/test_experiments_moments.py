"""Moments against numpy, and one engine query against arrays."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import engine
from analysis.errors import ExperimentError
from analysis.experiments.moments import JointMoments, Moments, moments_by_variant, natural

numbers = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


@given(numbers)
def test_moments_are_numpys(values):
    found = Moments.of(values)
    assert found.n == len(values)
    assert found.mean == pytest.approx(np.mean(values), rel=1e-12, abs=1e-9)
    assert found.variance == pytest.approx(np.var(values, ddof=1), rel=1e-9, abs=1e-6)


@given(st.lists(st.integers(0, 1), min_size=2, max_size=60))
def test_successes_give_the_moments_of_zeros_and_ones(values):
    counted, computed = Moments.of_successes(sum(values), len(values)), Moments.of(values)
    assert counted.mean == pytest.approx(computed.mean)
    assert counted.variance == pytest.approx(computed.variance)
    assert computed.successes == sum(values)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40))
def test_sums_give_the_same_moments(values):
    found = Moments.from_sums(len(values), math.fsum(values), math.fsum(v * v for v in values))
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.variance == pytest.approx(np.var(values, ddof=1), abs=1e-6)


@given(numbers, numbers)
def test_joining_two_groups_is_as_if_they_were_one(first, second):
    def joint(values):
        return JointMoments.of({"x": values, "y": np.asarray(values)[::-1] ** 2 / 1e6})

    together = joint(first) + joint(second)
    x = np.concatenate([first, second])
    y = np.concatenate([np.asarray(first)[::-1] ** 2, np.asarray(second)[::-1] ** 2]) / 1e6
    assert together.n == len(x)
    assert together.means["x"] == pytest.approx(x.mean(), rel=1e-9, abs=1e-6)
    scale = np.abs(x).max() * np.abs(y).max() + 1e-6
    assert together.variances["y"] == pytest.approx(np.var(y, ddof=1), rel=1e-9, abs=1e-9 * scale)
    assert together.covariances["x", "y"] == pytest.approx(np.cov(x, y, ddof=1)[0, 1], rel=1e-9, abs=1e-9 * scale)


def test_one_query_gives_what_arrays_give():
    rng = np.random.default_rng(20260201)
    n = 5_000
    arm = rng.choice(["arm 10", "arm 2", "control"], n)
    x, y = rng.gamma(2, 10, n), rng.normal(1e8, 1, n)
    z = [None if i % 7 == 0 else float(i % 3) for i in range(n)]
    table = pa.table({"arm": arm, "x": x, "y": y, "z": pa.array(z)})
    with engine.reading() as cursor:
        found = moments_by_variant(cursor.arrow(table), "arm", ["x", "y", "z"], [("y", "x")])
    assert list(found) == ["arm 2", "arm 10", "control"]
    for name, joint in found.items():
        here = arm == name
        assert joint.n == here.sum()
        assert joint.variances["x"] == pytest.approx(x[here].var(ddof=1), rel=1e-10)
        # A mean of 1e8 and a variance of 1: a sum of squares would have lost it.
        assert joint.variances["y"] == pytest.approx(y[here].var(ddof=1), rel=1e-6)
        assert joint.covariance("x", "y") == pytest.approx(np.cov(x[here], y[here])[0, 1], rel=1e-6, abs=1e-6)
        present = np.array([v is not None for v in z]) & here
        assert joint.column("z").n == present.sum() < joint.n
        with pytest.raises(ExperimentError, match="'z' is empty"):
            joint.require_complete(["z"])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused_by_arrays_and_by_the_engine(bad):
    with pytest.raises(ExperimentError, match="unit 2"):
        Moments.of([1.0, bad, 2.0])
    table = pa.table({"arm": ["a", "a", "b"], "x": [1.0, bad, 2.0]})
    with engine.reading() as cursor, pytest.raises(ExperimentError, match="'x' holds NaN or infinite"):
        moments_by_variant(cursor.arrow(table), "arm", ["x"])


def test_a_variant_without_any_number_is_refused():
    table = pa.table({"arm": ["a", "b"], "x": pa.array([1.0, None])})
    with engine.reading() as cursor, pytest.raises(ExperimentError, match="no number in variant 'b'"):
        moments_by_variant(cursor.arrow(table), "arm", ["x"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Moments(0, 0.0, 0.0), "0 units"),
        (lambda: Moments(5, math.inf, 1.0), "mean of a variant is inf"),
        (lambda: Moments(5, 0.0, -1.0), "variance of a variant is -1"),
        (lambda: Moments.of([]), "no outcomes"),
        (lambda: Moments.of_successes(-1, 5), "-1 successes"),
        (lambda: Moments.of_successes(6, 5), "6 successes"),
        (lambda: Moments(10, 0.123, 0.1).successes, "not a share"),
    ],
)
def test_impossible_moments_are_refused(make, message):
    with pytest.raises(ExperimentError, match=message):
        make()


def test_a_single_unit_has_no_variance():
    assert math.isnan(Moments.of([3.0]).variance)
    assert math.isnan(Moments.of_successes(1, 1).variance)


def test_names_sort_by_their_numbers():
    assert sorted(["arm 10", "b", "arm 2", "3"], key=natural) == ["3", "arm 2", "arm 10", "b"]
