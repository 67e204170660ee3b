"""Counts with a level for each stratum: against statsmodels with dummy columns, and covered over many draws."""

import numpy as np
import pytest

from analysis.stats import strata


def drawn(rng: np.random.Generator, titles: int = 40, months: int = 18, effect: float = 0.5, wobble: float = 0.2):
    title, month = np.repeat(np.arange(titles), months), np.tile(np.arange(months), titles)
    x = ((month % 12 == 9) & (title % 2 == 0)).astype(float)
    exposure = rng.uniform(0.5, 2, titles * months)
    mean = rng.gamma(1, 20, titles)[title] * exposure * np.exp(effect * x) + 1
    count = rng.poisson(mean * rng.gamma(1 / wobble, wobble, len(mean))).astype(float)
    keep = np.bincount(title, count)[title] > 0
    return x[keep, None], count[keep], np.log(exposure[keep]), title[keep]


@pytest.mark.parametrize("wobble", [0.0, 0.2])
def test_same_as_statsmodels_with_a_dummy_for_each_stratum(wobble: float) -> None:
    from statsmodels.genmod.families import NegativeBinomial, Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    rng = np.random.default_rng(1)
    x, count, offset, title = drawn(rng)
    title = np.unique(title, return_inverse=True)[1]
    feature = np.column_stack([x, rng.normal(size=len(x))])
    loading = rng.choice([0.0, 0.5, 1.0], (title.max() + 1, 2))
    ours = strata.fit(feature, loading, count, offset, title, title, np.full(len(count), wobble))
    family = NegativeBinomial(alpha=wobble) if wobble else Poisson()
    columns = [loading[title, g] * feature[:, k] for g in range(2) for k in range(2)]
    dummies = np.column_stack([*columns, np.eye(title.max() + 1)[title]])
    theirs = GLM(count, dummies, family=family, offset=offset).fit(tol=1e-12)
    assert ours.coefficient.ravel() == pytest.approx(theirs.params[:4], abs=1e-6)
    assert np.sqrt(np.diag(ours.bread)) == pytest.approx(theirs.bse[:4], rel=1e-4)


def test_scores_of_clusters_are_as_wide_as_if_they_had_not_drawn_the_fit_to_themselves() -> None:
    """Under the model a score has the covariance E − E V E; made unbiased it has E."""
    rng = np.random.default_rng(5)
    half = rng.normal(size=(6, 3, 3))
    information = half @ half.transpose(0, 2, 1)
    # One cluster knows nothing of one feature.
    information[0, 2], information[0, :, 2] = 0.0, 0.0
    covariance = 0.4 * np.stack([np.linalg.pinv(one) for one in information])
    score = information - information @ covariance @ information
    columns = np.stack([strata._unbiased(score[:, :, k], information, covariance) for k in range(3)], axis=2)
    wide = np.stack([strata._unbiased(columns.transpose(0, 2, 1)[:, :, k], information, covariance) for k in range(3)],
                    axis=2)  # fmt: skip
    assert wide == pytest.approx(information, rel=0.02, abs=0.02)


def test_intervals_hold_the_truth() -> None:
    rng, held = np.random.default_rng(2), 0
    for _ in range(60):
        x, count, offset, title = drawn(rng)
        title = np.unique(title, return_inverse=True)[1]
        loading = np.ones((title.max() + 1, 1))
        found = strata.fit(x, loading, count, offset, title, title, np.full(len(count), 0.2))
        value, error, equal = found.contrast(np.ones((1, 1)))
        assert 2 < equal <= 20.5
        held += abs(value - 0.5) <= 2.09 * error
    assert held >= 53
