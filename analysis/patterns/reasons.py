"""Why a day may stand out: a holiday, a release, an outage, or nothing that the data tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns import cubes
from analysis.patterns.appetite import knows_supply
from analysis.patterns.calendar_map import CalendarMap, named, public_holidays
from analysis.patterns.filters import Filters
from analysis.patterns.ordinary_days import around, by_split
from analysis.patterns.words import percent
from analysis.results import Progress, Result
from analysis.workspace import Workspace

HOLIDAY_SHARE = 0.25
"""Share of what is usually watched that comes from countries with a holiday, from which it is a likely reason."""
NEW_DAYS = 7
RELEASE_SHARE = 0.5
"""Share of the plays beyond the usual that a new title must hold to be the likely reason."""
_NEARLY_ALL = 0.8
_HALF = 0.5
_LARGE = 0.05
"""Share of the usual below which a country or device is too small to say anything."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DayTitles(Result):
    """The titles of one day.

    Attributes:
        date: The day.
        plays: Plays of all of them.
        titles: One row a title, the most watched first: `title`, `plays`, `share` of the day, `days_since_release`
            (NaN where unknown).
    """

    date: dt.date
    plays: int
    titles: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The titles, with the day."""
        return self.titles.assign(date=self.date)

    def summary(self) -> str:
        """How much was watched, and the title that leads."""
        if not len(self.titles):
            return f"{named(self.date)}: no plays of titles in the catalogue."
        first = self.titles.iloc[0]
        return (
            f"{named(self.date)}: {self.plays:,} plays of {len(self.titles):,} titles; {first['title']} leads with "
            f"{percent(float(first['share']))} of them."
        )


@dataclass(frozen=True)
class Reason:
    """A likely reason, as far as the data tell.

    Attributes:
        kind: What it is.
        text: One sentence.
    """

    kind: Literal["holiday", "release", "outage", "unknown"]
    text: str


UNKNOWN = Reason("unknown", "The data hold no likely reason: no holiday, no release, no device or country of its own.")
_OUTAGE = "an outage, or {noun} that were not recorded"


def likely(
    dataset: Dataset,
    calendar: CalendarMap,
    days: Sequence[int],
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> tuple[Reason, ...]:
    """The likely reason of each of some days that stand out.

    Holidays come first, where a quarter of what is usually watched comes from countries that have one. Then, for a
    rise, a title of the last seven days that holds half of the plays beyond the usual. Then, for a fall, whether it is
    missing on one device or in one country alone, or everywhere alike, which is how outages look.

    Args:
        dataset: The dataset of the calendar.
        calendar: Its days under some filter.
        days: Numbers of the days.
        workspace: Where cubes are kept.
        progress: Told about the building of cubes.
    """
    if not days:
        return ()
    trend = calendar.trend
    counts = calendar.counts
    expected = around(counts, np.isfinite(counts))
    parts: dict[str, dict[str, Array]] = {
        split: by_split(dataset, trend, split, workspace=workspace, progress=progress)
        for split in ("country", "device")
        if split in trend.what.splits
    }
    holidays = public_holidays(dataset, trend.days)
    found = []
    for day in days:
        fall = counts[day] < expected[day]
        reason = _holiday(calendar, day, parts.get("country", {}), holidays)
        if reason is None and not fall and knows_supply(dataset):
            reason = _release(dataset, calendar, day, workspace)
        if reason is None and fall:
            reason = _outage(trend.what.noun, day, float(expected[day] - counts[day]), parts)
        found.append(reason or UNKNOWN)
    return tuple(found)


def _holiday(
    calendar: CalendarMap, day: int, countries: dict[str, Array], holidays: dict[str, dict[dt.date, str]]
) -> Reason | None:
    name = calendar.holidays[day]
    if not name:
        return None
    usual = {place: float(np.nanmedian(line)) for place, line in countries.items()}
    closed = sum(value for place, value in usual.items() if calendar.trend.days[day] in holidays.get(place, {}))
    if usual and closed < HOLIDAY_SHARE * sum(usual.values()):
        return None
    return Reason("holiday", f"It is a public holiday: {name}.")


def _release(dataset: Dataset, calendar: CalendarMap, day: int, workspace: Workspace | None) -> Reason | None:
    trend = calendar.trend
    titles = titles_of_day(dataset, calendar, calendar.trend.days[day], workspace=workspace).titles
    new = titles[(titles["days_since_release"] >= 0) & (titles["days_since_release"] < NEW_DAYS)]
    usual = float(around(trend.events, np.isfinite(trend.events))[day])
    beyond = float(trend.events[day]) - usual
    if new.empty or beyond <= 0 or new["share"].iloc[0] * trend.events[day] < RELEASE_SHARE * beyond:
        return None
    first, old = new.iloc[0], int(new["days_since_release"].iloc[0])
    when = "on that day" if old == 0 else f"{old} {'day' if old == 1 else 'days'} before"
    return Reason(
        "release", f"{first['title']} came out {when} and holds {percent(float(first['share']))} of the plays."
    )


def titles_of_day(
    dataset: Dataset, calendar: CalendarMap, date: dt.date, *, workspace: Workspace | None = None
) -> DayTitles:
    """What was watched on a day.

    Of the filters, genre, country and kind count; plays of titles are not known by device.

    Args:
        dataset: The dataset of the calendar, with plays and a catalogue.
        calendar: Its days under some filter.
        date: The day.
        workspace: Where cubes are kept.

    Raises:
        DataError: There are no plays, or no catalogue.
        ParameterError: The day lies outside of the data.
    """
    trend = calendar.trend
    if trend.what.table != "views" or not dataset.has("titles"):
        raise DataError(
            f"{dataset.name} lacks plays or titles.", "Bring plays and a catalogue to see what was watched."
        )
    if not trend.days[0] <= date <= trend.days[-1]:
        raise ParameterError(f"{date} is not among the days.", f"Choose one from {trend.days[0]} to {trend.days[-1]}.")
    filters = trend.filters
    month = f"{date:%Y-%m}"
    cube = cubes.build(dataset, cubes.TITLES, trend.what, workspace=workspace)
    asked = Filters(month, month, country=filters.country)
    cells = cube.totals(["title_id", "date"], asked, measures=["events"], empty=True)
    plays = cells[pd.to_datetime(cells["date"]) == pd.Timestamp(date)].set_index("title_id")["events"]
    columns: list[str] = [
        name for name in ("title_id", "name", "kind", "genres", "released_on") if name in dataset.columns("titles")
    ]
    titles = dataset.frame("titles", columns).drop_duplicates("title_id").set_index("title_id")
    if filters.genre is not None:
        titles = titles[[filters.genre in (list(g) if g is not None else []) for g in titles["genres"]]]
    if filters.kind is not None:
        titles = titles[titles["kind"] == filters.kind]
    plays = plays[plays.index.isin(titles.index)].sort_values(ascending=False, kind="stable")
    known = titles.loc[plays.index]
    age = np.full(len(plays), np.nan)
    if "released_on" in known:
        age = (pd.Timestamp(date) - pd.to_datetime(known["released_on"])).dt.days.to_numpy(float)
    names = known["name"].tolist() if "name" in known else [f"Title {title}" for title in plays.index]
    whole = max(float(plays.sum()), 1.0)
    found = pd.DataFrame(
        {"title": names, "plays": plays.to_numpy(), "share": plays.to_numpy() / whole, "days_since_release": age}
    )
    return DayTitles(date, int(plays.sum()), found)


def _outage(noun: str, day: int, missing: float, parts: dict[str, dict[str, Array]]) -> Reason | None:
    """Whether what is missing is missing on one device or in one country alone, or everywhere alike."""
    text = _OUTAGE.format(noun=noun)
    alike = True
    for split, lines in parts.items():
        usual = {name: float(around(line, np.isfinite(line))[day]) for name, line in lines.items()}
        whole = float(np.nansum(list(usual.values())))
        large = {name: value for name, value in usual.items() if value >= _LARGE * whole}
        lost = {name: value - float(lines[name][day]) for name, value in large.items()}
        where = "On" if split == "device" else "In"
        for name, gone in lost.items():
            if len(large) > 1 and gone >= _NEARLY_ALL * missing and gone >= _HALF * large[name]:
                return Reason("outage", f"{where} {name} alone {percent(gone / large[name], 0)} is missing: {text}.")
        # Everywhere at least half as much is missing as on the whole.
        alike = alike and all(gone / large[name] >= _HALF * missing / whole for name, gone in lost.items())
        alike = alike and missing >= _HALF * whole / 2
    if not parts or not alike:
        return None
    return Reason("outage", f"It is missing everywhere alike: {text}.")
