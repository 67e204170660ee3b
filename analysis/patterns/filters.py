"""Which rows of a cube count: a range of months, a genre, a device, a country, films or series."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from analysis.errors import DataError, ParameterError


class EmptySelection(DataError):
    """Nothing is left to count after the filters."""


@dataclass(frozen=True)
class Filters:
    """What to count; None means all.

    Attributes:
        first_month: First month, as `2024-03`.
        last_month: Last month, included, as `2024-11`.
        genre: One genre, in which a title of several genres counts fully.
        device: One device.
        country: One country of the viewers.
        kind: `film` or `series`.
    """

    first_month: str | None = None
    last_month: str | None = None
    genre: str | None = None
    device: str | None = None
    country: str | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        first, last = self.months
        if first is not None and last is not None and first > last:
            raise ParameterError(
                f"The first month {self.first_month} comes after the last month {self.last_month}.",
                "Swap the two.",
            )

    @property
    def months(self) -> tuple[int | None, int | None]:
        """First and last month as numbers (202403), or None where open."""
        return _month(self.first_month), _month(self.last_month)

    @property
    def days(self) -> tuple[dt.date | None, dt.date | None]:
        """First day, and the day after the last one."""
        first, last = self.months
        start = dt.date(first // 100, first % 100, 1) if first else None
        end = dt.date(last // 100 + (last % 100 == 12), last % 100 % 12 + 1, 1) if last else None
        return start, end

    @property
    def equal(self) -> dict[str, str]:
        """The dimensions held to one value, but for the genre."""
        chosen = {"device": self.device, "country": self.country, "kind": self.kind}
        return {name: value for name, value in chosen.items() if value is not None}

    def describe(self) -> str:
        """The selection in words, such as `Drama, on tv, from 2024-03`; `everything` where there is none."""
        words = [self.genre, self.kind and {"film": "films"}.get(self.kind, self.kind)]
        words += [self.device and f"on {self.device}", self.country and f"in {self.country}"]
        words += [self.first_month and f"from {self.first_month}", self.last_month and f"to {self.last_month}"]
        return ", ".join(word for word in words if word) or "everything"


def _month(text: str | None) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if not found or found[1] == "0000":
        raise ParameterError(f"{text!r} is not a month.", "Write it as 2024-03.")
    return int(found[1]) * 100 + int(found[2])
