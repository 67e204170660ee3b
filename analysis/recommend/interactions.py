"""Who watched or rated what and when, with dense numbers for viewers and titles: what every model learns from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy import sparse

from analysis import engine
from analysis.data.dataset import Dataset, Tables
from analysis.errors import DataError, ModelError, ParameterError

Signal = Literal["views", "ratings"]
SIGNALS: tuple[Signal, ...] = ("views", "ratings")

Ids = npt.NDArray[np.int64]
Index = npt.NDArray[np.int32]
Times = npt.NDArray[np.datetime64]
Scores = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_NO_CATALOGUE = pd.DataFrame({"title_id": pd.Series(dtype="int64"), "name": pd.Series(dtype="str")})

_NO_LINKS = pd.DataFrame({name: pd.Series(dtype="str") for name in ("relation", "entity")}).assign(
    title=pd.Series(dtype="int32")
)
_NO_PROFILES = pd.DataFrame({"viewer_id": pd.Series(dtype="int64")})
PROFILE = ("country", "age_band", "plan")
"""Columns of `viewers` that say something of a taste before anything is watched."""

LEAST_WEIGHT = 0.05
"""Weight of a play that was left at once: having started it says a little too, and no title may weigh nothing."""

WATCHED = 0.1
"""Share of the running time from which on a play counts as watched, that is, as something a good list should hold."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """Explicit ratings in the order of their time, one a viewer and title (the last one counts).

    Attributes:
        viewer: Dense viewer numbers, shape (n,).
        title: Dense title numbers, shape (n,).
        at: Times in UTC, NaT where unknown, shape (n,).
        stars: Ratings on the source's own scale, shape (n,).
        scale: Lowest and highest rating that the dataset holds.
    """

    viewer: Index
    title: Index
    at: Times
    stars: Scores
    scale: tuple[float, float]

    def __len__(self) -> int:
        return len(self.viewer)

    def select(self, rows: Flags) -> Ratings:
        """The ratings marked in `rows`."""
        return replace(self, viewer=self.viewer[rows], title=self.title[rows], at=self.at[rows], stars=self.stars[rows])

    def joined(self, later: Ratings, n_titles: int) -> Ratings:
        """These and later ratings together; of two of one viewer and title the later one counts."""
        names = ("viewer", "title", "at", "stars")
        parts = {name: np.concatenate([getattr(self, name), getattr(later, name)]) for name in names}
        order = np.lexsort((parts["title"], parts["viewer"], parts["at"]))
        both = Ratings(
            parts["viewer"][order], parts["title"][order], parts["at"][order], parts["stars"][order], self.scale
        )
        return both.select(_last_of_each_pair(both.viewer, both.title, n_titles))


@dataclass(frozen=True, eq=False)
class Interactions:
    """Plays (or ratings, read as "has watched") in the order of their time, ties in the order of viewer and title.

    Viewers and titles carry dense numbers: positions in `viewers` and `titles`. A part of the interactions, such as
    the training period, keeps the numbers of the whole, so a viewer without training history is an empty row.

    Attributes:
        signal: Which table they come from.
        viewers: Viewer ids in ascending order, shape (n_viewers,); all viewers of the dataset.
        titles: Title ids in ascending order, shape (n_titles,); all titles of the dataset.
        viewer: Dense viewer number of each interaction, shape (n,).
        title: Dense title number of each interaction, shape (n,).
        at: Time of each in UTC, NaT where unknown, shape (n,).
        weight: How much each counts: the share of the running time watched, 1 for a rating; shape (n,).
        watched: Whether each counts as a hit in a test: plays of at least a tenth of the running time, every rating.
        ratings: Stars, where the dataset has any, whatever the signal.
        catalogue: Title metadata in the order of `titles`: name, and kind, genres, released_on where known.
        dropped: What was left out when reading, and how many rows.
        links: Edges of the knowledge graph: dense number `title`, `relation`, `entity`; a catalogue's genres are edges
            too.
        profiles: What is known of the viewers, in the order of `viewers`: country, age_band, plan where there are any.
    """

    signal: Signal
    viewers: Ids
    titles: Ids
    viewer: Index
    title: Index
    at: Times
    weight: Scores
    watched: Flags
    ratings: Ratings | None
    catalogue: pd.DataFrame
    dropped: Mapping[str, int]
    links: pd.DataFrame = field(default_factory=lambda: _NO_LINKS)
    profiles: pd.DataFrame = field(default_factory=lambda: _NO_PROFILES)

    @classmethod
    def from_dataset(cls, dataset: Dataset, signal: Signal | None = None) -> Interactions:
        """Read a dataset's plays or ratings.

        Args:
            dataset: The dataset.
            signal: `views` or `ratings`; by default the plays where the dataset has any.

        Raises:
            DataError: The dataset lacks that table.
            ParameterError: There is no such signal.
        """
        signal = signal or default_signal(dataset)
        if signal not in SIGNALS:
            raise ParameterError(f"There is no signal {signal!r}.", f"Choose one of: {', '.join(SIGNALS)}.")
        with dataset.read() as tables:
            events = _read_events(tables, signal)
            stars = _read_stars(tables) if dataset.has("ratings") else None
            catalogue = _read_catalogue(tables) if dataset.has("titles") else _NO_CATALOGUE
            links = engine.to_pandas(tables["title_links"]) if dataset.has("title_links") else None
            profiles = _read_profiles(tables) if dataset.has("viewers") else _NO_PROFILES
        interactions = _assemble(signal, events, stars, catalogue, [profiles["viewer_id"].to_numpy()])
        return replace(
            interactions,
            links=_links(interactions.titles, interactions.catalogue, links),
            profiles=profiles.drop_duplicates("viewer_id").set_index("viewer_id").reindex(interactions.viewers),
        )

    def __len__(self) -> int:
        return len(self.viewer)

    @property
    def n_viewers(self) -> int:
        """Number of viewers, with or without interactions."""
        return len(self.viewers)

    @property
    def n_titles(self) -> int:
        """Number of titles, with or without interactions."""
        return len(self.titles)

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """Summed weights, viewers × titles, float32, column numbers sorted within each row."""
        shape = (self.n_viewers, self.n_titles)
        matrix = sparse.coo_matrix((self.weight, (self.viewer, self.title)), shape=shape).tocsr()
        matrix.sort_indices()
        return matrix

    @cached_property
    def plays_per_viewer(self) -> npt.NDArray[np.int64]:
        """Different titles each viewer has watched, shape (n_viewers,)."""
        counts: npt.NDArray[np.int64] = np.diff(self.matrix.indptr).astype(np.int64)
        return counts

    @cached_property
    def viewers_per_title(self) -> npt.NDArray[np.int64]:
        """Different viewers who have watched each title, shape (n_titles,)."""
        return np.bincount(self.matrix.indices, minlength=self.n_titles).astype(np.int64)

    @cached_property
    def released(self) -> Flags:
        """Titles that could be watched by the last interaction, shape (n_titles,); those without a date count too."""
        if "released_on" not in self.catalogue or not len(self) or np.isnat(self.at[-1]):
            return np.ones(self.n_titles, dtype=bool)
        on = pd.to_datetime(self.catalogue["released_on"]).to_numpy()
        released: Flags = np.isnat(on) | (on <= self.at[~np.isnat(self.at)].max())
        return released

    def viewer_index(self, viewer_ids: npt.ArrayLike) -> Index:
        """Dense numbers of viewer ids.

        Raises:
            ModelError: An id is unknown; it is named.
        """
        return _lookup(self.viewers, viewer_ids, "viewer")

    def title_index(self, title_ids: npt.ArrayLike) -> Index:
        """Dense numbers of title ids.

        Raises:
            ModelError: An id is unknown; it is named.
        """
        return _lookup(self.titles, title_ids, "title")

    def select(self, rows: Flags) -> Interactions:
        """The interactions marked in `rows`, with the same viewers, titles and ratings."""
        return replace(
            self,
            viewer=self.viewer[rows],
            title=self.title[rows],
            at=self.at[rows],
            weight=self.weight[rows],
            watched=self.watched[rows],
        )

    def joined(self, later: Interactions) -> Interactions:
        """These and later interactions of the same dataset together, in the order of their time."""
        names = ("viewer", "title", "at", "weight", "watched")
        parts = {name: np.concatenate([getattr(self, name), getattr(later, name)]) for name in names}
        order = np.lexsort((parts["title"], parts["viewer"], parts["at"]))
        ratings = self.ratings
        if ratings is not None and later.ratings is not None:
            ratings = ratings.joined(later.ratings, self.n_titles)
        return replace(
            self,
            viewer=parts["viewer"][order],
            title=parts["title"][order],
            at=parts["at"][order],
            weight=parts["weight"][order],
            watched=parts["watched"][order],
            ratings=ratings,
        )

    def cut(self, moment: np.datetime64) -> tuple[Interactions, Interactions]:
        """What happened before a moment, and what happened at that moment or later; ratings are cut there too."""
        early = self.at < moment
        before, after = self.select(early), self.select(~early)
        if self.ratings is None:
            return before, after
        rated_early = self.ratings.at < moment
        return (
            replace(before, ratings=self.ratings.select(rated_early)),
            replace(after, ratings=self.ratings.select(~rated_early)),
        )


def default_signal(dataset: Dataset) -> Signal:
    """Plays where the dataset has any, else ratings."""
    return "views" if dataset.has("views") else "ratings"


def pair_keys(viewer: npt.NDArray[Any], title: npt.NDArray[Any], n_titles: int) -> npt.NDArray[np.int64]:
    """One number for each pair of dense viewer and title numbers."""
    keys: npt.NDArray[np.int64] = viewer.astype(np.int64) * n_titles + title
    return keys


def _read_events(tables: Tables, signal: Signal) -> pa.Table:
    """Viewer, title, time, weight and whether it counts as watched, in a fixed order, read by the engine."""
    if signal == "ratings":
        frame = tables["ratings"].select(
            "viewer_id",
            "title_id",
            at="rated_at" if _has(tables, "ratings", "rated_at") else nw.lit(None, nw.Datetime("us")),
            share=nw.lit(1.0),
        )
    else:
        has_share = _has(tables, "views", "completion")
        frame = tables["views"].select(
            "viewer_id",
            "title_id",
            at="started_at",
            share=nw.col("completion").fill_null(1.0) if has_share else nw.lit(1.0),
        )
    return engine.to_arrow(frame.sort("at", "viewer_id", "title_id", "share"))


def _read_stars(tables: Tables) -> pa.Table:
    timed = _has(tables, "ratings", "rated_at")
    frame = tables["ratings"].select(
        "viewer_id",
        "title_id",
        at="rated_at" if timed else nw.lit(None, nw.Datetime("us")),
        stars="stars",
    )
    return engine.to_arrow(frame.sort("at", "viewer_id", "title_id", "stars"))


def _read_catalogue(tables: Tables) -> pd.DataFrame:
    wanted = ("title_id", "name", "kind", "genres", "released_on")
    have = tables["titles"].collect_schema().names()
    return engine.to_pandas(tables["titles"].select([c for c in wanted if c in have]).sort("title_id"))


def _read_profiles(tables: Tables) -> pd.DataFrame:
    have = tables["viewers"].collect_schema().names()
    wanted = ["viewer_id", *(c for c in PROFILE if c in have)]
    return engine.to_pandas(tables["viewers"].select(wanted).sort("viewer_id"))


def _links(titles: Ids, catalogue: pd.DataFrame, links: pd.DataFrame | None) -> pd.DataFrame:
    """Edges with dense title numbers, each once, in a fixed order; genres of the catalogue as `has_genre`."""
    parts = [] if links is None else [links[["title_id", "relation", "entity"]]]
    if "genres" in catalogue:
        genres = catalogue[["title_id", "genres"]].explode("genres").dropna()
        parts.append(genres.rename(columns={"genres": "entity"}).assign(relation="has_genre"))
    if not parts:
        return _NO_LINKS
    edges = pd.concat(parts, ignore_index=True).dropna().drop_duplicates()
    place = np.minimum(np.searchsorted(titles, edges["title_id"].to_numpy()), len(titles) - 1)
    known = titles[place] == edges["title_id"].to_numpy()
    edges = edges.assign(title=place.astype(np.int32))[known]
    columns = ["title", "relation", "entity"]
    return pd.DataFrame(edges[columns]).sort_values(columns, ignore_index=True)


def _has(tables: Tables, table: str, column: str) -> bool:
    return column in tables[table].collect_schema().names()


def _assemble(
    signal: Signal, events: pa.Table, stars: pa.Table | None, catalogue: pd.DataFrame, known: list[npt.NDArray[Any]]
) -> Interactions:
    logs = [log for log in (events, stars) if log is not None]
    viewers = _sorted_ids([*known, *(_column(log, "viewer_id") for log in logs)])
    titles = _sorted_ids([catalogue["title_id"].to_numpy(), *(_column(log, "title_id") for log in logs)])
    if len(titles) > np.iinfo(np.int32).max or len(viewers) > np.iinfo(np.int32).max:
        raise DataError("The dataset has more than 2 billion viewers or titles.", "Take a part of it.")
    viewer, title = _dense(events, viewers, titles)
    share = _column(events, "share")
    interactions = Interactions(
        signal=signal,
        viewers=viewers,
        titles=titles,
        viewer=viewer,
        title=title,
        at=_times(events),
        weight=np.clip(np.nan_to_num(share, nan=1.0), LEAST_WEIGHT, 1.0).astype(np.float32),
        watched=~(share < WATCHED),
        ratings=None,
        catalogue=_fill_names(catalogue, titles),
        dropped={},
    )
    if stars is not None:
        ratings, dropped = _assemble_ratings(stars, viewers, titles)
        interactions = replace(interactions, ratings=ratings, dropped=dropped)
    if signal == "ratings":
        rows = _last_of_each_pair(interactions.viewer, interactions.title, len(titles))
        interactions = interactions.select(rows)
    return interactions


def _assemble_ratings(stars: pa.Table, viewers: Ids, titles: Ids) -> tuple[Ratings, dict[str, int]]:
    values = _column(stars, "stars").astype(np.float64)
    viewer, title = _dense(stars, viewers, titles)
    real = np.isfinite(values)
    low, high = (float(values[real].min()), float(values[real].max())) if real.any() else (0.0, 0.0)
    ratings = Ratings(viewer, title, _times(stars), values.astype(np.float32), (low, high)).select(real)
    last = _last_of_each_pair(ratings.viewer, ratings.title, len(titles))
    dropped = {
        "ratings without a number of stars": int((~real).sum()),
        "ratings replaced by a later one of the same viewer and title": int((~last).sum()),
    }
    return ratings.select(last), {reason: count for reason, count in dropped.items() if count}


def _last_of_each_pair(viewer: Index, title: Index, n_titles: int) -> Flags:
    keys = pair_keys(viewer, title, n_titles)
    _, from_the_end = np.unique(keys[::-1], return_index=True)
    last = np.zeros(len(keys), dtype=bool)
    last[len(keys) - 1 - from_the_end] = True
    return last


def _fill_names(catalogue: pd.DataFrame, titles: Ids) -> pd.DataFrame:
    frame = catalogue.drop_duplicates("title_id").set_index("title_id").reindex(titles)
    frame.index.name = "title_id"
    unnamed = frame["name"].isna().to_numpy()
    if unnamed.any():
        names = frame["name"].astype(object)
        names[unnamed] = [f"Title {title}" for title in titles[unnamed]]
        frame["name"] = names
    return frame.reset_index()


def _sorted_ids(parts: list[npt.NDArray[Any]]) -> Ids:
    return np.unique(np.concatenate([np.unique(part.astype(np.int64)) for part in parts]))


def _dense(log: pa.Table, viewers: Ids, titles: Ids) -> tuple[Index, Index]:
    viewer = np.searchsorted(viewers, _column(log, "viewer_id")).astype(np.int32)
    title = np.searchsorted(titles, _column(log, "title_id")).astype(np.int32)
    return viewer, title


def _column(log: pa.Table, name: str) -> npt.NDArray[Any]:
    column: npt.NDArray[Any] = log[name].to_numpy()
    return column


def _times(log: pa.Table) -> Times:
    times: Times = log["at"].cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]")
    return times


def _lookup(known: Ids, asked: npt.ArrayLike, what: str) -> Index:
    ids = np.asarray(asked)
    if ids.ndim != 1 or (ids.size and not np.issubdtype(ids.dtype, np.integer)):
        raise ModelError(
            f"{what.capitalize()} ids must be a list of whole numbers, not {ids.dtype} of shape {ids.shape}.",
            f"Pass a flat list of {what}_id values.",
        )
    ids = ids.astype(np.int64)
    index = np.searchsorted(known, ids)
    found = index < len(known)
    found[found] = known[index[found]] == ids[found]
    if not found.all():
        unknown = np.unique(ids[~found])
        named = ", ".join(map(str, unknown[:5])) + (f" and {len(unknown) - 5:,} more" if len(unknown) > 5 else "")
        raise ModelError(
            f"{'These' if len(unknown) > 1 else 'This'} {what}{'s are' if len(unknown) > 1 else ' is'} unknown "
            f"to the model: {named}.",
            f"Ask for {what}s of the dataset that the model was fitted on.",
        )
    return index.astype(np.int32)
