"""Why a title is recommended: which watched titles its score comes from, and whether that is what really moves it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from analysis.data.dataset import Dataset
from analysis.errors import DataError, ModelError
from analysis.recommend.base import Recommender, history_matrix
from analysis.recommend.home import Recommended, genres_of
from analysis.recommend.interactions import Interactions
from analysis.recommend.lists import RecommendationTable
from analysis.recommend.registry import model as registered
from analysis.recommend.runs import Run
from analysis.results import Result, plain

POOL = 60
"""Best titles that are sorted into rows by what speaks for them."""


@dataclass(frozen=True)
class BecauseRow:
    """Titles that one watched title speaks for most.

    Attributes:
        title_id: The watched title.
        name: Its name.
        share: Share of these titles' scores that comes from it, on average; the rest comes from other watched titles.
        titles: The titles, best first.
    """

    title_id: int
    name: str
    share: float
    titles: tuple[Recommended, ...]


@dataclass(frozen=True)
class Because(Result):
    """A list, and the rows "because you watched …" that it falls into.

    Attributes:
        model: Name of the model.
        label: Its name as shown.
        watched: How many titles of history there are.
        picks: The best titles, best first.
        rows: A row for each watched title that speaks most for several of them; empty where the model explains nothing.
    """

    model: str
    label: str
    watched: int
    picks: tuple[Recommended, ...]
    rows: tuple[BecauseRow, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a title in a row of the page."""
        columns = ["row", "because", "share", "rank", "title_id", "name", "score"]
        found = [["picks", "", math.nan, t.rank, t.title_id, t.name, t.score] for t in self.picks]
        for row in self.rows:
            found += [["because", row.name, row.share, t.rank, t.title_id, t.name, t.score] for t in row.titles]
        return pd.DataFrame(found, columns=columns)

    def summary(self) -> str:
        """What is at the top, and what speaks for it."""
        history = f"{self.watched:,} watched title{'' if self.watched == 1 else 's'}"
        if not self.picks:
            return f"{self.label} has nothing to recommend from {history}."
        first = f"From {history}, {self.label} would show {self.picks[0].name} first"
        if not self.rows:
            return f"{first}."
        best = self.rows[0]
        share = f"{best.share * 100:.0f} % of their scores"
        return f"{first}; {best.name} speaks for {len(best.titles)} of its picks, with {share}."

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values; `Because.from_json` reads it back."""
        return {"summary": self.summary(), **plain(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Because:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        rows = tuple(
            BecauseRow(int(row["title_id"]), str(row["name"]), float(row["share"]), _recommended(row["titles"]))
            for row in stored["rows"]
        )
        picks = _recommended(stored["picks"])
        return cls(str(stored["model"]), str(stored["label"]), int(stored["watched"]), picks, rows)


@dataclass(frozen=True)
class Faithfulness(Result):
    """Whether taking away the cited title moves a score more than taking away another.

    Attributes:
        model: Name of the model.
        viewers: Viewers asked.
        share: Share of them where it does.
        low: Lower end of its 95 % interval (Wilson).
        high: Upper end.
    """

    model: str
    viewers: int
    share: float
    low: float
    high: float

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        columns = ["model", "viewers", "share", "low", "high"]
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)

    def summary(self) -> str:
        """The share and its interval."""
        return (
            f"Without the cited title the score falls more than without another one in {self.share * 100:.1f} % of "
            f"{self.viewers:,} cases (95 % interval {self.low * 100:.1f} % to {self.high * 100:.1f} %)."
        )


def refit(
    dataset: Dataset,
    run: Run,
    name: str,
    *,
    kind: type[Recommender] | None = None,
    train: Interactions | None = None,
) -> Recommender:
    """The model of a run, fitted again as the run's recipe says, with nothing from after the split.

    Args:
        dataset: The dataset of the run.
        run: The run.
        name: Name of the model.
        kind: Its class, for a model that does not ship with the program.
        train: The run's training period, where it is at hand.

    Raises:
        DataError: The run is of another dataset, or of a split other than one point in time.
        ModelError: The run has no such model, or it is not one that ships with the program and no class was given.
    """
    check_refittable(dataset, run)
    board = run.leaderboard
    entry = next((entry for entry in board.finished if entry.model == name), None)
    if entry is None:
        raise ModelError(f"Run {run.id} has no model {name!r}.", "Choose one of the run's models.")
    kind = kind or registered(name)
    if train is None:
        train = Interactions.from_dataset(dataset, board.signal).cut(np.datetime64(board.split_at, "us"))[0]
    return kind(kind.Parameters(**entry.parameters), seed=entry.seed).fit(train)


def check_refittable(dataset: Dataset, run: Run) -> None:
    """Make sure that a run's models can be fitted again on this dataset.

    Raises:
        DataError: The run is of another dataset, or of a split other than one point in time.
    """
    board = run.leaderboard
    if board.dataset_hash != dataset.content_hash or not run.has_lists:
        raise DataError(
            f"Run {run.id} is of another dataset, or its split is not in time.", "Train on this dataset, split in time."
        )


def because_you_watched(
    model: Recommender, history: sparse.csr_matrix | Iterable[int], *, rows: int = 3, k: int = 8
) -> Because:
    """A list from a history, and which of the watched titles speak for it.

    Args:
        model: A fitted model that folds in.
        history: Title ids, or weights of shape (1, n_titles).
        rows: How many rows "because you watched" at most.
        k: Titles a row at most.

    Raises:
        ModelError: The model can't fold in, or a title is unknown.
    """
    known = history if isinstance(history, sparse.csr_matrix) else history_matrix(model._fitted(), [history])
    return _because(model, known, model.recommend_to(known, POOL), rows, k)


def because_viewer_watched(model: Recommender, viewer_id: int, *, rows: int = 3, k: int = 8) -> Because:
    """The list of a viewer of the training, and which of the titles they watched speak for it.

    Args:
        model: A fitted model.
        viewer_id: The viewer.
        rows: How many rows "because you watched" at most.
        k: Titles a row at most.

    Raises:
        ModelError: The viewer is unknown.
    """
    train = model._fitted()
    history = train.matrix[train.viewer_index([viewer_id])]
    return _because(model, history, model.recommend([viewer_id], POOL), rows, k)


def _because(model: Recommender, known: sparse.csr_matrix, lists: RecommendationTable, rows: int, k: int) -> Because:
    train = model._fitted()
    filled = lists.filled[0]
    titles, scores = lists.title_ids[0][filled], lists.scores[0][filled]
    picks = titles_of(train, titles[:k], scores[:k])
    found: tuple[BecauseRow, ...] = ()
    if model.explains and known.nnz and len(titles):
        parts = np.stack([model.contributions(known, int(title)) for title in titles])
        found = _rows(train, known, titles, scores, parts, rows, k)
    return Because(model.name, model.label, int(known.nnz), picks, found)


def titles_of(
    train: Interactions, title_ids: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]
) -> tuple[Recommended, ...]:
    """Titles with their names and genres."""
    catalogue = train.catalogue.iloc[train.title_index(title_ids)]
    genres = catalogue["genres"] if "genres" in catalogue else pd.Series([None] * len(catalogue))
    return tuple(
        Recommended(rank, int(title), str(name), genres_of(of), float(score), False)
        for rank, (title, name, of, score) in enumerate(
            zip(title_ids, catalogue["name"], genres, scores, strict=True), start=1
        )
    )


def similar_titles(model: Recommender, title_id: int, k: int = 8) -> tuple[Recommended, ...]:
    """The titles that a model finds most like one, best first.

    Raises:
        ModelError: The model can't tell what is similar, or the title is unknown.
    """
    table = model.similar([title_id], k)
    filled = table.filled[0]
    return titles_of(model._fitted(), table.title_ids[0][filled], table.scores[0][filled])


def faithfulness(model: Recommender, *, viewers: int = 200, seed: int = 0) -> Faithfulness:
    """How often taking the cited title out of the history lowers the best title's score more than taking another.

    The other one is drawn by chance from the rest of the history. Viewers with fewer than two titles are not asked.

    Raises:
        ModelError: The model is not fitted or explains nothing, or nobody watched two titles.
    """
    train = model._fitted()
    generator = np.random.default_rng(seed)
    with_choice = np.flatnonzero(train.plays_per_viewer >= 2)
    if not len(with_choice):
        raise ModelError("Nobody watched two titles, so no explanation can be checked.", "Use a larger dataset.")
    asked = generator.choice(with_choice, min(viewers, len(with_choice)), replace=False)
    lists = model.recommend_to(train.matrix[asked], 1)
    without: list[sparse.csr_matrix] = []
    titles: list[int] = []
    for row, viewer in enumerate(asked):
        if not lists.filled[row, 0]:
            continue
        history = train.matrix[[viewer]]
        title = int(lists.title_ids[row, 0])
        cited = int(np.argmax(model.contributions(history, title)))
        other = int(generator.choice([place for place in range(history.nnz) if place != cited]))
        without += [_without(history, cited), _without(history, other)]
        titles.append(title)
    count = len(titles)
    if not count:
        raise ModelError(f"{model.label} has no list for anybody asked.", "Fit it on more data.")
    scores = model._score_history(sparse.vstack(without).tocsr())
    places = np.repeat(train.title_index(titles), 2)
    after = scores[np.arange(2 * count), places].reshape(count, 2)
    share = float((after[:, 0] < after[:, 1]).mean())
    middle, spread = (share + 1.92 / count) / (1 + 3.84 / count), 1.96 / (1 + 3.84 / count)
    spread *= math.sqrt(share * (1 - share) / count + 0.96 / count**2)
    return Faithfulness(model.name, count, share, max(middle - spread, 0.0), min(middle + spread, 1.0))


def _rows(
    train: Interactions,
    known: sparse.csr_matrix,
    titles: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    parts: npt.NDArray[np.float64],
    rows: int,
    k: int,
) -> tuple[BecauseRow, ...]:
    """Each title goes to the watched title that adds most to it; the rows whose titles stand highest are kept."""
    cited = parts.argmax(axis=1)
    total = np.maximum(np.where(parts > 0, parts, 0).sum(axis=1), np.finfo(float).tiny)
    share = np.clip(parts.max(axis=1), 0, None) / total
    found = []
    for watched in np.unique(cited):
        mine = np.flatnonzero((cited == watched) & (share > 0))[:k]
        if len(mine) < 2:
            continue
        title_id = int(train.titles[known.indices[watched]])
        name = str(train.catalogue["name"].iloc[int(known.indices[watched])])
        row = BecauseRow(title_id, name, float(share[mine].mean()), titles_of(train, titles[mine], scores[mine]))
        # A row is as good as the places of its titles: 1 for the best, 1/2 for the second, and so on.
        found.append((-float((1 / (1 + mine)).sum()), title_id, row))
    return tuple(row for _, _, row in sorted(found, key=lambda one: one[:2])[:rows])


def _recommended(stored: Iterable[Mapping[str, Any]]) -> tuple[Recommended, ...]:
    return tuple(Recommended(**{**one, "genres": tuple(one["genres"])}) for one in stored)


def _without(history: sparse.csr_matrix, place: int) -> sparse.csr_matrix:
    """A history of one viewer without its entry at `place`."""
    keep = np.arange(history.nnz) != place
    indptr = np.array([0, keep.sum()], dtype=np.int32)
    return sparse.csr_matrix((history.data[keep], history.indices[keep], indptr), shape=history.shape)
