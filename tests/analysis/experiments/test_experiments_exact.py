"""Exact sequences, quantiles, margins, survival: properties, peers, and how often they keep their word."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.margins import within_margin
from analysis.experiments.metrics import Metric
from analysis.experiments.mixtures import (
    NormalMixture,
    always_valid_split,
    best_rho,
    beta_binomial,
    bounded_mean_sequence,
    gamma_exponential,
    share_sequence,
)
from analysis.experiments.moments import Moments
from analysis.experiments.msprt import msprt
from analysis.experiments.quantiles import (
    compare_quantiles,
    interval_ranks,
    order_statistic_coverage,
    quantile_interval,
)
from analysis.experiments.survival import compare_survival


@given(v=st.floats(1, 1e4), alpha=st.floats(0.001, 0.2))
@settings(max_examples=40, deadline=None)
def test_a_bound_is_where_its_mixture_reaches_the_level(v, alpha):
    for mixture in (NormalMixture(best_rho(100)), beta_binomial(100, 0.3, 0.7), gamma_exponential(100, 1.0)):
        bound = mixture.bound(v, alpha)
        if math.isclose(bound, v / 0.3, rel_tol=1e-9):
            continue  # the parts can't take the sum so far
        assert mixture.log_value(bound, v) == pytest.approx(-math.log(alpha), abs=1e-6)
        assert mixture.bound(v, alpha / 2) >= bound


def test_a_share_sequence_holds_at_every_look_and_from_the_first_unit():
    rng = np.random.default_rng(301)
    missed = 0
    for _ in range(150):
        hits = np.cumsum(rng.random(300) < 0.2)
        found = share_sequence(hits, np.arange(1, 301))
        missed += bool(np.any((np.array(found.low) > 0.2) | (np.array(found.high) < 0.2)))
    assert missed <= stats.binom.ppf(0.9995, 150, 0.05)
    assert share_sequence([0], [1]).low == (0.0,)
    with pytest.raises(ExperimentError, match="impossible"):
        share_sequence([3], [2])
    with pytest.raises(ExperimentError, match="fall"):
        share_sequence([3, 2], [5, 6])


def test_a_bounded_mean_sequence_holds_and_narrows():
    rng = np.random.default_rng(302)
    missed = 0
    for _ in range(60):
        found = bounded_mean_sequence(rng.beta(1, 3, 500))
        missed += bool(np.any((np.array(found.low) > 0.25) | (np.array(found.high) < 0.25)))
    assert missed <= stats.binom.ppf(0.9995, 60, 0.05)
    widths = np.array(found.high) - np.array(found.low)
    assert widths[499] < widths[99] < widths[9]
    scaled = bounded_mean_sequence([10.0, 20.0, 30.0], low=0, high=40)
    assert scaled.estimate == (10.0, 15.0, 20.0)
    with pytest.raises(ExperimentError, match="outside of 0 to 1"):
        bounded_mean_sequence([0.5, 1.5])


def test_the_split_may_be_checked_every_day():
    rng = np.random.default_rng(303)
    alarms = 0
    for _ in range(500):
        counts = np.cumsum(rng.multinomial(60, [0.5, 0.5], 60), axis=0)
        alarms += always_valid_split(counts, [1, 1])[-1] < 0.05
    assert alarms <= stats.binom.ppf(0.9995, 500, 0.05)
    broken = np.cumsum(rng.multinomial(100, [0.55, 0.45], 60), axis=0)
    found = always_valid_split(broken, [1, 1])
    assert found[-1] < 1e-6
    assert np.all(np.diff(found) <= 0)
    with pytest.raises(ExperimentError, match="do not fit"):
        always_valid_split([[1, 2, 3]], [1, 1])


def test_the_two_msprts_differ_as_their_sources_do():
    a, b = Moments(5000, 10.0, 25.0), Moments(5000, 10.3, 26.0)
    johari, vendor = msprt(a, b), msprt(a, b, variant="Statsig")
    assert vendor.high > johari.high
    assert msprt(a, b, mixing_variance=0.01).high != johari.high
    # Johari's p-value and interval invert each other when the mixture is fixed beforehand.
    for gap in np.linspace(0.1, 0.6, 12):
        found = msprt(a, Moments(5000, 10 + gap, 26.0), mixing_variance=0.02)
        assert (found.sign != 0) == (found.p_value < 0.05)
    with pytest.raises(ParameterError, match="variant"):
        msprt(a, b, variant="other")
    with pytest.raises(ParameterError, match="mixing variance"):
        msprt(a, b, mixing_variance=0)


@given(n=st.integers(20, 500), quantile=st.floats(0.25, 0.75))
@settings(max_examples=60, deadline=None)
def test_ranks_cover_at_least_as_promised(n, quantile):
    low, high = interval_ranks(n, quantile)
    assert order_statistic_coverage(n, quantile, low, high) >= 0.95
    if high - low > 2:
        assert order_statistic_coverage(n, quantile, low + 1, high - 1) < 0.97


def test_quantile_intervals_agree_with_scipy():
    x = np.random.default_rng(304).gamma(2, 10, 400)
    estimate, low, high = quantile_interval(x, 0.9)
    peer = stats.quantile_test(x, q=np.quantile(x, 0.9), p=0.9).confidence_interval(0.95)
    assert (low, high) == pytest.approx((peer.low, peer.high))
    assert low < estimate < high
    with pytest.raises(ExperimentError, match="too few"):
        quantile_interval([1.0, 2.0, 3.0], 0.5)
    with pytest.raises(ExperimentError, match="row 2 is nan"):
        quantile_interval([1.0, math.nan], 0.5)


def test_the_three_quantile_comparisons_agree_where_they_should():
    rng = np.random.default_rng(305)
    x, y = rng.gamma(2, 10, 5_000), rng.gamma(2, 10.5, 5_000)
    clusters = (np.arange(5_000), np.arange(5_000))
    ways = {
        method: compare_quantiles(x, y, 0.5, method=method, clusters=clusters).effect.standard_error
        for method in ("order statistics", "bootstrap", "clustered bootstrap")
    }
    assert max(ways.values()) / min(ways.values()) < 1.15
    # Twenty equal rows a cluster say no more than one.
    repeated = compare_quantiles(
        np.repeat(x[:1000], 20),
        np.repeat(y[:1000], 20),
        method="clustered bootstrap",
        clusters=(np.repeat(np.arange(1000), 20),) * 2,
    )
    alone = compare_quantiles(x[:1000], y[:1000], method="bootstrap")
    assert repeated.effect.standard_error == pytest.approx(alone.effect.standard_error, rel=0.15)
    assert "50th percentile" in alone.summary()
    assert len(alone.to_frame()) == 1
    with pytest.raises(ParameterError, match="without clusters"):
        compare_quantiles(x, y, method="clustered bootstrap")
    same = compare_quantiles(np.ones(100), np.ones(100))
    assert math.isnan(same.effect.p_value)


def test_a_bootstrap_draw_is_a_quantile_of_a_resample():
    rng = np.random.default_rng(306)
    x = rng.normal(0, 1, 300)
    fast = compare_quantiles(x, x + 0.1, 0.8, method="bootstrap", draws=20_000)
    slow = [np.sort(rng.choice(x, 300))[239] for _ in range(4000)]
    assert fast.effect.standard_error / math.sqrt(2) == pytest.approx(np.std(slow), rel=0.06)


def test_within_margin_agrees_with_its_interval():
    a, b = Moments(4000, 10.0, 64.0), Moments(4000, 9.9, 70.0)
    metric = Metric("minutes", "mean", {"control": a, "new": b})
    wide, narrow = (within_margin(metric, "control", "new", m) for m in (0.06, 0.02))
    assert wide.equivalent
    assert wide.non_inferior
    assert not narrow.non_inferior
    assert "may be worse" in narrow.summary()
    assert "within 6 %" in wide.summary()
    less = within_margin(
        Metric("stalls", "mean", {"control": a, "new": b}, higher_is_better=False), "control", "new", 0.02
    )
    assert less.p_non_inferior == pytest.approx(within_margin(metric, "control", "new", 0.02).p_not_better)
    shares = Metric("p", "proportion", {"c": Moments.of_successes(200, 1000), "t": Moments.of_successes(195, 1000)})
    assert within_margin(shares, "c", "t", 0.3).non_inferior
    assert not within_margin(shares, "c", "t", 0.05).non_inferior
    with pytest.raises(ParameterError, match="margin"):
        within_margin(metric, "control", "new", 0)


def test_a_treatment_worse_by_the_margin_passes_as_rarely_as_said():
    rng = np.random.default_rng(307)
    passed = 0
    for _ in range(2000):
        arms = {"c": Moments.of(rng.gamma(4, 5, 300)), "t": Moments.of(rng.gamma(4, 4.5, 300))}
        passed += within_margin(Metric("x", "mean", arms), "c", "t", 0.1).non_inferior
    low, high = stats.binom.interval(0.999, 2000, 0.025)
    assert low <= passed <= high


def test_survival_against_peers_and_bad_input():
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.duration.survfunc import SurvfuncRight, survdiff

    rng = np.random.default_rng(308)
    t = np.ceil(rng.exponential(20, 300))
    e = rng.random(300) < 0.7
    group = np.arange(300) % 2
    found = compare_survival(t[group == 0], e[group == 0], t[group == 1], e[group == 1])
    chi, p = survdiff(t, e.astype(int), group)
    assert (found.chi_square, found.p_value) == (pytest.approx(chi), pytest.approx(p))
    peer = SurvfuncRight(t[group == 0], e[group == 0].astype(int))
    assert found.control.staying == pytest.approx(tuple(peer.surv_prob))
    assert found.low < found.hazard_ratio < found.high
    fitted = PHReg(t, group[:, None].astype(float), status=e.astype(int), ties="efron").fit(disp=False)
    low, high = np.exp(fitted.conf_int()[0])
    assert found.hazard_ratio == pytest.approx(math.exp(fitted.params[0]), rel=1e-6)
    assert (found.low, found.high) == (pytest.approx(low, rel=1e-4), pytest.approx(high, rel=1e-4))
    assert all(
        low <= s <= high
        for low, s, high in zip(found.control.low, found.control.staying, found.control.high, strict=True)
    )
    assert "hazard" in found.summary()
    assert set(found.to_frame()["variant"]) == {"control", "treatment"}
    with pytest.raises(ExperimentError, match="nobody"):
        compare_survival([1, 2], [0, 0], [1, 2], [1, 1])
    with pytest.raises(ExperimentError, match="negative"):
        compare_survival([-1, 2], [1, 0], [1, 2], [1, 1])
