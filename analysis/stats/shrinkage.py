"""Pulling noisy estimates towards their common centre."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def towards_zero(estimate: Array, standard_error: Array) -> tuple[Array, float]:
    """Empirical-Bayes means of many effects scattered around zero, and the standard deviation of the true effects.

    Each estimate is multiplied by τ² / (τ² + se²): what is measured well stays, what rests on a few counts goes to
    zero. τ² is the moment estimate (at least 0) that makes the mean of (estimate² − se²)/se² fit, weighted by 1/se².
    Entries without a finite estimate and standard error come back as NaN.

    Source: DerSimonian and Laird (1986) with the centre fixed at zero; Efron (2010), Large-Scale Inference, chapter 1.
    """
    known = np.isfinite(estimate) & np.isfinite(standard_error) & (standard_error > 0)
    if not known.any():
        return np.full_like(estimate, np.nan), float("nan")
    variance = standard_error[known] ** 2
    weight = 1 / variance
    tau2 = max(0.0, float((np.sum(weight * estimate[known] ** 2) - known.sum()) / np.sum(weight)))
    shrunk = np.full_like(estimate, np.nan)
    shrunk[known] = estimate[known] * tau2 / (tau2 + variance)
    return shrunk, float(np.sqrt(tau2))
