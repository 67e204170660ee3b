"""A blend of what is popular now and what a viewer likes more than others do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from analysis.errors import ModelError
from analysis.recommend.interactions import Index, Interactions, Scores, pair_keys
from analysis.recommend.models.implicit_models import ALS
from analysis.recommend.parameters import Settings, number
from analysis.results import Progress

EVER = 0.1
"""Share of a title's popularity that is of all time, so that titles which nobody watches now keep an order."""

LEAST_SPREAD = 1e-6
"""Standard deviation of ALS's scores below which they differ by rounding only."""


@dataclass(frozen=True)
class PopularityTasteParameters(Settings):
    """Parameters of popularity and taste."""

    model = "Popularity and taste"

    half_life: float = number(4.0, 1.0, 60.0, least=0.01, log=True)
    """Days after which a viewer of a title counts half, in its popularity of today."""

    taste: float = number(0.5, 0.1, 3.0, log=True)
    """How much taste counts against popularity: what a usual distance of ALS's scores adds to the logarithm."""

    factors: int = number(16, 8, 128, least=1, log=True)
    """Length of the taste vectors of viewers and titles."""

    regularization: float = number(10.0, 0.01, 100.0, log=True)
    """λ of the taste vectors: how strongly they are held small."""

    alpha: float = number(10.0, 0.5, 50.0, log=True)
    """α: how much more one play counts than no play."""

    iterations: int = number(15, 5, 30, least=1)
    """How many times viewers' and titles' vectors are solved in turn."""


class PopularityTaste(ALS):
    """log(popularity of today) + taste × what ALS says of this viewer and not of everybody.

    A log-linear mixture of two experts. Popularity of today is the number of a title's viewers, each counted ½ to the
    power of the days since they last watched it over the half-life: it knows what came out last week, of which there
    are too few plays to learn a taste from. ALS knows who likes what; the part of a viewer's vector that points
    where the average viewer's does is taken off, because popularity says that better. What is left grows with the
    history: somebody without one gets what is popular today.
    """

    name = "popularity_taste"
    label = "Popularity and taste"
    description = "What is popular these days, moved up and down by this viewer's taste; strong where new titles lead."
    source = "after Hinton 2002 (products of experts) and Hu, Koren & Volinsky, ICDM 2008"
    cold_viewers = True
    Parameters: ClassVar[type[Settings]] = PopularityTasteParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        if np.isnat(train.at).all():
            raise ModelError(f"{self.label} needs times, and no interaction has one.", "Leave it out, or import them.")
        super()._fit(train, lambda share, words: progress(0.9 * share, words))
        # Solved exactly, as for a history that is given later, so that both get the same list.
        self.viewer_factors_ = self._solve(train.matrix)
        p: PopularityTasteParameters = self.parameters
        today, ever = popularity_of_today(train, p.half_life), train.viewers_per_title
        known, warm = ever > 0, train.plays_per_viewer > 0
        popularity = (1 - EVER) * today / today.sum() + EVER * ever / ever.sum()
        self.popular_: Scores = np.full(len(ever), -np.inf, np.float32)
        self.popular_[known] = np.log(popularity[known])
        average = self.viewer_factors_[warm].mean(axis=0).astype(np.float64)
        self.common_: Scores = (average / max(np.linalg.norm(average), 1e-30)).astype(np.float32)
        # A product of vectors without the common part of one is one without that part of the other.
        self.apart_: Scores = self._apart(self.title_factors_)
        spread = _spread(self.viewer_factors_[warm], self.apart_, popularity)
        # Where all scores are the same, as of one viewer and one title, taste says nothing.
        self.weight_ = float(p.taste) / spread if spread > LEAST_SPREAD else 0.0

    def _score(self, viewers: Index) -> Scores:
        return self._blended(self.viewer_factors_[viewers])

    def _score_history(self, histories: sparse.csr_matrix) -> Scores:
        return self._blended(self._solve(histories))

    def _contributions(self, history: sparse.csr_matrix, title: int) -> npt.NDArray[np.float64]:
        # What is popular stays so whatever the viewer watched.
        return self.weight_ * self._falls(history, self.apart_[title].astype(np.float64))

    def _blended(self, viewers: Scores) -> Scores:
        weighted: Scores = viewers * np.float32(self.weight_)
        scores: Scores = weighted @ self.apart_.T + self.popular_
        return scores

    def _apart(self, vectors: Scores) -> Scores:
        """Vectors without the part that points where the average viewer's does."""
        apart: Scores = vectors - np.outer(vectors @ self.common_, self.common_)
        return apart


def popularity_of_today(train: Interactions, half_life: float) -> npt.NDArray[np.float64]:
    """Viewers of each title, each counted ½ ^ (days since they last watched it / half-life), shape (n_titles,)."""
    timed = ~np.isnat(train.at)
    viewer, title, at = train.viewer[timed], train.title[timed], train.at[timed]
    # Interactions are in the order of their time: from the end, the first of a pair is the last play.
    pairs, from_the_end = np.unique(pair_keys(viewer, title, train.n_titles)[::-1], return_index=True)
    days = (at.max() - at[::-1][from_the_end]) / np.timedelta64(1, "D")
    popularity: npt.NDArray[np.float64] = np.zeros(train.n_titles)
    np.add.at(popularity, pairs % train.n_titles, 0.5 ** (days / half_life))
    return popularity


def _spread(viewers: Scores, titles: Scores, weight: npt.NDArray[np.float64]) -> float:
    """Root mean square of the products of viewers' and titles' vectors, titles by weight, without making them."""
    left, right = viewers.astype(np.float64), titles.astype(np.float64)
    squares = float(np.einsum("ij,ji->", left.T @ left / len(left), (right.T * weight) @ right))
    return math.sqrt(max(squares, 0.0))
