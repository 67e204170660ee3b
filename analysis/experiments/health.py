"""Whether an experiment can be trusted: above all, whether its variants got the units they were meant to get."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.errors import ExperimentError
from analysis.experiments import words
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

SRM_ALPHA = 0.001
"""Level below which counts no longer fit the design: strict, since a false alarm throws a good experiment away."""


@dataclass(frozen=True)
class SampleRatio(Result):
    """Whether the numbers of units fit the shares they were meant to have.

    Attributes:
        counts: Units by variant.
        expected: Units that the design would have given each variant.
        statistic: χ² of counts against expected.
        p_value: Chance of counts at least this far off, had the assignment worked.
        alpha: Level below which the check fails.
    """

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    statistic: float
    p_value: float
    alpha: float

    @property
    def failed(self) -> bool:
        """Whether the counts do not fit the design."""
        return self.p_value < self.alpha

    def to_frame(self) -> pd.DataFrame:
        """One row a variant."""
        import pandas as pd

        total = sum(self.counts.values())
        return pd.DataFrame(
            [
                {
                    "variant": name,
                    "units": count,
                    "expected": self.expected[name],
                    "share": count / total,
                    "expected_share": self.expected[name] / total,
                    "p_value": self.p_value,
                }
                for name, count in self.counts.items()
            ]
        )

    def summary(self) -> str:
        """The counts, and whether they fit."""
        found = ", ".join(f"{name}: {n:,} ({words.number(self.expected[name], 6)})" for name, n in self.counts.items())
        verdict = (
            "The units are not split as planned: something is wrong with assignment or logging"
            if self.failed
            else "The units are split as planned"
        )
        check = f"sample-ratio check {words.p_value(self.p_value)}"
        return f"{verdict} ({check}; units found, and expected in brackets: {found})."


def sample_ratio(
    counts: Mapping[str, int], weights: Mapping[str, float] | None = None, *, alpha: float = SRM_ALPHA
) -> SampleRatio:
    """χ² goodness-of-fit test for a sample-ratio mismatch (Fabijan et al. 2019).

    Args:
        counts: Units by variant.
        weights: Planned share of each variant, on any scale; equal shares by default.
        alpha: Level below which the check fails.

    >>> sample_ratio({"control": 5000, "treatment": 5400}).failed
    True

    Raises:
        ExperimentError: There is one variant only, a count is negative, or the weights don't name the variants.
    """
    from scipy import special

    if len(counts) < 2:
        raise ExperimentError(
            f"There is only one variant ({', '.join(counts) or 'none'}).", "An experiment needs at least two."
        )
    for name, count in counts.items():
        if count < 0:
            raise ExperimentError(f"Variant {name!r} has {count:,} units.", "Counts are 0 or more.")
    total = sum(counts.values())
    if total == 0:
        raise ExperimentError("No variant has any unit.", "Bring the units that were assigned.")
    weights = _checked_weights(counts, weights)
    whole = sum(weights.values())
    expected = {name: total * weights[name] / whole for name in counts}
    statistic = sum((count - expected[name]) ** 2 / expected[name] for name, count in counts.items())
    p = float(special.chdtrc(len(counts) - 1, statistic))
    return SampleRatio(dict(counts), expected, float(statistic), p, alpha)


def _checked_weights(counts: Mapping[str, int], weights: Mapping[str, float] | None) -> Mapping[str, float]:
    if weights is None:
        return dict.fromkeys(counts, 1.0)
    if set(weights) != set(counts):
        raise ExperimentError(
            f"The planned shares are for {', '.join(weights)}; the variants are {', '.join(counts)}.",
            "Give each variant its share.",
        )
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight > 0):
            raise ExperimentError(
                f"The planned share of variant {name!r} is {weight:g}.",
                "Shares are above zero; leave other variants out.",
            )
    return weights
