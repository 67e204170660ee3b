"""The verdict: what to do, and why, as a total function of what was found.

It takes the primary metric's interval, the guardrails, the sample-ratio check, the runtime, the kind of look, whether
the gain outlasts each viewer's first days, and whether it differs between the segments asked about beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from analysis.experiments import words
from analysis.experiments.fixed import Comparison
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.multi import MultiComparison, compare
from analysis.experiments.plan import FIRST_DAYS, MINIMUM_DAYS, Guardrail, Look

Badge = Literal["roll out", "keep going", "do not roll out", "cannot say"]

Direction = Literal["better", "worse", "too small to matter", "unclear", "unknown"]
"""What the primary interval says: all of it good, all of it bad, all of it below what is worth having, some of each,
or that there is no interval to go by."""

Runtime = Literal["enough", "short", "unknown"]

MINIMUM_UNITS = 30
"""Units a variant below which the normal approximation, and so any interval here, is not to be relied on."""

GuardrailState = Literal["none", "kept", "unsure", "broken"]
"""Whether the guardrails hold: there are none; the margins are kept for sure; a larger loss can't be ruled out; a loss
beyond a margin is sure."""

Lasting = Literal["holds", "first days only", "unknown"]
"""Whether the gain is clear after each unit's first days too."""

Spread = Literal["alike", "differs", "reverses"]
"""Whether the effect is the same in the segments that the plan asked about, as far as anybody can tell; or differs; or
is a gain in some of them and a loss in others."""


POWER_FACTOR = 2.8
"""Standard errors that an effect must measure to be found four times in five at the 5 % level (1.96 + 0.84)."""


@dataclass(frozen=True)
class Reading:
    """What the primary metric says.

    Attributes:
        direction: Where its interval lies.
        variant: The variant that is spoken of.
        comparison: The comparison quoted, or None where there is none.
        text: The finding in words, with the number and its interval.
    """

    direction: Direction
    variant: str
    comparison: Comparison | None
    text: str


@dataclass(frozen=True)
class Verdict:
    """What to do.

    Attributes:
        badge: The decision in two or three words.
        variant: The variant that it is about, or empty.
        why: The reason, with the number and its interval.
        advice: What to do next.
        whom: For whom not, where the answer is not the same for all.
    """

    badge: Badge
    variant: str
    why: str
    advice: str
    whom: str = ""

    @property
    def sentence(self) -> str:
        """Decision, reason and advice as one line of text."""
        subject = (
            f" {self.variant}{self.whom}" if self.variant and self.badge in ("roll out", "do not roll out") else ""
        )
        return f"{self.badge.capitalize()}{subject}. {self.why} {self.advice}".strip()


@dataclass(frozen=True)
class GuardrailReading:
    """What one guardrail says of the variant spoken of.

    Attributes:
        guardrail: Metric and margin.
        state: Whether the margin is kept.
        comparison: The comparison it rests on, or None where there is none.
    """

    guardrail: Guardrail
    state: GuardrailState
    comparison: Comparison | None

    @property
    def text(self) -> str:
        """The finding, held against the margin."""
        margin = words.percent(self.guardrail.margin, sign=False)
        if self.comparison is None or self.comparison.relative is None:
            return f"{_upper_first(self.guardrail.metric)} can’t be held against its margin of {margin}."
        found = _size(self.comparison)
        end = {
            "kept": f"within the {margin} tolerated",
            "broken": f"beyond the {margin} tolerated",
            "unsure": f"and a loss beyond the {margin} tolerated is not ruled out",
        }[self.state]
        return f"{found}, {end}."


def read_guardrail(guardrail: Guardrail, metric: Metric, comparison: Comparison | None) -> GuardrailReading:
    """Hold a guardrail's interval against its margin.

    The margin is kept where the whole interval of the lift is above it (a non-inferiority test at half of one minus
    the interval's level), and broken where the whole interval is beyond it.
    """
    if comparison is None or comparison.relative is None or comparison.problem:
        return GuardrailReading(guardrail, "unsure", comparison)
    lift = comparison.relative
    worst, best = (lift.low, lift.high) if metric.higher_is_better else (-lift.high, -lift.low)
    if worst > -guardrail.margin:
        return GuardrailReading(guardrail, "kept", comparison)
    return GuardrailReading(guardrail, "broken" if best < -guardrail.margin else "unsure", comparison)


def worst_state(readings: tuple[GuardrailReading, ...]) -> GuardrailState:
    """The state of all guardrails together: no better than the worst of them."""
    states = {reading.state for reading in readings}
    order: tuple[GuardrailState, ...] = ("broken", "unsure", "kept")
    return next((state for state in order if state in states), "none")


@dataclass(frozen=True)
class Findings:
    """All that the verdict rests on.

    Attributes:
        reading: What the primary metric says.
        split_as_planned: Whether the sample-ratio check passed.
        runtime: Whether it ran its minimum time.
        look: Which kind of look this is.
        guardrails: What the guardrails say.
        lasting: Whether the gain outlasts the first days.
        later: The gain after the first days, in words.
        spread: Whether the effect differs between the segments asked about beforehand.
        segments: How it differs, in words.
    """

    reading: Reading
    split_as_planned: bool = True
    runtime: Runtime = "enough"
    look: Look = "unregistered"
    guardrails: tuple[GuardrailReading, ...] = ()
    lasting: Lasting = "unknown"
    later: str = ""
    spread: Spread = "alike"
    segments: str = ""


def decide(found: Findings) -> Verdict:
    """The verdict, for every combination of its inputs. The first reason that applies decides.

    A broken split comes first, since no number means anything then. Without an interval nothing can be said. A test
    that has not run its minimum time is not decided yet, whatever it shows. A guardrail that is broken for sure stops
    what the primary metric would let through. An effect that reverses between segments asked about beforehand is no
    answer for everybody. Only then does the primary interval speak; a gain must keep the guardrails for sure and
    outlast the first days. What is still open at the planned end stays open: to go on until it pleases would find
    effects that are not there.
    """
    reading, state = found.reading, worst_state(found.guardrails)
    if not found.split_as_planned:
        return Verdict(
            "cannot say",
            "",
            "The units are not split as planned, so the variants hold different people and no difference can be "
            "put down to the treatment.",
            "Find the fault in assignment or logging, mend it, and start again.",
        )
    if reading.direction == "unknown":
        return Verdict("cannot say", "", reading.text, "Bring more units, or a metric that varies.")
    if found.runtime == "short":
        alarm = f" {_worst_text(found.guardrails, state)}" if state == "broken" else ""
        return Verdict(
            "keep going",
            reading.variant,
            f"It has not run its minimum time yet. So far, {_lower_first(reading.text)}{alarm}",
            "Wait until it has run for whole weeks; early numbers swing.",
        )
    hedge = _hedge(found, decided=True)
    if state == "broken" and reading.direction != "worse":
        why = f"{_worst_text(found.guardrails, state)} {reading.text}"
        advice = "A gain elsewhere does not pay for that." if reading.direction == "better" else "Keep what there is."
        return Verdict("do not roll out", reading.variant, why, f"{advice}{hedge}")
    if reading.direction == "worse":
        why = f"{reading.text} {found.segments}".strip()
        return Verdict("do not roll out", reading.variant, why, f"Keep what there is.{hedge}")
    if found.spread == "reverses":
        advice = (
            "What helps some hurts others, and the number over all hides it: roll it out only to those whom it helps, "
            f"after a test of them alone.{hedge}"
        )
        return Verdict(
            "do not roll out",
            reading.variant,
            f"{found.segments} Over all, {_lower_first(reading.text)}",
            advice,
            whom=" to everybody",
        )
    if reading.direction == "too small to matter":
        advice = f"Even the best end of the interval is below what was called worth having.{hedge}"
        return Verdict("do not roll out", reading.variant, reading.text, advice)
    if reading.direction == "unclear":
        return _open(
            found, f"{reading.text} {found.segments}".strip(), f"A loss and a gain both fit the data.{_reach(reading)}"
        )
    if state == "unsure":
        return _open(found, f"{reading.text} {_worst_text(found.guardrails, state)}", "A gain alone is not enough.")
    if found.lasting == "first days only":
        return _open(found, f"{reading.text} {found.later}", "It may be that the new is watched for being new.")
    why = f"{reading.text} {found.segments}".strip()
    return Verdict("roll out", reading.variant, why, f"All of the interval is a gain.{hedge}")


def _open(found: Findings, why: str, advice: str) -> Verdict:
    """Undecided: to go on, or, at the planned end, to leave it at that."""
    hedge = _hedge(found, decided=False)
    if found.look == "last":
        end = "The planned time is over: keep what there is, or plan a longer experiment."
        return Verdict("cannot say", found.reading.variant, why, f"{advice} {end}{hedge}".strip())
    return Verdict("keep going", found.reading.variant, why, f"{advice}{hedge}".strip())


def _reach(reading: Reading) -> str:
    """The effect that so many units would have found, so that an unclear answer can be judged."""
    if reading.comparison is None:
        return ""
    lift, gap = reading.comparison.relative, reading.comparison.absolute
    size = (
        words.percent(POWER_FACTOR * lift.standard_error, sign=False)
        if lift is not None
        else words.number(POWER_FACTOR * gap.standard_error)
    )
    return f" With this many units only effects of about {size} or more would be found four times in five."


def _hedge(found: Findings, decided: bool) -> str:
    """What weakens the words: nothing written down, an unplanned look, a runtime that nobody knows."""
    text = ""
    if found.look == "unregistered" and decided:
        text = " Nothing was written down beforehand, so take this as a strong hint, not as proof."
    elif found.look == "unplanned":
        text = " Nobody planned to look now, so the interval is the wider one that holds at every look."
    if found.runtime == "unknown":
        text += " How long it ran is not known: make sure that it covered whole weeks."
    return text


def _worst_text(readings: tuple[GuardrailReading, ...], state: GuardrailState) -> str:
    return next(reading.text for reading in readings if reading.state == state)


def runtime_of(days: float | None, minimum_days: float = MINIMUM_DAYS) -> Runtime:
    """Whether the experiment ran long enough.

    >>> runtime_of(14), runtime_of(3), runtime_of(None)
    ('enough', 'short', 'unknown')
    """
    if days is None or math.isnan(days):
        return "unknown"
    return "enough" if days >= minimum_days else "short"


def read_primary(metric: Metric, result: MultiComparison, worth: float = 0.0) -> Reading:
    """What the primary metric says, for two variants or more, with a control or without.

    Against a control the best variant that is apart from it wins. Without a control a variant wins that is apart from
    every other one.

    Args:
        metric: The primary metric.
        result: Its comparisons.
        worth: Smallest lift worth having, as a share of the control's mean; 0 for any.
    """
    if result.control is None:
        return _read_leader(metric, result)
    readings = [(_direction(c, metric.higher_is_better, worth), c) for c in result.pairs]
    good = 1 if metric.higher_is_better else -1
    order: tuple[Direction, ...] = ("better", "unclear", "too small to matter", "worse", "unknown")
    for wanted in order:
        found = [c for direction, c in readings if direction == wanted]
        if found:
            best = max(found, key=lambda c: good * c.absolute.estimate)
            return Reading(wanted, best.treatment, best, describe(best))
    raise AssertionError("a comparison has a direction")  # pragma: no cover


def read_lasting(metric: Metric, first: Comparison, later: Comparison) -> tuple[Lasting, str]:
    """Whether a gain is clear after each unit's first days too, and that in words.

    The later interval alone must be a gain: a demand on top of the test over all days, so that it can only make
    roll-outs rarer.
    """
    good = 1 if metric.higher_is_better else -1
    if later.problem or later.relative is None or first.relative is None:
        return "unknown", ""
    text = (
        f"In each viewer’s first {FIRST_DAYS} days it was {words.percent(first.relative.estimate)}, after them "
        f"{words.percent(later.relative.estimate)} ({words.percent(later.relative.low)} to "
        f"{words.percent(later.relative.high)})."
    )
    return ("holds" if good * later.absolute.sign > 0 else "first days only"), text


def describe(comparison: Comparison) -> str:
    """The finding in words: by how much, between which bounds."""
    if comparison.problem:
        return comparison.problem
    if _too_few(comparison):
        fewest = min(comparison.control_moments.n, comparison.treatment_moments.n)
        return (
            f"There are only {words.plural(fewest, 'unit')} in a variant; below {MINIMUM_UNITS}, or with next to no "
            "successes or failures, an interval is not to be relied on."
        )
    return f"{_size(comparison)}."


def _size(comparison: Comparison) -> str:
    """By how much, between which bounds."""
    effect = comparison.absolute
    show: Callable[[float], str] = words.signed
    if comparison.relative is not None and comparison.relative.sign == comparison.absolute.sign:
        effect, show = comparison.relative, words.percent
    size = show(abs(effect.estimate)).lstrip("+")
    way = "higher" if effect.estimate > 0 else "lower"
    what = f"{size} {way} in {comparison.treatment} than in {comparison.control}"
    if effect.estimate == 0:
        what = f"the same in {comparison.treatment} and {comparison.control}"
    interval = f"{comparison.interval_name} {show(effect.low)} to {show(effect.high)}"
    return f"{_upper_first(comparison.metric)}: {what} ({interval})"


def _direction(comparison: Comparison, higher_is_better: bool, worth: float) -> Direction:
    if comparison.problem or _too_few(comparison):
        return "unknown"
    good = comparison.absolute.sign if higher_is_better else -comparison.absolute.sign
    if good < 0:
        return "worse"
    if worth > 0 and comparison.relative is not None:
        best = comparison.relative.high if higher_is_better else -comparison.relative.low
        if best < worth:
            return "too small to matter"
    return "better" if good > 0 else "unclear"


def _read_leader(metric: Metric, result: MultiComparison) -> Reading:
    """Where no variant is the control: the one ahead, and whether it is apart from all others."""
    good = 1 if metric.higher_is_better else -1
    tested = [c for c in result.pairs if not c.problem and not _too_few(c)]
    if not tested:
        return Reading("unknown", "", None, describe(result.pairs[0]))
    named = {name for c in tested for name in (c.control, c.treatment)}
    leader = max(named, key=lambda name: good * metric.arms[name].mean)
    rivals = [c.control if c.treatment == leader else c.treatment for c in tested if leader in (c.control, c.treatment)]
    level, family = tested[0].confidence, tested[0].family
    own = [replace(compare(metric, rival, leader, confidence=level), family=family) for rival in rivals]
    closest = min(own, key=lambda c: good * c.absolute.estimate)
    apart = all(good * c.absolute.sign > 0 for c in own)
    if apart and len(own) == len(metric.arms) - 1:
        return Reading("better", leader, closest, describe(closest))
    text = describe(closest)
    if len(result.overall.variants) > 2:
        some = any(c.absolute.sign != 0 for c in result.pairs)
        differ = "Some variants differ" if some else "No two variants are clearly apart"
        text = f"{differ}, and {leader} is ahead but not clearly of all others: {_lower_first(text)}"
    return Reading("unclear", leader, closest, text)


def _too_few(comparison: Comparison) -> bool:
    arms: tuple[Moments, ...] = (comparison.control_moments, comparison.treatment_moments)
    return bool(comparison.caution) or min(m.n for m in arms) < MINIMUM_UNITS


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
