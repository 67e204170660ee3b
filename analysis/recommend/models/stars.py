"""Models that predict stars from means and differences, by sparse products: bias baseline, SlopeOne, kNN baseline.

They follow Surprise's definitions and give its numbers, but rank every title for every viewer at once, and read half
stars as half stars (Surprise 1.1 cuts them to whole ones in SlopeOne).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from analysis.recommend.base import Recommender
from analysis.recommend.interactions import Flags, Index, Interactions, Ratings, Scores
from analysis.recommend.parameters import NoParameters, Settings, number
from analysis.results import Progress

Floats = npt.NDArray[np.float64]


class StarModel(Recommender):
    """Base of models that learn from stars: ranks titles that somebody rated, by predicted stars.

    A model writes `_learn`, which finds `mean_`, `scale_`, `rated_` and `rating_` ready, and `_score` and `_predict`.
    """

    predicts_ratings = True

    mean_: float
    scale_: tuple[float, float]
    rated_: Flags
    rating_: Flags

    def _fit(self, train: Interactions, progress: Progress) -> None:
        ratings = train.ratings
        assert ratings is not None
        self.rated_ = np.bincount(ratings.title, minlength=train.n_titles) > 0
        self.rating_ = np.bincount(ratings.viewer, minlength=train.n_viewers) > 0
        self.mean_ = float(ratings.stars.astype(np.float64).mean())
        self.scale_ = ratings.scale
        self._learn(ratings, train, progress)

    @abstractmethod
    def _learn(self, ratings: Ratings, train: Interactions, progress: Progress) -> None:
        """Learn from ratings, of which there is at least one."""

    def _candidates(self) -> Flags:
        return super()._candidates() & self.rated_


@dataclass(frozen=True)
class BiasParameters(Settings):
    """Parameters of the bias baseline; the defaults are Surprise's, with which its published numbers were made."""

    model = "Bias baseline"

    viewer_shrinkage: float = number(15.0, 1.0, 60.0, log=True)
    """How many ratings at the mean are added to a viewer's own."""

    title_shrinkage: float = number(10.0, 1.0, 60.0, log=True)
    """How many ratings at the mean are added to a title's own."""

    epochs: int = number(10, 3, 20, least=1)
    """How many times viewers' and titles' biases are solved in turn."""


class Bias(StarModel):
    """Stars as mean + how kind the viewer is + how well liked the title is; the same order for everybody."""

    name = "bias"
    label = "Bias baseline"
    description = "Predicts stars from how kind the viewer is and how well liked the title is; no taste."
    source = "Koren, TKDD 2010, section 2.1"
    Parameters: ClassVar[type[Settings]] = BiasParameters

    def _learn(self, ratings: Ratings, train: Interactions, progress: Progress) -> None:
        p: BiasParameters = self.parameters
        self.viewer_bias_, self.title_bias_ = biases(
            ratings, train, self.mean_, p.viewer_shrinkage, p.title_shrinkage, p.epochs
        )

    def _score(self, viewers: Index) -> Scores:
        scores: Scores = (self.mean_ + self.viewer_bias_[viewers, None] + self.title_bias_).astype(np.float32)
        return scores

    def _predict(self, viewers: Index, titles: Index) -> Floats:
        clipped: Floats = np.clip(self.mean_ + self.viewer_bias_[viewers] + self.title_bias_[titles], *self.scale_)
        return clipped


class SlopeOne(StarModel):
    """Stars as the viewer's mean + the mean of how much better the title does than what the viewer rated."""

    name = "slope_one"
    label = "SlopeOne"
    description = "Predicts stars from how much better or worse a title does than those the viewer rated; no settings."
    source = "Lemire & Maclachlan, SDM 2005"
    Parameters: ClassVar[type[Settings]] = NoParameters

    def _learn(self, ratings: Ratings, train: Interactions, progress: Progress) -> None:
        stars, marks = star_matrices(ratings, train)
        self.marks_: sparse.csr_matrix = marks
        both = (marks.T @ marks).tocsr()
        # (title, other): how much better the title does, over people who rated both.
        better = ((stars.T @ marks) - (marks.T @ stars)).tocsr()
        self.both_: sparse.csr_matrix = both.copy()
        self.both_.data = np.ones_like(both.data)
        both.data = 1.0 / both.data
        self.deviation_: sparse.csr_matrix = better.multiply(both).tocsr()
        rated = np.asarray(marks.sum(axis=1)).ravel()
        means = np.asarray(stars.sum(axis=1)).ravel() / np.maximum(rated, 1)
        self.viewer_mean_: Floats = np.where(rated > 0, means, self.mean_)

    def _score(self, viewers: Index) -> Scores:
        mine = self.marks_[viewers]
        above = (mine @ self.deviation_.T).toarray()
        count = (mine @ self.both_.T).toarray()
        scores: Scores = (self.viewer_mean_[viewers, None] + above / np.maximum(count, 1)).astype(np.float32)
        return scores

    def _predict(self, viewers: Index, titles: Index) -> Floats:
        mine = self.marks_[viewers]
        above = np.asarray(mine.multiply(self.deviation_[titles]).sum(axis=1)).ravel()
        count = np.asarray(mine.multiply(self.both_[titles]).sum(axis=1)).ravel()
        stars = np.where(self.rated_[titles], self.viewer_mean_[viewers] + above / np.maximum(count, 1), self.mean_)
        # Surprise knows nothing of a viewer without ratings and says the mean.
        clipped: Floats = np.clip(np.where(self.rating_[viewers], stars, self.mean_), *self.scale_)
        return clipped

    def _memory(self, train: Interactions) -> int:
        return 6 * 12 * _pairs_at_most(train)


@dataclass(frozen=True)
class KNNBaselineParameters(Settings):
    """Parameters of the kNN baseline; the defaults are Surprise's, with which its published numbers were made."""

    model = "kNN baseline"

    neighbours: int = number(40, 10, 120, least=1, log=True)
    """How many of the most similar viewers speak for a title, at most."""

    viewer_shrinkage: float = number(15.0, 1.0, 60.0, log=True)
    """How many ratings at the mean are added to a viewer's own."""

    title_shrinkage: float = number(10.0, 1.0, 60.0, log=True)
    """How many ratings at the mean are added to a title's own."""


class KNNBaseline(StarModel):
    """Stars as the bias baseline + how far the most similar viewers went above it, by mean squared difference."""

    name = "knn_baseline"
    label = "kNN baseline"
    description = "Predicts stars from viewers who rated alike, beside the bias baseline; exact, and slow to rank with."
    source = "Koren, TKDD 2010, section 2.2; Surprise 1.1"
    Parameters: ClassVar[type[Settings]] = KNNBaselineParameters

    def _learn(self, ratings: Ratings, train: Interactions, progress: Progress) -> None:
        p: KNNBaselineParameters = self.parameters
        self.viewer_bias_, self.title_bias_ = biases(
            ratings, train, self.mean_, p.viewer_shrinkage, p.title_shrinkage, 10
        )
        stars, marks = star_matrices(ratings, train)
        squares = stars.copy()
        squares.data = squares.data**2
        both = (marks @ marks.T).tocsr()
        apart = (squares @ marks.T + marks @ squares.T - 2 * (stars @ stars.T)).tocsr()
        both.data = 1.0 / both.data
        distance = apart.multiply(both).tocsr()
        # Pairs who agree on everything have no entry in `distance`; adding the pattern of `both` keeps them.
        pattern = both.copy()
        pattern.data = np.ones_like(both.data)
        likeness = (distance + pattern).tocsr()
        likeness.data = 1.0 / np.maximum(likeness.data, 1.0)
        self.likeness_: sparse.csr_matrix = likeness.astype(np.float64)
        above = ratings.stars - self.mean_ - self.viewer_bias_[ratings.viewer] - self.title_bias_[ratings.title]
        by_title = sparse.coo_matrix((above, (ratings.title, ratings.viewer)), (train.n_titles, train.n_viewers))
        self.above_: sparse.csr_matrix = by_title.tocsr()

    def _score(self, viewers: Index) -> Scores:
        baseline = self.mean_ + self.viewer_bias_[viewers, None] + self.title_bias_
        scores: Scores = baseline.astype(np.float32)
        for row, viewer in enumerate(viewers):
            scores[row] += self._shift(int(viewer), self.above_)
        return scores

    def _predict(self, viewers: Index, titles: Index) -> Floats:
        stars = self.mean_ + self.viewer_bias_[viewers] + self.title_bias_[titles]
        for viewer in np.unique(viewers):
            mine = np.flatnonzero(viewers == viewer)
            stars[mine] += self._shift(int(viewer), self.above_[titles[mine]])
        clipped: Floats = np.clip(stars, *self.scale_)
        return clipped

    def _shift(self, viewer: int, above: sparse.csr_matrix) -> Floats:
        """How far the nearest raters of each title went above the baseline, by their likeness to the viewer."""
        likeness = np.zeros(above.shape[1])
        here = slice(self.likeness_.indptr[viewer], self.likeness_.indptr[viewer + 1])
        likeness[self.likeness_.indices[here]] = self.likeness_.data[here]
        weight = likeness[above.indices]
        raters = np.diff(above.indptr)
        title = np.repeat(np.arange(above.shape[0]), raters)
        if (raters > self.parameters.neighbours).any():
            order = np.lexsort((-weight, title))
            rank = np.arange(len(order)) - np.repeat(above.indptr[:-1], raters)
            weight[order[rank >= self.parameters.neighbours]] = 0.0
        total = np.bincount(title, weight, minlength=above.shape[0])
        moved = np.bincount(title, weight * above.data, minlength=above.shape[0])
        shift: Floats = np.divide(moved, total, out=np.zeros(len(moved)), where=total > 0)
        return shift

    def _memory(self, train: Interactions) -> int:
        assert train.ratings is not None
        raters = np.bincount(train.ratings.title).astype(np.int64)
        return 6 * 12 * int(min((raters**2).sum(), train.n_viewers**2))


def biases(
    ratings: Ratings, train: Interactions, mean: float, viewer_shrinkage: float, title_shrinkage: float, epochs: int
) -> tuple[Floats, Floats]:
    """Biases of viewers and titles that solve the shrunken mean of the rest in turn (Koren 2010, eq. 2.1)."""
    above = ratings.stars.astype(np.float64) - mean
    viewer_count = np.bincount(ratings.viewer, minlength=train.n_viewers)
    title_count = np.bincount(ratings.title, minlength=train.n_titles)
    of_viewer, of_title = np.zeros(train.n_viewers), np.zeros(train.n_titles)
    for _ in range(epochs):
        rest = np.bincount(ratings.title, above - of_viewer[ratings.viewer], minlength=train.n_titles)
        of_title = np.divide(rest, title_shrinkage + title_count, out=np.zeros(len(rest)), where=title_count > 0)
        rest = np.bincount(ratings.viewer, above - of_title[ratings.title], minlength=train.n_viewers)
        of_viewer = np.divide(rest, viewer_shrinkage + viewer_count, out=np.zeros(len(rest)), where=viewer_count > 0)
    return of_viewer, of_title


def star_matrices(ratings: Ratings, train: Interactions) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Stars, and a one where there are any, both of shape (n_viewers, n_titles), in double precision."""
    shape, places = (train.n_viewers, train.n_titles), (ratings.viewer, ratings.title)
    stars = sparse.coo_matrix((ratings.stars.astype(np.float64), places), shape).tocsr()
    marks = sparse.coo_matrix((np.ones(len(ratings)), places), shape).tocsr()
    return stars, marks


def _pairs_at_most(train: Interactions) -> int:
    """Pairs of titles that somebody rated both of, at most."""
    assert train.ratings is not None
    counts = np.bincount(train.ratings.viewer).astype(np.int64)
    return int(min((counts**2).sum(), train.n_titles**2))
