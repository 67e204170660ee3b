"""The contract of a recommender: what every model offers, and the little that a model's author writes."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import ModelError, ParameterError
from analysis.recommend.interactions import Flags, Ids, Index, Interactions, Scores
from analysis.recommend.topk import top_k
from analysis.results import Progress, Result

BLOCK_SCORES = 2**21
"""Scores computed at once by a thread (8 MiB of float32), so that a block stays near the processor's cache."""


@dataclass(frozen=True, eq=False)
class RecommendationTable(Result):
    """Ranked titles for viewers, or for titles that others resemble.

    Attributes:
        of: What `ids` are: `viewer_id` or `title_id`.
        ids: For whom, shape (n,).
        title_ids: Titles, best first, shape (n, k); −1 where a list is shorter than k.
        scores: The model's scores in its own unit, shape (n, k); NaN where a list is shorter than k.
    """

    of: Literal["viewer_id", "title_id"]
    ids: Ids
    title_ids: Ids
    scores: Scores

    @property
    def filled(self) -> Flags:
        """Which places hold a title, shape (n, k)."""
        return ~np.isnan(self.scores)

    def to_frame(self) -> pd.DataFrame:
        """One row a recommended title: whom it is for, rank from 1, title and score."""
        n, k = self.title_ids.shape
        filled = self.filled.ravel()
        return pd.DataFrame(
            {
                self.of: np.repeat(self.ids, k)[filled],
                "rank": np.tile(np.arange(1, k + 1), n)[filled],
                "title_id" if self.of == "viewer_id" else "similar_id": self.title_ids.ravel()[filled],
                "score": self.scores.ravel()[filled],
            }
        )

    def summary(self) -> str:
        """How many lists there are and how long they are."""
        lengths = self.filled.sum(axis=1)
        whom = "viewers" if self.of == "viewer_id" else "titles"
        mean = lengths.mean() if len(lengths) else 0.0
        return f"Lists for {len(self.ids):,} {whom}, {mean:.1f} titles each on average; {(lengths == 0).sum():,} empty."


@dataclass(frozen=True)
class NoParameters:
    """A model without parameters."""


class Recommender(ABC):
    """Base of all recommenders.

    The public methods check, block, filter and rank; a model writes `_fit` and `_score`, and `_predict` or `_similar`
    where its flags say so. What `fit` learns is kept in attributes that end in an underscore.

    >>> from analysis.recommend import models
    >>> sorted(models())
    ['als', 'item_knn', 'popularity', 'recent_popularity', 'svd']

    Class attributes:
        name: Short name, used on the command line and in files.
        label: Name as shown.
        description: One sentence: what it recommends and why one would want it.
        source: Where the method is published.
        Parameters: A frozen dataclass with a docstring under each field.
        predicts_ratings: Learns from stars and can say how many stars a viewer would give.
        cold_viewers: Has a list for viewers who have watched nothing yet.
        finds_similar: Can name titles that resemble a title.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    source: ClassVar[str]
    Parameters: ClassVar[type[Any]] = NoParameters
    predicts_ratings: ClassVar[bool] = False
    cold_viewers: ClassVar[bool] = False
    finds_similar: ClassVar[bool] = False

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
            ModelError: There is nothing to learn from, or no stars for a model that learns from them.
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
        self._fit(interactions, progress or _silent)
        self.interactions_ = interactions
        return self

    def recommend(self, viewer_ids: npt.ArrayLike, k: int = 10, *, filter_seen: bool = True) -> RecommendationTable:
        """The k best titles for each viewer.

        Titles that nobody had watched in training are never in a list. A viewer without training history has an
        empty list where the model has nothing for `cold_viewers`.

        Args:
            viewer_ids: Viewer ids, shape (n,).
            k: Length of a list; lists are shorter where there are fewer titles to choose from.
            filter_seen: Leave out what the viewer watched in training.

        Raises:
            ModelError: The model is not fitted, a viewer is unknown, or the model's scores break the contract.
            ParameterError: k is not positive.
        """
        train = self._fitted()
        index = train.viewer_index(viewer_ids)
        barred = ~self._candidates()

        def prepare(rows: Index) -> npt.NDArray[Any]:
            scores = self._checked(self._score(rows), rows)
            scores[:, barred] = -np.inf
            if filter_seen:
                seen = train.matrix[rows]
                scores[np.repeat(np.arange(len(rows)), np.diff(seen.indptr)), seen.indices] = -np.inf
            if not self.cold_viewers:
                scores[train.plays_per_viewer[rows] == 0] = -np.inf
            return scores

        columns, scores = self._ranked(index, k, prepare)
        return RecommendationTable("viewer_id", train.viewers[index], self._ids(columns, scores), scores)

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
        barred = ~self._candidates()

        def prepare(rows: Index) -> npt.NDArray[Any]:
            scores = self._checked(self._similar(rows), rows)
            scores[:, barred] = -np.inf
            scores[np.arange(len(rows)), rows] = -np.inf
            return scores

        columns, scores = self._ranked(index, k, prepare)
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

    def _predict(self, viewers: Index, titles: Index) -> npt.NDArray[np.float64]:
        """Stars for pairs of dense numbers; only for models with `predicts_ratings`."""
        raise NotImplementedError

    def _similar(self, titles: Index) -> npt.NDArray[Any]:
        """Likeness of all titles to these: a new array, shape (len(titles), n_titles); with `finds_similar`."""
        raise NotImplementedError

    def _candidates(self) -> Flags:
        """Titles that may be recommended, shape (n_titles,): those somebody watched in training."""
        return self._fitted().viewers_per_title > 0

    # What stays in here.

    def _fitted(self) -> Interactions:
        if self.interactions_ is None:
            raise ModelError(f"{self.label} has not learnt anything yet.", "Call fit first.")
        return self.interactions_

    def _checked(self, scores: npt.NDArray[Any], rows: Index) -> npt.NDArray[Any]:
        wanted = (len(rows), self._fitted().n_titles)
        if not isinstance(scores, np.ndarray) or scores.shape != wanted or scores.dtype.kind != "f":
            found = f"{scores.dtype} {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
            raise ModelError(
                f"{self.label} returned {found} as scores.", f"Its _score must return floats of shape {wanted}."
            )
        return scores

    def _ranked(
        self, index: Index, k: int, prepare: Callable[[Index], npt.NDArray[Any]]
    ) -> tuple[npt.NDArray[np.int32], Scores]:
        """Best columns and scores, block by block on all cores, padded to k with NaN scores."""
        if k < 1:
            raise ParameterError(f"A list can't have {k} titles.", "Ask for k of 1 or more.")
        n_titles = self._fitted().n_titles
        size = max(1, BLOCK_SCORES // n_titles)
        columns = np.zeros((len(index), k), dtype=np.int32)
        scores = np.full((len(index), k), np.nan, dtype=np.float32)

        def work(start: int) -> None:
            here = slice(start, start + size)
            found, best = top_k(prepare(index[here]), min(k, n_titles))
            if np.isnan(best).any():
                raise ModelError(f"{self.label} returned NaN as a score.", "Its _score must return numbers or −inf.")
            columns[here, : found.shape[1]] = found
            scores[here, : found.shape[1]] = np.where(best == -np.inf, np.nan, best)

        # Blocks and one BLAS thread each give the same bits whatever the number of cores; BLAS's own threads do not.
        with one_blas_thread(), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            list(threads.map(work, range(0, len(index), size)))
        return columns, scores

    def _ids(self, columns: npt.NDArray[np.int32], scores: Scores) -> Ids:
        return np.where(np.isnan(scores), -1, self._fitted().titles[columns])


def one_blas_thread() -> Any:
    """A context in which BLAS uses one thread: same bits on every machine, and what implicit asks for."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


@dataclass(frozen=True)
class ParameterDoc:
    """What a person should know about one parameter.

    Attributes:
        name: Its name.
        default: Its default value.
        doc: What it does, with its unit.
    """

    name: str
    default: Any
    doc: str


def parameter_docs(model: type[Recommender]) -> tuple[ParameterDoc, ...]:
    """A model's parameters with their defaults and the docstring under each."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(model.Parameters))).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str] = {}
    for statement, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
        ):
            docs[statement.target.id] = inspect.cleandoc(str(after.value.value))
    return tuple(ParameterDoc(f.name, f.default, docs.get(f.name, "")) for f in dataclasses.fields(model.Parameters))


def require_at_least(model: str, **limits: tuple[float, float]) -> None:
    """Check parameters given as name=(value, least).

    Raises:
        ParameterError: A value is below its least.
    """
    for name, (value, least) in limits.items():
        if not value >= least:
            raise ParameterError(f"{model}: {name} is {value}.", f"It must be {least:g} or more.")


def _silent(_share: float, _words: str) -> None:
    """Progress that nobody watches."""
