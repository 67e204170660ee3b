"""How patterns are put into words: weekdays, months, percentages, intervals."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.stats.clustered import Interval

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Habits:
    """How times are written.

    Attributes:
        first_day: The weekday a week begins with, 0 is Monday.
        twelve_hours: Whether hours are written as 8 pm instead of 20:00.
    """

    first_day: int = 0
    twelve_hours: bool = False

    @property
    def days(self) -> tuple[int, ...]:
        """Weekdays in the order of the week."""
        return tuple((self.first_day + day) % 7 for day in range(7))

    def hour(self, hour: int) -> str:
        """An hour of the day, 0 to 24.

        >>> Habits().hour(20), Habits(twelve_hours=True).hour(20), Habits(twelve_hours=True).hour(24)
        ('20:00', '8 pm', '12 am')
        """
        if not self.twelve_hours:
            return f"{hour}:00"
        return f"{(hour + 11) % 12 + 1} {'am' if hour % 24 < 12 else 'pm'}"


PLAIN = Habits()


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage: `39.1 %`."""
    return f"{share * 100:.{digits}f} %"


FEWEST = 5
"""Clusters (buckets with viewers, or titles) below which an interval spans next to everything and is not printed."""


def with_interval(interval: Interval) -> str:
    """A share with its interval: `39.1 % (95 % interval 38.2 to 40.0 %)`; without one where `few` has a caution."""
    return percent(interval.value) + ends(interval, 100, 1, " %")


def ends(interval: Interval, times: float = 1, digits: int = 2, unit: str = "") -> str:
    """The interval in brackets behind a value, or nothing where it is unknown or rests on too few."""
    if not interval.known or interval.clusters < FEWEST:
        return ""
    low, high = times * interval.low, times * interval.high
    return f" (95 % interval {low:.{digits}f} to {high:.{digits}f}{unit})"


def few(*intervals: Interval, of: str = "viewers") -> str:
    """A sentence, to be put behind others, where one of these rests on too few to say how sure it is; or nothing."""
    unsure = any(found.value == found.value and found.clusters < FEWEST for found in intervals)
    return f" There are too few {of} to tell how far this holds." if unsure else ""
