"""Nearest neighbours: titles that the same people watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from analysis.recommend.base import Recommender, one_blas_thread, require_at_least
from analysis.recommend.interactions import Index, Interactions, Scores
from analysis.results import Progress


@dataclass(frozen=True)
class ItemKNNParameters:
    """Parameters of item kNN."""

    neighbours: int = 100
    """How many of the most similar titles each title keeps."""

    def __post_init__(self) -> None:
        require_at_least("Item kNN", neighbours=(self.neighbours, 1))


class ItemKNN(Recommender):
    """Cosine between the titles' columns of weights; a title scores the sum over what the viewer has watched."""

    name = "item_knn"
    label = "Item kNN"
    description = "Titles watched by the same people as the titles this viewer has watched; easy to explain."
    source = "Sarwar, Karypis, Konstan & Riedl, WWW 2001; Deshpande & Karypis, TOIS 2004"
    finds_similar = True
    Parameters: ClassVar[type[ItemKNNParameters]] = ItemKNNParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        from implicit.nearest_neighbours import ItemItemRecommender

        # One neighbour more than asked, because every title is nearest to itself, which says nothing.
        library = ItemItemRecommender(K=self.parameters.neighbours + 1, num_threads=0)
        with one_blas_thread():
            library.fit(_unit_columns(train.matrix), show_progress=False)
        similarity = library.similarity.astype(np.float32)
        similarity.data[_rows(similarity) == similarity.indices] = 0
        similarity.eliminate_zeros()
        self.similarity_: sparse.csr_matrix = similarity

    def _score(self, viewers: Index) -> Scores:
        return _dense(self._fitted().matrix[viewers] @ self.similarity_)

    def _similar(self, titles: Index) -> Scores:
        return _dense(self.similarity_[titles])


def _dense(scores: sparse.csr_matrix) -> Scores:
    """As an array, with −inf for titles that are no neighbour of anything watched."""
    dense: Scores = np.full(scores.shape, -np.inf, dtype=np.float32)
    dense[_rows(scores), scores.indices] = scores.data
    return dense


def _rows(matrix: sparse.csr_matrix) -> Index:
    """Row number of each stored value."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))


def _unit_columns(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with columns of length 1, so that products of columns are cosines (float64, as implicit wants)."""
    unit = matrix.astype(np.float64)
    lengths = np.sqrt(np.bincount(unit.indices, unit.data**2, minlength=unit.shape[1]))
    unit.data /= lengths[unit.indices]
    return unit
