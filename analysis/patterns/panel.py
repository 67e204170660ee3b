"""Plays by title, day and country, with what the calendar and the catalogue say of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.patterns.cubes import Cube
from analysis.patterns.events import NO_GENRE
from analysis.patterns.supply import AGES, genre_weights

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_TITLES = 3_000
"""Titles in the model, the most watched first; the others are left out, and their share is told."""
SMALL_COUNTRY = 0.02
"""Countries with a smaller share of plays are counted together."""
LONG_AGO = -100_000
_OTHERS = "others"

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """Plays by title, day and country; days run without a gap from the first to the last.

    Attributes:
        first: First day.
        countries: Names of countries, or one `*`.
        plays: Sparse, titles × (days · countries), country fastest.
        whole: Plays of all titles in the model, days × countries.
        released: Day of release of each title, counted from the first day; `LONG_AGO` where unknown.
        kind: 0 for films, 1 for series.
        genres: Names of genres.
        weights: Titles × genres, 1/k in each.
        school: Share of schools closed, days × countries; zeros where the calendar doesn't know.
        holiday: Whether it is a public holiday, days × countries.
        left_out: Share of plays of titles that are not in the model.
    """

    first: dt.date
    countries: tuple[str, ...]
    plays: csr_array[Any]
    whole: Array
    released: Ints
    kind: Ints
    genres: tuple[str, ...]
    weights: Array
    school: Array
    holiday: Array
    left_out: float

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.whole)

    @property
    def last(self) -> dt.date:
        """Last day."""
        return self.first + dt.timedelta(days=self.days - 1)

    @property
    def month(self) -> Ints:
        """Month of the year of each day, 0–11."""
        return np.asarray(pd.date_range(self.first, periods=self.days).month - 1, dtype=np.int64)

    @property
    def stretch(self) -> Ints:
        """Calendar month of each day, counted from the first."""
        dates = pd.date_range(self.first, periods=self.days)
        months: Ints = np.asarray(dates.year * 12 + dates.month, dtype=np.int64)
        return np.asarray(months - months[0], dtype=np.int64)

    @property
    def weekday(self) -> Ints:
        """Weekday of each day, 0 is Monday."""
        return np.asarray(pd.date_range(self.first, periods=self.days).day_of_week, dtype=np.int64)

    @property
    def ages(self) -> tuple[int, ...]:
        """First days of the classes of age."""
        return AGES

    def by_day(self) -> Array:
        """Plays by title and day."""
        from scipy.sparse import eye_array, kron

        places = len(self.countries)
        gather = kron(eye_array(self.days), np.ones((places, 1)), format="csr")
        return np.asarray((self.plays @ gather).toarray(), dtype=np.float64)


def read_panel(dataset: Dataset, cube: Cube) -> Panel:
    """The panel of a dataset, from its cube of titles."""
    placed = "country" in cube.dimensions
    keys = ["title_id", "date", *(["country"] if placed else [])]
    cells = cube.rows([*keys, "events"]).to_pandas()
    if not placed:
        cells["country"] = "*"
    titles = dataset.frame("titles", [c for c in ("title_id", "kind", "genres", "released_on")
                                      if c in dataset.columns("titles")])  # fmt: skip
    titles = titles.drop_duplicates("title_id").set_index("title_id")
    calendar = dataset.frame("calendar") if dataset.has("calendar") else None
    return make_panel(cells, titles, calendar)


def make_panel(cells: pd.DataFrame, titles: pd.DataFrame, calendar: pd.DataFrame | None) -> Panel:
    """A panel from counts.

    Args:
        cells: `title_id`, `date`, `country`, `events`.
        titles: By `title_id`: `kind`, `genres`, `released_on`.
        calendar: The calendar of the dataset, or None.
    """
    from scipy.sparse import csr_array

    total = float(cells["events"].sum())
    sizes = cells.groupby("title_id")["events"].sum()
    kept = sizes[sizes.index.isin(titles.index)].nlargest(MOST_TITLES).index.sort_values()
    cells = cells[cells["title_id"].isin(kept)]
    by_country = cells.groupby("country")["events"].sum()
    large = by_country[by_country >= SMALL_COUNTRY * by_country.sum()].index
    country = cells["country"].where(cells["country"].isin(large), _OTHERS)
    countries = tuple(sorted(country.unique()))
    day = pd.to_datetime(cells["date"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    first, days = int(day.min()), int(day.max() - day.min()) + 1
    column = (day - first) * len(countries) + pd.Index(countries).get_indexer(pd.Index(country))
    row = kept.get_indexer(pd.Index(cells["title_id"]))
    shape = (len(kept), days * len(countries))
    plays = csr_array((cells["events"].to_numpy(float), (row, column)), shape=shape)
    about = titles.loc[kept]
    released = pd.to_datetime(about["released_on"]).to_numpy().astype("datetime64[D]")
    since = np.where(np.isnat(released), first + LONG_AGO, released.astype(np.int64)) - first
    # A play before the release says that the date is wrong: the title was there since its first play.
    since = np.minimum(since, pd.Series(day - first).groupby(row).min().reindex(range(len(kept))).to_numpy())
    kind = (about["kind"] == "series").to_numpy().astype(np.int64) if "kind" in about else np.zeros(len(kept), np.int64)
    listed = [list(dict.fromkeys(g)) if g is not None and len(g) else [NO_GENRE] for g in about["genres"]]
    names, weights = genre_weights(listed)
    start = dt.date(1970, 1, 1) + dt.timedelta(days=first)
    school, holiday = _calendar(calendar, countries, start, days)
    whole = np.asarray(plays.sum(axis=0), dtype=np.float64).reshape(days, len(countries))
    left_out = 1 - float(whole.sum()) / total
    return Panel(
        start, countries, plays, whole, since.astype(np.int64), kind, tuple(names), weights, school, holiday, left_out
    )


def _calendar(
    calendar: pd.DataFrame | None, countries: tuple[str, ...], first: dt.date, days: int
) -> tuple[Array, Array]:
    school, holiday = np.zeros((days, len(countries))), np.zeros((days, len(countries)))
    if calendar is None:
        return school, holiday
    day = (pd.to_datetime(calendar["date"]) - pd.Timestamp(first)).dt.days.to_numpy()
    place = pd.Index(countries).get_indexer(pd.Index(calendar["region"]))
    known = (day >= 0) & (day < days) & (place >= 0)
    closed = calendar["is_school_holiday"].to_numpy(float)
    if "school_share" in calendar:
        closed = calendar["school_share"].fillna(calendar["is_school_holiday"]).to_numpy(float)
    school[day[known], place[known]] = closed[known]
    if "holiday" in calendar:
        holiday[day[known], place[known]] = calendar["holiday"].notna().to_numpy(float)[known]
    return school, holiday
