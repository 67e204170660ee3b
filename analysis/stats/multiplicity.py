"""Corrections for looking at many numbers at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def benjamini_hochberg(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Adjusted p-values that bound the false discovery rate, in the shape of `p`.

    NaN stands for "not tested": it is left out of the family and stays NaN. Claims with a value of at most 0.05 hold
    at most 5 % false ones on average, for independent or positively dependent tests. The arithmetic is four lines
    while importing a package for it takes seconds; the tests hold it against statsmodels.

    Source: Benjamini and Hochberg (1995), Controlling the false discovery rate.
    """
    flat = np.asarray(p, dtype=np.float64).ravel()
    adjusted = np.full_like(flat, np.nan)
    tested = np.flatnonzero(np.isfinite(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    count = len(order)
    raised = flat[order] * count / np.arange(1, count + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return adjusted.reshape(np.shape(p))
