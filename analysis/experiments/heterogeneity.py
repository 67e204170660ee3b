"""Whether effects differ between groups of units, and whether they turn round: tests of interaction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.experiments.moments import Moments

Floats = NDArray[np.float64]

_WIDEST = 1.5
"""How far, on the logarithm, the groups' common ratio is looked for from that of all units."""


def common_lift(controls: Sequence[Moments], treatments: Sequence[Moments]) -> tuple[float, float]:
    """Test that the treatment changes the mean by the same share in every group.

    With one common ratio r, treatment less r times control is about zero in each group; the sum of its squared z-scores
    is smallest at the best r (Fieller's statistic, over groups as in Cochran 1954). The corrections for estimated
    variances, and the F that it is held against, are Welch's (1951). A share, and not a difference, since groups that
    watch less would otherwise differ by that alone. Where a mean is not above zero, differences are tested instead.

    Args:
        controls: The control's moments in each group, shape (groups,).
        treatments: The treatment's, in the same order.

    Returns:
        F and its p-value; nan for fewer than two groups, or where one has no spread.
    """
    from scipy import optimize, special

    x, y = (np.array([m.mean for m in arm]) for arm in (controls, treatments))
    vx, vy = (np.array([m.standard_error**2 for m in arm]) for arm in (controls, treatments))
    nx, ny = (np.array([m.n for m in arm], dtype=float) for arm in (controls, treatments))
    k = len(x)
    if k < 2 or not (np.all(vx > 0) and np.all(vy > 0)):
        return math.nan, math.nan
    if np.all(x > 0) and np.all(y > 0):
        middle = math.log(float(ny @ y) / float(ny.sum()) / (float(nx @ x) / float(nx.sum())))

        def squares(log_ratio: float) -> float:
            r = math.exp(log_ratio)
            return float(((y - r * x) ** 2 / (vy + r * r * vx)).sum())

        best = optimize.minimize_scalar(
            squares, bounds=(middle - _WIDEST, middle + _WIDEST), method="bounded", options={"xatol": 1e-7}
        )
        between, scale, slope = float(best.fun), math.exp(float(best.x)) ** 2, x
    else:
        gap, weight = y - x, 1 / (vx + vy)
        between, scale = float(weight @ (gap - float(weight @ gap) / float(weight.sum())) ** 2), 1.0
        slope = np.ones(k)
    variance = vy + scale * vx
    weight = slope**2 / variance
    df = variance**2 / (vy**2 / (ny - 1) + (scale * vx) ** 2 / (nx - 1))
    spread = float(((1 - weight / weight.sum()) ** 2 / df).sum())
    statistic = between / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * spread)
    return statistic, float(special.fdtrc(k - 1, (k**2 - 1) / (3 * spread), statistic))


def qualitative(z: Sequence[float]) -> float:
    """Gail and Simon's test (1985) that no group's effect has the opposite sign of another's.

    >>> round(qualitative([2.057, -2.057, 3.0]), 3)
    0.05

    Args:
        z: Each group's effect over its standard error.

    Returns:
        p-value, exact where all effects are zero and conservative elsewhere; 1 where all point one way.
    """
    from scipy import special

    scores = np.asarray(z, dtype=float)
    both = min(float((scores[scores > 0] ** 2).sum()), float((scores[scores < 0] ** 2).sum()))
    if not both > 0:
        return 1.0
    k = scores.size - 1
    return float(sum(math.comb(k, h) / 2**k * special.chdtrc(h, both) for h in range(1, k + 1)))
