"""EASE: one matrix of weights from title to title, in closed form, by blocks and one Cholesky factorisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from analysis.errors import ModelError
from analysis.recommend.base import Recommender, one_blas_thread
from analysis.recommend.interactions import Flags, Index, Interactions, Scores
from analysis.recommend.parameters import Settings, number
from analysis.results import Progress

_BLOCK = 2**25
"""Entries of a dense block of viewers (128 MiB) that is added to the Gram matrix at once."""

_DENSE = 0.03
"""Share of filled entries from which on a dense product is quicker than a sparse one."""

_SPARSE_COST = 1_000
"""How many multiplications of a dense product take as long as one of a sparse product, about."""


@dataclass(frozen=True)
class EASEParameters(Settings):
    """Parameters of EASE."""

    model = "EASE"

    regularization: float = number(500.0, 10.0, 5_000.0, log=True)
    """λ: how strongly the weights between titles are held small; more is safer when there is little data."""


class EASE(Recommender):
    """Each title's weights from all others by ridge regression: P = (XᵀX + λI)⁻¹, B = −P / diag(P), zero diagonal.

    Everything is in single precision: the Gram matrix plus λ is well conditioned, and the weights differ from those in
    double precision by about a millionth, at half the memory.
    """

    name = "ease"
    label = "EASE"
    description = "How much having watched each title speaks for each other one, solved in one step; often the best."
    source = "Steck, WWW 2019"
    folds_in = explains = finds_similar = True
    Parameters: ClassVar[type[Settings]] = EASEParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        from scipy.linalg import lapack

        # Titles that nobody watched have no weights and take no room.
        self.known_: Flags = train.viewers_per_title > 0
        watched = train.matrix[:, self.known_]
        progress(0.0, "EASE, products of titles")
        gram = _gram(watched)
        gram[np.diag_indices_from(gram)] += np.float32(self.parameters.regularization)
        progress(0.4, "EASE, factorisation")
        # One thread: OpenBLAS's parallel factorisation and inverse wait in busy loops, and on a busy machine take many
        # times as long; and one gives the same bits whatever the number of cores.
        with one_blas_thread():
            factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1, clean=0)
            if failed:
                raise ModelError(
                    f"EASE can't solve its equations with regularization {self.parameters.regularization:g}.",
                    "Choose a larger regularization, such as 500.",
                )
            progress(0.6, "EASE, inverse")
            inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
        progress(0.9, "EASE, weights")
        _mirror(inverse)
        # The matrix is its own transpose, so the view below has rows in memory; B[i, j] is what i says of j.
        weights = inverse.T
        weights /= -np.diag(weights).copy()
        np.fill_diagonal(weights, 0.0)
        self.weights_: Scores = weights

    def _score(self, viewers: Index) -> Scores:
        return self._score_history(self._fitted().matrix[viewers])

    def _score_history(self, histories: sparse.csr_matrix) -> Scores:
        known = histories if self.known_.all() else histories[:, self.known_]
        filled = known.nnz > _DENSE * known.shape[0] * known.shape[1]
        among: Scores = known.toarray() @ self.weights_ if filled else known @ self.weights_
        return self._spread(among)

    def _contributions(self, history: sparse.csr_matrix, title: int) -> npt.NDArray[np.float64]:
        place = np.cumsum(self.known_) - 1
        contributions = np.zeros(history.nnz)
        if self.known_[title]:
            used = self.known_[history.indices]
            weights = self.weights_[place[history.indices[used]], place[title]]
            contributions[used] = history.data[used].astype(np.float64) * weights
        return contributions

    def _similar(self, titles: Index) -> Scores:
        place = np.cumsum(self.known_) - 1
        among = self.weights_[place[titles]].copy()
        among[~self.known_[titles]] = 0
        return self._spread(among)

    def _memory(self, train: Interactions) -> int:
        known = int((train.viewers_per_title > 0).sum())
        # The one matrix, and beside it a block of dense viewers or, while it is made, the sparse product.
        return 4 * known**2 + min(8 * known**2, 8 * _pairs(train.matrix)) + 4 * _BLOCK

    def _spread(self, among: Scores) -> Scores:
        """Scores of known titles as scores of all."""
        if self.known_.all():
            return among
        scores: Scores = np.full((len(among), len(self.known_)), -np.inf, dtype=np.float32)
        scores[:, self.known_] = among
        return scores


def _pairs(watched: sparse.csr_matrix) -> int:
    """Pairs of titles within the viewers' histories: the multiplications of a sparse product."""
    return int((np.diff(watched.indptr).astype(np.int64) ** 2).sum())


def _gram(watched: sparse.csr_matrix) -> npt.NDArray[np.float32]:
    """XᵀX in the lower triangle of a Fortran-ordered array; by a sparse product where the histories are short."""
    from scipy.linalg import blas

    viewers, titles = watched.shape
    if _pairs(watched) * _SPARSE_COST < viewers * titles**2:
        products: npt.NDArray[np.float32] = (watched.T @ watched).toarray(order="F")
        return products
    gram = np.zeros((titles, titles), dtype=np.float32, order="F")
    step = max(1, _BLOCK // titles)
    for start in range(0, viewers, step):
        block = watched[start : start + step].toarray()
        # Half of the products of a general multiplication, added in place.
        gram = blas.ssyrk(1.0, block.T, beta=1.0, c=gram, lower=1, overwrite_c=1)
    return gram


def _mirror(lower: npt.NDArray[np.float32], step: int = 1_024) -> None:
    """Copy the lower triangle to the upper one, in place and by blocks."""
    for start in range(0, len(lower), step):
        end = min(start + step, len(lower))
        corner = lower[start:end, start:end]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
        lower[start:end, end:] = lower[end:, start:end].T
