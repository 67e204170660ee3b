"""Ratios and CUPED on moments, against the same done on units, least squares and tea-tasting."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import ExperimentError
from analysis.experiments.fixed import compare_means
from analysis.experiments.metrics import Ratio, adjust, columns_of, make_metric, term_moments
from analysis.experiments.moments import JointMoments


def users(seed, n=3_000):
    rng = np.random.default_rng(seed)
    ability = rng.gamma(2, 1, n)
    variant = rng.integers(0, 2, n)
    plays = 1 + rng.poisson(3 * ability)
    before = rng.poisson(20 * ability) + rng.normal(0, 3, n)
    minutes = 25 * plays + rng.normal(0, 30, n) + 2 * before + 6 * variant
    return pd.DataFrame(
        {
            "variant": variant,
            "minutes": minutes,
            "plays": plays.astype(float),
            "before": before,
            "plays_before": 1.0 + rng.poisson(3 * ability),
        }
    )


def joints(frame):
    columns = [c for c in frame if c != "variant"]
    return {str(v): JointMoments.of({c: g[c] for c in columns}) for v, g in frame.groupby("variant")}


@pytest.fixture(scope="module")
def frame():
    return users(11)


@pytest.mark.parametrize(
    ("term", "covariate", "peer"),
    [
        ("minutes", "before", ("Mean", ("minutes", "before"))),
        (Ratio("minutes", "plays"), None, ("RatioOfMeans", ("minutes", "plays"))),
        (
            Ratio("minutes", "plays"),
            Ratio("before", "plays_before"),
            ("RatioOfMeans", ("minutes", "plays", "before", "plays_before")),
        ),
    ],
)
def test_ratios_and_cuped_are_tea_tastings(frame, term, covariate, peer):
    tea_tasting = pytest.importorskip("tea_tasting")
    kind, arguments = peer
    expected = tea_tasting.Experiment(m=getattr(tea_tasting, kind)(*arguments, use_t=False)).analyze(frame)["m"]
    arms = joints(frame)
    moments = adjust(arms, term, [covariate]).arms if covariate else {k: term_moments(j, term) for k, j in arms.items()}
    found = compare_means(moments["0"], moments["1"], distribution="normal", relative="log-ratio")
    assert found.absolute.estimate == pytest.approx(expected.effect_size, rel=1e-9)
    assert found.absolute.p_value == pytest.approx(expected.pvalue, rel=1e-7)
    assert (found.absolute.low, found.absolute.high) == pytest.approx(
        (expected.effect_size_ci_lower, expected.effect_size_ci_upper), rel=1e-8
    )
    assert found.relative.low == pytest.approx(expected.rel_effect_size_ci_lower, rel=1e-8)


def test_several_covariates_are_least_squares(frame):
    found = adjust(joints(frame), "minutes", ["before", "plays_before"])
    # Centred on the whole, the pooled slope is that of a regression that knows nothing of the variants.
    design = np.column_stack([np.ones(len(frame)), frame["before"], frame["plays_before"]])
    slopes = np.linalg.lstsq(design, frame["minutes"], rcond=None)[0][1:]
    assert found.coefficients == pytest.approx(slopes, rel=1e-8)
    one = adjust(joints(frame), "minutes", ["before"])
    assert found.variance_reduction >= one.variance_reduction > 0.3


def test_a_constant_or_repeated_covariate_changes_nothing(frame):
    more = frame.assign(constant=3.0, copy=frame["before"] * 2)
    plain = adjust(joints(frame), "minutes", ["before"])
    found = adjust(joints(more), "minutes", ["before", "constant", "copy"])
    for name in ("0", "1"):
        assert found.arms[name].mean == pytest.approx(plain.arms[name].mean, rel=1e-9)
        assert found.arms[name].variance == pytest.approx(plain.arms[name].variance, rel=1e-9)
    nothing = adjust(joints(more), "minutes", ["constant"])
    assert nothing.variance_reduction == 0
    assert nothing.arms["1"].mean == pytest.approx(frame.loc[frame["variant"] == 1, "minutes"].mean())


def test_the_delta_method_knows_a_ratios_spread():
    rng = np.random.default_rng(3)
    draws = []
    for _ in range(2_000):
        plays = 1.0 + rng.poisson(3, 200)
        draws.append((rng.binomial(plays.astype(int), 0.4).sum()) / plays.sum())
    plays = 1.0 + rng.poisson(3, 20_000)
    joint = JointMoments.of({"done": rng.binomial(plays.astype(int), 0.4).astype(float), "plays": plays})
    predicted = np.sqrt(term_moments(joint, Ratio("done", "plays")).variance / 200)
    # 2,000 draws know a standard deviation to about 1.6 %; three of that and a little for the moments.
    assert np.std(draws) == pytest.approx(predicted, rel=0.06)


def test_a_metric_says_what_was_summed_and_what_was_done(frame):
    arms = joints(frame)
    ratio = make_metric("minutes per play", arms, Ratio("minutes", "plays"), kind="ratio")
    control = frame[frame["variant"] == 0]
    assert ratio.total("0") == pytest.approx((control["minutes"].sum(), control["plays"].sum()))
    adjusted = make_metric("minutes", arms, "minutes", kind="mean", covariates=["before"])
    assert adjusted.total("0")[0] == pytest.approx(control["minutes"].sum())
    assert "Adjusted by before" in adjusted.note


def test_columns_and_pairs_that_terms_need():
    assert columns_of("x") == (["x"], [])
    names, pairs = columns_of(Ratio("x", "n"), "z")
    assert names == ["x", "n", "z"]
    assert pairs == [("n", "x"), ("n", "z"), ("x", "z")]


def test_a_denominator_of_zero_is_refused():
    joint = JointMoments.of({"x": [1.0, 2.0], "n": [0.0, 0.0]})
    with pytest.raises(ExperimentError, match="mean of 'n' is 0"):
        term_moments(joint, Ratio("x", "n"))


def test_a_proportion_of_other_values_is_refused(frame):
    with pytest.raises(ExperimentError, match="values other than 0 and 1"):
        make_metric("minutes", joints(frame), "minutes", kind="proportion")
