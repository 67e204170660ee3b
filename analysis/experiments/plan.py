"""What is written down before the results are seen: the metric that decides, the guardrails, the end and the looks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import words
from analysis.experiments.group_sequential import Design, boundaries

Look = Literal["last", "interim", "unplanned", "unregistered"]
"""The planned end, a look planned before it, a look that nobody planned, or an experiment without a plan."""

MINIMUM_DAYS = 7.0
"""A whole week: people watch differently on weekdays and at weekends."""

FIRST_DAYS = 7
"""Days from a viewer's assignment in which something new is watched because it is new."""

DESIGN: Design = "Lan–DeMets O’Brien–Fleming"


@dataclass(frozen=True)
class Guardrail:
    """A metric that must not get worse by more than a margin.

    Attributes:
        metric: Its name.
        margin: Largest loss that is tolerated, as a share of the control's mean.
    """

    metric: str
    margin: float

    def __post_init__(self) -> None:
        if not 0 < self.margin < 1:
            raise ParameterError(
                f"The margin of {self.metric} is {self.margin:g}.", "Give a share between 0 and 1, 0.05 for 5 %."
            )


@dataclass(frozen=True)
class Plan:
    """How an experiment will be judged.

    Attributes:
        primary: The metric that decides; empty for the experiment's first.
        hypothesis: What is expected, and why, in words.
        guardrails: Metrics that must not suffer.
        worth: Smallest lift worth having, as a share of the control's mean.
        minimum_days: Days below which there is no decision.
        planned_days: Days until the end, or None where no end was fixed.
        looks: Shares of the planned days at which one looks, rising to 1.
        design: How the level is spent over the looks.
        confidence: Level of the intervals over all looks together.
        segments: Columns of the viewers whose differences are asked about beforehand.
        rule: What is done with which result, in words.
        registered: Whether it was written down before results were seen.
    """

    primary: str = ""
    hypothesis: str = ""
    guardrails: tuple[Guardrail, ...] = ()
    worth: float = 0.0
    minimum_days: float = MINIMUM_DAYS
    planned_days: float | None = None
    looks: tuple[float, ...] = (1.0,)
    design: Design = DESIGN
    confidence: float = 0.95
    segments: tuple[str, ...] = ()
    rule: str = ""
    registered: bool = False

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.looks, self.looks[1:], strict=False))
        if not self.looks or not rising or self.looks[0] <= 0 or abs(self.looks[-1] - 1) > 1e-9:
            raise ParameterError(
                f"The looks are at {list(self.looks)}.", "Give shares above 0 that rise and end with 1."
            )
        if not 0 <= self.worth < 10:
            raise ParameterError(
                f"The lift worth having is {self.worth:g}.", "Give a share of 0 or more, 0.01 for 1 %."
            )
        if self.planned_days is not None and not self.planned_days >= max(1.0, self.minimum_days):
            raise ParameterError(
                f"The end is planned after {self.planned_days:g} days, the minimum is {self.minimum_days:g}.",
                "Plan at least the minimum; whole weeks are best.",
            )

    def look(self, days: float | None) -> Look:
        """Which kind of look one takes after so many days.

        >>> Plan(planned_days=28, looks=(0.5, 1.0), registered=True).look(14)
        'interim'
        """
        if not self.registered:
            return "unregistered"
        if self.planned_days is None:
            return "last"
        if days is None or math.isnan(days):
            return "unplanned"
        if days >= self.planned_days - 0.5:
            return "last"
        return "interim" if self._place(days) is not None else "unplanned"

    def look_confidence(self, days: float | None) -> float:
        """Level of a single interval at a planned look, such that all looks together keep the plan's level."""
        from scipy import special

        if len(self.looks) == 1 or self.look(days) not in ("last", "interim"):
            return self.confidence
        found = boundaries(self.looks, self.design, alpha=(1 - self.confidence) / 2).critical_z
        place = self._place(days) if self.look(days) == "interim" else len(found) - 1
        assert place is not None
        return min(1 - 1e-12, 1 - 2 * float(special.ndtr(-found[place])))

    def futile_z(self, days: float | None) -> float | None:
        """z-score at this look below which one may give up; None where it is no planned look before the end."""
        from analysis.experiments.futility import futility

        if self.look(days) != "interim":
            return None
        place = self._place(days)
        assert place is not None
        return futility(self.looks, self.design, alpha=(1 - self.confidence) / 2).futile_z[place]

    def _place(self, days: float | None) -> int | None:
        """Which planned look falls on that day."""
        if self.planned_days is None or days is None:
            return None
        planned = [share * self.planned_days for share in self.looks]
        return next((i for i, day in enumerate(planned) if abs(day - days) <= 0.5), None)

    def sentences(self) -> tuple[str, ...]:
        """The plan in words, one sentence each."""
        found = [f"The metric that decides is {self.primary}."] if self.primary else []
        if self.hypothesis:
            found.insert(0, f"Hypothesis: {self.hypothesis}")
        found += [
            f"{g.metric[:1].upper() + g.metric[1:]} may fall by {words.percent(g.margin, sign=False)} at most."
            for g in self.guardrails
        ]
        if self.worth:
            found.append(f"A lift below {words.percent(self.worth, sign=False)} is not worth having.")
        if self.planned_days is not None:
            looks = [f"{share * self.planned_days:.0f}" for share in self.looks]
            when = f"on day {looks[0]}" if len(looks) == 1 else f"on days {', '.join(looks)} ({self.design})"
            found.append(f"It runs {self.planned_days:.0f} days and is looked at {when}.")
        if self.segments:
            found.append(f"Asked about beforehand: whether the effect differs by {', '.join(self.segments)}.")
        if self.rule:
            found.append(self.rule)
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for storing."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Plan:
        """The plan that was stored.

        Raises:
            ExperimentError: It is not one.
        """
        try:
            values = dict(stored)
            values["guardrails"] = tuple(Guardrail(**g) for g in values.get("guardrails", ()))
            for name in ("looks", "segments"):
                if name in values:
                    values[name] = tuple(values[name])
            return cls(**values)
        except TypeError as error:
            raise ExperimentError(f"A stored plan can't be read ({error}).", "Write it down again.") from error


_RULE = "Roll out when the whole interval is a gain and no guardrail suffers; otherwise keep what there is."


def _sample_plan(primary: str, hypothesis: str, days: float = 28.0, segments: tuple[str, ...] = ()) -> Plan:
    return Plan(
        primary=primary,
        hypothesis=hypothesis,
        guardrails=(Guardrail("completion rate", 0.20), Guardrail("viewers who played", 0.02)),
        planned_days=days,
        minimum_days=14.0,
        segments=segments,
        rule=_RULE,
        registered=True,
    )


_MINUTES, _PLAYS = "minutes per viewer", "plays per viewer"

SAMPLE_PLANS: Mapping[str, Plan] = {
    "new-home": _sample_plan(_MINUTES, "A clearer home screen makes people find more to watch."),
    "autoplay-countdown": _sample_plan(_MINUTES, "A shorter countdown carries people into the next episode."),
    "checkout-copy": _sample_plan(_MINUTES, "A new text on the account page changes nothing."),
    "profile-icons": _sample_plan(_MINUTES, "New icons make the service feel fresh."),
    "player-rewrite": _sample_plan(_MINUTES, "The rewritten player is as good as the old one."),
    "bigger-previews": _sample_plan(_PLAYS, "Bigger previews invite to more plays.", days=42.0),
    "dense-home": _sample_plan(_PLAYS, "More titles on the screen lead to more plays.", segments=("plan",)),
    "bold-artwork": _sample_plan(_PLAYS, "Bolder artwork invites to more plays."),
    "rounded-corners": _sample_plan(_PLAYS, "Rounded corners invite to more plays."),
    "personal-rows": _sample_plan(_MINUTES, "Rows closer to taste lead to more viewing."),
}
"""What the simulated service wrote down before each of its experiments; the simulation itself knows no plans."""
