"""Overdispersed counts against statsmodels, and futility bounds against gsDesign's published tables."""

import numpy as np
import pytest
from scipy import stats

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.counts import compare_counts
from analysis.experiments.futility import futility
from analysis.experiments.group_sequential import boundaries


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(21)
    return rng.negative_binomial(0.8, 0.8 / (0.8 + 3.0), 500), rng.negative_binomial(0.8, 0.8 / (0.8 + 3.6), 400)


def design(counts):
    sides = [np.repeat(i, x.size) for i, x in enumerate(counts)]
    return np.concatenate(counts), np.column_stack([np.ones(900), np.concatenate(sides)])


def test_the_quasi_poisson_ratio_is_statsmodels(counts):
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    y, x = design(counts)
    peer = GLM(y, x, family=Poisson()).fit(scale="X2")
    found = compare_counts(*counts)
    assert np.log(found.ratio.estimate) == pytest.approx(peer.params[1], rel=1e-6)
    assert found.ratio.standard_error == pytest.approx(peer.bse[1], rel=1e-6)
    assert found.dispersion == pytest.approx(peer.scale, rel=1e-6)
    assert "times as much as chance alone" in found.summary()
    assert len(found.to_frame()) == 1


def test_the_negative_binomial_ratio_is_statsmodels(counts):
    from statsmodels.discrete.discrete_model import NegativeBinomial

    y, x = design(counts)
    peer = NegativeBinomial(y, x).fit(disp=0, maxiter=200)
    found = compare_counts(*counts, model="negative binomial")
    assert np.log(found.ratio.estimate) == pytest.approx(peer.params[1], abs=1e-4)
    assert found.ratio.standard_error == pytest.approx(peer.bse[1], rel=1e-3)


def test_plain_chance_is_told_as_such():
    rng = np.random.default_rng(22)
    plain = rng.poisson(4, 400), rng.poisson(4, 400)
    quasi, negative = (compare_counts(*plain, model=m) for m in ("quasi-Poisson", "negative binomial"))
    assert quasi.dispersion == pytest.approx(1, abs=0.15)
    assert negative.ratio.standard_error == pytest.approx(quasi.ratio.standard_error, rel=0.1)


@pytest.mark.parametrize(
    ("control", "message"),
    [([1, -1], "Unit 2 of the control has -1"), ([1, 0.5], "has 0.5"), ([0, 0], "2 units and 0 events")],
)
def test_what_is_no_count_is_refused(control, message):
    with pytest.raises(ExperimentError, match=message):
        compare_counts(control, [1, 2])


def test_an_unknown_model_and_no_spread_are_refused():
    with pytest.raises(ParameterError, match="The model is 'x'"):
        compare_counts([1, 2], [1, 2], model="x")
    with pytest.raises(ExperimentError, match="no spread"):
        compare_counts([2, 2], [2, 2])


@pytest.fixture(scope="module")
def bounds():
    return futility([1 / 3, 2 / 3, 1], "Hwang–Shih–DeCani", power=0.9)


def test_futility_bounds_are_gs_designs(bounds):
    """The design that R's gsDesign() prints: k = 3, non-binding, Hwang–Shih–DeCani with −4 and −2."""
    assert bounds.futile_z == pytest.approx([-0.24, 0.94, 2.00], abs=0.005)
    assert stats.norm.cdf(bounds.futile_z) == pytest.approx([0.4057, 0.8267, 0.9772], abs=5e-5)
    assert np.diff([0, *bounds.missed]) == pytest.approx([0.0148, 0.0289, 0.0563], abs=5e-5)
    assert bounds.boundaries.critical_z == pytest.approx([3.01, 2.55, 2.00], abs=0.005)
    # It prints 1070 units for 1000 of a fixed design.
    assert 1000 * bounds.inflation == pytest.approx(1070, abs=1)


def test_paths_stop_as_often_as_the_bounds_say(bounds):
    rng = np.random.default_rng(33)
    drift = np.sqrt(bounds.inflation) * (stats.norm.ppf(0.975) + stats.norm.ppf(0.9))
    t = np.array(bounds.boundaries.information)
    for mean, missed in ((drift, 0.1), (0.0, bounds.given_up[-1])):
        steps = rng.normal(np.diff(np.insert(t, 0, 0)) * mean, np.sqrt(np.diff(np.insert(t, 0, 0))), (40_000, 3))
        z = steps.cumsum(axis=1) / np.sqrt(t)
        up, down = z >= np.array(bounds.boundaries.critical_z), z < np.array(bounds.futile_z)
        first = np.where((up | down).any(axis=1), (up | down).argmax(axis=1), 2)
        lost = down[np.arange(len(z)), first]
        assert lost.mean() == pytest.approx(missed, abs=4 * np.sqrt(missed * (1 - missed) / 40_000))


def test_bounds_leave_the_boundaries_alone_and_say_what_they_save(bounds):
    assert bounds.boundaries == boundaries([1 / 3, 2 / 3, 1], "Hwang–Shih–DeCani")
    assert "83 % of experiments end early" in bounds.summary()
    assert list(bounds.to_frame()["futile_z"]) == list(bounds.futile_z)
    one = futility([1.0], "Pocock")
    assert one.inflation == pytest.approx(1)
    assert "single look" in one.summary()
    with pytest.raises(ParameterError, match="power"):
        futility([0.5, 1], "Pocock", power=0.01)
