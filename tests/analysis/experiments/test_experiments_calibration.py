"""Whether the methods keep their word: coverage and false positives by simulation, at seeds fixed beforehand.

Each count must lie inside the 99.9 % binomial band around the nominal level.
"""

import numpy as np
import pytest
from scipy import stats

from analysis.experiments.bayes import beta_posterior, normal_posterior
from analysis.experiments.fixed import Effect, compare_means, compare_proportions, symmetric
from analysis.experiments.group_sequential import boundaries, crossing
from analysis.experiments.health import sample_ratio
from analysis.experiments.metrics import Metric, Ratio, adjust, term_moments
from analysis.experiments.moments import JointMoments, Moments
from analysis.experiments.multi import compare_variants
from analysis.experiments.planning import days_for, detectable_lift, power_of_mean, units_for_mean, units_for_proportion
from analysis.experiments.sequential import BURN_IN, always_valid

REPEATS = 2_000


def inside(count, level, repeats=REPEATS):
    low, high = stats.binom.interval(0.999, repeats, level)
    assert low <= count <= high, f"{count} of {repeats}, expected {low:.0f} to {high:.0f}"


def joint(columns):
    """The moments of arrays, without the checks that take most of the time."""
    names = sorted(columns)
    matrix = np.cov(np.vstack([columns[name] for name in names]))
    pairs = {(a, b): matrix[i, j] for i, a in enumerate(names) for j, b in enumerate(names) if i < j}
    means = {name: float(columns[name].mean()) for name in names}
    return JointMoments(len(columns[names[0]]), means, dict(zip(names, np.diag(matrix), strict=True)), pairs, {})


def draw(rng, n):
    ability = rng.gamma(2, 1, n)
    plays = 1.0 + rng.poisson(3 * ability)
    return {"minutes": 20 * plays + rng.normal(0, 20, n), "plays": plays, "before": rng.poisson(20 * ability) * 1.0}


def test_means_ratios_and_cuped_raise_false_alarms_as_often_as_they_say():
    """All four on the same experiments, of which drawing is the larger part of the time."""
    rng = np.random.default_rng(101)
    alarms = dict.fromkeys(["mean", "ratio", "cuped", "cuped ratio"], 0)
    for _ in range(REPEATS):
        arms = {name: joint(draw(rng, 250)) for name in "ab"}
        for method in alarms:
            term = Ratio("minutes", "plays") if "ratio" in method else "minutes"
            moments = (
                adjust(arms, term, ["before"]).arms
                if "cuped" in method
                else {name: term_moments(arm, term) for name, arm in arms.items()}
            )
            alarms[method] += compare_means(moments["a"], moments["b"]).absolute.p_value < 0.05
    for count in alarms.values():
        inside(count, 0.05)


@pytest.mark.parametrize(("relative", "seed"), [("consistent", 111), ("delta", 112), ("log-ratio", 113)])
def test_intervals_of_the_lift_hold_the_truth_as_often_as_they_say(relative, seed):
    rng = np.random.default_rng(seed)
    held = absolute = 0
    for _ in range(REPEATS):
        a, b = Moments.of(rng.gamma(2, 10, 400)), Moments.of(rng.gamma(2, 11, 300))
        found = compare_means(a, b, relative=relative)
        held += found.relative.low <= 0.1 <= found.relative.high
        absolute += found.absolute.low <= 2 <= found.absolute.high
    inside(held, 0.95)
    inside(absolute, 0.95)


def test_intervals_of_proportions_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(121)
    held = lifts = 0
    for _ in range(REPEATS):
        a, b = rng.binomial(500, 0.10), rng.binomial(700, 0.13)
        found = compare_proportions(Moments.of_successes(int(a), 500), Moments.of_successes(int(b), 700))
        held += found.absolute.low <= 0.03 <= found.absolute.high
        lifts += found.relative.low <= 0.3 <= found.relative.high
    inside(held, 0.95)
    inside(lifts, 0.95)


def test_a_bound_on_one_side_errs_on_one_side():
    rng = np.random.default_rng(131)
    alarms = 0
    for _ in range(REPEATS):
        a, b = (Moments.of(rng.normal(0, 1 + i, 60)) for i in range(2))
        alarms += compare_means(a, b, alternative="greater").absolute.p_value < 0.05
    inside(alarms, 0.05)


def test_sample_ratio_alarms_are_as_rare_as_they_say():
    rng = np.random.default_rng(141)
    counts = rng.multinomial(9_000, [0.5, 0.25, 0.25], 20_000)
    weights = {"a": 2.0, "b": 1.0, "c": 1.0}
    alarms = sum(sample_ratio(dict(zip("abc", map(int, row), strict=True)), weights).failed for row in counts)
    inside(alarms, 0.001, 20_000)


def test_all_pairs_together_rarely_raise_a_false_alarm():
    """Holm's bound is on the safe side."""
    rng = np.random.default_rng(151)
    by_p = by_interval = 0
    for _ in range(600):
        arms = {str(i): Moments.of(rng.normal(5, 2, 80)) for i in range(4)}
        pairs = compare_variants(Metric("x", "mean", arms)).pairs
        by_p += min(p.p_value for p in pairs) < 0.05
        by_interval += any(p.absolute.sign for p in pairs)
    top = stats.binom.ppf(0.9995, 600, 0.05)
    assert 5 < by_p <= top
    assert 5 < by_interval <= top


def z_paths(rng, repeats, looks, units):
    """z-scores of a true null at each look, shape (repeats, looks); `units` arrive between looks in each arm."""
    steps = rng.normal(0, 1, (repeats, looks))
    return np.cumsum(steps, axis=1) / np.sqrt(np.arange(1, looks + 1))


def test_peeking_misleads_and_a_confidence_sequence_does_not():
    rng = np.random.default_rng(161)
    looks, units = 200, 100
    z = z_paths(rng, REPEATS, looks, units)
    # Twenty looks at a test for one look: 24.8 % false alarms (Armitage, McPherson and Rowe 1969).
    inside(int((np.abs(z[:, :20]) > stats.norm.ppf(0.975)).any(axis=1).sum()), 0.248)
    first = BURN_IN // (2 * units)
    alarms = 0
    bounds = []
    for look in range(first, looks):
        n = (look + 1) * units
        error = np.sqrt(2 / n)
        bounds.append(always_valid(symmetric(0.0, error, np.inf, 0.95, "two-sided"), 2 * n).high / error)
    alarms = int((np.abs(z[:, first:]) > np.array(bounds)).any(axis=1).sum())
    assert alarms <= stats.binom.ppf(0.9995, REPEATS, 0.05)
    assert alarms > 0.005 * REPEATS


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_a_sequences_p_value_inverts_its_interval(alternative):
    for estimate in (-0.5, -0.2, 0.1, 0.3, 0.45):
        effect = Effect(estimate, 0, 0, 0.1, 0)
        found = always_valid(effect, 4_000, alternative=alternative)
        assert (found.sign != 0) == (found.p_value < 0.05)
        fixed = symmetric(estimate, 0.1, np.inf, 0.95, alternative)
        assert found.p_value >= fixed.p_value
        assert found.low <= fixed.low
        assert found.high >= fixed.high


@pytest.mark.parametrize(("looks", "rate"), [(2, 0.083), (5, 0.142), (10, 0.193), (20, 0.248)])
def test_peeking_has_the_known_price(looks, rate):
    critical = np.full(looks, stats.norm.ppf(0.975))
    t = np.arange(1, looks + 1) / looks
    # Two sides, each below the other's reach: twice one side, less the few paths that cross both.
    assert 2 * crossing(t, critical).sum() == pytest.approx(rate, abs=0.006)


@pytest.mark.parametrize("design", ["O’Brien–Fleming", "Pocock", "Lan–DeMets Pocock", "Hwang–Shih–DeCani"])
def test_boundaries_spend_their_level(design):
    rng = np.random.default_rng(171)
    found = boundaries([0.2, 0.4, 0.6, 0.8, 1.0], design, alpha=0.05)
    assert found.spent[-1] == pytest.approx(0.05, abs=1e-6)
    z = z_paths(rng, 20_000, 5, 1)
    inside(int((z >= np.array(found.critical_z)).any(axis=1).sum()), 0.05, 20_000)


def test_the_planned_power_is_reached():
    rng = np.random.default_rng(181)
    n = round(units_for_mean(4.0, 0.5))
    assert power_of_mean(4.0, 0.5, n) == pytest.approx(0.8, abs=0.003)
    a, b = rng.normal(0, 2, (REPEATS, n)), rng.normal(0.5, 2, (REPEATS, n))
    inside(int((stats.ttest_ind(a, b, axis=1).pvalue < 0.05).sum()), power_of_mean(4.0, 0.5, n))
    n = round(units_for_proportion(0.2, 0.25))
    x, y = rng.binomial(n, 0.2, REPEATS), rng.binomial(n, 0.25, REPEATS)
    found = 0
    for p, q in zip(x, y, strict=True):
        pair = compare_proportions(Moments.of_successes(int(p), n), Moments.of_successes(int(q), n))
        found += pair.absolute.p_value < 0.05
    inside(found, 0.8)


def test_the_detectable_lift_and_the_units_agree():
    control = Moments(2, 10.0, 400.0)
    lift = detectable_lift(control, 10_000)
    error = np.sqrt(400 * (1 + (1 + lift) ** 2) / 10_000) / 10
    assert lift / error == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    assert days_for(10, [3, 6]) is None


def test_a_beta_posterior_is_what_draws_say():
    rng = np.random.default_rng(191)
    found = beta_posterior(Moments.of_successes(40, 300), Moments.of_successes(55, 310), prior=(2, 8))
    gap = rng.beta(57, 263, 1_000_000) - rng.beta(42, 268, 1_000_000)
    assert found.chance_to_win == pytest.approx((gap > 0).mean(), abs=2e-3)
    assert found.loss_if_kept == pytest.approx(np.maximum(gap, 0).mean(), rel=5e-3)
    assert found.loss_if_shipped == pytest.approx(np.maximum(-gap, 0).mean(), rel=5e-2)
    assert found.mean == pytest.approx(gap.mean(), abs=1e-4)
    assert found.standard_deviation == pytest.approx(gap.std(), rel=5e-3)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(gap, [0.025, 0.975])), abs=1e-3)
    assert "no p-value" in found.summary()


def test_credible_intervals_hold_effects_drawn_from_their_prior():
    rng = np.random.default_rng(201)
    held = 0
    for truth in rng.normal(0.1, 0.2, REPEATS):
        effect = Effect(float(rng.normal(truth, 0.15)), 0, 0, 0.15, 0)
        found = normal_posterior(effect, prior_mean=0.1, prior_sd=0.2)
        held += found.low <= truth <= found.high
    inside(held, 0.95)
