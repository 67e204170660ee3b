"""What is measured: means, proportions and ratios of a variant's units, as moments, with or without a covariate.

A ratio of two columns and a mean adjusted by what was known before the experiment (CUPED) both behave, for many
units, like a mean of their linear part. So they become `Moments` here, and every test of means applies to them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ExperimentError
from analysis.experiments.moments import JointMoments, Moments, pair

Kind = Literal["mean", "proportion", "ratio", "quantile", "staying"]


@dataclass(frozen=True)
class Ratio:
    """The sum of one column over the sum of another, such as completion per play.

    Attributes:
        numerator: Column above the line.
        denominator: Column below the line.
    """

    numerator: str
    denominator: str


Term = str | Ratio
"""A column, whose mean per unit is meant, or a ratio of two."""


@dataclass(frozen=True)
class Metric:
    """One metric in all variants of an experiment.

    Attributes:
        name: Name as shown.
        kind: Mean per unit, proportion of units, ratio of two sums, quantile of the units, or share that stays.
        arms: Moments by variant, in the order shown.
        higher_is_better: Whether more of it is good.
        totals: Sum above and sum below the line by variant, for the table.
        missing: Units without a value, by variant.
        adjusted: Whether covariates were used; a proportion is then tested as a mean.
        note: What was done to it, or why it can't be tested.
    """

    name: str
    kind: Kind
    arms: Mapping[str, Moments]
    higher_is_better: bool = True
    totals: Mapping[str, tuple[float, float]] | None = None
    missing: Mapping[str, int] | None = None
    adjusted: bool = False
    note: str = ""

    @property
    def counts_successes(self) -> bool:
        """Whether it is a share of units, untouched by covariates, so that tests of proportions apply."""
        return self.kind == "proportion" and not self.adjusted

    def total(self, variant: str) -> tuple[float, float]:
        """Sum above and sum below the line of one variant."""
        return self.totals[variant] if self.totals else (self.arms[variant].total, float(self.arms[variant].n))


@dataclass(frozen=True)
class Adjusted:
    """A metric adjusted by covariates.

    Attributes:
        arms: Moments by variant after the adjustment.
        coefficients: Change of the metric per unit of each covariate, the same in all variants.
        variance_reduction: Share of the metric's variance that the covariates explained.
    """

    arms: Mapping[str, Moments]
    coefficients: tuple[float, ...]
    variance_reduction: float


def columns_of(*terms: Term) -> tuple[list[str], list[tuple[str, str]]]:
    """The columns that terms need, and the pairs whose covariance they need."""
    names: list[str] = []
    for term in terms:
        names += [term.numerator, term.denominator] if isinstance(term, Ratio) else [term]
    unique = list(dict.fromkeys(names))
    return unique, sorted({pair(a, b) for a in unique for b in unique if a < b})


def value(joint: JointMoments, term: Term) -> float:
    """Mean of a column, or ratio of two means.

    Raises:
        ExperimentError: The mean below the line is not above zero.
    """
    if isinstance(term, str):
        return joint.means[term]
    below = joint.means[term.denominator]
    if below <= 0:
        raise ExperimentError(
            f"The mean of {term.denominator!r} is {below:g} in a variant, so nothing can be divided by it.",
            "Choose a denominator that is above zero on average.",
        )
    return joint.means[term.numerator] / below


def covariance(joint: JointMoments, first: Term, second: Term) -> float:
    """Covariance per unit of two terms' linear parts: the delta method (Deng, Knoblich and Lu 2018, section 2)."""
    return sum(a * b * joint.covariance(x, y) for x, a in _gradient(joint, first) for y, b in _gradient(joint, second))


def term_moments(joint: JointMoments, term: Term) -> Moments:
    """A column's moments, or a ratio's by the delta method.

    Raises:
        ExperimentError: A ratio's column has gaps, or its denominator's mean is not above zero.
    """
    if isinstance(term, str):
        return joint.column(term)
    joint.require_complete((term.numerator, term.denominator))
    return Moments(joint.n, value(joint, term), max(0.0, covariance(joint, term, term)))


def adjust(arms: Mapping[str, JointMoments], term: Term, covariates: Sequence[Term]) -> Adjusted:
    """CUPED: remove from a metric what covariates measured before the experiment explain.

    With one covariate the coefficient is cov / var over all variants together (Deng, Xu, Kohavi and Walker 2013);
    with several it is their least-squares fit. Covariates that never vary, or repeat one another, are passed over.

    Args:
        arms: Joint moments by variant, with the covariances that `columns_of(term, *covariates)` names.
        term: The metric.
        covariates: Terms whose values the experiment can't have changed.

    Raises:
        ExperimentError: A column has gaps.
    """
    names = columns_of(term, *covariates)[0]
    for joint in arms.values():
        joint.require_complete(names)
    groups = list(arms.values())
    whole = groups[0]
    for joint in groups[1:]:
        whole = whole + joint
    matrix = _matrix(whole, covariates)
    against = np.array([covariance(whole, x, term) for x in covariates])
    # The pseudo-inverse gives covariates that say nothing new no weight; scaling first makes "nothing" unit-free.
    scale = np.sqrt(np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0))
    theta = np.linalg.pinv(matrix / np.outer(scale, scale), rcond=1e-10, hermitian=True) @ (against / scale) / scale
    centre = np.array([value(whole, x) for x in covariates])
    adjusted = {}
    before = after = 0.0
    for name, joint in arms.items():
        raw = covariance(joint, term, term)
        cross = np.array([covariance(joint, x, term) for x in covariates])
        variance = max(0.0, float(raw - 2 * theta @ cross + theta @ _matrix(joint, covariates) @ theta))
        shift = theta @ (np.array([value(joint, x) for x in covariates]) - centre)
        adjusted[name] = Moments(joint.n, float(value(joint, term) - shift), variance)
        before, after = before + raw / joint.n, after + variance / joint.n
    return Adjusted(adjusted, tuple(float(t) for t in theta), 1 - after / before if before > 0 else 0.0)


def make_metric(
    name: str,
    arms: Mapping[str, JointMoments],
    term: Term,
    *,
    kind: Kind,
    covariates: Sequence[Term] = (),
    higher_is_better: bool = True,
) -> Metric:
    """A metric of an experiment out of its columns' moments.

    Raises:
        ExperimentError: A column of a ratio or a covariate has gaps, or a proportion is not one.
    """
    moments = {variant: term_moments(joint, term) for variant, joint in arms.items()}
    if kind == "proportion":
        for variant, found in moments.items():
            _require_share(name, variant, found)
    note = ""
    if covariates:
        result = adjust(arms, term, covariates)
        moments = dict(result.arms)
        which = ", ".join(x if isinstance(x, str) else f"{x.numerator} per {x.denominator}" for x in covariates)
        left = 1 - result.variance_reduction
        worth = f", as much as {1 / left - 1:.0%} more units would do" if 0 < left < 1 else ""
        note = f"Adjusted by {which} (CUPED): the variance is {result.variance_reduction:.0%} smaller{worth}."
    totals = None
    if isinstance(term, Ratio):
        totals = {v: (j.means[term.numerator] * j.n, j.means[term.denominator] * j.n) for v, j in arms.items()}
    elif covariates:
        totals = {v: (j.means[term] * j.n, float(j.n)) for v, j in arms.items()}
    missing = {v: j.n - j.counts[term] for v, j in arms.items() if isinstance(term, str) and term in j.counts}
    return Metric(name, kind, moments, higher_is_better, totals, missing or None, bool(covariates), note)


def _require_share(name: str, variant: str, found: Moments) -> None:
    """A share's variance is fixed by its mean, so outcomes other than 0 and 1 give themselves away."""
    if found.n < 2:
        return
    expected = found.mean * (1 - found.mean) * found.n / (found.n - 1)
    if not 0 <= found.mean <= 1 or not math.isclose(found.variance, expected, rel_tol=1e-6, abs_tol=1e-12):
        raise ExperimentError(
            f"Column {name!r} holds values other than 0 and 1 in variant {variant!r}.",
            "Analyse it as a mean, or turn it into 0 and 1.",
        )


def _gradient(joint: JointMoments, term: Term) -> list[tuple[str, float]]:
    if isinstance(term, str):
        return [(term, 1.0)]
    below = joint.means[term.denominator]
    return [(term.numerator, 1 / below), (term.denominator, -value(joint, term) / below)]


def _matrix(joint: JointMoments, terms: Sequence[Term]) -> NDArray[np.float64]:
    return np.array([[covariance(joint, a, b) for b in terms] for a in terms])
