"""When people watch, and how the hour, the weekday and the season move what they watch."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from analysis.simulate.keyed import Floats, Ints

GENRES = (
    "Drama",
    "Comedy",
    "Thriller",
    "Crime",
    "Action",
    "Romance",
    "Science fiction",
    "Horror",
    "Documentary",
    "Family",
    "Animation",
    "Reality",
)

# Relative numbers of session starts by local hour; the evening peak is broad, and about 15 % fall before six.
_WORKDAY = (25, 16, 10, 7, 5, 6, 12, 17, 18, 18, 19, 21, 26, 27, 26, 28, 34, 45, 62, 82, 98, 100, 82, 54)
_SATURDAY = (36, 24, 15, 9, 6, 6, 9, 14, 24, 34, 40, 44, 48, 52, 54, 56, 60, 66, 76, 90, 100, 98, 84, 62)
_SUNDAY = (38, 25, 15, 9, 6, 6, 9, 14, 26, 38, 46, 50, 54, 60, 64, 66, 70, 76, 86, 98, 100, 90, 66, 44)
HOURS: Floats = np.array([_WORKDAY] * 4 + [[*_WORKDAY[:20], 96, 104, 96, 76]] + [_SATURDAY, _SUNDAY], dtype=np.float64)
"""Relative session starts, weekday (Monday 0) × hour."""

WEEKDAYS: Floats = np.array([0.90, 0.88, 0.89, 0.91, 1.03, 1.17, 1.27])
"""Sessions on a weekday relative to the mean day."""

MONTHS: Floats = np.array([1.14, 1.04, 0.96, 0.95, 0.94, 0.95, 0.98, 0.98, 0.97, 1.00, 1.04, 1.15])
"""Sessions in a month relative to the mean day."""

# Genre, centre hour, width in hours, multiplier at the centre: what Netflix published for 2017, stylised.
BY_HOUR = (
    ("Comedy", 6.0, 2.0, 1.34),
    ("Comedy", 23.0, 1.2, 1.15),
    ("Drama", 13.0, 1.5, 1.12),
    ("Thriller", 22.0, 2.0, 1.80),
    ("Documentary", 3.0, 2.5, 1.24),
    ("Family", 8.0, 2.0, 1.60),
    ("Family", 17.0, 1.5, 1.30),
    ("Animation", 8.0, 2.0, 1.45),
    ("Horror", 23.5, 1.8, 1.45),
)
FRIDAY_ROMANCE = 2.4
HORROR_OCTOBER = {"US": 1.75, "GB": 1.7, "BR": 1.2, "IN": 1.15}
HORROR_ELSEWHERE = 1.4
FAMILY_SCHOOL_HOLIDAYS = 1.7
VALENTINE_ROMANCE = 1.3
CHRISTMAS_TITLES = (-3.0, 1.6)
"""Log-odds of Christmas titles outside of and within their weeks (20 November to 26 December)."""
HORROR_RELEASES_AUTUMN = 2.2
"""Horror titles released in a week of September or October, relative to other months."""
WINTER_JOININGS = 1.5
"""Joinings on a day of November, December or January, relative to other months."""


@dataclass(frozen=True)
class Rhythm:
    """How strongly the hour, the weekday and the season move a simulated service, each with a switch of its own.

    All but the last are powers on the multipliers of `analysis.simulate.clock`: 1 keeps them as calibrated, 0 turns the
    effect off, 0.5 takes its square root and 2 its square. So worlds can be made in which one cause is at work alone:

    >>> from dataclasses import replace
    >>> from analysis.simulate import SimulationConfig, steady
    >>> nothing = SimulationConfig(rhythm=steady())
    >>> more_releases = SimulationConfig(rhythm=replace(steady(), horror_releases_in_october=20.0))
    >>> more_appetite = SimulationConfig(rhythm=replace(steady(), horror_october=1.0))
    >>> both_causes = SimulationConfig(rhythm=replace(steady(), horror_releases_in_october=20.0, horror_october=1.0))

    `nothing` has no effect of season or clock at all. In `more_releases`, October brings more new horror titles and
    nobody wants horror more than in other months: a rise of horror's share is then one of supply. In `more_appetite`,
    releases are even through the year and the odds of a click on horror rise in October. `replace(Rhythm(), …)` does
    the same with all other effects left on. `simulate(folder, config=…)` writes such a world; `write_views` takes the
    rhythm too, but its catalogue moves on only with the first of each month. Single hits move a genre's share from
    month to month in all of them.

    Attributes:
        hours: Sessions by hour of the day.
        weekdays: Sessions by weekday.
        months: Sessions by month, and joinings by month.
        devices: Devices by hour.
        genre_hours: Genres by hour: comedy in the morning, thrillers in the late evening.
        friday_romance: Romance on Friday evenings.
        horror_october: Appetite for horror in October.
        family_holidays: Appetite for family and animation titles in school holidays.
        valentine: Appetite for romance in the week of Valentine's day.
        christmas: Appetite for Christmas titles in their weeks, and the lack of it in others.
        releases: Release calendar: more horror in September and October, Christmas titles in November.
        horror_releases_in_october: Factor on the chance that a new horror title comes out in October and not in another
            month, on top of `releases`. The number of horror titles stays, so other months get fewer.
    """

    hours: float = 1.0
    weekdays: float = 1.0
    months: float = 1.0
    devices: float = 1.0
    genre_hours: float = 1.0
    friday_romance: float = 1.0
    horror_october: float = 1.0
    family_holidays: float = 1.0
    valentine: float = 1.0
    christmas: float = 1.0
    releases: float = 1.0
    horror_releases_in_october: float = 1.0

    def multipliers(self) -> dict[str, Any]:
        """The multipliers in force: factors on the odds of a click on an examined title, not on shares of viewing."""
        return {
            "horror in October, by country": {c: _power(f, self.horror_october) for c, f in HORROR_OCTOBER.items()},
            "horror in October, elsewhere": _power(HORROR_ELSEWHERE, self.horror_october),
            "family in school holidays": _power(FAMILY_SCHOOL_HOLIDAYS, self.family_holidays),
            "romance on Friday evenings": _power(FRIDAY_ROMANCE, self.friday_romance),
            "genre, centre hour, width in hours, multiplier": [
                [genre, centre, width, _power(factor, self.genre_hours)] for genre, centre, width, factor in BY_HOUR
            ],
            "meaning": "factors on the odds of a click on an examined title, not on shares of viewing",
        }


def steady() -> Rhythm:
    """A rhythm without any effect of hour, weekday or season."""
    powers = {setting.name: 0.0 for setting in fields(Rhythm)}
    return Rhythm(**{**powers, "horror_releases_in_october": 1.0})


def _power(factor: float, power: float) -> float:
    return round(float(factor**power), 9)


def raised(table: Floats, power: float) -> Floats:
    """A table of relative numbers to a power; the table itself for 1, to its last bit."""
    return table if power == 1 else np.power(table, power)


def hour_weekday_genre(rhythm: Rhythm) -> Floats:
    """Log multipliers on genres, weekday × hour × genre."""
    table = np.zeros((7, 24, len(GENRES)))
    hours = np.arange(24)
    for genre, centre, width, factor in BY_HOUR:
        distance = np.abs((hours - centre + 12) % 24 - 12)
        bump = np.log(factor) * np.exp(-0.5 * (distance / width) ** 2)
        table[:, :, GENRES.index(genre)] += rhythm.genre_hours * bump
    table[4, 17:24, GENRES.index("Romance")] += rhythm.friday_romance * np.log(FRIDAY_ROMANCE)
    return table


def season_genre(rhythm: Rhythm, date: dt.date, country: str, school_holiday: bool) -> Floats:
    """Log multipliers on genres on one day in one country."""
    factors = np.zeros(len(GENRES))
    if date.month == 10:
        horror = np.log(HORROR_OCTOBER.get(country, HORROR_ELSEWHERE))
        factors[GENRES.index("Horror")] = rhythm.horror_october * horror
    if school_holiday:
        family = rhythm.family_holidays * np.log(FAMILY_SCHOOL_HOLIDAYS)
        factors[GENRES.index("Family")] = family
        factors[GENRES.index("Animation")] = family / 2
    if date.month == 2 and 8 <= date.day <= 15:
        factors[GENRES.index("Romance")] = rhythm.valentine * np.log(VALENTINE_ROMANCE)
    return factors


def christmas(rhythm: Rhythm, date: dt.date) -> float:
    """Log-odds added to Christmas titles on a day."""
    inside = (date.month == 11 and date.day >= 20) or (date.month == 12 and date.day <= 26)
    return rhythm.christmas * CHRISTMAS_TITLES[int(inside)]


def sessions_on(rhythm: Rhythm, date: dt.date) -> float:
    """Sessions on a day relative to the mean day, by month and weekday."""
    month, weekday = raised(MONTHS, rhythm.months), raised(WEEKDAYS, rhythm.weekdays)
    return float(month[date.month - 1] * weekday[date.weekday()])


def release_weights(rhythm: Rhythm, months: Ints) -> Floats:
    """Relative chances of a release in weeks of these months (1–12): most titles, horror, Christmas titles × weeks."""
    october = np.where(months == 10, rhythm.horror_releases_in_october, 1.0)
    return np.stack(
        [
            np.ones(len(months)),
            raised(np.where(np.isin(months, (9, 10)), HORROR_RELEASES_AUTUMN, 1.0), rhythm.releases) * october,
            raised(np.where(months == 11, 1.0, 1e-6), rhythm.releases),
        ]
    )
