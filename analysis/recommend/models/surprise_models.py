"""Models of the library Surprise that learn by gradient descent: they learn from stars and predict them."""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from analysis.recommend.interactions import Index, Interactions, Ratings, Scores
from analysis.recommend.models.stars import StarModel
from analysis.recommend.parameters import Settings, number
from analysis.results import Progress

Floats = npt.NDArray[np.float64]


class StarFactors(StarModel):
    """Base of models that predict mean + viewer's bias + title's bias + product of vectors."""

    viewer_bias_: Floats
    title_bias_: Floats
    viewer_factors_: Floats
    title_factors_: Floats

    def _score(self, viewers: Index) -> Scores:
        scores: Scores = self.viewer_factors_[viewers].astype(np.float32) @ self.title_factors_.astype(np.float32).T
        scores += (self.mean_ + self.title_bias_).astype(np.float32)
        scores += self.viewer_bias_[viewers, None].astype(np.float32)
        return scores

    def _predict(self, viewers: Index, titles: Index) -> Floats:
        product = np.einsum("nf,nf->n", self.viewer_factors_[viewers], self.title_factors_[titles])
        stars = self.mean_ + self.viewer_bias_[viewers] + self.title_bias_[titles] + product
        clipped: Floats = np.clip(stars, *self.scale_)
        return clipped

    def _memory(self, train: Interactions) -> int:
        # Surprise keeps each rating as Python objects, about 150 bytes.
        stars = 0 if train.ratings is None else len(train.ratings)
        return 24 * int(self.parameters.factors) * (train.n_viewers + train.n_titles) + 150 * stars


@dataclass(frozen=True)
class SVDParameters(Settings):
    """Parameters of SVD; the defaults are Surprise's, with which its published numbers were made."""

    model = "SVD"

    factors: int = number(100, 5, 200, least=1, log=True)
    """Length of the taste vectors of viewers and titles."""

    epochs: int = number(20, 5, 80, least=1, log=True)
    """How many times gradient descent goes over all ratings."""

    learning_rate: float = number(0.005, 0.001, 0.02, log=True)
    """Size of a step of gradient descent."""

    regularization: float = number(0.02, 0.005, 0.3, log=True)
    """How strongly vectors and biases are held small."""


class SVD(StarFactors):
    """Stars as mean + viewer's bias + title's bias + product of taste vectors; ranks by predicted stars."""

    name = "svd"
    label = "SVD"
    description = "Predicts the stars a viewer would give; good at that, though not made for ranking what gets watched."
    source = "Funk 2006; Koren, Bell & Volinsky, IEEE Computer 2009; Surprise 1.1"
    Parameters: ClassVar[type[Settings]] = SVDParameters

    def _learn(self, ratings: Ratings, train: Interactions, progress: Progress) -> None:
        from surprise import SVD as Library

        p: SVDParameters = self.parameters
        library = Library(
            n_factors=p.factors,
            n_epochs=p.epochs,
            lr_all=p.learning_rate,
            reg_all=p.regularization,
            random_state=self.seed,
        )
        with _epochs(library, self.label, p.epochs, progress):
            library.fit(_in_turn(ratings, train.n_viewers, train.n_titles))
        # Viewers and titles without a rating keep their random start in Surprise's arrays; they have no taste vector.
        self.viewer_bias_ = np.asarray(library.bu)
        self.title_bias_ = np.asarray(library.bi)
        self.viewer_factors_ = np.where(self.rating_[:, None], library.pu, 0.0)
        self.title_factors_ = np.where(self.rated_[:, None], library.qi, 0.0)


@dataclass(frozen=True)
class SVDppParameters(Settings):
    """Parameters of SVD++; the defaults are Surprise's, with which its published numbers were made."""

    model = "SVD++"

    factors: int = number(20, 5, 100, least=1, log=True)
    """Length of the taste vectors of viewers and titles."""

    epochs: int = number(20, 5, 60, least=1, log=True)
    """How many times gradient descent goes over all ratings."""

    learning_rate: float = number(0.007, 0.001, 0.02, log=True)
    """Size of a step of gradient descent."""

    regularization: float = number(0.02, 0.005, 0.3, log=True)
    """How strongly vectors and biases are held small."""


class SVDpp(StarFactors):
    """SVD that also learns from which titles a viewer rated at all."""

    name = "svdpp"
    label = "SVD++"
    description = "SVD that also learns from which titles a viewer rated at all; more exact and much slower."
    source = "Koren, KDD 2008; Surprise 1.1"
    Parameters: ClassVar[type[Settings]] = SVDppParameters

    def _learn(self, ratings: Ratings, train: Interactions, progress: Progress) -> None:
        from surprise import SVDpp as Library

        p: SVDppParameters = self.parameters
        close = Compact(ratings)
        library = Library(
            n_factors=p.factors,
            n_epochs=p.epochs,
            lr_all=p.learning_rate,
            reg_all=p.regularization,
            random_state=self.seed,
            cache_ratings=True,
        )
        with _epochs(library, self.label, p.epochs, progress):
            library.fit(close.trainset())
        implied = np.zeros_like(library.pu)
        np.add.at(implied, close.viewer, np.asarray(library.yj)[close.title])
        implied /= np.sqrt(np.bincount(close.viewer))[:, None]
        self.viewer_bias_ = close.for_viewers(library.bu, train.n_viewers)
        self.title_bias_ = close.for_titles(library.bi, train.n_titles)
        self.viewer_factors_ = close.for_viewers(library.pu + implied, train.n_viewers)
        self.title_factors_ = close.for_titles(library.qi, train.n_titles)


@dataclass(frozen=True)
class NMFParameters(Settings):
    """Parameters of NMF; the defaults are Surprise's, with which its published numbers were made."""

    model = "NMF"

    factors: int = number(15, 5, 60, least=1, log=True)
    """Length of the taste vectors of viewers and titles."""

    epochs: int = number(50, 10, 120, least=1, log=True)
    """How many times all ratings are gone over."""

    regularization: float = number(0.06, 0.01, 0.5, log=True)
    """How strongly the vectors are held small."""


class NMF(StarFactors):
    """Stars as a product of vectors without negative numbers, so that tastes only add up."""

    name = "nmf"
    label = "NMF"
    description = "Predicts stars as a sum of tastes that only add up, never cancel; the tastes can be looked at."
    source = "Luo, Zhou, Xia & Zhu, IEEE TII 2014; Surprise 1.1"
    Parameters: ClassVar[type[Settings]] = NMFParameters

    def _learn(self, ratings: Ratings, train: Interactions, progress: Progress) -> None:
        from surprise import NMF as Library

        p: NMFParameters = self.parameters
        close = Compact(ratings)
        library = Library(
            n_factors=p.factors,
            n_epochs=p.epochs,
            reg_pu=p.regularization,
            reg_qi=p.regularization,
            random_state=self.seed,
        )
        with _epochs(library, self.label, p.epochs, progress):
            library.fit(close.trainset())
        viewers = close.for_viewers(library.pu, train.n_viewers)
        titles = close.for_titles(library.qi, train.n_titles)
        # There is no bias: who is unknown, or of whom is unknown, gets the mean, by a number more in each vector.
        self.viewer_factors_ = np.column_stack([viewers, np.where(self.rating_, 0.0, self.mean_)]).astype(np.float64)
        self.title_factors_ = np.column_stack([titles, np.ones(train.n_titles)]).astype(np.float64)
        self.viewer_factors_[:, :-1] *= self.rating_[:, None]
        self.viewer_bias_ = -self.mean_ * np.ones(train.n_viewers)
        self.title_bias_ = np.where(self.rated_, 0.0, self.mean_)
        self.title_factors_[~self.rated_, -1] = 0.0


@dataclass(frozen=True)
class CoClusteringParameters(Settings):
    """Parameters of co-clustering; the defaults are Surprise's, with which its published numbers were made."""

    model = "Co-clustering"

    viewer_clusters: int = number(3, 2, 12, least=1)
    """How many groups of viewers there are."""

    title_clusters: int = number(3, 2, 12, least=1)
    """How many groups of titles there are."""

    epochs: int = number(20, 5, 40, least=1)
    """How many times everybody is put into the group that fits best."""


class CoClustering(StarModel):
    """Stars as the mean of a group of viewers on a group of titles, moved by the viewer's and the title's own mean."""

    name = "co_clustering"
    label = "Co-clustering"
    description = "Predicts stars from groups of viewers and groups of titles found together; small and quick."
    source = "George & Merugu, ICDM 2005; Surprise 1.1"
    Parameters: ClassVar[type[Settings]] = CoClusteringParameters

    def _learn(self, ratings: Ratings, train: Interactions, progress: Progress) -> None:
        from surprise import CoClustering as Library

        p: CoClusteringParameters = self.parameters
        close = Compact(ratings)
        library = Library(p.viewer_clusters, p.title_clusters, p.epochs, random_state=self.seed)
        # Surprise reads the stars of this model as whole numbers, so half stars are counted in steps.
        step = _step(ratings.stars)
        # A group may lose its last member; its mean is then taken from all, as Surprise does.
        with _epochs(library, self.label, p.epochs, progress):
            library.fit(close.trainset(1 / step))
        groups = np.asarray(library.avg_cocltr) * step
        viewer_shift = (np.asarray(library.user_mean) - library.avg_cltr_u[library.cltr_u]) * step
        title_shift = (np.asarray(library.item_mean) - library.avg_cltr_i[library.cltr_i]) * step
        # A last group for who was not in training: its stars are the other side's mean.
        self.groups_ = np.full((p.viewer_clusters + 1, p.title_clusters + 1), self.mean_)
        self.groups_[:-1, :-1] = groups
        self.groups_[-1, :-1] = np.asarray(library.avg_cltr_i) * step
        self.groups_[:-1, -1] = np.asarray(library.avg_cltr_u) * step
        self.viewer_group_ = close.for_viewers(library.cltr_u, train.n_viewers, p.viewer_clusters)
        self.title_group_ = close.for_titles(library.cltr_i, train.n_titles, p.title_clusters)
        self.viewer_shift_ = close.for_viewers(viewer_shift, train.n_viewers)
        self.title_shift_ = close.for_titles(title_shift, train.n_titles)

    def _score(self, viewers: Index) -> Scores:
        stars = self.groups_[self.viewer_group_[viewers]][:, self.title_group_]
        scores: Scores = (stars + self.viewer_shift_[viewers, None] + self.title_shift_).astype(np.float32)
        return scores

    def _predict(self, viewers: Index, titles: Index) -> Floats:
        stars = self.groups_[self.viewer_group_[viewers], self.title_group_[titles]]
        clipped: Floats = np.clip(stars + self.viewer_shift_[viewers] + self.title_shift_[titles], *self.scale_)
        return clipped


@contextlib.contextmanager
def _epochs(library: Any, label: str, epochs: int, progress: Progress) -> Iterator[None]:
    """Progress by epochs from what Surprise prints of them, which is its only word of how far it is.

    In a process's main thread only, as in a job: standard output belongs to all threads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    library.verbose = True
    with contextlib.redirect_stdout(_Epochs(label, epochs, progress)):
        yield


class _Epochs(io.TextIOBase):
    """A stream that counts the epochs that Surprise announces."""

    def __init__(self, label: str, epochs: int, progress: Progress) -> None:
        self._label, self._epochs, self._progress = label, epochs, progress
        self._begun = 0

    def write(self, text: str) -> int:
        if "epoch" in text:
            self._progress(self._begun / self._epochs, f"{self._label}, epoch {self._begun + 1} of {self._epochs}")
            self._begun += 1
        return len(text)


class Compact:
    """Ratings with numbers of those viewers and titles only that have any, as most of Surprise's models need."""

    def __init__(self, ratings: Ratings) -> None:
        self._ratings = ratings
        self._viewers, self.viewer = np.unique(ratings.viewer, return_inverse=True)
        self._titles, self.title = np.unique(ratings.title, return_inverse=True)

    def trainset(self, scale: float = 1.0) -> Any:
        """Surprise's own form of the ratings, their stars times `scale`, by viewer and by title."""
        stars = np.round(self._ratings.stars * scale, 6) if scale != 1.0 else self._ratings.stars
        return _trainset(self.viewer, self.title, stars, len(self._viewers), len(self._titles), self._ratings.scale)

    def for_viewers(self, values: Any, n_viewers: int, fill: float = 0.0) -> Any:
        """An array by these numbers as one by the dataset's."""
        return _spread(np.asarray(values), self._viewers, n_viewers, fill)

    def for_titles(self, values: Any, n_titles: int, fill: float = 0.0) -> Any:
        """An array by these numbers as one by the dataset's."""
        return _spread(np.asarray(values), self._titles, n_titles, fill)


def trainset(ratings: Ratings, n_viewers: int, n_titles: int) -> Any:
    """Surprise's own form of the ratings, with our dense numbers as its inner ids, by viewer only.

    Built from sorted arrays, because Surprise's reader takes longer than its fit. By title is left out: SVD never
    reads it, and making it costs half a second a million ratings.
    """
    return _trainset(ratings.viewer, ratings.title, ratings.stars, n_viewers, n_titles, ratings.scale, by_title=False)


def _in_turn(ratings: Ratings, n_viewers: int, n_titles: int) -> Any:
    """The same ratings in the same order for a model that only goes through them, as SVD does.

    Lists gone through in parallel instead of lists of pairs: nothing is grouped first, and each epoch is quicker.
    """
    from surprise import Trainset

    order = np.lexsort((ratings.title, ratings.viewer))
    columns = [ratings.viewer[order].tolist(), ratings.title[order].tolist()]
    columns.append(ratings.stars[order].astype(np.float64).tolist())

    class InTurn(Trainset):  # type: ignore[misc]
        def all_ratings(self) -> Iterator[tuple[int, int, float]]:
            return zip(*columns, strict=True)

    return InTurn({}, {}, n_viewers, n_titles, len(ratings), ratings.scale, {}, {})


def _trainset(
    viewer: Any, title: Any, stars: Any, n_viewers: int, n_titles: int, scale: Any, *, by_title: bool = True
) -> Any:
    from surprise import Trainset

    return Trainset(
        ur=_grouped(viewer, title, stars),
        ir=_grouped(title, viewer, stars) if by_title else {},
        n_users=n_viewers,
        n_items=n_titles,
        n_ratings=len(stars),
        rating_scale=scale,
        raw2inner_id_users={},
        raw2inner_id_items={},
    )


def _grouped(by: Index, other: Index, stars: Scores) -> dict[int, list[tuple[int, float]]]:
    order = np.lexsort((other, by))
    keys, counts = np.unique(by[order], return_counts=True)
    pairs = zip(other[order].tolist(), stars[order].astype(np.float64).tolist(), strict=True)
    grouped: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        grouped[key] = list(itertools.islice(pairs, count))
    return grouped


def _spread(values: npt.NDArray[Any], places: npt.NDArray[Any], n: int, fill: float) -> npt.NDArray[Any]:
    full = np.full((n, *values.shape[1:]), fill, dtype=values.dtype)
    full[places] = values
    return full


def _step(stars: Scores) -> float:
    """The distance that all stars are multiples of: 1, a half, a quarter, or a hundredth."""
    for step in (1.0, 0.5, 0.25, 0.1):
        if np.allclose(stars / step, np.round(stars / step), atol=1e-4):
            return step
    return 0.01
