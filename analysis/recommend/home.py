"""One viewer: what they watched before and after the split, and each model's list beside it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from analysis import engine
from analysis.data.dataset import Dataset, Tables
from analysis.errors import DataError, ParameterError
from analysis.recommend.leaderboard import Leaderboard
from analysis.recommend.runs import Run
from analysis.results import Result


@dataclass(frozen=True)
class Watched:
    """A title in a viewer's history.

    Attributes:
        title_id: The title.
        name: Its name.
        genres: Its genres.
        last_at: Last play or rating, UTC.
        times: Number of plays or ratings.
        stars: Last rating, or None.
    """

    title_id: int
    name: str
    genres: tuple[str, ...]
    last_at: dt.datetime
    times: int
    stars: float | None


@dataclass(frozen=True)
class Recommended:
    """A title in a list.

    Attributes:
        rank: Place in the list, from 1.
        title_id: The title.
        name: Its name.
        genres: Its genres.
        score: The model's score in its own unit.
        watched_later: Whether the viewer went on to watch it in the test period.
    """

    rank: int
    title_id: int
    name: str
    genres: tuple[str, ...]
    score: float
    watched_later: bool


@dataclass(frozen=True)
class Shelf:
    """One model's list.

    Attributes:
        model: Name of the model.
        label: Its name as shown.
        titles: The list, best first.
    """

    model: str
    label: str
    titles: tuple[Recommended, ...]

    @property
    def hits(self) -> int:
        """How many of the titles the viewer went on to watch."""
        return sum(title.watched_later for title in self.titles)


@dataclass(frozen=True)
class ViewerHome(Result):
    """One viewer's history and lists.

    Attributes:
        viewer_id: The viewer.
        name: Profile name, where the data has one, else `Viewer <id>`.
        before: Titles watched before the split, last one first; what the models could learn from.
        n_before: How many different titles that are, where `before` is cut.
        after: Titles first watched after the split, first one first; what the lists are tested on.
        n_after: How many different titles that are.
        shelves: Each model's list, in the order of the leaderboard.
        without_list: Labels of the models that have no list for this viewer.
        split_at: First moment of the test period, UTC.
    """

    viewer_id: int
    name: str
    before: tuple[Watched, ...]
    n_before: int
    after: tuple[Watched, ...]
    n_after: int
    shelves: tuple[Shelf, ...]
    without_list: tuple[str, ...]
    split_at: str

    @property
    def is_new(self) -> bool:
        """Whether the models knew nothing of the viewer."""
        return self.n_before == 0

    def to_frame(self) -> pd.DataFrame:
        """One row a recommended title."""
        columns = ["viewer_id", "model", "rank", "title_id", "name", "genres", "score", "watched_later"]
        rows = [
            [self.viewer_id, shelf.model, t.rank, t.title_id, t.name, ", ".join(t.genres), t.score, t.watched_later]
            for shelf in self.shelves
            for t in shelf.titles
        ]
        return pd.DataFrame(rows, columns=columns)

    def summary(self) -> str:
        """What is known of the viewer, and which list came true most."""
        day = self.split_at[:10]
        if self.is_new:
            return (
                f"{self.name} had watched nothing before {day}, so no taste is known: "
                "what is popular is the best guess there is."
            )
        known = f"{self.name} had watched {_titles(self.n_before)} before {day}"
        if not self.n_after:
            return f"{known} and nothing new since, so nobody can say whose list is right."
        best = max(self.shelves, key=lambda shelf: shelf.hits, default=None)
        went_on = f"{known} and went on to watch {_titles(self.n_after, 'new ')}"
        if best is None or not best.hits:
            return f"{went_on}; no list held any of them."
        ties = [shelf.label for shelf in self.shelves if shelf.hits == best.hits]
        whose = f"{ties[0]}'s list" if len(ties) == 1 else f"{len(ties)} lists"
        return f"{went_on}; {whose} of {len(best.titles)} held {best.hits} of them."


@dataclass(frozen=True)
class ViewerChoices(Result):
    """Viewers to choose from.

    Attributes:
        viewers: Columns `viewer_id`, `name`, `before` and `after` (plays or ratings on either side of the split).
        found: How many fit the search, where the list is cut.
    """

    viewers: pd.DataFrame
    found: int

    def to_frame(self) -> pd.DataFrame:
        """One row a viewer."""
        return self.viewers

    def summary(self) -> str:
        """How many viewers fit."""
        shown = f", the first {len(self.viewers):,} are listed" if len(self.viewers) < self.found else ""
        return f"{self.found:,} viewer{'' if self.found == 1 else 's'} found{shown}."


def find_viewers(
    dataset: Dataset, leaderboard: Leaderboard, search: str = "", *, new: bool = False, limit: int = 200
) -> ViewerChoices:
    """Viewers whose id starts with, or whose name holds, the words searched for.

    Args:
        dataset: The dataset of the leaderboard.
        leaderboard: Tells the signal and the split.
        search: Part of an id or a name; empty for all.
        new: Only those without history before the split; otherwise only those with some.
        limit: How many are listed, those with most to test on first.
    """
    frame = _counted(dataset, leaderboard)
    frame = frame[(frame["before"] == 0) == new]
    words = search.strip().lower()
    if words:
        named = frame["name"].map(lambda name: words in name.lower() if name else False).astype(bool)
        frame = frame[frame["viewer_id"].astype(str).str.startswith(words) | named]
    frame = frame.sort_values(["after", "viewer_id"], ascending=[False, True], ignore_index=True)
    return ViewerChoices(frame[["viewer_id", "name", "before", "after"]].head(limit), len(frame))


def any_viewer(dataset: Dataset, leaderboard: Leaderboard, *, new: bool = False, seed: int | None = None) -> int:
    """A viewer drawn by chance from those with something to look at: watched after the split, and before it unless new.

    Without a seed, another one each time.

    Raises:
        DataError: There is none.
    """
    frame = _counted(dataset, leaderboard)
    fitting = frame.loc[(frame["after"] > 0) & ((frame["before"] == 0) == new), "viewer_id"]
    if not len(fitting):
        raise DataError(
            f"No {'new viewer' if new else 'viewer with history'} watched anything after the split.",
            "Choose one from the list.",
        )
    return int(np.random.default_rng(seed).choice(fitting.sort_values().to_numpy()))


def viewer_home(dataset: Dataset, run: Run, viewer_id: int, *, k: int = 10, history: int = 20) -> ViewerHome:
    """One viewer's history and each model's list of up to k titles.

    Raises:
        DataError: The run is of another dataset, or the viewer is in neither history nor lists.
        ParameterError: k is not positive.
    """
    board = run.leaderboard
    if k < 1:
        raise ParameterError(f"A list can't have {k} titles.", "Ask for k of 1 or more.")
    if board.dataset_hash != dataset.content_hash:
        raise DataError(
            f"Run {run.id} is of {board.dataset}, which has another content than {dataset.name}.",
            "Train on this dataset.",
        )
    lists = run.lists(viewer_id)
    moment = dt.datetime.fromisoformat(board.split_at)
    with dataset.read() as tables:
        plays = _plays(tables, board, viewer_id)
        if not len(plays) and not lists:
            raise DataError(f"{dataset.name} knows no viewer {viewer_id}.", "Choose one from the list.")
        wanted = {int(t) for table in lists.values() for t in table.title_ids[0, :k]} | set(plays["title_id"].tolist())
        titles = _titles_by_id(tables, wanted) if dataset.has("titles") else {}
        name = _name_of(tables, viewer_id) if dataset.has("viewers") else None
    early = plays[plays["at"] < moment]
    late = plays[(plays["at"] >= moment) & ~plays["title_id"].isin(early["title_id"])]
    before, after = _watched(early, titles), _watched(late, titles)
    new_titles = {title.title_id for title in after}
    return ViewerHome(
        viewer_id=viewer_id,
        name=name or f"Viewer {viewer_id}",
        before=before[:history],
        n_before=len(before),
        after=tuple(reversed(after))[:history],
        n_after=len(after),
        shelves=tuple(
            Shelf(entry.model, entry.label, _shelf(lists[entry.model], titles, new_titles, k))
            for entry in board.finished
            if entry.model in lists
        ),
        without_list=tuple(entry.label for entry in board.finished if entry.model not in lists),
        split_at=board.split_at,
    )


def _counted(dataset: Dataset, leaderboard: Leaderboard) -> pd.DataFrame:
    """Every viewer with plays: id, name or None, and the number of plays on either side of the split."""
    moment = dt.datetime.fromisoformat(leaderboard.split_at)
    table, at = _source(leaderboard)
    with dataset.read() as tables:
        early = (nw.col(at) < moment).cast(nw.Int64)
        counts = engine.to_pandas(
            tables[table]
            .select("viewer_id", early=early, late=1 - early)
            .group_by("viewer_id")
            .agg(before=nw.col("early").sum(), after=nw.col("late").sum())
        )
        names = _viewer_names(tables) if dataset.has("viewers") else None
    frame = counts.astype("int64")
    if names is None:
        return frame.assign(name=None)
    frame = frame.merge(names, on="viewer_id", how="left")
    frame["name"] = frame["name"].astype(object).where(frame["name"].notna(), None)
    return frame


def _source(leaderboard: Leaderboard) -> tuple[str, str]:
    return ("views", "started_at") if leaderboard.signal == "views" else ("ratings", "rated_at")


def _viewer_names(tables: Tables) -> pd.DataFrame:
    if "name" not in tables["viewers"].collect_schema().names():
        return pd.DataFrame({"viewer_id": pd.Series(dtype="int64"), "name": pd.Series(dtype="object")})
    return engine.to_pandas(tables["viewers"].select("viewer_id", "name"))


def _name_of(tables: Tables, viewer_id: int) -> str | None:
    if "name" not in tables["viewers"].collect_schema().names():
        return None
    found = engine.to_pandas(tables["viewers"].filter(nw.col("viewer_id") == viewer_id).select("name"))["name"]
    return str(found.iloc[0]) if len(found) and pd.notna(found.iloc[0]) else None


def _plays(tables: Tables, leaderboard: Leaderboard, viewer_id: int) -> pd.DataFrame:
    table, at = _source(leaderboard)
    stars = {"stars": nw.col("stars")} if table == "ratings" else {}
    mine = tables[table].filter(nw.col("viewer_id") == viewer_id)
    return engine.to_pandas(mine.select("title_id", at=nw.col(at), **stars).sort("at", "title_id"))


def _titles_by_id(tables: Tables, wanted: set[int]) -> dict[int, dict[str, Any]]:
    if not wanted:
        return {}
    have = tables["titles"].collect_schema().names()
    columns = [column for column in ("title_id", "name", "genres") if column in have]
    frame = engine.to_pandas(tables["titles"].filter(nw.col("title_id").is_in(sorted(wanted))).select(columns))
    rows: list[dict[str, Any]] = frame.to_dict(orient="records")  # type: ignore[assignment]
    return {int(row["title_id"]): row for row in rows}


def _named(title_id: int, titles: dict[int, dict[str, Any]]) -> tuple[str, tuple[str, ...]]:
    row = titles.get(title_id, {})
    return str(row.get("name") or f"Title {title_id}"), genres_of(row.get("genres"))


def genres_of(cell: Any) -> tuple[str, ...]:
    """The genres in a cell of the catalogue; none where it is empty, in whatever way."""
    return tuple(map(str, cell)) if isinstance(cell, list | tuple | np.ndarray) else ()


def _watched(plays: pd.DataFrame, titles: dict[int, dict[str, Any]]) -> tuple[Watched, ...]:
    """One entry a title, last one first."""
    entries = []
    for title_id in sorted({int(title) for title in plays["title_id"]}):
        rows = plays[plays["title_id"] == title_id]
        stars = float(rows["stars"].iloc[-1]) if "stars" in rows else None
        name, genres = _named(title_id, titles)
        entries.append(Watched(title_id, name, genres, rows["at"].iloc[-1].to_pydatetime(), len(rows), stars))
    return tuple(sorted(entries, key=lambda entry: entry.last_at, reverse=True))


def _shelf(table: Any, titles: dict[int, dict[str, Any]], new_titles: set[int], k: int) -> tuple[Recommended, ...]:
    shelf = []
    pairs = zip(table.title_ids[0, :k].tolist(), table.scores[0, :k].tolist(), strict=True)
    for rank, (title_id, score) in enumerate(pairs, start=1):
        name, genres = _named(title_id, titles)
        shelf.append(Recommended(rank, title_id, name, genres, score, title_id in new_titles))
    return tuple(shelf)


def _titles(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}title{'' if count == 1 else 's'}"
