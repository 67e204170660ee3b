"""Interleaving, winsorizing, post-stratification, and planning from a dataset's own viewers."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.data import Dataset
from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.fixed import compare_means
from analysis.experiments.interleaving import interleave, preference, team_draft
from analysis.experiments.margins import within_margin
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.planning import detectable_lift, detectable_margin, units_for_preference, units_for_proportion
from analysis.experiments.reach import events_for_hazard_ratio, looks_cost, reach
from analysis.experiments.robust import post_stratify, winsorize
from analysis.experiments.sizes import size_of_leaving, size_of_preference, staying_share


def test_a_team_draft_is_fair_and_keeps_the_order():
    rng = np.random.default_rng(501)
    first, second = list(range(20)), list(range(10, 30))
    for _ in range(40):
        shown, teams = team_draft(first, second, 10, rng)
        assert len(set(shown)) == 10
        assert teams.count(0) == teams.count(1) == 5
        for team, source in enumerate((first, second)):
            own = [title for title, t in zip(shown, teams, strict=True) if t == team]
            assert own == sorted(own, key=source.index)
    _, drafted = interleave(np.tile(first, (400, 1)), np.tile(second, (400, 1)), 10, rng)
    low, high = stats.binom.interval(0.999, 400, 0.5)
    assert low <= (drafted[:, 0] == 0).sum() <= high
    # Where both say the same, the list is theirs.
    assert team_draft(first, first, 5, rng)[0] == [0, 1, 2, 3, 4]
    with pytest.raises(ParameterError, match="fewer than 50"):
        team_draft(first, second, 50, rng)


def test_a_preference_is_found_with_few_viewers_and_not_where_there_is_none():
    rng = np.random.default_rng(502)
    a, b = rng.poisson(2.0, 400), rng.poisson(2.6, 400)
    found = preference(a, b, names=("popular", "personal"))
    assert found.share_b.low > 0.5
    assert found.credit.p_value < 0.001
    assert "prefer personal to popular" in found.summary()
    assert found.wins_a + found.wins_b + found.ties == 400
    assert len(found.to_frame()) == 2
    alarms = sum(preference(rng.poisson(2, 200), rng.poisson(2, 200)).credit.p_value < 0.05 for _ in range(60))
    assert alarms <= stats.binom.ppf(0.9995, 60, 0.05)
    with pytest.raises(ExperimentError, match="Fewer than two"):
        preference([1, 1], [1, 1])
    with pytest.raises(ExperimentError, match="do not fit"):
        preference([1, 1], [1])


def test_winsorizing_caps_both_variants_alike():
    rng = np.random.default_rng(503)
    values = {"a": rng.lognormal(3, 1, 2000), "b": np.append(rng.lognormal(3, 1, 1999), 1e6)}
    found = winsorize(values, 0.99)
    assert found.capped["a"] + found.capped["b"] == 40
    assert found.variance_reduction > 0.9
    assert found.moved["b"] < -400
    assert found.arms["b"].mean == pytest.approx(np.minimum(values["b"], found.cap).mean())
    assert "were set to it" in found.summary()
    assert len(found.to_frame()) == 2
    with pytest.raises(ParameterError, match="quantile"):
        winsorize(values, 1.0)


def test_post_stratification_removes_what_lies_between_strata():
    rng = np.random.default_rng(504)
    centre = {"films": 10.0, "series": 60.0}
    strata, pooled = {}, {"c": [], "t": []}
    for stratum, mean in centre.items():
        arms = {}
        for name in ("c", "t"):
            x = rng.normal(mean, 5, 300 if stratum == "films" else rng.integers(280, 320))
            pooled[name].append(x)
            arms[name] = Moments.of(x)
        strata[stratum] = arms
    plain = compare_means(*(Moments.of(np.concatenate(pooled[name])) for name in "ct")).absolute
    found = post_stratify(strata)
    better = compare_means(found["c"], found["t"]).absolute
    assert better.standard_error < plain.standard_error / 4
    assert abs(better.estimate) < 3 * better.standard_error
    weights = {s: sum(m.n for m in arms.values()) for s, arms in strata.items()}
    by_hand = sum(weights[s] * strata[s]["c"].mean for s in strata) / sum(weights.values())
    assert found["c"].mean == pytest.approx(by_hand)
    strata["films"]["t"] = Moments(1, 3.0, math.nan)
    with pytest.raises(ExperimentError, match="'films' has fewer than two"):
        post_stratify(strata)


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(505)
    plays = 9000
    views = pd.DataFrame(
        {
            "viewer_id": rng.integers(0, 800, plays),
            "title_id": 1,
            "started_at": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 40 * 86_400, plays), unit="s"),
            "minutes": rng.gamma(2, 20, plays),
            "completion": rng.random(plays),
        }
    )
    return Dataset.from_frames(views=views), views


def test_reach_is_what_the_last_days_would_have_given(dataset):
    data, views = dataset
    found = reach(data, "minutes per viewer", days=28)
    inside = views[views["started_at"] >= views["started_at"].max().normalize() - pd.Timedelta(days=27)]
    each = inside.groupby("viewer_id")["minutes"].sum()
    assert found.viewers[-1] == len(each)
    assert found.lifts[-1] == pytest.approx(detectable_lift(Moments.of(each.to_numpy()), len(each) / 2))
    assert list(found.viewers) == sorted(found.viewers)
    assert found.lifts[-1] < found.lifts[5]
    assert found.days_for(found.lifts[-1]) == 28
    assert found.days_for(1e-6) is None
    assert "chance of 80 %" in found.summary()
    more = reach(data, "minutes per viewer", days=28, explained=0.5, variants=3, inflation=1.1, share=0.5)
    assert more.viewers[-1] == round(len(each) / 2)
    assert reach(data, "completion rate", days=14).lifts[-1] > 0
    with pytest.raises(ExperimentError, match="no room for 400 days"):
        reach(data, "minutes per viewer", days=400)
    with pytest.raises(ParameterError, match="do not fit"):
        reach(data, "minutes per viewer", variants=1)


def test_looks_cost_what_the_tables_say():
    # Jennison and Turnbull (2000), tables 2.2 and 2.4: five looks, two-sided 5 %, power 80 %.
    fifths = [0.2, 0.4, 0.6, 0.8, 1.0]
    assert looks_cost(fifths, "Pocock") == pytest.approx(1.229, abs=0.004)
    assert looks_cost(fifths, "O’Brien–Fleming") == pytest.approx(1.028, abs=0.004)
    assert looks_cost([1.0], "Pocock") == pytest.approx(1.0, abs=1e-3)


def test_a_margin_is_kept_as_often_as_was_planned():
    rng = np.random.default_rng(504)
    margin = detectable_margin(Moments(2, 20.0, 200.0), 400)
    kept = 0
    for _ in range(400):
        arms = {v: Moments.of(rng.gamma(2, 10, 400)) for v in "ct"}
        kept += within_margin(Metric("x", "mean", arms), "c", "t", margin).non_inferior
    low, high = stats.binom.interval(0.999, 400, 0.8)
    assert low <= kept <= high
    with pytest.raises(ParameterError, match="too few to rule out"):
        detectable_margin(Moments(2, 20.0, 200.0), 3)


def test_other_questions_take_viewers_and_days():
    n = math.ceil(units_for_preference(0.6, ties=0.3))
    wins = stats.binom(n, 0.7)
    power = sum(wins.pmf(k) * stats.binom.sf(stats.binom.ppf(0.975, k, 0.5), k, 0.6) for k in range(1, n + 1))
    assert power == pytest.approx(0.8, abs=0.03)
    found = size_of_preference(0.6, 0.3, [100, 200, 300])
    assert (found.viewers, found.days) == (n, 3)
    leaving = size_of_leaving(0.948, 0.05, [1_000])
    assert leaving.viewers == pytest.approx(230_000, rel=0.03)
    assert leaving.days is None
    assert "about 224,000 viewers; here come 1,000, so that it would take 224 times as many" in leaving.summary()
    assert "days here" in found.summary()
    viewers = pd.DataFrame(
        {
            "viewer_id": range(5),
            "joined_on": pd.to_datetime(["2026-01-01"] * 4 + ["2026-03-01"]),
            "left_on": pd.to_datetime([None, "2026-01-20", "2026-03-09", None, None]),
        }
    )
    views = pd.DataFrame({"viewer_id": [0], "title_id": 1, "started_at": pd.to_datetime(["2026-03-10 20:00"])})
    assert staying_share(Dataset.from_frames(views=views, viewers=viewers)) == (2 / 3, 3)
    with pytest.raises(ExperimentError, match="does not say when viewers joined"):
        staying_share(Dataset.from_frames(views=views))
    for wrong in (lambda: units_for_preference(0.5), lambda: size_of_leaving(1.0, 0.1, [1])):
        with pytest.raises(ParameterError, match="do not fit"):
            wrong()


def test_churn_needs_as_many_viewers_as_is_known():
    # A 5 % cut of monthly churn: about 340,000 an arm at 1.8 %, about 115,000 at 5.2 %.
    assert units_for_proportion(0.018, 0.018 * 0.95) == pytest.approx(340_000, rel=0.02)
    assert units_for_proportion(0.052, 0.052 * 0.95) == pytest.approx(115_000, rel=0.03)
    assert events_for_hazard_ratio(0.7) == pytest.approx(4 * (1.959964 + 0.841621) ** 2 / math.log(0.7) ** 2)
    with pytest.raises(ParameterError, match="hazard ratio"):
        events_for_hazard_ratio(1)
