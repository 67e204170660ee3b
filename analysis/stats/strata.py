"""Log-linear counts with a level of its own for each stratum (title, title and month), which is not of interest."""

from __future__ import annotations

from dataclasses import dataclass

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

    P = L·K coefficients: each of K features moves a cluster as much as its L loadings say.

    Attributes:
        coefficient: Shape (L, K).
        bread: Covariance if the model's variance is right, shape (P, P), loadings slowest.
        moved: How far each cluster moves the coefficients by its residuals, which are made as wide as they would be if
            the cluster had not drawn the fit to itself (CR2), shape (C, P).
        loading: Loadings of each cluster, shape (C, L).
        information: What each cluster says of the features, shape (C, K, K).
    """

    coefficient: Array
    bread: Array
    moved: Array
    loading: Array
    information: Array

    def contrast(self, weights: Array) -> tuple[float, float, float]:
        """A sum of coefficients: estimate, standard error, and clusters of equal weight that it rests on.

        The variance is the larger of the model's and the bias-reduced one over clusters (CR2). The clusters of equal
        weight are its degrees of freedom too: a sum of squares that weigh as the clusters do (Satterthwaite).

        Args:
            weights: Weight of each coefficient, shape (L, K).

        Source: Bell and McCaffrey (2002) and Pustejovsky and Tipton (2018) for CR2 and its degrees of freedom; Carter,
        Schnepel and Steigerwald (2017) for clusters of equal weight.
        """
        flat = weights.ravel()
        pull = self.bread @ flat
        clustered = float(((self.moved @ flat) ** 2).sum())
        of_cluster = self.loading @ pull.reshape(weights.shape)
        held = np.einsum("ck,ckl,cl->c", of_cluster, self.information, of_cluster)
        equal = float(held.sum() ** 2 / max((held**2).sum(), 1e-300))
        error = float(np.sqrt(max(float(flat @ pull), clustered, 0.0)))
        return float((weights * self.coefficient).sum()), error, equal


def fit(
    feature: Array, loading: Array, count: Array, offset: Array, stratum: Ints, cluster: Ints, wobble: Array
) -> StrataFit:
    """Negative binomial regression with an intercept for each stratum, by iteratively reweighted least squares.

    Log mean = level(stratum) + offset + Σ loading(cluster, l) feature(k) coefficient(l, k). The variance is
    mean + wobble · mean², so that where titles go up and down by themselves, a hit counts for little more than a title
    of middling success.

    Args:
        feature: Shape (N, K), without a column of ones.
        loading: Shape (C, L).
        count: Counts, at least 0; every stratum has a positive sum.
        offset: Log of what the mean is proportional to, finite.
        stratum: Number of each row's stratum, 0 to S − 1, all of them used.
        cluster: Number of each row's cluster, 0 to C − 1; strata lie within clusters.
        wobble: Excess relative variance of each row; 0 for Poisson.

    Source: Hilbe (2011), Negative Binomial Regression, chapter 8; strata are swept out as in Guimarães and Portugal
    (2010).
    """
    strata, (clusters, loadings), features = int(stratum.max()) + 1, loading.shape, feature.shape[1]
    size = loadings * features
    by_cluster = _Rows(cluster, clusters)
    level: Array = np.log(_sums(stratum, count, strata) / _sums(stratum, np.exp(offset), strata))
    coefficient = np.zeros((loadings, features))
    linear = level[stratum] + offset
    for _ in range(_STEPS):
        mean = np.exp(np.clip(linear, -40, 40))
        weight = mean / (1 + wobble * mean)
        working = linear - offset + (count - mean) / mean
        total = _sums(stratum, weight, strata)
        # A cluster's loadings are the same in all of its strata, so features can be swept without them.
        within = feature - _means(feature, weight, total, stratum)
        each = by_cluster.products(within, weight)
        information = np.einsum("cab,ckl->akbl", loading[:, :, None] * loading[:, None, :], each, optimize=True)
        information = information.reshape(size, size)
        pushed = (loading.T @ by_cluster.sums(within * (weight * working)[:, None])).ravel()
        # In coefficients that no title tells anything of, the ridge keeps the old value, which is zero.
        ridge = np.eye(size) * _RIDGE * max(float(np.trace(information)), 1e-12)
        new = np.linalg.solve(information + ridge, pushed).reshape(loadings, features)
        step = float(np.max(np.abs(new - coefficient), initial=0.0))
        coefficient = np.asarray(new, dtype=np.float64)
        moved_by = np.einsum("nl,nl->n", feature, (loading @ coefficient)[cluster])
        level = _sums(stratum, weight * (working - moved_by), strata) / total
        linear = level[stratum] + moved_by + offset
        if step < _TOLERANCE:
            break
    bread = np.linalg.inv(information + ridge).reshape(loadings, features, loadings, features)
    score = by_cluster.sums(within * (weight * (count - mean) / mean)[:, None])
    seen = np.einsum("ca,cb,akbl->ckl", loading, loading, bread, optimize=True)
    moved = np.einsum("ca,ck,akbl->cbl", loading, _unbiased(score, each, seen), bread, optimize=True)
    return StrataFit(coefficient, bread.reshape(size, size), moved.reshape(clusters, size), loading, each)


def _unbiased(score: Array, information: Array, covariance: Array) -> Array:
    """Scores of clusters as wide as they would be if the clusters had not drawn the fit to themselves.

    E^½ (1 − h E^½ V E^½)^−½ E^−½ score, for a cluster that adds E to the information and whose linear predictor has
    the covariance V in its K features. A cluster that holds nearly all of a coefficient's information has no residual
    to speak of: h < 1 bounds its part.
    """
    values, vectors = np.linalg.eigh(information)
    values = np.maximum(values, 0.0)
    known = values > 1e-10 * np.maximum(values[:, -1:], 1e-300)
    root = np.sqrt(values)
    inverse = np.where(known, 1 / np.where(known, root, 1.0), 0.0)
    turned = vectors.transpose(0, 2, 1)
    half = (vectors * root[:, None, :]) @ turned
    part, axes = np.linalg.eigh(_HELD * half @ covariance @ half)
    wider = (axes / np.sqrt(1 - np.minimum(part, _HELD))[:, None, :]) @ axes.transpose(0, 2, 1)
    whitened = (vectors * inverse[:, None, :]) @ (turned @ score[:, :, None])
    return np.asarray((half @ (wider @ whitened))[:, :, 0], dtype=np.float64)


class _Rows:
    """Rows put together by their cluster."""

    def __init__(self, cluster: Ints, clusters: int) -> None:
        self._order = np.argsort(cluster, kind="stable")
        self._bounds = np.searchsorted(cluster[self._order], np.arange(clusters + 1))

    def sums(self, values: Array) -> Array:
        """Sums of columns, shape (C, K)."""
        running = np.vstack([np.zeros(values.shape[1]), np.cumsum(values[self._order], axis=0)])
        return np.asarray(np.diff(running[self._bounds], axis=0), dtype=np.float64)

    def products(self, values: Array, weight: Array) -> Array:
        """Weighted products of columns, shape (C, K, K)."""
        sorted_, weights = values[self._order], weight[self._order]
        parts = [slice(first, last) for first, last in zip(self._bounds[:-1], self._bounds[1:], strict=True)]
        return np.stack([sorted_[part].T @ (sorted_[part] * weights[part, None]) for part in parts])


def _sums(stratum: Ints, values: Array, strata: int) -> Array:
    return np.asarray(np.bincount(stratum, values, strata), dtype=np.float64)


def _means(feature: Array, weight: Array, total: Array, stratum: Ints) -> Array:
    sums = np.stack([_sums(stratum, weight * column, len(total)) for column in feature.T], axis=1)
    return np.asarray((sums / total[:, None])[stratum], dtype=np.float64)
