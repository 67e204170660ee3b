"""The contract of a recommender: what every model offers, and the little that a model's author writes."""

from __future__ import annotations

import functools
import importlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from analysis.errors import ModelError, ParameterError
from analysis.recommend import memory, parameters
from analysis.recommend.interactions import Flags, Ids, Index, Interactions, Scores, Times
from analysis.recommend.lists import RecommendationTable
from analysis.recommend.parameters import NoParameters, ParameterDoc
from analysis.recommend.topk import top_k
from analysis.results import Progress

BLOCK_SCORES = 2**21
"""Scores computed at once by a thread (8 MiB of float32), so that a block stays near the processor's cache."""

CAPABILITIES: dict[str, str] = {
    "predicts_ratings": "predicts stars",
    "cold_titles": "ranks titles that nobody has watched yet",
    "cold_viewers": "has a list for viewers without history",
    "folds_in": "takes in a new viewer's history without a new fit",
    "explains": "says which watched titles a recommendation comes from",
    "finds_similar": "names titles that resemble a title",
    "updates": "takes in later plays without a new fit",
    "follows_time": "makes its list anew at the moment of the visit",
}
"""What a model may be able to do beyond ranking titles for known viewers, and how that is said."""


class Recommender(ABC):
    """Base of all recommenders.

    The public methods check, block, filter and rank; a model writes `_fit` and `_score`, and one more method for each
    capability that it declares. What `fit` learns is kept in attributes that end in an underscore: numbers, words,
    arrays and sparse matrices, which is also what `storage.save_model` writes.

    >>> from analysis.recommend import models
    >>> sorted(models())[:4]
    ['als', 'bias', 'bpr', 'co_clustering']

    Class attributes:
        name: Short name, used on the command line and in files.
        label: Name as shown.
        description: One sentence: what it recommends and why one would want it.
        source: Where the method is published.
        Parameters: A frozen dataclass with a docstring under each field.
        predicts_ratings: Learns from stars and can say how many stars a viewer would give (`_predict`).
        cold_titles: Can rank titles that nobody watched in training.
        cold_viewers: Has a list for viewers who have watched nothing yet.
        folds_in: Can rank for a history that was not in training (`_score_history`).
        explains: Can say how much each watched title adds to a score (`_contributions`); needs `folds_in`.
        finds_similar: Can name titles that resemble a title (`_similar`).
        updates: Can take in later interactions without a new fit (`_update`).
        follows_time: Makes its list at the moment of a visit, from what everybody did before (`_score_at`).
    """

    name: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    source: ClassVar[str]
    Parameters: ClassVar[type[Any]] = NoParameters
    predicts_ratings: ClassVar[bool] = False
    cold_titles: ClassVar[bool] = False
    cold_viewers: ClassVar[bool] = False
    folds_in: ClassVar[bool] = False
    explains: ClassVar[bool] = False
    finds_similar: ClassVar[bool] = False
    updates: ClassVar[bool] = False
    follows_time: ClassVar[bool] = False

    def __init__(self, parameters: Any = None, *, seed: int = 0) -> None:
        self.parameters = self.Parameters() if parameters is None else parameters
        if not isinstance(self.parameters, self.Parameters):
            raise ParameterError(
                f"{self.label} takes {self.Parameters.__qualname__}, not {type(parameters).__qualname__}.",
                f"Write {type(self).__name__}({self.Parameters.__qualname__}(…)).",
            )
        self.seed = seed
        self.interactions_: Interactions | None = None

    # What people call.

    def fit(self, interactions: Interactions, progress: Progress | None = None) -> Self:
        """Learn from interactions; the same seed and interactions give the same model.

        Raises:
            ModelError: There is nothing to learn from, no stars for a model that learns from them, or the model would
                need more memory than there is.
        """
        if not len(interactions):
            raise ModelError(
                f"{self.label} has no {interactions.signal} to learn from.",
                "Choose an earlier start or a later end of the training period.",
            )
        if self.predicts_ratings and not (interactions.ratings and len(interactions.ratings)):
            raise ModelError(
                f"{self.label} learns from stars, and there are no ratings in the training period.",
                "Leave it out, or bring a dataset that has ratings with times.",
            )
        memory.require(self.label, self._memory(interactions))
        self._fit(interactions, progress or _silent)
        self.interactions_ = interactions
        return self

    def update(self, later: Interactions) -> Self:
        """Take in what happened after the training period, without a new fit.

        Raises:
            ModelError: The model is not fitted, or has to be fitted anew for that.
        """
        train = self._fitted()
        self._require("updates", "Fit it again with everything.")
        together = train.joined(later)
        self._update(later, together)
        self.interactions_ = together
        return self

    def observe(self, later: Interactions) -> Self:
        """Let a model that follows time see what happened after training; histories stay those of the training.

        Raises:
            ModelError: The model is not fitted, or does not follow time.
        """
        self._fitted()
        self._require("follows_time", "Fit it again at the later moment.")
        self._observe(later)
        return self

    def recommend(
        self,
        viewer_ids: npt.ArrayLike,
        k: int = 10,
        *,
        filter_seen: bool = True,
        among: Flags | None = None,
        at: Times | None = None,
    ) -> RecommendationTable:
        """The k best titles for each viewer.

        Titles that nobody had watched in training are in a list only of a model that ranks `cold_titles`. A viewer
        without training history has an empty list where the model has nothing for `cold_viewers`.

        Args:
            viewer_ids: Viewer ids, shape (n,).
            k: Length of a list; lists are shorter where there are fewer titles to choose from.
            filter_seen: Leave out what the viewer watched in training.
            among: Titles that may be recommended, shape (n_titles,), instead of those above.
            at: Moment of each visit in UTC, shape (n,), for a model that `follows_time`; others take no notice.

        Raises:
            ModelError: The model is not fitted, a viewer is unknown, or the model's scores break the contract.
            ParameterError: k is not positive.
        """
        train = self._fitted()
        index = train.viewer_index(viewer_ids)
        barred = ~self._allowed(among)

        def prepare(here: slice) -> npt.NDArray[Any]:
            rows = index[here]
            raw = self._score_at(rows, at[here]) if at is not None and self.follows_time else self._score(rows)
            scores = self._checked(raw, len(rows))
            scores[:, barred] = -np.inf
            if filter_seen:
                _bar_seen(scores, train.matrix[rows])
            if not self.cold_viewers:
                scores[train.plays_per_viewer[rows] == 0] = -np.inf
            return scores

        columns, scores = self._ranked(len(index), k, prepare)
        return RecommendationTable("viewer_id", train.viewers[index], self._ids(columns, scores), scores)

    def recommend_to(
        self,
        histories: Sequence[Iterable[int]] | sparse.csr_matrix,
        k: int = 10,
        *,
        filter_seen: bool = True,
        among: Flags | None = None,
    ) -> RecommendationTable:
        """The k best titles for people who were not in training, from what they have watched: no new fit.

        Args:
            histories: For each person the ids of titles, each of weight 1; or weights of shape (n, n_titles).
            k: Length of a list.
            filter_seen: Leave out what is in the history.
            among: Titles that may be recommended, shape (n_titles,).

        Returns:
            Lists whose `ids` are the places in `histories`, from 0.

        Raises:
            ModelError: The model is not fitted, can't fold in, a title is unknown, or the scores break the contract.
        """
        train = self._fitted()
        self._require("folds_in", "Fit it again with the new viewer in the data.")
        known = histories if isinstance(histories, sparse.csr_matrix) else history_matrix(train, histories)
        barred = ~self._allowed(among)

        def prepare(here: slice) -> npt.NDArray[Any]:
            part = known[here]
            scores = self._checked(self._score_history(part), part.shape[0])
            scores[:, barred] = -np.inf
            if filter_seen:
                _bar_seen(scores, part)
            if not self.cold_viewers:
                scores[np.diff(part.indptr) == 0] = -np.inf
            return scores

        columns, scores = self._ranked(known.shape[0], k, prepare)
        ids: Ids = np.arange(known.shape[0], dtype=np.int64)
        return RecommendationTable("viewer_id", ids, self._ids(columns, scores), scores)

    def contributions(self, history: sparse.csr_matrix, title_id: int) -> npt.NDArray[np.float64]:
        """How much each watched title adds to the score of one title, in the order of `history.indices`.

        Args:
            history: Weights of what one person has watched, shape (1, n_titles).
            title_id: The title whose score is explained.

        Raises:
            ModelError: The model is not fitted, does not explain, or the title is unknown.
        """
        train = self._fitted()
        self._require("explains", "Ask item kNN or EASE.")
        return self._contributions(history, int(train.title_index([title_id])[0]))

    def predict(self, viewer_ids: npt.ArrayLike, title_ids: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Stars that each viewer would give to the title beside, on the dataset's scale, shape (n,).

        Raises:
            ModelError: The model is not fitted, does not predict ratings, or an id is unknown.
        """
        train = self._fitted()
        if not self.predicts_ratings:
            raise ModelError(f"{self.label} ranks titles and does not predict stars.", "Ask a rating model, as SVD.")
        viewer, title = train.viewer_index(viewer_ids), train.title_index(title_ids)
        if len(viewer) != len(title):
            raise ModelError(
                f"There are {len(viewer):,} viewers and {len(title):,} titles to predict for.",
                "Pass two lists of the same length.",
            )
        return self._predict(viewer, title)

    def similar(self, title_ids: npt.ArrayLike, k: int = 10) -> RecommendationTable:
        """The k titles that resemble each title most, itself left out.

        Raises:
            ModelError: The model is not fitted, can't tell what is similar, or a title is unknown.
        """
        train = self._fitted()
        if not self.finds_similar:
            raise ModelError(f"{self.label} can't tell which titles are similar.", "Ask item kNN or ALS.")
        index = train.title_index(title_ids)
        barred = ~self._allowed(None)

        def prepare(here: slice) -> npt.NDArray[Any]:
            rows = index[here]
            scores = self._checked(self._similar(rows), len(rows))
            scores[:, barred] = -np.inf
            scores[np.arange(len(rows)), rows] = -np.inf
            return scores

        columns, scores = self._ranked(len(index), k, prepare)
        return RecommendationTable("title_id", train.titles[index], self._ids(columns, scores), scores)

    # What a model's author writes.

    @abstractmethod
    def _fit(self, train: Interactions, progress: Progress) -> None:
        """Learn; `train` has at least one interaction, and ratings where the model predicts them."""

    @abstractmethod
    def _score(self, viewers: Index) -> npt.NDArray[Any]:
        """Scores of all titles for these viewers: a new array, shape (len(viewers), n_titles), no NaN.

        −inf where the model has nothing to say. Called from several threads at once.
        """

    def _score_history(self, histories: sparse.csr_matrix) -> npt.NDArray[Any]:
        """Scores of all titles for histories of shape (n, n_titles), as `_score` gives; with `folds_in`."""
        raise NotImplementedError

    def _score_at(self, viewers: Index, at: Times) -> npt.NDArray[Any]:
        """Scores at a moment for each viewer, knowing only what happened before it; with `follows_time`."""
        raise NotImplementedError

    def _contributions(self, history: sparse.csr_matrix, title: int) -> npt.NDArray[np.float64]:
        """What each entry of one history adds to the score of a dense title number; with `explains`."""
        raise NotImplementedError

    def _update(self, later: Interactions, together: Interactions) -> None:
        """Take in later interactions, given alone and joined with those of the fit; with `updates`."""
        raise NotImplementedError

    def _observe(self, later: Interactions) -> None:
        """Remember later interactions for `_score_at`; with `follows_time`."""
        raise NotImplementedError

    def _predict(self, viewers: Index, titles: Index) -> npt.NDArray[np.float64]:
        """Stars for pairs of dense numbers; only for models with `predicts_ratings`."""
        raise NotImplementedError

    def _similar(self, titles: Index) -> npt.NDArray[Any]:
        """Likeness of all titles to these: a new array, shape (len(titles), n_titles); with `finds_similar`."""
        raise NotImplementedError

    def _candidates(self) -> Flags:
        """Titles that may be recommended, shape (n_titles,): those watched in training, and cold ones where it can."""
        train = self._fitted()
        watched: Flags = train.viewers_per_title > 0
        return watched | train.released if self.cold_titles else watched

    def _memory(self, train: Interactions) -> int:
        """Bytes that the fit will need at most; 0 where it is no more than the interactions themselves."""
        return 0

    # What stays in here.

    def _fitted(self) -> Interactions:
        if self.interactions_ is None:
            raise ModelError(f"{self.label} has not learnt anything yet.", "Call fit first.")
        return self.interactions_

    def _require(self, capability: str, remedy: str) -> None:
        if not getattr(self, capability):
            raise ModelError(f"{self.label} is no model that {CAPABILITIES[capability]}.", remedy)

    def _allowed(self, among: Flags | None) -> Flags:
        if among is None:
            return self._candidates()
        if (among & (self._fitted().viewers_per_title == 0)).any():
            self._require("cold_titles", "Ask a content model or the hybrid.")
        return among

    def _checked(self, scores: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
        wanted = (rows, self._fitted().n_titles)
        if not isinstance(scores, np.ndarray) or scores.shape != wanted or scores.dtype.kind != "f":
            found = f"{scores.dtype} {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
            raise ModelError(
                f"{self.label} returned {found} as scores.", f"Its _score must return floats of shape {wanted}."
            )
        return scores

    def _ranked(
        self, n: int, k: int, prepare: Callable[[slice], npt.NDArray[Any]]
    ) -> tuple[npt.NDArray[np.int32], Scores]:
        """Best columns and scores of n rows, block by block on all cores, padded to k with NaN scores."""
        if k < 1:
            raise ParameterError(f"A list can't have {k} titles.", "Ask for k of 1 or more.")
        n_titles = self._fitted().n_titles
        size = max(1, BLOCK_SCORES // n_titles)
        columns = np.zeros((n, k), dtype=np.int32)
        scores = np.full((n, k), np.nan, dtype=np.float32)

        def work(start: int) -> None:
            here = slice(start, start + size)
            found, best = top_k(prepare(here), min(k, n_titles))
            if np.isnan(best).any():
                raise ModelError(f"{self.label} returned NaN as a score.", "Its _score must return numbers or −inf.")
            columns[here, : found.shape[1]] = found
            scores[here, : found.shape[1]] = np.where(best == -np.inf, np.nan, best)

        # Blocks and one BLAS thread each give the same bits whatever the number of cores; BLAS's own threads do not.
        with one_blas_thread(), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            list(threads.map(work, range(0, n, size)))
        return columns, scores

    def _ids(self, columns: npt.NDArray[np.int32], scores: Scores) -> Ids:
        return np.where(np.isnan(scores), -1, self._fitted().titles[columns])


def capabilities(model: type[Recommender]) -> dict[str, bool]:
    """What a model can do, by the names in `CAPABILITIES`."""
    return {name: bool(getattr(model, name)) for name in CAPABILITIES}


def parameter_docs(model: type[Recommender]) -> tuple[ParameterDoc, ...]:
    """A model's parameters with their defaults, spaces and the docstring under each."""
    return parameters.parameter_docs(model.Parameters)


def history_matrix(train: Interactions, histories: Sequence[Iterable[int]]) -> sparse.csr_matrix:
    """Histories given as title ids as weights of 1, shape (len(histories), n_titles).

    Raises:
        ModelError: A title is unknown; it is named.
    """
    columns = [np.unique(train.title_index(np.array(list(titles), dtype=np.int64))) for titles in histories]
    indptr = np.concatenate([[0], np.cumsum([len(titles) for titles in columns])]).astype(np.int32)
    indices = np.concatenate([*columns, np.empty(0, np.int32)]).astype(np.int32)
    shape = (len(columns), train.n_titles)
    return sparse.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=shape)


def one_blas_thread() -> Any:
    """A context in which BLAS uses one thread: same bits on every machine, and what implicit asks for."""
    return _thread_pools().limit(limits=1, user_api="blas")


@functools.cache
def _thread_pools() -> Any:
    """The libraries with threads of their own, looked for once: that takes longer than one viewer's list."""
    # Both bring a BLAS of their own, and one that is loaded later would not be found.
    importlib.import_module("scipy.linalg")
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _bar_seen(scores: npt.NDArray[Any], seen: sparse.csr_matrix) -> None:
    scores[np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)), seen.indices] = -np.inf


def _silent(_share: float, _words: str) -> None:
    """Progress that nobody watches."""
