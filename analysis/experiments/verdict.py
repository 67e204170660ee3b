"""The verdict: what to do, and why, out of the primary metric's interval, the sample-ratio check and the runtime."""

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

Badge = Literal["roll out", "keep going", "do not roll out", "cannot say"]

Direction = Literal["better", "worse", "too small to matter", "unclear", "unknown"]
"""What the primary interval says: all of it good, all of it bad, all of it below what is worth having, some of each,
or that there is no interval to go by."""

Runtime = Literal["enough", "short", "unknown"]

MINIMUM_UNITS = 30
"""Units a variant below which the normal approximation, and so any interval here, is not to be relied on."""

MINIMUM_DAYS = 7.0
"""A whole week: people watch differently on weekdays and at weekends."""


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
    """

    badge: Badge
    variant: str
    why: str
    advice: str

    @property
    def sentence(self) -> str:
        """Decision, reason and advice as one line of text."""
        subject = f" {self.variant}" if self.variant and self.badge in ("roll out", "do not roll out") else ""
        return f"{self.badge.capitalize()}{subject}. {self.why} {self.advice}".strip()


def decide(reading: Reading, *, split_as_planned: bool, runtime: Runtime) -> Verdict:
    """The verdict, for every combination of its inputs.

    A broken split comes first, since no number means anything then. Without an interval nothing can be said. A test
    that has not run its minimum time is not decided yet, whatever it shows. Only then does the interval speak.
    """
    if not split_as_planned:
        return Verdict(
            "cannot say",
            "",
            "The units are not split as planned, so the variants hold different people and no difference can be "
            "put down to the treatment.",
            "Find the fault in assignment or logging, mend it, and start again.",
        )
    if reading.direction == "unknown":
        return Verdict("cannot say", "", reading.text, "Bring more units, or a metric that varies.")
    if runtime == "short":
        return Verdict(
            "keep going",
            reading.variant,
            f"It has not run its minimum time yet. So far, {_lower_first(reading.text)}",
            "Wait until it has run for whole weeks; early numbers swing.",
        )
    week = " How long it ran is not known: make sure that it covered whole weeks." if runtime == "unknown" else ""
    if reading.direction == "better":
        return Verdict("roll out", reading.variant, reading.text, f"All of the interval is a gain.{week}")
    if reading.direction == "worse":
        return Verdict("do not roll out", reading.variant, reading.text, f"Keep what there is.{week}")
    if reading.direction == "too small to matter":
        advice = f"Even the best end of the interval is below what was called worth having.{week}"
        return Verdict("do not roll out", reading.variant, reading.text, advice)
    return Verdict("keep going", reading.variant, reading.text, f"A loss and a gain both fit the data.{week}")


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
    return f"{_upper_first(comparison.metric)}: {what} ({interval})."


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
