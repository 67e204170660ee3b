"""Cox's proportional hazards."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.errors import DataError

Array = npt.NDArray[np.float64]

_STEPS = 50
_TOLERANCE = 1e-9


def proportional_hazards(design: Array, days: Array, left: Array) -> tuple[Array, Array]:
    """Log hazard ratios and their standard errors, by Newton's method on the partial likelihood.

    Ties are Efron's. Everything is sums over those still there, so that tens of thousands take a moment; the tests hold
    it against statsmodels.

    Args:
        design: Shape (N, P), columns that vary.
        days: Days followed, shape (N,).
        left: 1 where it ended by leaving, 0 where it was only followed so long, shape (N,).

    Raises:
        DataError: Nobody left, or the model does not converge: a column tells leaving perfectly.

    Source: Cox (1972), Regression models and life-tables; Efron (1977) for ties.
    """
    if not left.any():
        raise DataError("Nobody left.", "A rate of leaving needs somebody who left.")
    design = design - design.mean(axis=0)
    order = np.argsort(-days, kind="stable")
    x, time, event = design[order], days[order], left[order] > 0
    # Who is still there at a time stands before the last one with that time.
    last = np.searchsorted(-time, -time[event], side="right") - 1
    _, group, size = np.unique(time[event], return_inverse=True, return_counts=True)
    place = np.argsort(np.argsort(group, kind="stable")) - (np.cumsum(size) - size)[group]
    share = place / size[group]
    slope = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        risk = np.exp(np.clip(x @ slope, -30, 30))
        sums = [np.cumsum(v, axis=0)[last] for v in (risk, risk[:, None] * x, _squares(risk, x))]
        tied = [_by_group(v, group, len(size))[group] for v in (risk[event], risk[event, None] * x[event],
                                                                _squares(risk[event], x[event]))]  # fmt: skip
        zero = sums[0] - share * tied[0]
        mean = (sums[1] - share[:, None] * tied[1]) / zero[:, None]
        square = (sums[2] - share[:, None, None] * tied[2]) / zero[:, None, None]
        score = (x[event] - mean).sum(axis=0)
        information = (square - mean[:, :, None] * mean[:, None, :]).sum(axis=0)
        step = np.linalg.lstsq(information, score, rcond=None)[0]
        slope = slope + np.clip(step, -1, 1)
        if float(np.abs(step).max()) < _TOLERANCE:
            return slope, np.asarray(np.sqrt(np.diag(np.linalg.pinv(information))), dtype=np.float64)
    raise DataError("The rates of leaving can't be fitted.", "Something tells leaving perfectly; leave it out.")


def _squares(risk: Array, x: Array) -> Array:
    return np.asarray(risk[:, None, None] * x[:, :, None] * x[:, None, :], dtype=np.float64)


def _by_group(values: Array, group: npt.NDArray[np.int64], size: int) -> Array:
    found = np.zeros((size, *values.shape[1:]))
    np.add.at(found, group, values)
    return found
