"""Mixtures of multinomials against the truth they were drawn from."""

import numpy as np
import pytest

from analysis.stats import multinomials


def test_drawn_groups_are_found_and_foretell() -> None:
    rng = np.random.default_rng(4)
    profiles = np.array([[0.6, 0.2, 0.1, 0.1], [0.1, 0.1, 0.2, 0.6]])
    group = rng.random(400) < 0.3
    first, second = (rng.multinomial(20, profiles[group.astype(int)]).astype(float) for _ in range(2))
    fit = multinomials.fit(first, 2, seed=1)
    order = np.argsort(fit.log_profile[:, 3])
    assert np.exp(fit.log_profile[order]) == pytest.approx(profiles, abs=0.03)
    assert np.exp(fit.log_weight[order]) == pytest.approx([0.7, 0.3], abs=0.06)
    assert (order.argsort()[fit.most_likely(first)] == group).mean() > 0.97
    one = multinomials.fit(first, 1, seed=1)
    # What one group says of a later count does not depend on what was seen.
    assert one.foretold(first, second) == pytest.approx(second @ one.log_profile[0])
    assert fit.foretold(first, second).sum() > one.foretold(first, second).sum()
    assert multinomials.fit(first, 2, seed=1).likelihood == fit.likelihood


def test_likelihood_never_falls_with_more_groups() -> None:
    counts = np.random.default_rng(5).poisson(3.0, (60, 5)).astype(float)
    likelihoods = [multinomials.fit(counts, groups, seed=2).likelihood for groups in (1, 2, 3)]
    assert likelihoods == sorted(likelihoods)
