"""Log-linear counts with a level of its own for each stratum (title, title and month), which is not of interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STEPS = 40
_TOLERANCE = 1e-7
_RIDGE = 1e-9
_HELD = 0.98


@dataclass(frozen=True)
class StrataFit:
    """Coefficients that hold within strata, with what each cluster says of them.

    Attributes:
        coefficient: Shape (P,).
        bread: Covariance if the model's variance is right, shape (P, P).
        moved: How far the coefficients move when a cluster is left out (one Newton step), shape (G, P).
        information: What each cluster adds to the information, shape (G, P, P).
    """

    coefficient: Array
    bread: Array
    moved: Array
    information: Array

    def contrast(self, weights: Array) -> tuple[float, float, float]:
        """A sum of coefficients: estimate, standard error, and clusters of equal weight that it rests on.

        The variance is the larger of the model's and the jackknife's over clusters (CR3).

        Source: Bell and McCaffrey (2002) for CR3; Carter, Schnepel and Steigerwald (2017) for clusters of equal weight.
        """
        model = float(weights @ self.bread @ weights)
        clustered = float(((self.moved @ weights) ** 2).sum())
        pull = self.bread @ weights
        held = np.einsum("p,gpq,q->g", pull, self.information, pull)
        equal = float(held.sum() ** 2 / max((held**2).sum(), 1e-300))
        return float(weights @ self.coefficient), float(np.sqrt(max(model, clustered, 0.0))), equal


def fit(design: Array, count: Array, offset: Array, stratum: Ints, cluster: Ints, wobble: Array) -> StrataFit:
    """Negative binomial regression with an intercept for each stratum, by iteratively reweighted least squares.

    The variance is mean + wobble · mean², so that where titles go up and down by themselves, a hit counts for little
    more than a title of middling success.

    Args:
        design: Shape (N, P), without a column of ones.
        count: Counts, at least 0; every stratum has a positive sum.
        offset: Log of what the mean is proportional to, finite.
        stratum: Number of each row's stratum, 0 to S − 1, all of them used.
        cluster: Number of each row's cluster, 0 to G − 1; strata lie within clusters.
        wobble: Excess relative variance of each row; 0 for Poisson.

    Source: Hilbe (2011), Negative Binomial Regression, chapter 8; strata are swept out as in Guimarães and Portugal
    (2010).
    """
    strata, clusters = int(stratum.max()) + 1, int(cluster.max()) + 1
    size = design.shape[1]
    level: Array = _log_ratio(stratum, count, np.exp(offset), strata)
    coefficient = np.zeros(size)
    linear = level[stratum] + offset
    for _ in range(_STEPS):
        mean = np.exp(np.clip(linear, -40, 40))
        weight = mean / (1 + wobble * mean)
        working = linear - offset + (count - mean) / mean
        total = _sums(stratum, weight, strata)
        within = design - _means(design, weight, total, stratum)
        information = within.T @ (within * weight[:, None])
        ridge = np.eye(size) * _RIDGE * max(float(np.trace(information)), 1e-12)
        new = np.linalg.solve(information + ridge, within.T @ (weight * working))
        step = float(np.max(np.abs(new - coefficient), initial=0.0))
        coefficient = np.asarray(new, dtype=np.float64)
        level = _sums(stratum, weight * (working - design @ new), strata) / total
        linear = level[stratum] + design @ new + offset
        if step < _TOLERANCE:
            break
    score = within * (weight * (count - mean) / mean)[:, None]
    scores = np.zeros((clusters, size))
    np.add.at(scores, cluster, score)
    each = np.zeros((clusters, size, size))
    order = np.argsort(cluster, kind="stable")
    bounds = np.searchsorted(cluster[order], np.arange(clusters + 1))
    for number in range(clusters):
        rows = order[bounds[number] : bounds[number + 1]]
        each[number] = within[rows].T @ (within[rows] * weight[rows, None])
    # A cluster that holds nearly all of a coefficient's information can't be left out: its part is bounded.
    moved: npt.NDArray[Any] = -np.linalg.solve((information + ridge)[None] - _HELD * each, scores[:, :, None])[:, :, 0]
    bread: npt.NDArray[Any] = np.linalg.inv(information + ridge)
    return StrataFit(coefficient, bread, moved, each)


def _sums(stratum: Ints, values: Array, strata: int) -> Array:
    return np.asarray(np.bincount(stratum, values, strata), dtype=np.float64)


def _log_ratio(stratum: Ints, count: Array, expected: Array, strata: int) -> Array:
    return np.log(_sums(stratum, count, strata) / _sums(stratum, expected, strata))


def _means(design: Array, weight: Array, total: Array, stratum: Ints) -> Array:
    sums = np.stack([_sums(stratum, weight * column, len(total)) for column in design.T], axis=1)
    return np.asarray((sums / total[:, None])[stratum], dtype=np.float64)
