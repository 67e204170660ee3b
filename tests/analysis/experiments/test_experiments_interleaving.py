"""Interleaving beside the A/B test: many drafts at once, credits from a file, and chances that come true."""

import math

import numpy as np
import pytest
from scipy import stats

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.interleaving import interleave, preference, read_credits
from analysis.experiments.sensitivity import sensitivity
from ui.charts import experiments_interleaving as charts


def test_many_drafts_follow_the_rule_one_by_one():
    rng = np.random.default_rng(11)
    first = np.array([rng.permutation(12)[:7] for _ in range(60)])
    second = np.array([rng.permutation(12)[:7] for _ in range(60)])
    shown, teams = interleave(first, second, 7, rng)
    for viewer in range(60):
        taken = []
        for place, (title, team) in enumerate(zip(shown[viewer], teams[viewer], strict=True)):
            source = (first, second)[team][viewer]
            assert title == next(t for t in source if t not in taken)
            taken.append(title)
            if place % 2:
                assert {*teams[viewer, place - 1 : place + 1]} == {0, 1}
    assert stats.binomtest(int((teams[:, 0] == 0).sum()), 60).pvalue > 0.0005
    with pytest.raises(ParameterError, match="fewer than 9 titles"):
        interleave(first[:, :4], first[:, :4], 9, rng)


def test_a_ranker_that_runs_out_leaves_the_rest_to_the_other():
    shown, teams = interleave(np.array([[1, 2]]), np.array([[2, 1, 3, 4, 5]]), 5, np.random.default_rng(1))
    assert sorted(shown[0]) == [1, 2, 3, 4, 5]
    assert list(shown[0][2:]) == [3, 4, 5]
    assert list(teams[0][2:]) == [1, 1, 1]


@pytest.fixture(scope="module")
def tried():
    return sensitivity(0.6, 0.75, 300, seed=3)


def test_chances_come_true(tried):
    """The share of experiments that found it, against the chance worked out from means and variances."""
    curve = np.array(tried.curve)
    for place in range(3):
        expected = np.interp(math.log(300), np.log(curve[:, 0]), curve[:, place + 1])
        low, high = stats.binom.interval(0.999, tried.tries, expected)
        assert low <= tried.found[place] * tried.tries <= high
    at_need = [np.interp(math.log(n), np.log(curve[:, 0]), curve[:, i + 1]) for i, n in enumerate(tried.needed)]
    assert at_need == pytest.approx([0.8] * 3, abs=0.02)


def test_interleaving_needs_fewer_viewers_and_says_so(tried):
    ratio, low, high = tried.ratio
    assert ratio == pytest.approx(tried.needed[0] / tried.needed[1])
    assert 2 < low < ratio < high
    assert tried.true_lift > 0
    assert "times as many" in tried.summary()
    assert len(tried.to_frame()) == len(tried.curve)
    figure = charts.chances(tried)
    assert figure.data[1].y[0] == tried.found[0]
    assert figure.data[3].y[0] == tried.found[1]
    # The other way round the same is found about the other ranker.
    turned = sensitivity(0.75, 0.6, 300, seed=3)
    assert turned.true_lift < 0
    assert turned.found[1] > 0.9 * tried.found[1]


def test_without_a_difference_there_is_nothing_to_find():
    found = sensitivity(0.5, 0.5, 200, length=5, seed=1)
    assert found.true_lift == 0
    assert math.isinf(found.needed[0])
    top = stats.binom.ppf(0.9995, found.tries, 0.025) / found.tries
    assert max(found.found) <= top
    assert "equally good" in found.summary()
    assert "once in forty" in charts.chances(found).layout.meta["title"]
    with pytest.raises(ParameterError, match="from 0 to 1"):
        sensitivity(1.2, 0.5)
    with pytest.raises(ParameterError, match="10 viewers"):
        sensitivity(0.2, 0.5, 3)


def test_credits_are_read_from_a_file(tmp_path):
    rng = np.random.default_rng(8)
    a, b = rng.poisson(2, 300), rng.poisson(2.6, 300)
    path = tmp_path / "credits.csv"
    path.write_text("viewer,a,b\n" + "".join(f"{i},{x},{y}\n" for i, (x, y) in enumerate(zip(a, b, strict=True))))
    found = read_credits(path, "a", "b")
    assert found.credit == preference(a, b).credit
    figure = charts.wins(found)
    assert [bar.x[0] * 300 for bar in figure.data] == pytest.approx([found.wins_a, found.ties, found.wins_b])
    assert "More viewers prefer b" in figure.layout.meta["title"]
    with pytest.raises(ExperimentError, match="no column 'c'"):
        read_credits(path, "a", "c")
    path.write_text("viewer,a,b\n1,2,3\n2,,4\n")
    with pytest.raises(ExperimentError, match="in row 2, which is not a number"):
        read_credits(path, "a", "b")
