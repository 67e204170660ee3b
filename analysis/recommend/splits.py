"""Splitting a history into what models may learn from and what they are tested on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from analysis.errors import DataError, ParameterError
from analysis.recommend.interactions import Flags, Index, Interactions, Ratings, Times, pair_keys
from analysis.results import Result

NEW_DAYS = 30
"""A title is new in the days after it was first watched."""

NEW_TITLES = f"test titles to find that were first watched under {NEW_DAYS} days before"


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

    leaks: ClassVar[bool] = False
    words: ClassVar[str] = "one point in time for everybody"

    def __post_init__(self) -> None:
        if self.at is None and not 0 < self.share < 1:
            raise ParameterError(
                f"A share of {self.share:g} of the interactions can't be tested on.", "Choose one between 0 and 1."
            )

    def splits(self, interactions: Interactions) -> tuple[Split, ...]:
        """The one split, as all kinds of splitting give theirs."""
        return (self.split(interactions),)

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
        among: Titles that lists may hold where only some are tested (new titles), shape (n_titles,), else None.
        given: What is known of viewers who were not in training (new viewers), shape (n_viewers, n_titles), else None.
    """

    train: Interactions
    test: Interactions
    at: np.datetime64
    among: Flags | None = None
    given: sparse.csr_matrix | None = None

    @cached_property
    def seen(self) -> Flags:
        """Which test interactions are of a title that the viewer had watched before, shape (n_test,)."""
        test = pair_keys(self.test.viewer, self.test.title, self.test.n_titles)
        known = self.train.matrix if self.given is None else self.given
        rows = np.repeat(np.arange(known.shape[0]), np.diff(known.indptr))
        return np.isin(test, pair_keys(rows, known.indices, self.test.n_titles))

    @cached_property
    def novel(self) -> Flags:
        """Which test interactions are of a title new to the viewer that a list may hold, shape (n_test,)."""
        return ~self.seen if self.among is None else ~self.seen & self.among[self.test.title]

    @cached_property
    def relevant(self) -> npt.NDArray[np.int64]:
        """Pairs that a good list should hold, as sorted pair keys: novel, watched, by a viewer with history."""
        rows = self.novel & self.test.watched & self.warm[self.test.viewer]
        return np.unique(pair_keys(self.test.viewer[rows], self.test.title[rows], self.test.n_titles))

    @cached_property
    def warm(self) -> Flags:
        """Viewers who are tested if they watch something new, shape (n_viewers,): those with history, or new ones."""
        with_history: Flags = self.train.plays_per_viewer > 0
        return with_history if self.given is None else ~with_history

    @cached_property
    def again(self) -> npt.NDArray[np.int64]:
        """Pairs watched in training and gone on with in the test (repeats and next episodes), as sorted pair keys."""
        if self.among is not None or self.given is not None:
            return np.zeros(0, np.int64)
        rows = self.seen & self.test.watched
        return np.unique(pair_keys(self.test.viewer[rows], self.test.title[rows], self.test.n_titles))

    @cached_property
    def days_known(self) -> npt.NDArray[np.float64]:
        """Days from the first time that anybody watched each title to the test; NaN where nobody had, (n_titles,)."""
        first = np.full(self.train.n_titles, np.datetime64("NaT", "us"))
        # Interactions are in the order of their time, so written backwards the first one stays.
        times = self.train.at
        first[self.train.title[::-1]] = times[::-1]
        days: npt.NDArray[np.float64] = (self.at - first) / np.timedelta64(1, "D")
        return days

    @cached_property
    def first_visits(self) -> Times:
        """Each tested viewer's first moment in the test period, UTC, shape (n_tested,)."""
        first = np.full(self.test.n_viewers, np.datetime64("NaT", "us"))
        # Interactions are in the order of their time, so written backwards the first one stays.
        times = self.test.at
        first[self.test.viewer[::-1]] = times[::-1]
        return first[self.viewers]

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
        kept = stars.select(novel & self.warm[stars.viewer])
        return kept if len(kept) else None

    @property
    def cold_viewers(self) -> int:
        """Viewers of the test period without training history: not tested."""
        return int((~self.warm[np.unique(self.test.viewer)]).sum())

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
            f"test {self.train.signal} left out: title already watched in training": int(self.seen.sum()),
            "test titles to find": len(self.relevant),
            NEW_TITLES: int((self.days_known[self.relevant % self.test.n_titles] < NEW_DAYS).sum()),
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
