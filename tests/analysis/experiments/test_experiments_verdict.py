"""The verdict over all combinations of its inputs, and the report it stands in."""

import dataclasses
from itertools import product
from typing import get_args

import pytest

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.experiment import Experiment, guess_control
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.report import analyse
from analysis.experiments.verdict import Badge, Direction, Reading, Runtime, decide, runtime_of

SHARE = Moments.of_successes
BETTER = {"control": SHARE(2000, 10_000), "new": SHARE(2300, 10_000)}
WORSE = {"control": SHARE(2300, 10_000), "new": SHARE(2000, 10_000)}
SAME = {"control": SHARE(2000, 10_000), "new": SHARE(2020, 10_000)}


def experiment(arms, *, control="control", days=14.0, units=None, kind="proportion", **more):
    units = units or {name: m.n for name, m in arms.items()}
    return Experiment("test", units, (Metric("starts", kind, arms),), control, "a test", days=days, **more)


@pytest.mark.parametrize(
    ("direction", "planned", "runtime"), list(product(get_args(Direction), (True, False), get_args(Runtime)))
)
def test_there_is_a_verdict_for_every_combination(direction, planned, runtime):
    verdict = decide(Reading(direction, "new", None, "Starts: 3 % higher."), split_as_planned=planned, runtime=runtime)
    assert verdict.badge in get_args(Badge)
    assert verdict.why
    assert verdict.advice
    if not planned or direction == "unknown":
        assert verdict.badge == "cannot say"
    elif runtime == "short":
        assert verdict.badge == "keep going"
    else:
        expected = {"better": "roll out", "unclear": "keep going"}.get(direction, "do not roll out")
        assert verdict.badge == expected
    assert (verdict.badge == "roll out") == (direction == "better" and planned and runtime != "short")
    if runtime == "unknown" and planned and direction != "unknown":
        assert "whole weeks" in verdict.sentence


@pytest.mark.parametrize(
    ("given", "badge", "words"),
    [
        (experiment(BETTER), "roll out", "15 % higher in new than in control (95 % interval +9.1 % to +21 %)"),
        (experiment(WORSE), "do not roll out", "13 % lower in new than in control"),
        (experiment(SAME), "keep going", "A loss and a gain both fit the data"),
        (experiment(BETTER, days=3.0), "keep going", "not run its minimum time yet. So far, starts: 15 % higher"),
        (experiment(BETTER, units={"control": 10_000, "new": 9_000}), "cannot say", "not split as planned"),
        (experiment({"control": SHARE(2, 5), "new": SHARE(5, 5)}), "cannot say", "only 5 units in a variant"),
        (experiment({"control": SHARE(0, 500), "new": SHARE(0, 500)}), "cannot say", "No unit succeeded"),
        (experiment({"control": SHARE(0, 500), "new": SHARE(2, 500)}), "cannot say", "not to be relied on"),
    ],
)
def test_the_verdict_fits_what_was_found(given, badge, words):
    report = analyse(given)
    assert report.verdict.badge == badge
    assert words in report.summary()
    assert "significan" not in report.summary()


def test_less_can_be_good():
    arms = experiment(WORSE)
    metric = dataclasses.replace(arms.metrics[0], higher_is_better=False)
    assert analyse(dataclasses.replace(arms, metrics=(metric,))).verdict.badge == "roll out"


def test_a_gain_too_small_to_matter_is_not_rolled_out():
    large = {"control": SHARE(2_000_000, 10_000_000), "new": SHARE(2_006_000, 10_000_000)}
    assert analyse(experiment(large)).verdict.badge == "roll out"
    report = analyse(experiment(large), worth=0.02)
    assert report.verdict.badge == "do not roll out"
    assert "worth having" in report.summary()


def test_the_best_of_several_treatments_is_named():
    arms = BETTER | {"newer": SHARE(2600, 10_000), "old": SHARE(1900, 10_000)}
    report = analyse(experiment(arms))
    assert report.verdict.badge == "roll out"
    assert report.verdict.variant == "newer"
    assert "widened for 3 comparisons" in report.summary()


def test_without_a_control_a_variant_wins_only_ahead_of_all_others():
    arms = {"a": SHARE(3000, 10_000), "b": SHARE(2000, 10_000), "c": SHARE(2010, 10_000)}
    report = analyse(experiment(arms, control=None))
    assert (report.verdict.badge, report.verdict.variant) == ("roll out", "a")
    arms = {"a": SHARE(2500, 10_000), "b": SHARE(2490, 10_000), "c": SHARE(2010, 10_000)}
    report = analyse(experiment(arms, control=None))
    assert report.verdict.badge == "keep going"
    assert "a is ahead but not clearly of all others" in report.summary()
    assert "Some variants differ" in report.summary()


def test_a_pair_without_a_control_is_judged_either_way_round():
    arms = {"a": SHARE(2000, 10_000), "b": SHARE(2300, 10_000)}
    assert analyse(experiment(arms, control=None)).verdict.variant == "b"
    arms = {"a": SHARE(2300, 10_000), "b": SHARE(2000, 10_000)}
    report = analyse(experiment(arms, control=None))
    assert report.verdict.variant == "a"
    assert "15 % higher in a than in b" in report.summary()


def test_cautions_say_what_weakens_the_answer():
    given = experiment(SAME, notes=("A note.",))
    worse = Metric(
        "minutes",
        "mean",
        {"control": Moments(10_000, 30.0, 25.0), "new": Moments(9_990, 29.0, 25.0)},
        missing={"new": 10},
    )
    report = analyse(dataclasses.replace(given, metrics=(*given.metrics, worse)))
    text = " ".join(report.cautions)
    assert "Not pre-registered" in text
    assert "effects of about 8 % or more" in text
    assert "minutes is worse in new" in text
    assert "missing for some units (10 in new)" in text
    assert report.cautions[-1] == "A note."


def test_the_tables_hold_what_was_summed():
    report = analyse(experiment(BETTER))
    table = report.variants_frame()
    assert table["numerator"].tolist() == [2000, 2300]
    assert table["denominator"].tolist() == [10_000, 10_000]
    assert (table["mean_low"] < table["mean"]).all()
    assert (table["mean"] < table["mean_high"]).all()
    assert "adjusted_p_value" not in report.to_frame()
    assert report.to_json()["rows"][0]["treatment_n"] == 10_000
    empty = analyse(experiment({"control": SHARE(0, 500), "new": SHARE(9, 500)})).variants_frame()
    assert 0 <= empty["mean_low"][0] < empty["mean_high"][0] < 0.02


def test_impossible_requests_are_refused():
    with pytest.raises(ExperimentError, match="no metric 'x'"):
        analyse(experiment(BETTER), primary="x")
    with pytest.raises(ParameterError, match="worth having"):
        analyse(experiment(BETTER), worth=-1)
    with pytest.raises(ParameterError, match="confidence level"):
        analyse(experiment(BETTER), confidence=95)
    with pytest.raises(ExperimentError, match="only one variant"):
        experiment({"control": SHARE(1, 5)})
    with pytest.raises(ExperimentError, match="no variant 'zero'"):
        experiment(BETTER, control="zero")


def test_markup_in_names_stays_text():
    arms = {"control": SHARE(2000, 10_000), "<b>new</b>": SHARE(2300, 10_000)}
    assert "<b>new</b>" in analyse(experiment(arms)).summary()


def test_runtime_and_control_names():
    assert [runtime_of(d) for d in (7.0, 6.9, None, float("nan"))] == ["enough", "short", "unknown", "unknown"]
    assert guess_control(("B", "A")) == "A"
    assert guess_control(("x", "y")) is None
