"""Two ways to calm a mean: cap the largest units, and weigh strata as the whole is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import words
from analysis.experiments.moments import Moments
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Winsorized(Result):
    """Outcomes of all variants, capped at one common value.

    Attributes:
        arms: Moments by variant after capping.
        cap: The largest outcome left.
        capped: Units above it, by variant.
        variance_reduction: Share of the difference's variance that capping took away.
        moved: How far it moved each variant's mean.
    """

    arms: Mapping[str, Moments]
    cap: float
    capped: Mapping[str, int]
    variance_reduction: float
    moved: Mapping[str, float]

    def to_frame(self) -> pd.DataFrame:
        """One row a variant."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"variant": v, "units": m.n, "mean": m.mean, "capped": self.capped[v], "mean_moved": self.moved[v]}
                for v, m in self.arms.items()
            ]
        )

    def summary(self) -> str:
        """What capping did."""
        each = ", ".join(f"{n:,} in {v}" for v, n in self.capped.items())
        return (
            f"Outcomes above {words.number(self.cap)} were set to it ({each}); the variance is "
            f"{words.percent(self.variance_reduction, sign=False)} smaller."
        )


def winsorize(values: Mapping[str, ArrayLike], quantile: float = 0.99) -> Winsorized:
    """Cap the outcomes of all variants at one quantile of all of them together.

    One cap for all, or the variants would be cut differently. What is compared afterwards is the capped mean: a
    treatment that works on the heaviest viewers only is cut away with them.

    Args:
        values: Outcomes of each variant, shape (units,).
        quantile: Share of the units that are left as they are.

    Raises:
        ParameterError: The quantile is out of range.
        ExperimentError: An outcome is missing or infinite.
    """
    if not 0.5 < quantile < 1:
        raise ParameterError(f"The quantile is {quantile:g}.", "Choose one above 0.5 and below 1, such as 0.99.")
    before = {name: Moments.of(x) for name, x in values.items()}
    arrays = {name: np.asarray(x, dtype=float) for name, x in values.items()}
    cap = float(np.quantile(np.concatenate(list(arrays.values())), quantile))
    after = {name: Moments.of(np.minimum(x, cap)) for name, x in arrays.items()}
    raw, left = (sum(m.variance / m.n for m in arms.values()) for arms in (before, after))
    return Winsorized(
        after,
        cap,
        {name: int((x > cap).sum()) for name, x in arrays.items()},
        1 - left / raw if raw > 0 else 0.0,
        {name: after[name].mean - before[name].mean for name in arrays},
    )


def post_stratify(strata: Mapping[str, Mapping[str, Moments]]) -> dict[str, Moments]:
    """Means of each variant with its strata weighed as they are in all variants together.

    Takes out what differs between variants because chance gave one of them more of some kind of viewer; the gain is
    the variance between strata (Miratrix, Sekhon and Yu 2013). The strata must be known before the assignment.

    Args:
        strata: Moments by variant, of each stratum: `strata[stratum][variant]`.

    Returns:
        Moments by variant, whose standard error is that of the weighted mean.

    Raises:
        ExperimentError: A stratum lacks a variant, or has a single unit in one.
    """
    names = list(next(iter(strata.values())))
    total = sum(m.n for arms in strata.values() for m in arms.values())
    weights: dict[str, float] = {}
    for stratum, arms in strata.items():
        if set(arms) != set(names) or min(m.n for m in arms.values()) < 2:
            raise ExperimentError(
                f"Stratum {stratum!r} has fewer than two units in some variant.", "Put small strata together."
            )
        weights[stratum] = sum(m.n for m in arms.values()) / total
    found = {}
    for name in names:
        own = [(weights[stratum], arms[name]) for stratum, arms in strata.items()]
        n = sum(m.n for _, m in own)
        error: NDArray[np.float64] = np.array([w**2 * m.variance / m.n for w, m in own])
        found[name] = Moments(n, sum(w * m.mean for w, m in own), float(error.sum()) * n)
    return found
