"""Lists without a taste: chance, and popularity, which is the baseline that a personal model has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from analysis.errors import ModelError
from analysis.recommend.base import Recommender
from analysis.recommend.interactions import Index, Interactions, Scores, Times
from analysis.recommend.parameters import Settings, number
from analysis.results import Progress


class Random(Recommender):
    """A list drawn by chance, another for each viewer and the same one each time."""

    name = "random"
    label = "Random"
    description = "Titles drawn by chance: what a model must beat to have learnt anything."
    source = "baseline"
    cold_titles = cold_viewers = True

    def _fit(self, train: Interactions, progress: Progress) -> None:
        self.n_titles_ = train.n_titles

    def _score(self, viewers: Index) -> Scores:
        # A generator for each viewer, so that a viewer alone gets the list that they get in the crowd.
        scores: Scores = np.empty((len(viewers), self.n_titles_), np.float32)
        for row, viewer in enumerate(viewers):
            np.random.default_rng([self.seed, int(viewer)]).random(dtype=np.float32, out=scores[row])
        return scores


class Popularity(Recommender):
    """Titles in the order of how many viewers have watched them."""

    name = "popularity"
    label = "Popularity"
    description = "What most viewers have watched since the beginning; the same for everybody."
    source = "baseline"
    cold_viewers = folds_in = updates = True

    def _fit(self, train: Interactions, progress: Progress) -> None:
        self.score_: npt.NDArray[np.float64] = train.viewers_per_title.astype(np.float64)

    def _update(self, later: Interactions, together: Interactions) -> None:
        self._fit(together, lambda share, words: None)

    def _score(self, viewers: Index) -> npt.NDArray[np.float64]:
        return np.tile(self.score_, (len(viewers), 1))

    def _score_history(self, histories: sparse.csr_matrix) -> npt.NDArray[np.float64]:
        return np.tile(self.score_, (histories.shape[0], 1))


@dataclass(frozen=True)
class RecentPopularityParameters(Settings):
    """Parameters of recent popularity."""

    model = "Recent popularity"

    days: int = number(7, 1, 90, least=1, log=True)
    """Length of the window before the end of the training period, in days."""


class RecentPopularity(Popularity):
    """Titles in the order of how many viewers watched them in the last days of training."""

    name = "recent_popularity"
    label = "Recent popularity"
    description = (
        "What most viewers have watched in the last days of training; the same for everybody, and hard to beat."
    )
    source = "Ji, Sun, Zhang & Li 2020, arXiv 2005.13829"
    Parameters: ClassVar[type[Settings]] = RecentPopularityParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        timed = ~np.isnat(train.at)
        if not timed.any():
            raise ModelError(f"{self.label} needs times, and no interaction has one.", "Leave it out, or import them.")
        window = np.timedelta64(int(self.parameters.days), "D")
        recent = train.select(timed & (train.at > train.at[timed].max() - window))
        # Of titles with equally many recent viewers, the one with more viewers ever comes first.
        ever = train.viewers_per_title
        self.score_ = recent.viewers_per_title + ever / (ever.max() + 1.0)


@dataclass(frozen=True)
class PopularityAtTimeParameters(Settings):
    """Parameters of popularity at the moment of the visit."""

    model = "Popularity at the moment"

    days: int = number(7, 1, 90, least=1, log=True)
    """Length of the window before the day of the visit, in days."""


class PopularityAtTime(RecentPopularity):
    """Titles in the order of how many plays they had in the days before the visit, whole days in UTC.

    Unlike the others it goes on counting in the test period, strictly what happened before the day of each visit, as a
    row "popular now" would that is made anew every night.
    """

    name = "popularity_at_time"
    label = "Popularity at the moment"
    description = "What was most played in the days before each visit, counted anew every night; it never grows stale."
    source = "Ji, Sun, Zhang & Li 2020, arXiv 2005.13829, section 3"
    follows_time = True
    Parameters: ClassVar[type[Settings]] = PopularityAtTimeParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        super()._fit(train, progress)
        ever = train.viewers_per_title
        self.ever_ = ever / (ever.max() + 1.0)
        self.days_ = np.zeros(0, np.int64)
        self.played_: Index = np.zeros(0, np.int32)
        self._observe(train)

    def _observe(self, later: Interactions) -> None:
        timed = ~np.isnat(later.at)
        self.days_ = np.concatenate([self.days_, later.at[timed].astype("datetime64[D]").astype(np.int64)])
        self.played_ = np.concatenate([self.played_, later.title[timed]])

    def _score_at(self, viewers: Index, at: Times) -> npt.NDArray[np.float64]:
        days, place = np.unique(at.astype("datetime64[D]").astype(np.int64), return_inverse=True)
        first = np.searchsorted(self.days_, days - int(self.parameters.days))
        last = np.searchsorted(self.days_, days)
        counts = np.stack(
            [np.bincount(self.played_[a:b], minlength=len(self.ever_)) for a, b in zip(first, last, strict=True)]
        )
        scores: npt.NDArray[np.float64] = (counts + self.ever_)[place]
        return scores
