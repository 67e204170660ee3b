"""Ratios of sums: their value, their interval, and that it holds what it promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.stats.ratios import ratio


def sums(seed: int, viewers: int = 640, columns: int = 2) -> np.ndarray:
    """Sums of independent viewers over 64 buckets."""
    rng = np.random.default_rng(seed)
    each = rng.gamma(0.8, size=(viewers, 1)) * rng.gamma(2.0, size=(viewers, columns))
    table = np.zeros((64, columns))
    np.add.at(table, np.arange(viewers) % 64, each)
    return table


def test_a_ratio_is_that_of_the_sums_and_lies_in_its_interval():
    table = sums(1, columns=4)
    total = table.sum(axis=0)
    plain, double = ratio(table[:, :2]), ratio(table)
    assert plain.value == pytest.approx(total[0] / total[1])
    assert double.value == pytest.approx(total[0] / total[1] / (total[2] / total[3]))
    for found in (plain, double):
        assert found.low < found.value < found.high
        # The logarithm of the interval has the estimate in its middle.
        assert np.log(found.low) + np.log(found.high) == pytest.approx(2 * np.log(found.value))
        assert found.clusters == 64


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1_000))
def test_units_and_order_do_not_matter(seed, factor):
    table = sums(seed)
    found, scaled = ratio(table), ratio(table * [factor, 1.0])
    assert scaled.low == pytest.approx(found.low * factor)
    turned = ratio(table[:, ::-1])
    assert turned.low == pytest.approx(1 / found.high)
    assert ratio(table[::-1]).high == pytest.approx(found.high)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    held = sum(low <= 1.0 <= high for low, high in ((r.low, r.high) for r in (ratio(sums(s)) for s in range(400))))
    # 95 % of 400 is 380, give or take 4.4.
    assert held >= 366


def test_what_has_no_logarithm_has_no_interval():
    table = sums(3)
    table[:, 0] = 0
    assert ratio(table).value == 0
    assert not ratio(table).known
    assert np.isnan(ratio(np.zeros((64, 2))).value)
    alone = np.zeros((64, 2))
    alone[5] = 1.0, 2.0
    assert ratio(alone).value == 0.5
    assert not ratio(alone).known
