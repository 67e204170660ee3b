"""Many tests at once: what each p-value, or each level, is worth then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from analysis.errors import ParameterError

Correction = Literal["Holm", "Bonferroni", "Benjamini–Hochberg"]
"""Holm and Bonferroni bound the chance of any false alarm, Benjamini–Hochberg the share of false ones among alarms."""


def adjust_p_values(p_values: Sequence[float], method: Correction = "Holm") -> tuple[float, ...]:
    """Adjusted p-values, to be held against the level that one test alone would have had.

    Holm (1979), Bonferroni, and Benjamini and Hochberg (1995). An unknown p-value (nan) counts as no test.

    >>> adjust_p_values([0.01, 0.04])
    (0.02, 0.04)

    Raises:
        ParameterError: A p-value is not between 0 and 1, or the method is unknown.
    """
    p = np.asarray(p_values, dtype=float)
    known = ~np.isnan(p)
    if np.any((p[known] < 0) | (p[known] > 1)):
        raise ParameterError("A p-value is outside of 0 to 1.", "Give p-values as shares.")
    m = int(known.sum())
    order = np.argsort(p[known], kind="stable")
    ranked = p[known][order]
    ranks = np.arange(1, m + 1)
    if method == "Bonferroni":
        adjusted = m * ranked
    elif method == "Holm":
        adjusted = np.maximum.accumulate((m - ranks + 1) * ranked)
    elif method == "Benjamini–Hochberg":
        adjusted = np.minimum.accumulate((m / ranks * ranked)[::-1])[::-1]
    else:
        raise ParameterError(f"The correction is {method!r}.", "Choose Holm, Bonferroni or Benjamini–Hochberg.")
    within = np.empty(m)
    within[order] = np.minimum(adjusted, 1.0)
    result = np.full(p.shape, np.nan)
    result[known] = within
    return tuple(float(x) for x in result)


def preferential_levels(alpha: float, treatments: int, metrics: int, share: float = 0.5) -> tuple[float, float]:
    """Preferential Bonferroni: a larger part of the level for the primary metric, the rest parted among the others.

    Args:
        alpha: Level of the whole experiment.
        treatments: Variants besides the control.
        metrics: Metrics, the primary one among them.
        share: Part of the level that goes to the primary metric.

    Returns:
        The level of each test of the primary metric, and of each test of another metric.

    >>> preferential_levels(0.05, treatments=2, metrics=5)
    (0.0125, 0.003125)

    Raises:
        ParameterError: A number is out of range.
    """
    if not 0 < alpha < 1 or not 0 < share <= 1 or treatments < 1 or metrics < 1:
        raise ParameterError(
            f"alpha {alpha:g}, share {share:g}, {treatments} treatments and {metrics} metrics do not fit.",
            "Levels and shares lie between 0 and 1, and there is at least one treatment and one metric.",
        )
    if metrics == 1:
        return alpha / treatments, 0.0
    return share * alpha / treatments, (1 - share) * alpha / treatments / (metrics - 1)
