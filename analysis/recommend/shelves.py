"""Two models' lists beside each other, and which artwork of a title fits a viewer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.data.dataset import Dataset
from analysis.recommend.explain import titles_of
from analysis.recommend.home import Recommended, Watched
from analysis.recommend.interactions import Interactions
from analysis.results import Result


@dataclass(frozen=True)
class Beside(Result):
    """Two models' lists, and what differs.

    Attributes:
        labels: The models' names as shown.
        lengths: Titles in each list.
        shared: Ids of the titles in both.
        genres: For each list its most frequent genre and how many of its titles have it, or None without genres.
    """

    labels: tuple[str, str]
    lengths: tuple[int, int]
    shared: frozenset[int]
    genres: tuple[tuple[str, int] | None, tuple[str, int] | None]

    def to_frame(self) -> pd.DataFrame:
        """One row a list."""
        rows = [
            [label, length, len(self.shared), *(genre or (None, 0))]
            for label, length, genre in zip(self.labels, self.lengths, self.genres, strict=True)
        ]
        return pd.DataFrame(rows, columns=["model", "titles", "in_both", "genre", "titles_of_genre"])

    def summary(self) -> str:
        """How many titles are in both lists, and what each leans to."""
        most = max(self.lengths)
        both = f"{len(self.shared)} of {most} titles are in both lists" if self.shared else "No title is in both lists"
        leans = [
            f"{label}'s leans to {genre[0]} ({genre[1]} of {length})"
            for label, length, genre in zip(self.labels, self.lengths, self.genres, strict=True)
            if genre is not None
        ]
        return f"{both}; {', '.join(leans)}." if leans else f"{both}."


def beside(first: Sequence[Recommended], second: Sequence[Recommended], labels: tuple[str, str]) -> Beside:
    """Two models' lists beside each other."""
    ids = [{title.title_id for title in titles} for titles in (first, second)]
    genres = tuple(_most_frequent(titles) for titles in (first, second))
    return Beside(labels, (len(first), len(second)), frozenset(ids[0] & ids[1]), (genres[0], genres[1]))


def watched_titles(train: Interactions) -> tuple[Recommended, ...]:
    """All titles that somebody watched in training, those with most viewers first; their score is that number."""
    order = np.argsort(-train.viewers_per_title, kind="stable")
    order = order[train.viewers_per_title[order] > 0]
    return titles_of(train, train.titles[order], train.viewers_per_title[order].astype(np.float32))


def taste_of(watched: Iterable[Watched | Recommended]) -> dict[str, int]:
    """How many of the titles are of each genre, fully in each."""
    return dict(Counter(genre for title in watched for genre in title.genres))


def artworks(dataset: Dataset) -> dict[int, tuple[str, ...]]:
    """The genre that each artwork variant of each title stresses; empty where the dataset has no artworks."""
    if not dataset.has("artworks") or "shows" not in dataset.columns("artworks"):
        return {}
    frame = dataset.frame("artworks", ["title_id", "artwork_id", "shows"]).sort_values(["title_id", "artwork_id"])
    found: dict[int, tuple[str, ...]] = {}
    for title_id, shows in frame.groupby("title_id")["shows"]:
        found[int(str(title_id))] = tuple("" if pd.isna(genre) else str(genre) for genre in shows)
    return found


def fitting_artwork(variants: Sequence[str], taste: Mapping[str, int]) -> int:
    """The variant that stresses the genre watched most; the first one where none of them was watched.

    >>> fitting_artwork(("Drama", "Crime"), {"Crime": 5, "Drama": 2}), fitting_artwork(("Drama", "Crime"), {})
    (1, 0)
    """
    return max(range(len(variants)), key=lambda one: (taste.get(variants[one], 0), -one), default=0)


def _most_frequent(titles: Sequence[Recommended]) -> tuple[str, int] | None:
    counted = taste_of(titles)
    return max(counted.items(), key=lambda one: (one[1], one[0])) if counted else None
