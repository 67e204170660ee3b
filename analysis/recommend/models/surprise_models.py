"""Models of the library Surprise: they learn from stars and predict them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from analysis.recommend.base import Recommender, require_at_least
from analysis.recommend.interactions import Flags, Index, Interactions, Ratings, Scores
from analysis.results import Progress


@dataclass(frozen=True)
class SVDParameters:
    """Parameters of SVD; the defaults are Surprise's, with which its published numbers were made."""

    factors: int = 100
    """Length of the taste vectors of viewers and titles."""

    epochs: int = 20
    """How many times gradient descent goes over all ratings."""

    learning_rate: float = 0.005
    """Size of a step of gradient descent."""

    regularization: float = 0.02
    """How strongly vectors and biases are held small."""

    def __post_init__(self) -> None:
        require_at_least(
            "SVD",
            factors=(self.factors, 1),
            epochs=(self.epochs, 1),
            learning_rate=(self.learning_rate, 0),
            regularization=(self.regularization, 0),
        )


class SVD(Recommender):
    """Stars as mean + viewer's bias + title's bias + product of taste vectors; ranks by predicted stars."""

    name = "svd"
    label = "SVD"
    description = "Predicts the stars a viewer would give; good at that, though not made for ranking what gets watched."
    source = "Funk 2006; Koren, Bell & Volinsky, IEEE Computer 2009; Surprise 1.1"
    predicts_ratings = True
    Parameters: ClassVar[type[SVDParameters]] = SVDParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        from surprise import SVD as Library

        p: SVDParameters = self.parameters
        ratings = train.ratings
        assert ratings is not None
        library = Library(
            n_factors=p.factors,
            n_epochs=p.epochs,
            lr_all=p.learning_rate,
            reg_all=p.regularization,
            random_state=self.seed,
        )
        library.fit(trainset(ratings, train.n_viewers, train.n_titles))
        # Viewers and titles without a rating keep their random start in Surprise's arrays; they have no taste vector.
        self.rated_: Flags = np.bincount(ratings.title, minlength=train.n_titles) > 0
        rating = np.bincount(ratings.viewer, minlength=train.n_viewers) > 0
        self.mean_ = float(library.trainset.global_mean)
        self.scale_ = ratings.scale
        self.viewer_bias_ = np.asarray(library.bu)
        self.title_bias_ = np.asarray(library.bi)
        self.viewer_factors_ = np.where(rating[:, None], library.pu, 0.0)
        self.title_factors_ = np.where(self.rated_[:, None], library.qi, 0.0)
        self._viewers_float32: Scores = self.viewer_factors_.astype(np.float32)
        self._titles_float32: Scores = self.title_factors_.astype(np.float32)

    def _score(self, viewers: Index) -> Scores:
        scores: Scores = self._viewers_float32[viewers] @ self._titles_float32.T
        scores += (self.mean_ + self.title_bias_).astype(np.float32)
        scores += self.viewer_bias_[viewers, None].astype(np.float32)
        return scores

    def _predict(self, viewers: Index, titles: Index) -> npt.NDArray[np.float64]:
        product = np.einsum("nf,nf->n", self.viewer_factors_[viewers], self.title_factors_[titles])
        stars = self.mean_ + self.viewer_bias_[viewers] + self.title_bias_[titles] + product
        clipped: npt.NDArray[np.float64] = np.clip(stars, *self.scale_)
        return clipped

    def _candidates(self) -> Flags:
        return super()._candidates() & self.rated_


def trainset(ratings: Ratings, n_viewers: int, n_titles: int) -> Any:
    """Surprise's own form of the ratings, with our dense numbers as its inner ids.

    Built from sorted arrays, because Surprise's reader takes longer than its fit.
    """
    from surprise import Trainset

    return Trainset(
        ur=_grouped(ratings.viewer, ratings.title, ratings.stars),
        ir={},  # by title: SVD never reads it, and making it costs half a second a million ratings
        n_users=n_viewers,
        n_items=n_titles,
        n_ratings=len(ratings),
        rating_scale=ratings.scale,
        raw2inner_id_users={},
        raw2inner_id_items={},
    )


def _grouped(by: Index, other: Index, stars: Scores) -> dict[int, list[tuple[int, float]]]:
    order = np.lexsort((other, by))
    keys, counts = np.unique(by[order], return_counts=True)
    pairs = zip(other[order].tolist(), stars[order].astype(np.float64).tolist(), strict=True)
    return {
        key: list(itertools.islice(pairs, count)) for key, count in zip(keys.tolist(), counts.tolist(), strict=True)
    }
