"""The verdict over all combinations of its inputs, and the report it stands in."""

import dataclasses
import json
from itertools import product
from typing import get_args

import pytest

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.experiment import Experiment, guess_control
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.plan import Guardrail, Look, Plan
from analysis.experiments.report import analyse
from analysis.experiments.verdict import (
    Badge,
    Direction,
    Findings,
    GuardrailReading,
    GuardrailState,
    Lasting,
    Reading,
    Runtime,
    Spread,
    decide,
    runtime_of,
)

SHARE = Moments.of_successes
BETTER = {"control": SHARE(2000, 10_000), "new": SHARE(2300, 10_000)}
WORSE = {"control": SHARE(2300, 10_000), "new": SHARE(2000, 10_000)}
SAME = {"control": SHARE(2000, 10_000), "new": SHARE(2020, 10_000)}


def experiment(arms, *, control="control", days=14.0, units=None, kind="proportion", **more):
    units = units or {name: m.n for name, m in arms.items()}
    return Experiment("test", units, (Metric("starts", kind, arms),), control, "a test", days=days, **more)


COMBINATIONS = list(
    product(
        get_args(Direction),
        (True, False),
        get_args(Runtime),
        get_args(Look),
        get_args(GuardrailState),
        get_args(Lasting),
        get_args(Spread),
    )
)


def findings(direction, planned, runtime, look, state, lasting, spread="alike"):
    guardrail = Guardrail("completion", 0.05)
    readings = () if state == "none" else (GuardrailReading(guardrail, state, None),)
    return Findings(
        Reading(direction, "new", None, "Starts: 3 % higher."),
        planned,
        runtime,
        look,
        readings,
        lasting,
        "Later less.",
        spread,
        "" if spread == "alike" else "By plan it differs.",
    )


def expected(direction, planned, runtime, look, state, lasting, spread):
    """The rules once more, as a table of who stops what."""
    if not planned or direction == "unknown":
        return "cannot say"
    if runtime == "short":
        return "keep going"
    if state == "broken" or direction in ("worse", "too small to matter") or spread == "reverses":
        return "do not roll out"
    if direction == "better" and state != "unsure" and lasting != "first days only":
        return "roll out"
    return "cannot say" if look == "last" else "keep going"


@pytest.mark.parametrize("direction", get_args(Direction))
def test_there_is_a_verdict_for_every_combination(direction):
    seen = [c for c in COMBINATIONS if c[0] == direction]
    assert len(seen) * len(get_args(Direction)) == 5 * 2 * 3 * 4 * 4 * 3 * 3
    for combination in seen:
        verdict = decide(findings(*combination))
        assert verdict.badge in get_args(Badge)
        assert verdict.badge == expected(*combination), combination
        assert verdict.why
        assert verdict.advice
        assert verdict.sentence.endswith(".")
        _, planned, runtime, look, state, _, spread = combination
        decided = verdict.badge in ("roll out", "do not roll out")
        if decided:
            assert ("strong hint" in verdict.sentence) == (look == "unregistered"), combination
            assert ("wider one" in verdict.sentence) == (look == "unplanned")
            assert ("whole weeks" in verdict.sentence) == (runtime == "unknown")
        if verdict.badge == "roll out":
            assert (direction, planned) == ("better", True)
            assert runtime != "short"
            assert state in ("none", "kept")
            assert spread != "reverses"
            assert ("By plan" in verdict.sentence) == (spread == "differs")
        if "to everybody" in verdict.sentence:
            assert (verdict.badge, spread) == ("do not roll out", "reverses")


def test_a_worse_finding_never_gives_a_better_verdict():
    """From better to unclear to worse, and from kept to unsure to broken, a roll-out can only be lost."""
    for d, (planned, runtime, look, lasting) in product(
        ("better", "unclear", "worse"), product((True, False), get_args(Runtime), get_args(Look), get_args(Lasting))
    ):
        badges = [
            decide(findings(d, planned, runtime, look, state, lasting)).badge for state in ("kept", "unsure", "broken")
        ]
        rolled = [badge == "roll out" for badge in badges]
        assert rolled == sorted(rolled, reverse=True)


def shares(control, treatment, n=10_000):
    return {"control": SHARE(control, n), "new": SHARE(treatment, n)}


def guarded(guard_arms, *, margin=0.05, higher_is_better=True, **more):
    metrics = (
        Metric("starts", "proportion", BETTER),
        Metric("finishes", "proportion", guard_arms, higher_is_better),
    )
    units = {name: m.n for name, m in BETTER.items()}
    plan = Plan(guardrails=(Guardrail("finishes", margin),), **more)
    return Experiment("test", units, metrics, "control", "a test", days=14.0, plan=plan)


@pytest.mark.parametrize(
    ("arms", "badge", "state", "words"),
    [
        (shares(5000, 5000), "roll out", "kept", "All of the interval is a gain"),
        (shares(5000, 4000), "do not roll out", "broken", "20 % lower in new than in control"),
        (shares(5000, 4800), "keep going", "unsure", "a loss beyond the 5 % tolerated is not ruled out"),
        (shares(0, 0), "keep going", "unsure", "can’t be held against its margin of 5 %"),
    ],
)
def test_guardrails_are_held_against_their_margins(arms, badge, state, words):
    report = analyse(guarded(arms))
    assert report.verdict.badge == badge
    assert [g.state for g in report.guardrails] == [state]
    assert words in report.summary()


def test_a_guardrail_of_which_less_is_good_may_not_rise():
    assert analyse(guarded(shares(4000, 5000), higher_is_better=False)).verdict.badge == "do not roll out"
    assert analyse(guarded(shares(5000, 4000), higher_is_better=False)).verdict.badge == "roll out"


def test_a_gain_of_the_first_days_only_is_not_rolled_out():
    mean = Metric("starts", "mean", {"control": Moments(5000, 10.0, 50.0), "new": Moments(5000, 11.0, 50.0)})
    none = Metric("starts", "mean", {"control": Moments(5000, 10.0, 50.0), "new": Moments(5000, 10.1, 50.0)})
    given = Experiment(
        "t",
        {"control": 5000, "new": 5000},
        (mean,),
        "control",
        "a test",
        days=28.0,
        first_days={"starts": (mean, none)},
    )
    report = analyse(given)
    assert (report.verdict.badge, report.lasting) == ("keep going", "first days only")
    assert "In each viewer’s first 7 days it was +10 %, after them +1 %" in report.summary()
    lasting = dataclasses.replace(given, first_days={"starts": (mean, mean)})
    assert analyse(lasting).verdict.badge == "roll out"


def test_the_kind_of_look_sets_the_interval():
    plan = Plan(planned_days=28, looks=(0.5, 1.0), registered=True)
    at = {days: analyse(dataclasses.replace(experiment(BETTER, days=days), plan=plan)) for days in (10.0, 14.0, 28.0)}
    assert [report.look for report in at.values()] == ["unplanned", "interim", "last"]
    unplanned, interim, last = (report.comparisons[0].pairs[0] for report in at.values())
    fixed = analyse(experiment(BETTER)).comparisons[0].pairs[0]
    widths = [pair.relative.high - pair.relative.low for pair in (fixed, last, interim, unplanned)]
    assert widths == sorted(widths)
    assert widths[0] < widths[1] < widths[2]
    assert "95 % group-sequential interval" in last.summary()
    assert "95 % always-valid interval" in unplanned.summary()
    assert "wider one that holds at every look" in at[10.0].summary()
    few = analyse(dataclasses.replace(experiment(shares(20, 90, 100), days=10.0), plan=plan))
    assert few.verdict.badge == "keep going"  # before the burn-in no sequence is relied on


def test_a_planned_look_says_when_an_effect_has_become_unlikely():
    plan = Plan(planned_days=28, looks=(0.5, 1.0), registered=True)
    worse = shares(2000, 1985)

    def told(arms, days):
        report = analyse(dataclasses.replace(experiment(arms, days=days), plan=plan))
        return any("futility bound" in caution for caution in report.cautions)

    assert told(worse, 14.0)
    assert not told(BETTER, 14.0)
    # Only a planned look before the end has such a bound.
    assert not told(worse, 10.0)
    assert not told(worse, 28.0)


def test_a_departure_from_the_plan_is_not_pre_registered():
    plan = Plan(primary="starts", planned_days=14, registered=True)
    given = dataclasses.replace(experiment(BETTER), plan=plan)
    assert analyse(given).plan.registered
    assert "strong hint" not in analyse(given).summary()
    changed = analyse(given, confidence=0.9)
    assert not changed.plan.registered
    assert "strong hint" in changed.summary()


def test_a_plan_is_kept_as_it_was_written_and_refuses_nonsense():
    plan = Plan(
        primary="starts",
        hypothesis="More.",
        guardrails=(Guardrail("finishes", 0.05),),
        worth=0.01,
        planned_days=28,
        looks=(0.5, 1.0),
        segments=("plan",),
        registered=True,
    )
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    text = " ".join(plan.sentences())
    assert "looked at on days 14, 28" in text
    assert "may fall by 5 % at most" in text
    for bad in ({"looks": (0.5,)}, {"looks": (0.5, 0.4, 1)}, {"worth": -1}, {"planned_days": 3}):
        with pytest.raises(ParameterError):
            Plan(**bad)
    with pytest.raises(ParameterError, match="margin of finishes"):
        Guardrail("finishes", 5)
    with pytest.raises(ExperimentError, match="stored plan"):
        Plan.from_json({"unknown": 1})


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
    assert "effects of about 8 % or more" in report.summary()
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


def test_an_odd_split_is_mentioned_before_it_is_broken():
    odd = analyse(experiment(BETTER, units={"control": 10_000, "new": 9_600}))
    assert not odd.split.failed
    assert any("The split is odd (p = .004)" in caution for caution in odd.cautions)
    even = analyse(experiment(BETTER))
    assert not any("odd" in caution for caution in even.cautions)


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
