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


def with_interval(interval: Interval) -> str:
    """A share with its interval: `39.1 % (95 % interval 38.2 to 40.0 %)`."""
    if not interval.known:
        return percent(interval.value)
    low, high = interval.low * 100, interval.high * 100
    return f"{percent(interval.value)} (95 % interval {low:.1f} to {high:.1f} %)"
