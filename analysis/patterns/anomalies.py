"""Days that stand out: public holidays as a whole, and single days with their likely reason.

Every day is held against the same weekday in the four weeks before and after it. How far ordinary days stray from that
says how far a day must stray to be more than chance.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.patterns import reasons
from analysis.patterns.calendar_map import CalendarMap, change, named, public_holidays
from analysis.patterns.ordinary_days import LEAST_DAYS, WEEKS, around, by_split, held_against
from analysis.patterns.reasons import Reason
from analysis.patterns.words import percent
from analysis.results import Progress, Result
from analysis.stats import multiplicity
from analysis.workspace import Workspace

FALSE_DISCOVERIES = 0.05
"""The share of false claims that is accepted among all claims, of holidays and of single days."""
LEAST_EXPECTED = 20
"""Plays that a holiday must be expected to have in all."""
Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Anomaly:
    """A day that stands out.

    Attributes:
        day: The day.
        value: What was counted.
        expected: What the same weekday around it has.
        low: Lower end of what 95 % of ordinary days have then.
        high: Upper end.
        q: p-value after Benjamini–Hochberg over all days.
        reason: Its likely reason.
    """

    day: dt.date
    value: float
    expected: float
    low: float
    high: float
    q: float
    reason: Reason

    def sentence(self, noun: str) -> str:
        """The day in words, with the range of ordinary days and its likely reason."""
        return (
            f"{named(self.day)}: {self.value:,.0f} {noun}, {change(self.value / self.expected)} than the same weekday "
            f"around it (95 % of such days have {self.low:,.0f} to {self.high:,.0f}). {self.reason.text}"
        )


@dataclass(frozen=True)
class Holiday:
    """A public holiday over all years and countries that have it.

    Attributes:
        name: Its name.
        places: Countries.
        days: Days on which it fell, in any of them.
        ratio: What was counted ÷ what the same weekdays around have.
        low: Lower end of its 95 % interval.
        high: Upper end.
        q: p-value of "ratio is 1" after Benjamini–Hochberg over all holidays.
        value: What was counted on it.
    """

    name: str
    places: tuple[str, ...]
    days: int
    ratio: float
    low: float
    high: float
    q: float
    value: float

    @property
    def claimed(self) -> bool:
        """Whether it differs from other days beyond chance."""
        return self.q <= FALSE_DISCOVERIES


@dataclass(frozen=True)
class SpecialDays(Result):
    """Holidays and single days that stand out.

    Attributes:
        calendar: The days.
        holidays: Those with enough days and plays, the largest effect first.
        anomalies: In the order of time.
        tested: Number of days tested.
        expected: What the same weekday around has, shape (N,); NaN where too few of them are known.
        low: Lower end of what 95 % of ordinary days have, shape (N,).
        high: Upper end.
    """

    calendar: CalendarMap
    holidays: tuple[Holiday, ...]
    anomalies: tuple[Anomaly, ...]
    tested: int
    expected: Array
    low: Array
    high: Array

    def to_frame(self) -> pd.DataFrame:
        """One row a holiday, then one row an anomaly."""
        noun = self.calendar.trend.noun
        found = [
            (
                "holiday",
                h.name,
                ", ".join(h.places),
                h.days,
                h.value,
                h.value / h.ratio,
                h.ratio,
                h.low,
                h.high,
                h.q,
                "",
            )
            for h in self.holidays
        ]
        found += [
            ("day", str(a.day), "", 1, a.value, a.expected, a.value / a.expected, a.low / a.expected,
             a.high / a.expected, a.q, a.reason.text)
            for a in self.anomalies
        ]  # fmt: skip
        names = ["what", "name", "places", "days", noun, "expected", "ratio", "low", "high", "q_value", "reason"]
        return pd.DataFrame(found, columns=names)

    def sentence(self, day: int) -> str:
        """Any day in words: what it has, what the same weekday around it has, and the range of ordinary days."""
        trend, value, usual = self.calendar.trend, self.calendar.counts[day], self.expected[day]
        name, holiday = named(trend.days[day]), self.calendar.holidays[day]
        if not np.isfinite(value):
            return f"{name}: there are no data at all."
        found = f"{name}: {value:,.0f} {trend.noun}"
        if np.isfinite(usual) and usual > 0:
            found += f", {change(value / usual)} than the same weekday around it"
        if np.isfinite(self.low[day]):
            found += f" (95 % of such days have {self.low[day]:,.0f} to {self.high[day]:,.0f})"
        return f"{found}.{f' It is a public holiday: {holiday}.' if holiday else ''}"

    def holiday_sentence(self) -> str:
        """Holidays that differ, in words."""
        tested = f"false discovery rate {percent(FALSE_DISCOVERIES, 0)} over {len(self.holidays)} holidays"
        if not self.holidays:
            return "No public holiday has enough days here to be held against others."
        sure = [h for h in self.holidays if h.claimed]
        if not sure:
            return f"No public holiday differs from the same weekdays around it beyond chance ({tested})."
        first = max(sure, key=lambda h: abs(np.log(h.ratio)))
        return (
            f"On {first.name} there are {first.ratio:.2f} times (95 % interval {first.low:.2f} to {first.high:.2f}) "
            f"the {self.calendar.trend.noun} of the same weekdays around it; {len(sure)} of {len(self.holidays)} "
            f"holidays differ beyond chance (false discovery rate {percent(FALSE_DISCOVERIES, 0)})."
        )

    def day_sentence(self) -> str:
        """Single days that stand out, in words."""
        if not self.tested:
            return "There are too few days, or too few plays a day, to say of a single day that it stands out."
        rate = f"false discovery rate {percent(FALSE_DISCOVERIES, 0)} over {self.tested} days"
        if not self.anomalies:
            return f"No single day stands out beyond chance ({rate})."
        first = min(self.anomalies, key=lambda a: (a.q, -abs(np.log(max(a.value, 1) / a.expected))))
        days = "day stands" if len(self.anomalies) == 1 else "days stand"
        return f"{len(self.anomalies)} {days} out beyond chance ({rate}); most of all {first.sentence(self._noun)}"

    def summary(self) -> str:
        """Single days, then holidays."""
        return f"{self.day_sentence()} {self.holiday_sentence()}"

    @property
    def _noun(self) -> str:
        return self.calendar.trend.noun


def special_days(
    dataset: Dataset,
    calendar: CalendarMap,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> SpecialDays:
    """Find the days that stand out, and what public holidays do.

    What a day is held against is the median of the same weekday in the four weeks before and after; ordinary days say
    how far a day must stray from it (`ordinary_days.held_against`). Days are claimed at a false discovery rate of 5 %
    (Benjamini and Hochberg), and so are holidays. A holiday counts in the countries that have it. Its ratio is that of
    sums over its days; its interval comes from the same ratio on the ordinary days of the same countries.

    Args:
        dataset: The dataset of the calendar.
        calendar: Its days under some filter.
        workspace: Where cubes are kept.
        progress: Told about the building of cubes.

    Source: Benjamini and Hochberg (1995), Controlling the false discovery rate.
    """
    trend = calendar.trend
    values, unit = calendar.counts, calendar.unit
    expected, low, high, p = held_against(values, unit)
    q = multiplicity.benjamini_hochberg(p)
    days = tuple(int(i) for i in np.flatnonzero(np.nan_to_num(q, nan=1.0) <= FALSE_DISCOVERIES))
    found = reasons.likely(dataset, calendar, days, workspace=workspace, progress=progress)
    anomalies = tuple(
        Anomaly(trend.days[i], float(values[i]), float(expected[i]), float(low[i]), float(high[i]), float(q[i]), reason)
        for i, reason in zip(days, found, strict=True)
    )  # fmt: skip
    holidays = _holidays(dataset, calendar, workspace, progress)
    return SpecialDays(calendar, holidays, anomalies, int(np.isfinite(p).sum()), expected, low, high)


def _holidays(
    dataset: Dataset, calendar: CalendarMap, workspace: Workspace | None, progress: Progress | None
) -> tuple[Holiday, ...]:
    trend = calendar.trend
    found = public_holidays(dataset, trend.days)
    if not found or "country" not in trend.what.splits:
        return ()
    counts = by_split(dataset, trend, "country", workspace=workspace, progress=progress)
    index = {day: number for number, day in enumerate(trend.days)}
    closed = {place: np.isin(np.arange(len(trend.days)), [index[d] for d in found.get(place, {})]) for place in counts}
    fell: dict[str, dict[int, list[str]]] = {}
    for place in sorted(found.keys() & counts.keys()):
        for date, name in found[place].items():
            fell.setdefault(name, {}).setdefault(index[date], []).append(place)
    spreads: dict[tuple[str, ...], tuple[Array, Array, float, int]] = {}
    rows = []
    for name, by_day in fell.items():
        value, usual, variance, ordinary = 0.0, 0.0, 0.0, len(trend.days)
        used: dict[int, tuple[str, ...]] = {}
        for day, where in by_day.items():
            key = tuple(where)
            if key not in spreads:
                together = np.sum([counts[place] for place in key], axis=0)
                spreads[key] = _spread(together, np.any([closed[place] for place in key], axis=0))
            line, expected, spread, seen = spreads[key]
            if np.isfinite(expected[day]) and np.isfinite(line[day]) and np.isfinite(spread):
                value, usual = value + float(line[day]), usual + float(expected[day])
                variance += float(expected[day] * spread) ** 2
                used[day], ordinary = key, min(ordinary, seen)
        if value > 0 and usual >= LEAST_EXPECTED * calendar.unit:
            places = tuple(sorted({place for key in used.values() for place in key}))
            rows.append((name, places, len(used), value, usual, float(np.sqrt(variance)) / usual, ordinary))
    return _tested_holidays(rows)


def _spread(values: Array, closed: Flags) -> tuple[Array, Array, float, int]:
    """The days of some countries, what is expected of them, and their ordinary days' relative spread and number."""
    line = values.copy()
    line[[0, -1]] = np.nan
    expected = around(line, np.isfinite(line) & ~closed)
    ordinary = np.isfinite(line) & ~closed & np.isfinite(expected) & (expected > 0)
    if ordinary.sum() < LEAST_DAYS:
        return line, expected, float("nan"), 0
    # Not by its median as for single days: a holiday is a mean, and the spread of a mean has the tails in it.
    spread = float(np.sqrt(np.mean((line[ordinary] / expected[ordinary] - 1) ** 2)))
    return line, expected, spread, int(ordinary.sum())


def _tested_holidays(rows: list[tuple[str, tuple[str, ...], int, float, float, float, int]]) -> tuple[Holiday, ...]:
    from scipy.special import stdtr, stdtrit

    if not rows:
        return ()
    ratio = np.array([value / usual for *_, value, usual, _, _ in rows])
    error = np.array([row[5] for row in rows])
    # Ordinary days overlap in what they are held against: an eighth of them counts as seen on their own.
    freedom = np.array([row[6] for row in rows]) / len(WEEKS)
    q = multiplicity.benjamini_hochberg(2 * stdtr(freedom, -np.abs(np.log(ratio)) / error))
    half = stdtrit(freedom, 0.975) * error
    found = [
        Holiday(row[0], row[1], row[2], float(r), float(r * np.exp(-h)), float(r * np.exp(h)), float(one), row[3])
        for row, r, h, one in zip(rows, ratio, half, q, strict=True)
    ]
    return tuple(sorted(found, key=lambda h: (-abs(np.log(h.ratio)), h.name)))
