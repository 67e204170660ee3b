"""More than two variants, many p-values, and the sample-ratio check, against scipy and statsmodels."""

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.health import sample_ratio
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.multi import compare_overall, compare_variants
from analysis.experiments.multiplicity import adjust_p_values, preferential_levels

CLICKS = {
    "a": Moments.of_successes(68, 2629),
    "b": Moments.of_successes(63, 2661),
    "c": Moments.of_successes(49, 2539),
    "d": Moments.of_successes(39, 2551),
}


def test_all_variants_of_a_proportion_are_tested_as_scipy_does():
    found = compare_overall(Metric("clicks", "proportion", CLICKS))
    table = [[m.successes, m.n - m.successes] for m in CLICKS.values()]
    expected = stats.chi2_contingency(table, correction=False)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-10)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)


def test_all_variants_of_a_mean_are_tested_as_statsmodels_does():
    from statsmodels.stats.oneway import anova_oneway

    rng = np.random.default_rng(5)
    groups = [rng.normal(10 + i / 3, 1 + i, 40 + 10 * i) for i in range(4)]
    found = compare_overall(Metric("x", "mean", {str(i): Moments.of(g) for i, g in enumerate(groups)}))
    expected = anova_oneway(groups, use_var="unequal")
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.degrees_of_freedom == pytest.approx(expected.df, rel=1e-9)


def test_two_variants_tested_together_or_as_a_pair_give_the_same_p_value():
    two = {"a": CLICKS["a"], "d": CLICKS["d"]}
    found = compare_variants(Metric("clicks", "proportion", two))
    assert found.overall.p_value == pytest.approx(found.pairs[0].absolute.p_value, rel=1e-9)
    assert found.pairs[0].adjustment == ""
    means = {"a": Moments(30, 5.0, 2.0), "b": Moments(40, 6.0, 9.0)}
    found = compare_variants(Metric("x", "mean", means))
    assert found.overall.p_value == pytest.approx(found.pairs[0].absolute.p_value, rel=1e-9)


def test_all_pairs_without_a_control_and_all_against_it_with_one():
    metric = Metric("clicks", "proportion", CLICKS)
    pairs = compare_variants(metric).pairs
    assert [(p.control, p.treatment) for p in pairs][:3] == [("a", "b"), ("a", "c"), ("a", "d")]
    assert len(pairs) == 6
    against = compare_variants(metric, "c").pairs
    assert [(p.control, p.treatment) for p in against] == [("c", "a"), ("c", "b"), ("c", "d")]
    assert against[0].confidence == pytest.approx(1 - 0.05 / 3)
    assert "widened for 3 comparisons" in against[0].summary()
    assert [p.p_value for p in pairs] == pytest.approx(adjust_p_values([p.absolute.p_value for p in pairs]))


def test_variants_that_cant_be_tested_do_not_stop_the_others():
    arms = {"a": Moments.of_successes(0, 500), "b": Moments.of_successes(0, 510), "c": Moments.of_successes(30, 505)}
    found = compare_variants(Metric("clicks", "proportion", arms))
    assert found.pairs[0].problem
    assert math.isnan(found.pairs[0].p_value)
    assert found.pairs[1].absolute.sign == 1
    # Two tests were made, not three.
    assert found.pairs[1].p_value == pytest.approx(2 * min(p.absolute.p_value for p in found.pairs[1:]), rel=1e-6)


def test_constant_variants_have_no_common_test():
    arms = {"a": Moments(50, 1.0, 0.0), "b": Moments(50, 2.0, 1.0), "c": Moments(50, 2.0, 1.0)}
    assert "same outcome" in compare_overall(Metric("x", "mean", arms)).problem
    arms = dict.fromkeys("abc", Moments.of_successes(0, 10))
    assert "No unit succeeded" in compare_overall(Metric("x", "proportion", arms)).problem


def test_one_variant_or_an_unknown_control_is_refused():
    with pytest.raises(ExperimentError, match="only one variant"):
        compare_variants(Metric("x", "mean", {"a": Moments(5, 1.0, 1.0)}))
    with pytest.raises(ExperimentError, match="no variant 'z'"):
        compare_variants(Metric("clicks", "proportion", CLICKS), "z")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@pytest.mark.parametrize(
    ("ours", "theirs"), [("Holm", "holm"), ("Bonferroni", "bonferroni"), ("Benjamini–Hochberg", "fdr_bh")]
)
def test_adjusted_p_values_are_statsmodels(ours, theirs, p_values):
    # Its Holm collects all garbage of the process at every call, which took half a second each.
    with mock.patch("gc.collect"):
        expected = multipletests(p_values, method=theirs)[1]
    assert adjust_p_values(p_values, ours) == pytest.approx(expected, abs=1e-12)


def test_an_unknown_p_value_is_no_test():
    assert adjust_p_values([0.01, math.nan, 0.04])[0] == pytest.approx(0.02)
    assert math.isnan(adjust_p_values([0.01, math.nan, 0.04])[1])
    with pytest.raises(ParameterError):
        adjust_p_values([1.2])
    with pytest.raises(ParameterError):
        adjust_p_values([0.2], "Sidak")


def test_preferential_levels_spend_the_whole_level():
    primary, other = preferential_levels(0.05, treatments=2, metrics=5, share=0.7)
    assert 2 * (primary + 4 * other) == pytest.approx(0.05)
    assert preferential_levels(0.05, 1, 1) == (0.05, 0.0)
    with pytest.raises(ParameterError):
        preferential_levels(0.05, 0, 3)


@given(st.lists(st.integers(1, 100_000), min_size=2, max_size=8), st.integers(0, 2**32 - 1))
def test_the_sample_ratio_check_is_scipys_chi_square(counts, seed):
    weights = np.random.default_rng(seed).uniform(0.1, 1, len(counts))
    found = sample_ratio({str(i): c for i, c in enumerate(counts)}, {str(i): float(w) for i, w in enumerate(weights)})
    expected = stats.chisquare(counts, sum(counts) * weights / weights.sum())
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)


def test_the_sample_ratio_check_says_what_it_found():
    good, bad = sample_ratio({"a": 5000, "b": 5050}), sample_ratio({"a": 5000, "b": 5400})
    assert not good.failed
    assert bad.failed
    assert "split as planned" in good.summary()
    assert "not split as planned" in bad.summary()
    assert "b: 5,400 (5,200)" in bad.summary()
    assert bad.to_frame()["expected"].tolist() == [5200, 5200]


@pytest.mark.parametrize(
    ("counts", "weights", "words"),
    [
        ({"a": 5}, None, "only one variant"),
        ({"a": 5, "b": -1}, None, "'b' has -1 units"),
        ({"a": 0, "b": 0}, None, "No variant has any unit"),
        ({"a": 5, "b": 5}, {"a": 1.0}, "planned shares are for a"),
        ({"a": 5, "b": 5}, {"a": 1.0, "b": 0.0}, "planned share of variant 'b' is 0"),
        ({"a": 5, "b": 5}, {"a": 1.0, "b": math.nan}, "planned share of variant 'b' is nan"),
    ],
)
def test_impossible_splits_are_refused(counts, weights, words):
    with pytest.raises(ExperimentError, match=words):
        sample_ratio(counts, weights)
