"""The realism score: what it says of rankings whose agreement is known."""

import numpy as np
import pytest

from analysis.recommend import models
from scripts import verify_realism
from scripts.verify_realism import Ranked, agreement, compared, halves, made_to_rank, page

NAMES = [name for name in models() if made_to_rank(name)][:5]


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    monkeypatch.setattr(verify_realism, "DRAWS", 100)


def ranked(means, viewers=400, spread=0.02, seed=1):
    """Models with these mean scores, viewers apart from each other by chance."""
    rng = np.random.default_rng(seed)
    scores = {name: mean + spread * rng.standard_normal(viewers) for name, mean in zip(NAMES, means, strict=True)}
    return Ranked("some data", scores, {}, "some")


def test_the_same_order_is_one_and_the_reverse_is_minus_one():
    first = ranked([0.5, 0.4, 0.3, 0.2, 0.1])
    same = agreement(first, ranked([0.9, 0.8, 0.7, 0.6, 0.5], seed=2), ranking_only=True)
    assert (same.tau, same.low, same.high) == pytest.approx((1, 1, 1))
    assert same.models == 5
    assert same.p_value == pytest.approx(2 / 120)
    turned = agreement(first, ranked([0.1, 0.2, 0.3, 0.4, 0.5], seed=2), ranking_only=True)
    assert turned.tau == pytest.approx(-1)


def test_models_that_viewers_cannot_tell_apart_widen_the_interval():
    first = ranked([0.30, 0.30, 0.30, 0.30, 0.30], viewers=50)
    unsure = agreement(first, ranked([0.5, 0.4, 0.3, 0.2, 0.1], seed=2), ranking_only=True)
    assert unsure.high - unsure.low > 0.5
    middle, low, high = halves(first, ranking_only=True)
    assert low < 0 < high
    assert halves(ranked([0.5, 0.4, 0.3, 0.2, 0.1]), ranking_only=True) == pytest.approx((1, 1, 1))
    assert -0.5 < middle < 0.5


def test_equal_lists_count_once_and_star_predictors_only_among_all():
    scores = ranked([0.5, 0.4, 0.3, 0.2, 0.1]).ndcg
    twin = Ranked("twin", {**scores, NAMES[1]: scores[NAMES[0]], "random": scores[NAMES[4]] / 2}, {}, "some")
    assert compared(twin, twin, ranking_only=True) == [NAMES[0], *NAMES[2:]]
    assert "random" in compared(twin, twin, ranking_only=False)
    assert not made_to_rank("svd")
    assert made_to_rank("als")


def test_the_page_says_how_far_the_rankings_agree_and_who_failed():
    truth = ranked([0.5, 0.4, 0.3, 0.2, 0.1])
    other = Ranked("other data", ranked([0.9, 0.8, 0.7, 0.6, 0.5]).ndcg, {"svd": "It needs stars."}, "some")
    text = page(truth, [other])
    assert "| other data against some data | made to rank: 5 | 1.00 | 1.00 to 1.00 |" in text
    assert f"| {models()[NAMES[0]].label} | {truth.mean(NAMES[0]):.4f} (1) | {other.mean(NAMES[0]):.4f} (1) |" in text
    assert "other data: SVD was left out. It needs stars." in text
