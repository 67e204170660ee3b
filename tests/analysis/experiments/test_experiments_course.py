"""Day by day, week by week, by segment: against the same computed in pandas, and on data whose answer is known."""

import dataclasses
import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.moments import Moments
from analysis.experiments.plan import Plan
from analysis.experiments.planner import accrual, outlook
from analysis.experiments.report import analyse
from analysis.experiments.segments import by_segment, by_week
from analysis.experiments.timeline import timeline
from analysis.experiments.viewing import read_experiment
from analysis.experiments.words import percent

UNTIL = dt.date(2026, 2, 20)


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(401)
    count = 900
    start = pd.Timestamp("2026-01-20")
    viewers = pd.DataFrame({"viewer_id": np.arange(count), "plan": rng.choice(["ads", "none"], count), "country": "DE"})
    joined = start + pd.to_timedelta(rng.integers(0, 6 * 86_400, count), unit="s")
    variant = rng.choice(["control", "treatment"], count)
    assignments = pd.DataFrame(
        {"experiment_id": "rows", "viewer_id": viewers["viewer_id"], "variant": variant, "assigned_at": joined}
    )
    # The treatment doubles the plays of those with ads and halves the others'.
    rate = np.where(variant == "control", 8.0, np.where(viewers["plan"] == "ads", 16.0, 4.0))
    plays = rng.poisson(rate)
    who = np.repeat(np.arange(count), plays)
    views = pd.DataFrame(
        {
            "viewer_id": who,
            "title_id": 1,
            "started_at": joined[who] + pd.to_timedelta(rng.integers(0, 25 * 86_400, len(who)), unit="s"),
            "minutes": rng.gamma(2, 20, len(who)),
            "completion": rng.random(len(who)),
        }
    )
    return viewers, assignments, views


@pytest.fixture(scope="module")
def dataset(tables):
    return Dataset.from_frames(viewers=tables[0], assignments=tables[1], views=tables[2])


@pytest.fixture(scope="module")
def experiment(dataset):
    return read_experiment(dataset, "rows", until=UNTIL, plan=Plan(primary="plays per viewer"))


@pytest.mark.parametrize("metric", ["minutes per viewer", "plays per viewer", "completion rate"])
def test_the_last_day_is_the_experiment_itself(dataset, experiment, metric):
    from analysis.experiments.multi import compare

    found = timeline(dataset, experiment, metric, until=UNTIL)
    whole = compare(experiment.metric(metric), "control", "treatment").relative
    last = found.days[-1]
    assert last.units == tuple(experiment.units.values())
    assert last.fixed.estimate == pytest.approx(whole.estimate)
    assert (last.fixed.low, last.fixed.high) == (pytest.approx(whole.low), pytest.approx(whole.high))
    assert last.any_time.low < last.fixed.low


def test_a_day_in_between_is_what_pandas_has(dataset, experiment, tables):
    _, assignments, views = tables
    day = timeline(dataset, experiment, "minutes per viewer", until=UNTIL).days[10]
    midnight = pd.Timestamp(day.date) + pd.Timedelta(days=1)
    joined = views.merge(assignments, on="viewer_id")
    joined = joined[(joined["started_at"] >= joined["assigned_at"]) & (joined["started_at"] < midnight)]
    enrolled = assignments[assignments["assigned_at"] < midnight].set_index("viewer_id")[["variant"]]
    each = enrolled.join(joined.groupby("viewer_id")["minutes"].sum()).fillna({"minutes": 0})
    arms = {v: Moments.of(g["minutes"].to_numpy()) for v, g in each.groupby("variant")}
    assert day.units == (arms["control"].n, arms["treatment"].n)
    assert day.fixed.estimate == pytest.approx(arms["treatment"].mean / arms["control"].mean - 1)
    error = math.hypot(
        arms["treatment"].standard_error, arms["treatment"].mean / arms["control"].mean * arms["control"].standard_error
    )
    assert day.fixed.standard_error == pytest.approx(error / arms["control"].mean)


def test_a_timeline_says_what_peeking_does(dataset, experiment):
    found = timeline(dataset, experiment, until=UNTIL)
    assert found.metric == "plays per viewer"
    assert "daily look" in found.summary()
    assert len(found.to_frame()) == len(found.days)
    assert found.days[-1].split_p > 0.01
    with pytest.raises(ExperimentError, match="can't be followed"):
        timeline(dataset, experiment, "viewers who played")
    with pytest.raises(ExperimentError, match="no variant 'x'"):
        timeline(dataset, experiment, treatment="x")


def test_a_reversal_is_found_and_named(experiment):
    found = by_segment(experiment)
    assert {s.value for s in found.segments} == {"ads", "none"}  # a single country is no segment
    assert found.reversals == ("plan",)
    up, down = (next(s.comparison.relative for s in found.segments if s.value == value) for value in ("ads", "none"))
    told = f"{percent(up.estimate)} for ads, {percent(down.estimate)} for none."
    assert f"The effect on plays per viewer reverses by plan (p < .001): {told}" in found.summary()
    assert "Nobody asked beforehand: test it again." in found.summary()
    assert not found.interactions[0].planned
    assert len(found.to_frame()) == 2
    asked = by_segment(experiment, plan=Plan(primary="plays per viewer", segments=("plan",), registered=True))
    assert asked.interactions[0].planned
    assert "It was asked about beforehand." in asked.summary()


def test_a_reversal_asked_about_beforehand_is_the_verdict(experiment):
    plan = Plan(primary="plays per viewer", segments=("plan",), registered=True)
    told = analyse(experiment, plan=plan)
    assert told.verdict.badge == "do not roll out"
    assert told.summary().startswith("Do not roll out treatment to everybody. The effect on plays per viewer rev")
    same = next(check for check in told.health.checks if check.name == "Effect by segment")
    assert same.state == "look twice"
    unasked = analyse(experiment, plan=Plan(primary="plays per viewer"))
    assert "reverses" not in unasked.summary()
    assert any("nobody asked beforehand" in caution for caution in unasked.cautions)
    # At a look before the end the tests of a single look promise nothing, so the verdict does not rest on them.
    early = analyse(experiment, plan=dataclasses.replace(plan, planned_days=56.0))
    assert "reverses" not in early.summary()


def test_segments_of_every_metric_are_what_pandas_has(experiment, tables):
    viewers, assignments, views = tables
    each = assignments.merge(viewers, on="viewer_id")
    joined = views.merge(each, on="viewer_id")
    for (variant, plan), own in joined[joined["started_at"] >= joined["assigned_at"]].groupby(["variant", "plan"]):
        counted = ((each["variant"] == variant) & (each["plan"] == plan)).sum()
        metrics = {m.name: m.arms[variant] for m in experiment.segments["plan"][plan]}
        assert metrics["plays per viewer"].n == counted
        kept = own[own["started_at"] < pd.Timestamp(UNTIL) + pd.Timedelta(days=1)]
        assert metrics["plays per viewer"].mean == pytest.approx(len(kept) / counted)
        assert metrics["viewers who played"].mean == pytest.approx(kept["viewer_id"].nunique() / counted)
        assert metrics["completion rate"].mean == pytest.approx((kept["completion"] >= 0.9).mean())


def test_segments_without_a_difference_stay_quiet(dataset):
    rng = np.random.default_rng(402)
    random = pd.DataFrame({"viewer_id": np.arange(900), "plan": rng.choice(list("abc"), 900)})
    with dataset.read() as tables:
        frames = {name: tables[name].collect("pandas").to_native() for name in ("views", "assignments")}
    other = read_experiment(Dataset.from_frames(viewers=random, **frames), "rows", until=UNTIL)
    found = by_segment(other, "plays per viewer")
    assert found.reversals == ()
    assert "no segment’s effect differs" in found.summary()
    same = next(check for check in analyse(other).health.checks if check.name == "Effect by segment")
    assert same.state == "fine"


def test_weeks_count_only_those_who_were_there_for_all_of_one(dataset, experiment, tables):
    _, assignments, views = tables
    found = by_week(dataset, experiment, until=UNTIL)
    end = pd.Timestamp(UNTIL) + pd.Timedelta(days=1)
    enrolled = assignments[assignments["assigned_at"] <= end - pd.Timedelta(days=14)]
    second = found.weeks[1]
    assert second.control_moments.n == (enrolled["variant"] == "control").sum()
    joined = views.merge(enrolled, on="viewer_id")
    since = joined["started_at"] - joined["assigned_at"]
    week = joined[(since >= pd.Timedelta(days=7)) & (since < pd.Timedelta(days=14))]
    control = (week["variant"] == "control").sum() / (enrolled["variant"] == "control").sum()
    assert second.control_moments.mean == pytest.approx(control)
    assert "first week" in found.summary()
    assert len(found.to_frame()) == len(found.weeks)


def test_the_outlook_follows_the_errors(dataset, experiment):
    course = timeline(dataset, experiment, until=UNTIL)
    far, near = outlook(course, 0.001), outlook(course, 0.9)
    assert near.days_remaining == 0
    assert "enough" in near.summary()
    assert far.days_remaining is None or far.days_remaining > 100
    assert far.reach == pytest.approx(2.8 * course.days[-1].fixed.standard_error)
    assert list(far.to_frame()["day"]) == sorted(far.to_frame()["day"])
    with pytest.raises(ParameterError, match="lift"):
        outlook(course, 0)


def test_accrual_flattens_and_counts_each_viewer_once(dataset, tables):
    found = accrual(dataset, 10, start=dt.date(2026, 1, 22))
    views = tables[2]
    window = views[(views["started_at"] >= "2026-01-22") & (views["started_at"] < "2026-02-01")]
    assert found[-1] == window["viewer_id"].nunique()
    assert list(found) == sorted(found)
    with pytest.raises(ExperimentError, match="not among them"):
        accrual(dataset, 400)
