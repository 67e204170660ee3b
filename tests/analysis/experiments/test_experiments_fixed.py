"""Tests of two variants against scipy and statsmodels called plainly, and against tea-tasting."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.fixed import compare_means, compare_proportions
from analysis.experiments.moments import Moments

SUCCESSES = Moments.of_successes


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(42)
    return rng.gamma(2, 10, 400), rng.gamma(2, 11, 300)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_a_mean_is_tested_as_scipy_does(samples, alternative, confidence):
    control, treatment = samples
    found = compare_means(Moments.of(control), Moments.of(treatment), confidence=confidence, alternative=alternative)
    expected = stats.ttest_ind(treatment, control, equal_var=False, alternative=alternative)
    bounds = expected.confidence_interval(confidence)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-10)
    assert found.degrees_of_freedom == pytest.approx(expected.df, rel=1e-10)
    assert found.absolute.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.absolute.low, found.absolute.high) == pytest.approx((bounds.low, bounds.high), rel=1e-9)


def test_a_mean_is_tested_as_statsmodels_does(samples):
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    control, treatment = samples
    found = compare_means(Moments.of(control), Moments.of(treatment), confidence=0.9)
    peer = CompareMeans(DescrStatsW(treatment), DescrStatsW(control))
    assert (found.absolute.low, found.absolute.high) == pytest.approx(
        peer.tconfint_diff(alpha=0.1, usevar="unequal"), rel=1e-9
    )


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_a_mean_and_its_log_ratio_are_tea_tastings(samples, alternative):
    tea_tasting = pytest.importorskip("tea_tasting")
    control, treatment = samples
    data = pd.DataFrame({"variant": [0] * len(control) + [1] * len(treatment), "x": np.concatenate(samples)})
    peer = tea_tasting.Experiment(x=tea_tasting.Mean("x", alternative=alternative)).analyze(data)["x"]
    found = compare_means(Moments.of(control), Moments.of(treatment), alternative=alternative, relative="log-ratio")
    assert found.absolute.p_value == pytest.approx(peer.pvalue, rel=1e-9)
    assert (found.absolute.low, found.absolute.high) == pytest.approx(
        (peer.effect_size_ci_lower, peer.effect_size_ci_upper), rel=1e-9
    )
    assert found.relative.estimate == pytest.approx(peer.rel_effect_size, rel=1e-9)
    if alternative != "less":
        assert found.relative.low == pytest.approx(peer.rel_effect_size_ci_lower, rel=1e-9)
    if alternative != "greater":
        assert found.relative.high == pytest.approx(peer.rel_effect_size_ci_upper, rel=1e-9)


@given(
    st.integers(2, 400),
    st.integers(2, 400),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_a_proportions_test_and_both_its_intervals_always_agree(n1, n2, share1, share2, confidence):
    x1, x2 = round(share1 * n1), round(share2 * n2)
    assume(0 < x1 + x2 < n1 + n2)
    found = compare_proportions(SUCCESSES(x1, n1), SUCCESSES(x2, n2), confidence=confidence)
    p, alpha = found.absolute.p_value, 1 - confidence
    assume(abs(p - alpha) > 1e-9)
    assert -1 <= found.absolute.low <= found.absolute.estimate + 1e-12
    assert found.absolute.estimate - 1e-12 <= found.absolute.high <= 1
    assert (found.absolute.sign != 0) == (p < alpha)
    if found.relative is not None:
        assert (found.relative.sign != 0) == (p < alpha)
        assert found.relative.sign == found.absolute.sign
        assert found.relative.low - 1e-9 <= found.relative.estimate <= found.relative.high + 1e-9


@given(st.integers(2, 300), st.integers(2, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_swapping_the_variants_turns_the_difference_round(n1, n2, seed):
    rng = np.random.default_rng(seed)
    x1, x2 = int(rng.integers(0, n1 + 1)), int(rng.integers(0, n2 + 1))
    assume(0 < x1 + x2 < n1 + n2)
    one = compare_proportions(SUCCESSES(x1, n1), SUCCESSES(x2, n2)).absolute
    other = compare_proportions(SUCCESSES(x2, n2), SUCCESSES(x1, n1)).absolute
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-7)
    assert one.p_value == pytest.approx(other.p_value)


@pytest.mark.parametrize(("x1", "n1", "x2", "n2"), [(19, 53, 13, 47), (680, 2629, 390, 2551), (5, 900, 15, 1100)])
def test_the_pooled_z_is_statsmodels(x1, n1, x2, n2):
    from statsmodels.stats.proportion import proportions_ztest

    found = compare_proportions(SUCCESSES(x1, n1), SUCCESSES(x2, n2))
    z, p = proportions_ztest([x2, x1], [n2, n1])
    assert (found.statistic, found.absolute.p_value) == pytest.approx((z, p), rel=1e-9)


@pytest.mark.parametrize(
    ("x1", "n1", "x2", "n2"), [(5, 10, 6, 10), (0, 10, 3, 12), (49, 100, 51, 100), (30, 900, 55, 1100)]
)
def test_the_ends_of_the_difference_are_where_the_likelihood_says(x1, n1, x2, n2):
    """An oracle of its own: the constrained maximum is found by search, not by Miettinen and Nurminen's formula."""

    def z(delta):
        def minus_log_likelihood(p):
            with np.errstate(divide="ignore"):
                return -(stats.binom.logpmf(x1, n1, p) + stats.binom.logpmf(x2, n2, min(1.0, max(0.0, p + delta))))

        bounds = (max(0.0, -delta), min(1.0, 1 - delta))
        p = optimize.minimize_scalar(minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        q = p + delta
        return (x2 / n2 - x1 / n1 - delta) / math.sqrt(p * (1 - p) / n1 + q * (1 - q) / n2)

    found = compare_proportions(SUCCESSES(x1, n1), SUCCESSES(x2, n2)).absolute
    assert z(found.low) == pytest.approx(stats.norm.ppf(0.975), abs=1e-3)
    assert z(found.high) == pytest.approx(-stats.norm.ppf(0.975), abs=1e-3)


@pytest.mark.parametrize(("x1", "n1", "x2", "n2"), [(19, 53, 13, 47), (49, 100, 51, 100), (30, 900, 55, 1100)])
def test_the_interval_of_the_ratio_is_statsmodels(x1, n1, x2, n2):
    from statsmodels.stats.proportion import confint_proportions_2indep

    found = compare_proportions(SUCCESSES(x1, n1), SUCCESSES(x2, n2)).relative
    low, high = confint_proportions_2indep(x2, n2, x1, n1, method="score", compare="ratio", correction=False)
    assert (1 + found.low, 1 + found.high) == pytest.approx((low, high), rel=1e-6)


@given(st.floats(0.5, 100), st.floats(0.5, 100), st.floats(0.1, 500), st.floats(0.1, 500), st.integers(5, 500))
def test_fiellers_lift_never_contradicts_the_difference(mean_c, mean_t, var_c, var_t, n):
    found = compare_means(Moments(n, mean_c, var_c), Moments(n + 3, mean_t, var_t))
    if found.relative is None:
        assert mean_c < 3.2 * 2 * math.sqrt(var_c / n)
    else:
        assume(abs(found.absolute.p_value - 0.05) > 1e-9)
        assert found.relative.sign == found.absolute.sign
        assert found.relative.low <= found.relative.estimate <= found.relative.high


@given(st.floats(-1e3, 1e3), st.floats(0.01, 1e3))
def test_shifting_or_scaling_the_outcomes_moves_the_difference_with_them(shift, scale):
    rng = np.random.default_rng(7)
    a, b = rng.normal(10, 2, 50), rng.normal(11, 3, 60)
    plain = compare_means(Moments.of(a), Moments.of(b))
    moved = compare_means(Moments.of(a * scale + shift), Moments.of(b * scale + shift))
    assert moved.absolute.p_value == pytest.approx(plain.absolute.p_value, rel=1e-6)
    assert moved.absolute.low == pytest.approx(plain.absolute.low * scale, rel=1e-6, abs=1e-9)


def test_equal_variants_show_no_difference_and_full_certainty_is_not_claimed():
    same = Moments.of([1.0, 2.0, 3.0])
    found = compare_means(same, same)
    assert found.absolute.estimate == 0
    assert found.absolute.p_value == 1
    assert found.absolute.sign == 0


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (compare_means(Moments(9, 2.0, 0.0), Moments(9, 2.0, 0.0)), "same outcome, so there is nothing to compare"),
        (compare_means(Moments(9, 2.0, 0.0), Moments(9, 3.0, 0.0)), "no spread to judge"),
        (compare_means(Moments.of([1.0]), Moments(9, 3.0, 1.0)), "single unit"),
        (compare_means(Moments(9, 1.0, math.nan), Moments(9, 3.0, 1.0)), "variance of a variant is missing"),
        (compare_proportions(SUCCESSES(0, 9), SUCCESSES(0, 8)), "No unit succeeded"),
        (compare_proportions(SUCCESSES(9, 9), SUCCESSES(8, 8)), "Every unit succeeded"),
    ],
)
def test_what_cant_be_tested_says_so_and_gives_no_number(found, words):
    assert words in found.problem
    assert words in found.summary()
    assert math.isnan(found.absolute.p_value)
    assert math.isnan(found.absolute.low)
    assert found.relative is None
    assert found.to_frame()["problem"][0] == found.problem


def test_one_constant_variant_is_no_obstacle():
    found = compare_means(Moments(50, 2.0, 0.0), Moments(50, 2.5, 1.0))
    assert found.absolute.standard_error == pytest.approx(math.sqrt(1 / 50))
    assert found.absolute.sign == 1


def test_few_successes_are_flagged():
    assert "rough" in compare_proportions(SUCCESSES(1, 100), SUCCESSES(3, 100)).caution
    assert compare_proportions(SUCCESSES(10, 100), SUCCESSES(13, 100)).caution == ""


def test_no_lift_without_a_control_clearly_above_zero():
    assert compare_means(Moments(100, 0.01, 1.0), Moments(100, 0.5, 1.0)).relative is None
    assert compare_means(Moments(100, -5.0, 1.0), Moments(100, 0.5, 1.0)).relative is None
    assert compare_proportions(SUCCESSES(0, 100), SUCCESSES(20, 100)).relative is None


def test_a_summary_has_the_number_and_its_interval():
    text = compare_proportions(SUCCESSES(2000, 10000), SUCCESSES(2200, 10050), metric="starts").summary()
    assert "+0.0189 (95 % interval +0.00764 to +0.0302; p = .001)" in text
    assert "+9.5 % (+3.7 % to +16 %)" in text
    assert "significant" not in text


@pytest.mark.parametrize(
    "options", [{"confidence": 1.0}, {"confidence": 0.2}, {"alternative": "up"}, {"relative": "x"}]
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ParameterError):
        compare_means(Moments(100, 5.0, 1.0), Moments(100, 5.0, 1.0), **options)


def test_a_mean_is_no_proportion():
    with pytest.raises(ExperimentError, match="not a share"):
        compare_proportions(Moments(100, 12.5, 4.0), Moments(100, 13.0, 4.0))
