"""How patterns are put into words: weekdays, months, percentages, intervals."""

from __future__ import annotations

from analysis.stats.clustered import Interval

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage: `39.1 %`."""
    return f"{share * 100:.{digits}f} %"


def with_interval(interval: Interval) -> str:
    """A share with its interval: `39.1 % (95 % interval 38.2 to 40.0 %)`."""
    if not interval.known:
        return percent(interval.value)
    low, high = interval.low * 100, interval.high * 100
    return f"{percent(interval.value)} (95 % interval {low:.1f} to {high:.1f} %)"
