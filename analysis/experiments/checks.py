"""The health of an experiment: split, crossovers, balance before, missing outcomes, exposure, outliers, segments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.experiments import words
from analysis.experiments.experiment import Experiment
from analysis.experiments.fixed import compare_means
from analysis.experiments.health import SRM_ALPHA, SampleRatio
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.multi import compare_overall
from analysis.experiments.multiplicity import adjust_p_values
from analysis.experiments.segments import Segments, spoken
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

State = Literal["fine", "look twice", "broken", "unknown"]

DOUBT = 0.02
"""Corrected p-value below which a reader is told to look twice; below that of the split's check it is broken."""

MANY_CROSSED = 0.01
"""Share of units in two variants from which a reader is told to look twice."""

MUCH_OF_THE_SPREAD = 0.1
"""Share of a metric's spread in one unit from which a reader is told to look twice."""


@dataclass(frozen=True)
class HealthCheck:
    """One check.

    Attributes:
        name: What is checked.
        state: Whether it is fine; `unknown` where the data do not say.
        text: What was found, in words.
    """

    name: str
    state: State
    text: str


@dataclass(frozen=True)
class Health(Result):
    """All checks of one experiment.

    Attributes:
        checks: One a subject, the split first.
    """

    checks: tuple[HealthCheck, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a check."""
        import pandas as pd

        return pd.DataFrame([{"check": c.name, "state": c.state, "found": c.text} for c in self.checks])

    def summary(self) -> str:
        """What is not fine."""
        bad = [c for c in self.checks if c.state == "broken"]
        odd = [c for c in self.checks if c.state == "look twice"]
        known = sum(c.state != "unknown" for c in self.checks)
        if not bad and not odd:
            return f"All {words.plural(known, 'check')} that the data allow are fine."
        said = [f"broken: {', '.join(c.name.lower() for c in bad)}"] if bad else []
        said += [f"to look at twice: {', '.join(c.name.lower() for c in odd)}"] if odd else []
        return f"Of {words.plural(known, 'check')}, {'; '.join(said)}."


def health(experiment: Experiment, split: SampleRatio, segments: Segments | None = None) -> Health:
    """Check what can be checked of an experiment.

    Args:
        experiment: The experiment.
        split: Its sample-ratio check.
        segments: The primary metric's effect by segment, where that is known.
    """
    return Health(
        (
            _split(split),
            _crossed(experiment),
            _balance(experiment),
            _missing(experiment),
            _exposed(experiment),
            _extremes(experiment),
            _alike(segments),
        )
    )


def _split(split: SampleRatio) -> HealthCheck:
    state: State = "broken" if split.failed else "look twice" if split.p_value < DOUBT else "fine"
    found = "as planned" if state == "fine" else "odd" if state == "look twice" else "not as planned"
    return HealthCheck("Split", state, f"{found.capitalize()} ({words.p_value(split.p_value)}).")


def _crossed(experiment: Experiment) -> HealthCheck:
    crossed = experiment.observed.crossed
    if crossed is None:
        return HealthCheck("Crossovers", "unknown", "No column names the units, so nobody can tell.")
    if crossed == 0:
        return HealthCheck("Crossovers", "fine", "No unit is in two variants.")
    share = crossed / sum(experiment.units.values())
    state: State = "look twice" if share >= MANY_CROSSED else "fine"
    return HealthCheck(
        "Crossovers",
        state,
        f"{words.plural(crossed, 'unit is', 'units are')} in more than one variant "
        f"({words.percent(share, sign=False)}); each counts where it was first.",
    )


def _balance(experiment: Experiment) -> HealthCheck:
    """Numbers from before by Welch's tests, what units are by χ², p-values by Holm."""
    name, seen = "Balance before", experiment.observed
    tests = {what: _means_differ(arms) for what, arms in seen.before.items()}
    tests |= {column.replace("_", " "): _shares_differ(table) for column, table in seen.makeup.items()}
    tests = {what: p for what, p in tests.items() if not math.isnan(p)}
    if not tests:
        return HealthCheck(name, "unknown", "Nothing from before the experiment is at hand.")
    worst, p = min(zip(tests, adjust_p_values(list(tests.values())), strict=True), key=lambda pair: pair[1])
    looked = ", ".join(tests)
    if p >= DOUBT:
        return HealthCheck(name, "fine", f"The variants are alike in {looked} (smallest {words.p_value(p)}).")
    state: State = "broken" if p < SRM_ALPHA else "look twice"
    text = f"The variants differ in {worst} ({words.p_value(p)}, corrected); looked at were {looked}."
    return HealthCheck(name, state, text)


def _means_differ(arms: Mapping[str, Moments]) -> float:
    if any(m.n < 2 or not m.variance > 0 for m in arms.values()):
        return math.nan
    if len(arms) == 2:
        return compare_means(*arms.values()).absolute.p_value
    return compare_overall(Metric("before", "mean", arms)).p_value


def _shares_differ(table: Mapping[str, Mapping[str, int]]) -> float:
    """Pearson's χ² over values with five expected units in every variant; rarer ones are put together."""
    from scipy import stats

    values = sorted({value for row in table.values() for value in row})
    counts = np.array([[row.get(value, 0) for value in values] for row in table.values()], dtype=float)
    if counts.sum() == 0 or min(counts.sum(axis=1)) == 0:
        return math.nan
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    rare = expected < 5
    kept = [*counts[:, ~rare].T, *([counts[:, rare].sum(axis=1)] if rare.any() else [])]
    kept = [column for column in kept if column.sum() * counts.sum(axis=1).min() / counts.sum() >= 5]
    if len(kept) < 2 or len(table) < 2:
        return math.nan
    return float(stats.chi2_contingency(np.array(kept), correction=False).pvalue)


def _missing(experiment: Experiment) -> HealthCheck:
    """Whether outcomes are missing, and in one variant more often than in the other."""
    name = "Missing outcomes"
    gaps = {m.name: m.missing for m in experiment.metrics if m.missing}
    if not gaps:
        return HealthCheck(name, "fine", "Every unit has every outcome.")
    tests = {}
    for metric, missing in gaps.items():
        lost = {v: (missing.get(v, 0), n) for v, n in experiment.units.items()}
        arms = {v: Moments.of_successes(min(x, n), n) for v, (x, n) in lost.items()}
        p = compare_overall(Metric(metric, "proportion", arms)).p_value
        tests[metric] = 1.0 if math.isnan(p) else p
    worst, p = min(zip(tests, adjust_p_values(list(tests.values())), strict=True), key=lambda pair: pair[1])
    each = ", ".join(
        f"{words.percent(gaps[worst].get(v, 0) / n, sign=False)} in {v}" for v, n in experiment.units.items()
    )
    alike = p >= DOUBT
    state: State = "fine" if alike else "broken" if p < SRM_ALPHA else "look twice"
    verdict = "about as often in every variant" if alike else "not as often in every variant, so who is left differs"
    return HealthCheck(name, state, f"{_upper(worst)} is missing {verdict} ({each}; {words.p_value(p)}).")


def _exposed(experiment: Experiment) -> HealthCheck:
    found = experiment.observed.exposure
    if found is None:
        return HealthCheck("Exposure", "unknown", "When units came is not known.")
    return HealthCheck("Exposure", "broken" if found.moved else "fine", found.summary())


def _extremes(experiment: Experiment) -> HealthCheck:
    own = experiment.observed.largest
    if not own:
        return HealthCheck("Extreme units", "unknown", "Single outcomes are not at hand.")
    worst = max(own, key=lambda name: own[name])
    share = words.percent(own[worst], sign=False)
    if own[worst] < MUCH_OF_THE_SPREAD:
        return HealthCheck("Extreme units", "fine", f"No unit makes up more than {share} of a metric’s spread.")
    text = f"One unit makes up {share} of the spread of {worst}: look at the capped mean too."
    return HealthCheck("Extreme units", "look twice", text)


def _alike(found: Segments | None) -> HealthCheck:
    """Whether one number speaks for all units, and whether the split holds within the segments."""
    name = "Effect by segment"
    if found is None or not found.interactions:
        return HealthCheck(name, "unknown", "No segments of enough units are known.")
    looked = ", ".join(spoken(t.column) for t in found.interactions)
    splits = adjust_p_values([s.split_p for s in found.segments])
    off = [s.value for s, p in zip(found.segments, splits, strict=True) if p < SRM_ALPHA]
    broken = f" Within {', '.join(off)} the units are not split as planned." if off else ""
    differ = [t for t in found.interactions if t.found]
    if not differ:
        smallest = words.p_value(min(t.p_value for t in found.interactions))
        text = f"No difference of effects by {looked} beyond chance (smallest {smallest}, corrected).{broken}"
        return HealthCheck(name, "look twice" if off else "fine", text)
    asked = {True: "asked about beforehand", False: "nobody asked beforehand: test it again"}
    told = " ".join(f"{found.sentence(t)[:-1]} ({asked[t.planned]})." for t in differ)
    return HealthCheck(name, "look twice", f"{told}{broken}")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
