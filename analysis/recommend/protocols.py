"""Other ways to split than one point in time: several points, folds, new titles, new viewers, and two that leak.

Each is a small frozen object with `splits(interactions)`. Those with `leaks` let models learn from what came after the
test, which flatters and reorders them (Ji et al., TOIS 2023): they are offered for comparison and marked wherever they
are shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from analysis.errors import DataError, ParameterError
from analysis.recommend.interactions import Flags, Interactions, pair_keys
from analysis.recommend.splits import Split, TemporalSplit


@dataclass(frozen=True)
class RollingSplit:
    """Several points in time: the latest share is cut into windows, each tested on what was learnt before it.

    Attributes:
        share: Share of the interactions, the latest ones, that is tested on altogether.
        points: How many windows.
    """

    share: float = 0.3
    points: int = 3
    leaks: ClassVar[bool] = False
    words: ClassVar[str] = "several points in time, one after the other"

    def __post_init__(self) -> None:
        _check_share(self.share)
        if self.points < 2:
            raise ParameterError(f"A rolling split can't have {self.points} points.", "Choose 2 or more.")

    def splits(self, interactions: Interactions) -> tuple[Split, ...]:
        """One split a window, oldest first.

        Raises:
            DataError: There are no times, or a window has nothing to learn from or to test on.
        """
        found: list[Split] = []
        for point in range(self.points):
            whole = TemporalSplit(self.share * (self.points - point) / self.points).split(interactions)
            if found:
                # The window before ends where this one begins.
                found[-1] = replace(found[-1], test=found[-1].test.cut(whole.at)[0])
            found.append(whole)
        return tuple(found)


@dataclass(frozen=True)
class FoldSplit:
    """K folds of ratings drawn by chance, each tested on what the others teach; how rating models are published.

    Attributes:
        folds: How many.
        seed: Of the draw.
    """

    folds: int = 5
    seed: int = 0
    leaks: ClassVar[bool] = True
    words: ClassVar[str] = "folds of ratings drawn by chance"

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ParameterError(f"There can't be {self.folds} folds.", "Choose 2 or more.")

    def splits(self, interactions: Interactions) -> tuple[Split, ...]:
        """One split a fold.

        Raises:
            DataError: The signal is not ratings, or there are fewer ratings than folds.
        """
        if interactions.signal != "ratings" or len(interactions) < self.folds:
            raise DataError(
                f"Folds are drawn of ratings, and there are {len(interactions):,} {interactions.signal} here.",
                "Learn from ratings, or choose another split.",
            )
        fold = np.random.default_rng(self.seed).permutation(len(interactions)) % self.folds
        return tuple(_apart(interactions, fold == one) for one in range(self.folds))


@dataclass(frozen=True)
class RandomSplit:
    """A share of the pairs of viewer and title drawn by chance; leaks the future, and shown as such.

    Attributes:
        share: Share of the pairs tested on.
        seed: Of the draw.
    """

    share: float = 0.2
    seed: int = 0
    leaks: ClassVar[bool] = True
    words: ClassVar[str] = "pairs drawn by chance"

    def __post_init__(self) -> None:
        _check_share(self.share)

    def splits(self, interactions: Interactions) -> tuple[Split, ...]:
        """The one split: all plays of a pair are on the same side.

        Raises:
            DataError: Nothing is left to learn from or to test on.
        """
        keys = pair_keys(interactions.viewer, interactions.title, interactions.n_titles)
        pairs, pair = np.unique(keys, return_inverse=True)
        drawn = np.random.default_rng(self.seed).random(len(pairs)) < self.share
        return (_apart(interactions, drawn[pair]),)


@dataclass(frozen=True)
class LeaveLastSplit:
    """Each viewer's last new title; leaks the future, because one viewer's last title lies before another's first."""

    leaks: ClassVar[bool] = True
    words: ClassVar[str] = "each viewer's last new title"

    def splits(self, interactions: Interactions) -> tuple[Split, ...]:
        """The one split: what a viewer did from the first play of their last new title on is not learnt from.

        Raises:
            DataError: Nobody watched two titles.
        """
        keys = pair_keys(interactions.viewer, interactions.title, interactions.n_titles)
        _, first = np.unique(keys, return_index=True)
        last = np.full(interactions.n_viewers, -1)
        np.maximum.at(last, interactions.viewer[first], first)
        watched = np.bincount(interactions.viewer[first], minlength=interactions.n_viewers)
        here = last[interactions.viewer]
        tested = watched[interactions.viewer] > 1
        rows = np.arange(len(interactions))
        hidden = tested & (rows >= here)
        return (_apart(interactions, hidden, tested=tested & (rows == here)),)


@dataclass(frozen=True)
class NewTitlesSplit:
    """Titles nobody had watched: those first watched in the test period, and a share that is kept from training.

    Lists hold only such titles, as a row of new arrivals would; models that learn from plays alone have nothing to say.

    Attributes:
        share: Share of the other titles that is kept from training.
        test_share: Share of the interactions, the latest ones, that is tested on.
        seed: Of the draw.
    """

    share: float = 0.2
    test_share: float = 0.2
    seed: int = 0
    leaks: ClassVar[bool] = False
    words: ClassVar[str] = "titles that nobody had watched"

    def __post_init__(self) -> None:
        _check_share(self.share)
        _check_share(self.test_share)

    def splits(self, interactions: Interactions) -> tuple[Split, ...]:
        """The one split.

        Raises:
            DataError: There are no times, or nothing is left to learn from.
        """
        whole = TemporalSplit(self.test_share).split(interactions)
        drawn = np.random.default_rng(self.seed).random(interactions.n_titles) < self.share
        new: Flags = drawn | (whole.train.viewers_per_title == 0)
        train = whole.train.select(~new[whole.train.title])
        if not len(train):
            raise DataError("All titles of the training period are kept from it.", "Choose a smaller share of titles.")
        if train.ratings is not None:
            train = replace(train, ratings=train.ratings.select(~new[train.ratings.title]))
        # Who had watched a title that was kept from training is not tested on it.
        known = pair_keys(whole.train.viewer, whole.train.title, interactions.n_titles)
        there = pair_keys(whole.test.viewer, whole.test.title, interactions.n_titles)
        return (Split(train, whole.test.select(~np.isin(there, known)), whole.at, among=new),)


@dataclass(frozen=True)
class NewViewersSplit:
    """Viewers who came after training ended: from their first titles, what do they watch next, without a new fit?

    Attributes:
        given: How many of their first titles the models are told; told none, a model has to have a list for strangers.
        test_share: Share of the interactions, the latest ones, that comes after training.
    """

    given: int = 3
    test_share: float = 0.2
    leaks: ClassVar[bool] = False
    words: ClassVar[str] = "viewers who came after training"

    def __post_init__(self) -> None:
        _check_share(self.test_share)
        if self.given < 0:
            raise ParameterError(f"New viewers can't be known by {self.given} titles.", "Tell the models 0 or more.")

    def splits(self, interactions: Interactions) -> tuple[Split, ...]:
        """The one split.

        Raises:
            DataError: There are no times, nothing to learn from, or nobody new who watched enough.
        """
        whole = TemporalSplit(self.test_share).split(interactions)
        test = whole.test
        newcomer = (whole.train.plays_per_viewer == 0)[test.viewer]
        keys = pair_keys(test.viewer, test.title, test.n_titles)
        pairs, first, pair = np.unique(keys, return_index=True, return_inverse=True)
        # The place of each title among those of its viewer, in the order in which they were first watched.
        order = np.lexsort((first, pairs // test.n_titles))
        starts = np.searchsorted((pairs // test.n_titles)[order], np.arange(test.n_viewers))
        place = np.empty(len(pairs), dtype=np.int64)
        place[order] = np.arange(len(pairs)) - starts[(pairs // test.n_titles)[order]]
        told = newcomer & (place[pair] < self.given)
        if not (newcomer & ~told & test.watched).any():
            raise DataError(
                f"Nobody who came after {str(whole.at)[:10]} watched more than {self.given} titles.",
                f"{'Tell the models fewer titles, or test' if self.given else 'Test'} on a larger share.",
            )
        shape = (test.n_viewers, test.n_titles)
        given = sparse.coo_matrix((test.weight[told], (test.viewer[told], test.title[told])), shape=shape).tocsr()
        given.sort_indices()
        return (Split(whole.train, test.select(newcomer & ~told), whole.at, given=given),)


AnySplit = TemporalSplit | RollingSplit | FoldSplit | RandomSplit | LeaveLastSplit | NewTitlesSplit | NewViewersSplit

SPLITS: dict[str, type[Any]] = {
    "time": TemporalSplit,
    "rolling": RollingSplit,
    "new_titles": NewTitlesSplit,
    "new_viewers": NewViewersSplit,
    "folds": FoldSplit,
    "leave_last": LeaveLastSplit,
    "random": RandomSplit,
}
"""Ways to split by the name that the command line takes, the honest ones first."""


def split_code(split: AnySplit) -> str:
    """The Python that makes the same split.

    >>> split_code(NewViewersSplit(given=5))
    'NewViewersSplit(given=5, test_share=0.2)'
    """
    fields = {f.name: getattr(split, f.name) for f in dataclasses.fields(split)}
    if isinstance(split, TemporalSplit):
        return (
            f"TemporalSplit(at=datetime.fromisoformat({split.at.isoformat()!r}))"
            if split.at
            else (f"TemporalSplit(share={split.share!r})")
        )
    return f"{type(split).__name__}({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


def describe(split: AnySplit) -> Mapping[str, Any]:
    """What a leaderboard keeps of its split: name, words, whether it leaks, and the code that makes it."""
    name = next(name for name, kind in SPLITS.items() if isinstance(split, kind))
    return {"name": name, "words": split.words, "leaks": split.leaks, "code": split_code(split)}


def _apart(interactions: Interactions, hidden: Flags, tested: Flags | None = None) -> Split:
    """A split by rows: `hidden` ones are not learnt from, `tested` ones (all of them by default) are the test."""
    test = hidden if tested is None else tested
    train_part, test_part = interactions.select(~hidden), interactions.select(test)
    if not len(train_part) or not len(test_part):
        raise DataError(
            f"The split leaves {len(train_part):,} {interactions.signal} to learn from and {len(test_part):,} to test.",
            "Choose another split, or another share.",
        )
    ratings = interactions.ratings
    if ratings is not None:
        stars = pair_keys(ratings.viewer, ratings.title, interactions.n_titles)
        out = np.isin(stars, _keys(interactions, hidden))
        train_part = replace(train_part, ratings=ratings.select(~out))
        test_part = replace(test_part, ratings=ratings.select(np.isin(stars, _keys(interactions, test))))
    times = test_part.at[~np.isnat(test_part.at)]
    return Split(train_part, test_part, times.min() if len(times) else np.datetime64("NaT", "us"))


def _keys(interactions: Interactions, rows: Flags) -> npt.NDArray[np.int64]:
    return pair_keys(interactions.viewer[rows], interactions.title[rows], interactions.n_titles)


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise ParameterError(f"A share of {share:g} can't be tested on.", "Choose one between 0 and 1.")
