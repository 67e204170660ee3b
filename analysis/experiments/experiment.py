"""An experiment as the room sees it: variants, how many units each got, and its metrics as moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.errors import ExperimentError
from analysis.experiments.exposure import Exposure
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.plan import Plan
from analysis.experiments.survival import SurvivalComparison

if TYPE_CHECKING:
    from analysis.experiments.timeline import Daily


@dataclass(frozen=True)
class Observed:
    """What is known of an experiment's units besides their outcomes; it serves the checks of health.

    Attributes:
        crossed: Units in more than one variant, each counted where it was first; None where that is not known.
        before: Moments by variant of numbers from before the experiment, by name.
        makeup: Units by variant and value of columns that the experiment can't have changed, by column.
        exposure: When units came, or None where that is not known.
        largest: Share of a metric's spread that its single most extreme unit makes up, by metric.
    """

    crossed: int | None = None
    before: Mapping[str, Mapping[str, Moments]] = field(default_factory=dict)
    makeup: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    exposure: Exposure | None = None
    largest: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """An experiment, read from wherever it was.

    Attributes:
        name: Name as shown.
        units: Units assigned to each variant, in the order shown.
        metrics: Its metrics; the first is the primary one unless another is named.
        control: The variant that stands for how things are now, or None where no variant does.
        source: What it was read from, in words.
        weights: Planned share of each variant; equal shares where None.
        days: How long it ran, in days, or None where that is not known.
        plan: What was written down before the results were seen, or None.
        notes: What a reader should know, one sentence each.
        code: Python that reads this experiment again.
        question: What it asked, in words, or empty.
        truth: True difference, and the same as a share of the control's mean, by metric; for simulated experiments.
        first_days: Each metric within the first days of a unit and after them, to tell what lasts from what is new.
        observed: What is known of the units besides their outcomes.
        survival: Curves of staying, each treatment's beside the control's, where time to an event is measured.
        segments: The metrics of the units of each segment, by column and by the segment's value there.
        daily: Sums of every day, where the experiment was read from files that say when units came; else None.
    """

    name: str
    units: Mapping[str, int]
    metrics: tuple[Metric, ...]
    control: str | None
    source: str
    weights: Mapping[str, float] | None = None
    days: float | None = None
    plan: Plan | None = None
    notes: tuple[str, ...] = ()
    code: str = ""
    question: str = ""
    truth: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    first_days: Mapping[str, tuple[Metric, Metric]] = field(default_factory=dict)
    observed: Observed = field(default_factory=Observed)
    survival: Mapping[str, SurvivalComparison] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, tuple[Metric, ...]]] = field(default_factory=dict)
    daily: Daily | None = None

    def __post_init__(self) -> None:
        if len(self.units) < 2:
            raise ExperimentError(
                f"There is only one variant ({', '.join(self.units) or 'none'}).", "An experiment needs at least two."
            )
        if self.control is not None and self.control not in self.units:
            raise ExperimentError(
                f"There is no variant {self.control!r}.", f"The variants are: {', '.join(self.units)}."
            )
        if not self.metrics:
            raise ExperimentError("The experiment has no metric.", "Choose at least one outcome column.")

    def metric(self, name: str) -> Metric:
        """The metric called `name`.

        Raises:
            ExperimentError: There is none of that name.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise ExperimentError(
            f"There is no metric {name!r}.", f"The metrics are: {', '.join(m.name for m in self.metrics)}."
        )

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants, in the order shown."""
        return tuple(self.units)


GUESS = "guess the control"
"""Stands for a control that is to be found by its name."""

CONTROL_NAMES = ("control", "a", "0", "off", "baseline", "current", "old", "false", "original", "holdout")
"""What people call the variant that stands for how things are now, most telling first."""


def resolve_control(control: str | None, variants: tuple[str, ...]) -> str | None:
    """The control asked for, the one that the names tell, or None for none."""
    return guess_control(variants) if control == GUESS else control


def guess_control(variants: tuple[str, ...]) -> str | None:
    """The variant that by its name is the control, or None.

    >>> guess_control(("new rows", "Control")), guess_control(("red", "blue"))
    ('Control', None)
    """
    lowered = {name.strip().lower(): name for name in reversed(variants)}
    return next((lowered[word] for word in CONTROL_NAMES if word in lowered), None)
