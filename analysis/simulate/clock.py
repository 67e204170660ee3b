"""When people watch, and how the hour, the weekday and the season move what they watch."""

from __future__ import annotations

import datetime as dt

import numpy as np

from analysis.simulate.keyed import Floats

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
CHRISTMAS_TITLES = (-3.0, 1.6)
"""Log-odds of Christmas titles outside of and within their weeks (20 November to 26 December)."""


def hour_weekday_genre() -> Floats:
    """Log multipliers on genres, weekday × hour × genre."""
    table = np.zeros((7, 24, len(GENRES)))
    hours = np.arange(24)
    for genre, centre, width, factor in BY_HOUR:
        distance = np.abs((hours - centre + 12) % 24 - 12)
        table[:, :, GENRES.index(genre)] += np.log(factor) * np.exp(-0.5 * (distance / width) ** 2)
    table[4, 17:24, GENRES.index("Romance")] += np.log(FRIDAY_ROMANCE)
    return table


def season_genre(date: dt.date, country: str, school_holiday: bool) -> Floats:
    """Log multipliers on genres on one day in one country."""
    factors = np.zeros(len(GENRES))
    if date.month == 10:
        factors[GENRES.index("Horror")] = np.log(HORROR_OCTOBER.get(country, HORROR_ELSEWHERE))
    if school_holiday:
        factors[GENRES.index("Family")] = np.log(FAMILY_SCHOOL_HOLIDAYS)
        factors[GENRES.index("Animation")] = np.log(FAMILY_SCHOOL_HOLIDAYS) / 2
    if date.month == 2 and 8 <= date.day <= 15:
        factors[GENRES.index("Romance")] = np.log(1.3)
    return factors


def christmas(date: dt.date) -> float:
    """Log-odds added to Christmas titles on a day."""
    inside = (date.month == 11 and date.day >= 20) or (date.month == 12 and date.day <= 26)
    return CHRISTMAS_TITLES[int(inside)]
