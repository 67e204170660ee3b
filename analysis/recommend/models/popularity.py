"""Popularity: the same list for everybody, and the baseline that a personal model has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from analysis.errors import ModelError
from analysis.recommend.base import Recommender, require_at_least
from analysis.recommend.interactions import Index, Interactions
from analysis.results import Progress


class Popularity(Recommender):
    """Titles in the order of how many viewers have watched them."""

    name = "popularity"
    label = "Popularity"
    description = "What most viewers have watched since the beginning; the same for everybody."
    source = "baseline"
    cold_viewers = True

    def _fit(self, train: Interactions, progress: Progress) -> None:
        self.score_: npt.NDArray[np.float64] = train.viewers_per_title.astype(np.float64)

    def _score(self, viewers: Index) -> npt.NDArray[np.float64]:
        return np.tile(self.score_, (len(viewers), 1))


@dataclass(frozen=True)
class RecentPopularityParameters:
    """Parameters of recent popularity."""

    days: int = 7
    """Length of the window before the end of the training period, in days."""

    def __post_init__(self) -> None:
        require_at_least("Recent popularity", days=(self.days, 1))


class RecentPopularity(Recommender):
    """Titles in the order of how many viewers watched them in the last days of training."""

    name = "recent_popularity"
    label = "Recent popularity"
    description = (
        "What most viewers have watched in the last days of training; the same for everybody, and hard to beat."
    )
    source = "Ji, Sun, Zhang & Li 2020, arXiv 2005.13829"
    cold_viewers = True
    Parameters: ClassVar[type[RecentPopularityParameters]] = RecentPopularityParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        timed = ~np.isnat(train.at)
        if not timed.any():
            raise ModelError(
                "Recent popularity needs times, and no interaction has one.", "Leave it out, or import the times."
            )
        window = np.timedelta64(int(self.parameters.days), "D")
        recent = train.select(timed & (train.at > train.at[timed].max() - window))
        # Of titles with equally many recent viewers, the one with more viewers ever comes first.
        ever = train.viewers_per_title
        self.score_: npt.NDArray[np.float64] = recent.viewers_per_title + ever / (ever.max() + 1.0)

    def _score(self, viewers: Index) -> npt.NDArray[np.float64]:
        return np.tile(self.score_, (len(viewers), 1))
