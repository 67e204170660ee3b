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


def test_a_cluster_left_out_moves_the_fit_as_far_as_fitting_without_it() -> None:
    x, count, offset, title = drawn(np.random.default_rng(3))
    title = np.unique(title, return_inverse=True)[1]
    loading = np.ones((title.max() + 1, 1))
    wobble = np.full(len(count), 0.2)
    whole = strata.fit(x, loading, count, offset, title, title, wobble)
    for left in (0, 4, 8):
        kept = title != left
        rest = np.unique(title[kept], return_inverse=True)[1]
        without = strata.fit(x[kept], loading[1:], count[kept], offset[kept], rest, rest, wobble[kept])
        moved = float(without.coefficient[0, 0] - whole.coefficient[0, 0])
        assert whole.moved[left, 0] == pytest.approx(moved, abs=0.2 * np.sqrt(whole.bread[0, 0]))
        assert np.sign(whole.moved[left, 0]) == np.sign(moved)


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
