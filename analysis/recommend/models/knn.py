"""Nearest neighbours: titles that the same people watch, with three ways to weigh what was watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from analysis.recommend.base import Recommender, one_blas_thread
from analysis.recommend.interactions import Index, Interactions, Scores
from analysis.recommend.parameters import Settings, number
from analysis.results import Progress


@dataclass(frozen=True)
class ItemKNNParameters(Settings):
    """Parameters of item kNN."""

    model = "Item kNN"

    neighbours: int = number(100, 10, 400, least=1, log=True)
    """How many of the most similar titles each title keeps."""


class ItemKNN(Recommender):
    """Cosine between the titles' columns of weights; a title scores the sum over what the viewer has watched."""

    name = "item_knn"
    label = "Item kNN"
    description = "Titles watched by the same people as the titles this viewer has watched; easy to explain."
    source = "Sarwar, Karypis, Konstan & Riedl, WWW 2001; Deshpande & Karypis, TOIS 2004"
    folds_in = explains = finds_similar = True
    Parameters: ClassVar[type[Settings]] = ItemKNNParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        from implicit.nearest_neighbours import ItemItemRecommender

        # One neighbour more than asked, because every title is nearest to itself, which says nothing.
        library = ItemItemRecommender(K=self.parameters.neighbours + 1, num_threads=0)
        with one_blas_thread():
            library.fit(self._weighted(train), show_progress=False)
        similarity = library.similarity.astype(np.float32)
        similarity.data[rows_of(similarity) == similarity.indices] = 0
        similarity.eliminate_zeros()
        self.similarity_: sparse.csr_matrix = similarity

    def _weighted(self, train: Interactions) -> sparse.csr_matrix:
        """Weights whose columns' products are the likeness of titles (float64, as implicit wants)."""
        return unit_columns(train.matrix.astype(np.float64))

    def _score(self, viewers: Index) -> Scores:
        return self._score_history(self._fitted().matrix[viewers])

    def _score_history(self, histories: sparse.csr_matrix) -> Scores:
        return dense(histories @ self.similarity_)

    def _contributions(self, history: sparse.csr_matrix, title: int) -> npt.NDArray[np.float64]:
        to_title = self.similarity_[history.indices][:, [title]].toarray().ravel()
        contributions: npt.NDArray[np.float64] = history.data.astype(np.float64) * to_title
        return contributions

    def _similar(self, titles: Index) -> Scores:
        return dense(self.similarity_[titles])

    def _memory(self, train: Interactions) -> int:
        # Each title keeps its neighbours (a number and a column); the plays are held three times in double precision.
        return train.n_titles * (int(self.parameters.neighbours) + 1) * 24 + 3 * train.matrix.nnz * 12


@dataclass(frozen=True)
class TfidfKNNParameters(Settings):
    """Parameters of item kNN with TF-IDF weights."""

    model = "Item kNN, TF-IDF"

    neighbours: int = number(100, 10, 400, least=1, log=True)
    """How many of the most similar titles each title keeps."""


class TfidfKNN(ItemKNN):
    """Cosine of √weight × log(1 + titles / titles of the viewer): who watches everything says little."""

    name = "item_knn_tfidf"
    label = "Item kNN, TF-IDF"
    description = "Item kNN in which people who watch everything count for less."
    source = "Salton & Buckley 1988; Bogers & van den Bosch, RecSys 2009"
    Parameters: ClassVar[type[Settings]] = TfidfKNNParameters

    def _weighted(self, train: Interactions) -> sparse.csr_matrix:
        weighted = train.matrix.astype(np.float64)
        weighted.data = np.sqrt(weighted.data) * _rarity(train)[rows_of(weighted)]
        return unit_columns(weighted)


@dataclass(frozen=True)
class BM25KNNParameters(Settings):
    """Parameters of item kNN with BM25 weights."""

    model = "Item kNN, BM25"

    neighbours: int = number(100, 10, 400, least=1, log=True)
    """How many of the most similar titles each title keeps."""

    k1: float = number(1.2, 0.1, 10.0, log=True)
    """How soon more plays of one title stop adding weight; larger is later."""

    b: float = number(0.75, 0.0, 1.0)
    """How much a title with many plays is held down: 0 not at all, 1 fully."""


class BM25KNN(ItemKNN):
    """Products of Okapi BM25 weights: popular titles and people who watch everything count for less."""

    name = "item_knn_bm25"
    label = "Item kNN, BM25"
    description = "Item kNN in which popular titles and people who watch everything count for less."
    source = "Robertson & Walker, SIGIR 1994"
    Parameters: ClassVar[type[Settings]] = BM25KNNParameters

    def _weighted(self, train: Interactions) -> sparse.csr_matrix:
        p: BM25KNNParameters = self.parameters
        weighted = train.matrix.astype(np.float64)
        plays = np.bincount(weighted.indices, weighted.data, minlength=train.n_titles)
        length = 1.0 - p.b + p.b * plays / plays[plays > 0].mean()
        saturated = weighted.data * (p.k1 + 1) / (p.k1 * length[weighted.indices] + weighted.data)
        weighted.data = saturated * _rarity(train)[rows_of(weighted)]
        return weighted


def _rarity(train: Interactions) -> npt.NDArray[np.float64]:
    """Inverse document frequency of each viewer: log(1 + titles / titles watched), never zero."""
    watched = (train.viewers_per_title > 0).sum()
    rarity: npt.NDArray[np.float64] = np.log1p(watched / np.maximum(train.plays_per_viewer, 1))
    return rarity


def dense(scores: sparse.csr_matrix) -> Scores:
    """As an array, with −inf for titles that are no neighbour of anything watched."""
    full: Scores = np.full(scores.shape, -np.inf, dtype=np.float32)
    full[rows_of(scores), scores.indices] = scores.data
    return full


def unit_columns(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with columns of length 1, so that products of columns are cosines; empty columns stay empty."""
    unit = matrix.copy()
    lengths = np.sqrt(np.bincount(unit.indices, unit.data**2, minlength=unit.shape[1]))
    unit.data /= np.maximum(lengths, np.finfo(np.float64).tiny)[unit.indices]
    return unit


def rows_of(matrix: sparse.csr_matrix) -> Index:
    """Row number of each stored value."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
