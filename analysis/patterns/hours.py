"""What is watched when: genres by hour of the day, the clock of one genre, and the titles of one hour of the week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns import cubes
from analysis.patterns.events import NO_GENRE, Events, events
from analysis.patterns.filters import EmptySelection
from analysis.patterns.seasons import FALSE_DISCOVERIES, MOST_GENRES, TOO_FEW, lift_table
from analysis.patterns.words import PLAIN, WEEKDAYS, Habits, percent
from analysis.results import Progress, Result
from analysis.stats import clustered, shrinkage
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

FAVOURED = 1.05
"""Shrunk lift from which a title is said to be favoured in an hour; below, it is its usual share."""
_KNOWN_BUMPS = "genre, centre hour, width in hours, multiplier"


@dataclass(frozen=True)
class HourGenre(Result):
    """Hour × genre: lift, with intervals clustered by viewer; a title of k genres counts 1/k in each.

    Attributes:
        what: What was counted, and on whose clock.
        columns: Names of the cells of time: 24 hours of the day, or the 168 of the week, length C.
        genres: Genres, the largest first, length G.
        events: Plays or ratings, each counted fully in its genres, shape (C, G).
        share: Share of the genre in the cell, shape (C, G).
        overall: Share of the genre overall, shape (G,).
        lift: Share in the cell ÷ share overall, shape (C, G).
        low: Lower end of its 95 % interval, shape (C, G).
        high: Upper end.
        shrunk: The lift pulled towards 1 by how little it rests on, shape (C, G).
        q: p-value of "lift is 1" after Benjamini–Hochberg over all cells, shape (C, G); NaN where not tested.
        total: Plays or ratings in all.
    """

    what: Events
    columns: tuple[str, ...]
    genres: tuple[str, ...]
    events: Array
    share: Array
    overall: Array
    lift: Array
    low: Array
    high: Array
    shrunk: Array
    q: Array
    total: float

    def first(self, genre: str) -> int:
        """Place of a genre in the list; 0 where it is not there."""
        return self.genres.index(genre) if genre in self.genres else 0

    @property
    def claimed(self) -> npt.NDArray[np.bool_]:
        """Cells whose lift differs from 1 at the false discovery rate, shape (C, G)."""
        return np.nan_to_num(self.q, nan=1.0) <= FALSE_DISCOVERIES

    @property
    def strongest(self) -> tuple[int, int] | None:
        """Cell and genre of the claim with the largest shrunk lift, or None."""
        where = np.where(self.claimed, self.shrunk, -np.inf)
        if not self.claimed.any():
            return None
        cell, genre = divmod(int(where.argmax()), len(self.genres))
        return cell, genre

    def to_frame(self) -> pd.DataFrame:
        """One row a cell and genre: counts, shares, lift with its interval, shrunk lift, q-value, claim."""
        cells, genres = len(self.columns), len(self.genres)
        return pd.DataFrame(
            {
                "time": np.repeat(self.columns, genres),
                "genre": np.tile(self.genres, cells),
                self.what.noun: self.events.ravel().astype(np.int64),
                "share_in_cell": self.share.ravel(),
                "share_overall": np.tile(self.overall, cells),
                "lift": self.lift.ravel(),
                "lift_low": self.low.ravel(),
                "lift_high": self.high.ravel(),
                "lift_shrunk": self.shrunk.ravel(),
                "q_value": self.q.ravel(),
                "claimed": self.claimed.ravel(),
                "clock": self.what.zone_label,
            }
        )

    def at(self, cell: int, habits: Habits = PLAIN) -> str:
        """A cell of time in words: `20:00`, or with a week `20:00 on Friday`."""
        day, hour = divmod(cell, 24)
        return f"{habits.hour(hour)} on {WEEKDAYS[day]}" if len(self.columns) > 24 else habits.hour(hour)

    def headline(self, habits: Habits = PLAIN) -> str:
        """The strongest claim in a few words."""
        if (found := self.strongest) is None:
            return "No genre has an hour of its own"
        cell, genre = found
        return f"{self.genres[genre]} holds {self.lift[cell, genre]:.2f} × its usual share at {self.at(cell, habits)}"

    def summary(self, habits: Habits = PLAIN) -> str:
        """The strongest claim with interval and sample size, and how many claims there are."""
        tested = int(np.isfinite(self.q).sum())
        rate = f"false discovery rate {percent(FALSE_DISCOVERIES, 0)}, {self.what.zone_label}"
        if not tested:
            return TOO_FEW
        if (found := self.strongest) is None:
            return (
                f"No genre's share differs from its usual one at any hour, beyond chance, in {tested} cells ({rate})."
            )
        c, g = found
        return (
            f"At {self.at(c, habits)} {self.genres[g]} holds {percent(self.share[c, g])} of {self.what.noun}, "
            f"{self.lift[c, g]:.2f} times its usual {percent(self.overall[g])} (95 % interval {self.low[c, g]:.2f} to "
            f"{self.high[c, g]:.2f}, {self.events[c, g]:,.0f} {self.what.noun}); {int(self.claimed.sum())} of {tested} "
            f"cells differ beyond chance ({rate})."
        )


@dataclass(frozen=True)
class HourTitles(Result):
    """The titles of one hour of the week.

    Attributes:
        what: What was counted, and on whose clock.
        weekday: 0 is Monday.
        hour: 0–23.
        events: Plays or ratings in that hour of the week.
        titles: One row a title, the most watched first: `title`, `genres`, `plays`, `share`, `lift` (share in the hour
            ÷ share overall, shrunk towards 1 by how few plays it rests on).
    """

    what: Events
    weekday: int
    hour: int
    events: int
    titles: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The titles, with weekday and hour."""
        return self.titles.assign(weekday=WEEKDAYS[self.weekday], hour=self.hour)

    @property
    def favoured(self) -> bool:
        """Whether any title holds more of the hour than of the week, by its shrunk lift."""
        return bool((self.titles["lift"] >= FAVOURED).any())

    def summary(self, habits: Habits = PLAIN) -> str:
        """How much is watched then, and the title that leads."""
        first = self.titles.iloc[0]
        usual = "" if self.favoured else " No title has a larger part of this hour than it has of the week."
        return (
            f"On {WEEKDAYS[self.weekday]} from {habits.hour(self.hour)} to {habits.hour(self.hour + 1)} there were "
            f"{self.events:,} {self.what.noun}; {first['title']} leads with {percent(float(first['share']))} of them."
            f"{usual}"
        )


def hours(
    dataset: Dataset,
    *,
    genre: str | None = None,
    zone: str | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> HourGenre:
    """Genres by hour of the day, or with `genre` that genre by hour of the week.

    Lifts, intervals (delete-one-group jackknife over viewer buckets) and the correction for many cells are those of
    `patterns.months`.

    Args:
        dataset: A dataset with genres, and views or timed ratings.
        genre: One genre, whose week is wanted.
        zone: IANA zone for rating times.
        workspace: Where cubes are kept.
        progress: Told about the building of cubes.

    Raises:
        DataError: No title has a genre, or times of day are unknown.
        ParameterError: The genre or the zone is unknown.
    """
    what = events(dataset, zone)
    _check(dataset, what)
    cube = cubes.build(dataset, cubes.GENRE_HOURS, what, workspace=workspace, progress=progress)
    by = ["bucket", *(["weekday"] if genre else []), "hour", "genre"]
    cells = cube.totals(by, measures=["events", "events_shared"])
    sizes = cells.groupby("genre")["events_shared"].sum().sort_values(ascending=False, kind="stable")
    names = sizes.index.tolist()
    shown = [i for i, name in enumerate(names) if name != NO_GENRE][:MOST_GENRES]
    if genre is not None:
        if genre not in names:
            raise ParameterError(f"There is no genre {genre!r}.", f"The genres are: {', '.join(names)}.")
        shown = [names.index(genre)]
    if not shown:
        raise EmptySelection("None of the titles counted here has a genre.", "Import genres beside them.")
    count = 168 if genre else 24
    at = cells["hour"].to_numpy(int) + (24 * (cells["weekday"].to_numpy(int) - 1) if genre else 0)
    where = (cells["bucket"].to_numpy(int), at, pd.Categorical(cells["genre"], categories=names).codes)
    shared, full = (np.zeros((clustered.BUCKETS, count, len(names))) for _ in range(2))
    np.add.at(shared, where, cells["events_shared"].to_numpy(float))
    np.add.at(full, where, cells["events"].to_numpy(float))
    total, plays = shared.sum(axis=0), full.sum(axis=0)
    lift, low, high, shrunk, q, _ = lift_table(shared, shared, plays, shown)
    share = total / np.maximum(total.sum(axis=1, keepdims=True), 1e-12)
    columns = tuple(_name(number, week=genre is not None) for number in range(count))
    return HourGenre(
        what, columns, tuple(names[i] for i in shown), plays[:, shown], share[:, shown],
        (total.sum(axis=0) / total.sum())[shown], lift, low, high, shrunk, q, float(total.sum()),
    )  # fmt: skip


def hour_titles(
    dataset: Dataset,
    weekday: int,
    hour: int,
    *,
    zone: str | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> HourTitles:
    """The titles of one hour of the week.

    Args:
        dataset: A dataset with titles, and views or timed ratings.
        weekday: 0 is Monday.
        hour: 0–23.
        zone: IANA zone for rating times.
        workspace: Where cubes are kept.
        progress: Told about the building of cubes.

    Raises:
        DataError: There is no catalogue, or times of day are unknown.
        EmptySelection: Nothing was watched in that hour.
        ParameterError: There is no such hour of the week.
    """
    if not (0 <= weekday <= 6 and 0 <= hour <= 23):
        raise ParameterError(f"There is no hour {hour} of weekday {weekday}.", "Weekdays are 0–6, hours 0–23.")
    what = events(dataset, zone)
    _check(dataset, what)
    cube = cubes.build(dataset, cubes.TITLE_HOURS, what, workspace=workspace, progress=progress)
    cells = cube.totals(["title_id", "weekday", "hour"], measures=["events"])
    overall = cells.groupby("title_id")["events"].sum()
    here = cells[(cells["weekday"] == weekday + 1) & (cells["hour"] == hour)].set_index("title_id")["events"]
    if here.empty:
        raise EmptySelection(
            f"Nothing was watched on {WEEKDAYS[weekday]} at {hour}:00.", "Choose another hour of the week."
        )
    share = here / here.sum()
    expected = here.sum() * overall.loc[here.index] / overall.sum()
    ratio = np.log((here.to_numpy(float) + 0.5) / (expected.to_numpy(float) + 0.5))
    shrunk, _ = shrinkage.towards_zero(ratio, 1 / np.sqrt(here.to_numpy(float) + 0.5))
    titles = dataset.frame("titles", ["title_id", "name", "genres"]).drop_duplicates("title_id").set_index("title_id")
    known = titles.reindex(here.index)
    listed = [_joined(found) for found in known["genres"]]
    found = pd.DataFrame(
        {
            "title": known["name"].fillna("not in the catalogue").to_numpy(),
            "genres": listed,
            "plays": here.to_numpy(np.int64),
            "share": share.to_numpy(float),
            "lift": np.exp(shrunk),
        }
    ).sort_values(["plays", "title"], ascending=[False, True], kind="stable", ignore_index=True)
    return HourTitles(what, weekday, hour, int(here.sum()), found)


def planted_hours(dataset: Dataset) -> tuple[str, ...]:
    """What a simulated dataset is known to hold, in sentences; empty without a truth."""
    truth = dataset.truth()
    if truth is None:
        return ()
    known = truth["parameters"]["multipliers"]
    bumps = [
        f"{genre} around {int(centre)}:00 × {factor:.2f}"
        for genre, centre, _, factor in known[_KNOWN_BUMPS]
        if factor != 1
    ]
    friday = known["romance on Friday evenings"]
    bumps += [f"Romance on Friday from 17:00 × {friday:.2f}"] if friday != 1 else []
    return (f"Planted in the sample, as factors on the odds of a click: {', '.join(bumps)}.",) if bumps else ()


def _check(dataset: Dataset, what: Events) -> None:
    if "genre" not in what.splits:
        raise DataError(f"The titles of {dataset.name} have no genres.", "Import a catalogue with genres beside them.")
    if not what.has_hours:
        raise DataError(
            f"{dataset.name} has dates without times of day.", "Nothing can be said about hours without them."
        )


def _joined(genres: Any) -> str:
    return ", ".join(genres) if genres is not None and not isinstance(genres, float) else ""


def _name(number: int, *, week: bool) -> str:
    day, hour = divmod(number, 24)
    return f"{hour}:00 on {WEEKDAYS[day]}" if week else f"{hour}:00"
