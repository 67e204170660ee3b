"""The lessons teach what is true: known numbers, and limits where the answer is plain."""

import time

import numpy as np
import pytest

from analysis.errors import ParameterError
from analysis.experiments import lessons, lessons_data

ALL = (
    lessons.peeking,
    lessons.winners_curse,
    lessons.many_metrics,
    lessons_data.broken_split,
    lessons_data.simpson,
    lessons_data.cuped,
    lessons_data.novelty,
    lessons_data.clickbait,
)


@pytest.mark.parametrize("simulate", ALL)
def test_a_lesson_is_told_and_repeats_itself(simulate):
    first = simulate()
    assert first.summary() == simulate().summary()
    assert first.summary().endswith(".")
    assert first.remember.endswith(".")
    assert len(first.to_frame())


@pytest.mark.parametrize(("looks", "rate"), [(1, 0.05), (2, 0.083), (5, 0.142), (10, 0.193), (20, 0.248)])
def test_peeking_costs_what_is_published(looks, rate):
    found = lessons.peeking(looks, experiments=50_000, seed=1)
    assert found.stopped[-1] == pytest.approx(rate, abs=0.006)
    assert found.stopped_any_time[-1] < 0.05
    assert list(found.stopped) == sorted(found.stopped)


def test_five_thousand_tests_of_twenty_looks_take_half_a_second():
    lessons.peeking()
    taken = []
    for _ in range(5):
        begun = time.process_time()
        lessons.peeking(20, experiments=5000)
        taken.append(time.process_time() - begun)
    assert min(taken) < 0.5


def test_the_winner_is_cursed_only_where_power_is_low():
    low, high = lessons.winners_curse(0.1), lessons.winners_curse(0.95)
    assert low.power == pytest.approx(0.1, abs=0.01)
    assert low.exaggeration > 3
    assert low.wrong_sign > 0.01
    assert high.exaggeration < 1.1
    assert high.wrong_sign == 0


def test_many_metrics_are_corrected():
    found = lessons.many_metrics(20, 0.0)
    assert found.any_alarm["none"] == pytest.approx(1 - 0.95**20, abs=0.03)
    assert found.any_alarm["Holm"] == pytest.approx(0.05, abs=0.012)
    assert lessons.many_metrics(20, 1.0).any_alarm["none"] == pytest.approx(0.05, abs=0.012)
    assert found.by_count[0] == pytest.approx(0.05, abs=0.012)


def test_a_split_that_loses_everybody_alike_does_no_harm_but_is_caught():
    fair, picky, whole = (lessons_data.broken_split(*x) for x in ((0.1, 0.0), (0.1, 1.0), (0.0, 1.0)))
    assert abs(fair.effects.mean()) < 0.005
    assert picky.effects.mean() < -0.03
    assert picky.caught > 0.9
    assert whole.caught < 0.02
    assert whole.fooled < 0.12


def test_simpsons_reversal_needs_shares_that_change():
    turned, steady = lessons_data.simpson(), lessons_data.simpson(0.5, 0.5)
    assert turned.pooled > 0 > turned.truth
    assert "the other way round" in turned.summary()
    assert turned.stratified == pytest.approx(turned.truth, abs=0.02)
    assert steady.pooled == pytest.approx(steady.truth, abs=0.02)


def test_cuped_saves_the_explained_variance():
    found = lessons_data.cuped(0.8)
    assert found.days_saved == pytest.approx(0.64, abs=0.05)
    assert found.adjusted.mean() == pytest.approx(found.truth, abs=0.15)
    assert lessons_data.cuped(0.0).days_saved == pytest.approx(0, abs=0.02)


def test_novelty_fades_by_halves():
    found = lessons_data.novelty(0.2, 0.01, 7.0)
    assert found.truth[7] - 0.01 == pytest.approx(0.1)
    assert found.so_far[-1] > found.truth[-1]
    assert np.mean(np.abs(np.subtract(found.measured, found.truth)) < found.half_width) > 0.8


def test_a_guardrail_stops_clickbait_and_lets_honesty_pass():
    bait, honest = lessons_data.clickbait(0.5), lessons_data.clickbait(0.0, 0.1)
    assert bait.by_plays > 0.9
    assert bait.guarded < 0.01
    assert honest.guarded > 0.2


@pytest.mark.parametrize(
    ("simulate", "bad"),
    [
        (lessons.peeking, {"looks": 0}),
        (lessons.winners_curse, {"power": 0.01}),
        (lessons.many_metrics, {"correlation": 2}),
        (lessons_data.broken_split, {"lost": 0.9}),
        (lessons_data.simpson, {"friday_share": 0}),
        (lessons_data.cuped, {"correlation": 1}),
        (lessons_data.novelty, {"half_life": 0}),
        (lessons_data.clickbait, {"margin": 0}),
    ],
)
def test_nonsense_is_refused(simulate, bad):
    with pytest.raises(ParameterError):
        simulate(**bad)
