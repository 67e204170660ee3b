"""Splitting a history into what models may learn from and what they are tested on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import DataError, ParameterError
from analysis.recommend.interactions import Flags, Index, Interactions, Ratings, pair_keys
from analysis.results import Result


@dataclass(frozen=True)
class TemporalSplit:
    """One point in time for everybody: before it is training, from it on is test (Ji et al., TOIS 2023).

    Everything that happened in the same instant lands on the same side, so ties in time need no breaking.

    Attributes:
        share: Share of the interactions, the latest ones, to test on; used where no date is given.
        at: First moment of the test period in UTC, or None.
    """

    share: float = 0.2
    at: dt.datetime | dt.date | None = None

    def __post_init__(self) -> None:
        if self.at is None and not 0 < self.share < 1:
            raise ParameterError(
                f"A share of {self.share:g} of the interactions can't be tested on.", "Choose one between 0 and 1."
            )

    def split(self, interactions: Interactions) -> Split:
        """Split interactions.

        Raises:
            DataError: There are no times, or nothing is left to learn from or to test on.
        """
        if not len(interactions):
            raise DataError(f"There are no {interactions.signal} to split.", "Choose another dataset or signal.")
        untimed = np.isnat(interactions.at)
        if untimed.any():
            raise DataError(
                f"{untimed.sum():,} of {len(untimed):,} {interactions.signal} have no time, so there is no before and "
                "after.",
                "Import the data again with the time column mapped.",
            )
        moment = self._moment(interactions)
        train, test = interactions.cut(moment)
        if not len(train) or not len(test):
            times = interactions.at
            first, last = str(times[0])[:10], str(times[-1])[:10]
            empty = "learn from before" if not len(train) else "test on from"
            raise DataError(
                f"There is nothing to {empty} {str(moment)[:16].replace('T', ' ')} UTC.",
                f"The {interactions.signal} run from {first} to {last}; choose a moment between.",
            )
        return Split(train, test, moment)

    def _moment(self, interactions: Interactions) -> np.datetime64:
        if self.at is not None:
            at = self.at
            if isinstance(at, dt.datetime) and at.tzinfo is not None:
                at = at.astimezone(dt.UTC).replace(tzinfo=None)
            return np.datetime64(at, "us")
        first_tested = min(int(np.ceil(len(interactions) * (1 - self.share))), len(interactions) - 1)
        times = interactions.at
        moment: np.datetime64 = times[first_tested]
        return moment


@dataclass(frozen=True, eq=False)
class Split(Result):
    """A training and a test period, and who and what is tested.

    Tested are novel titles only: what a viewer had watched in training is no recommendation (and repeats and next
    episodes would inflate every hit rate). Tested are viewers with training history only; the others are counted.

    Attributes:
        train: What models learn from.
        test: What happened afterwards.
        at: First moment of the test period, UTC.
    """

    train: Interactions
    test: Interactions
    at: np.datetime64

    @cached_property
    def novel(self) -> Flags:
        """Which test interactions are of a title that the viewer had not watched in training, shape (n_test,)."""
        test = pair_keys(self.test.viewer, self.test.title, self.test.n_titles)
        train = pair_keys(self.train.viewer, self.train.title, self.train.n_titles)
        return ~np.isin(test, train)

    @cached_property
    def relevant(self) -> npt.NDArray[np.int64]:
        """Pairs that a good list should hold, as sorted pair keys: novel, watched, by a viewer with history."""
        warm = self.train.plays_per_viewer[self.test.viewer] > 0
        rows = self.novel & self.test.watched & warm
        return np.unique(pair_keys(self.test.viewer[rows], self.test.title[rows], self.test.n_titles))

    @cached_property
    def viewers(self) -> Index:
        """Dense numbers of the viewers tested, ascending."""
        return np.unique(self.relevant // self.test.n_titles).astype(np.int32)

    @cached_property
    def ratings(self) -> Ratings | None:
        """Test ratings of novel titles by viewers with training history, or None where there are none."""
        stars, learnt = self.test.ratings, self.train.ratings
        if stars is None or learnt is None:
            return None
        seen = pair_keys(learnt.viewer, learnt.title, self.train.n_titles)
        novel = ~np.isin(pair_keys(stars.viewer, stars.title, self.test.n_titles), seen)
        kept = stars.select(novel & (self.train.plays_per_viewer[stars.viewer] > 0))
        return kept if len(kept) else None

    @property
    def cold_viewers(self) -> int:
        """Viewers of the test period without training history: not tested."""
        return int((self.train.plays_per_viewer[np.unique(self.test.viewer)] == 0).sum())

    @property
    def unlearnable_share(self) -> float:
        """Share of the relevant pairs whose title nobody had watched in training, so that no list can hold it."""
        titles = self.relevant % self.test.n_titles
        return float((self.train.viewers_per_title[titles] == 0).mean()) if len(titles) else 0.0

    @property
    def counts(self) -> dict[str, int]:
        """What was split, tested and left out, in words and numbers."""
        return {
            f"training {self.train.signal}": len(self.train),
            f"test {self.train.signal}": len(self.test),
            "viewers with training history": int((self.train.plays_per_viewer > 0).sum()),
            "viewers in the test period": len(np.unique(self.test.viewer)),
            "viewers tested": len(self.viewers),
            "viewers left out: no training history": self.cold_viewers,
            "viewers left out: nothing new watched": (
                len(np.unique(self.test.viewer)) - self.cold_viewers - len(self.viewers)
            ),
            f"test {self.train.signal} left out: title already watched in training": int((~self.novel).sum()),
            "test titles to find": len(self.relevant),
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a count."""
        return pd.DataFrame({"what": list(self.counts), "count": list(self.counts.values())})

    def summary(self) -> str:
        """When the test starts and who is in it."""
        return (
            f"Trained on {len(self.train):,} {self.train.signal} before {str(self.at)[:10]}, tested on "
            f"{len(self.viewers):,} viewers and {len(self.relevant):,} titles new to them afterwards; "
            f"{self.cold_viewers:,} viewers had no history and were left out."
        )
