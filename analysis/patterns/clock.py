"""The clock: when in the week people watch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.patterns import cubes
from analysis.patterns.audience import Audience
from analysis.patterns.events import Events
from analysis.patterns.filters import EmptySelection, Filters
from analysis.patterns.selection import Measure, Selection
from analysis.patterns.words import PLAIN, WEEKDAYS, Habits, few, percent, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

EVEN_WEEKEND = 2 / 7
"""The weekend's share if all days were alike."""


@dataclass(frozen=True)
class Clock(Result):
    """Hour × weekday of what was watched (or rated), on the wall clock that `what.zone_label` names.

    Attributes:
        what: What was counted, and on whose clock.
        filters: What was left out.
        measure: What shares and intervals are of: `events` (plays or ratings) or `minutes`.
        events: Plays or ratings, shape (7, 24), Monday first.
        minutes: Minutes watched, shape (7, 24); zeros where unknown.
        completion: Mean share of the running time watched, shape (7, 24); NaN where unknown.
        viewers: Distinct viewers in that hour of a mean such weekday, shape (7, 24); None with a genre in the filter,
            in which viewers are not counted.
        weekend: Share of Saturday and Sunday, interval clustered by viewer.
        night: Share of the hours from midnight to 6, interval clustered by viewer.
    """

    what: Events
    filters: Filters
    measure: Measure
    events: Array
    minutes: Array
    completion: Array
    viewers: Array | None
    weekend: clustered.Interval
    night: clustered.Interval

    @property
    def values(self) -> Array:
        """What the measure counts, shape (7, 24)."""
        return self.events if self.measure == "events" else self.minutes

    @property
    def shares(self) -> Array:
        """Share of the week's total in each cell, shape (7, 24), adding up to 1."""
        return np.asarray(self.values / self.values.sum(), dtype=np.float64)

    @property
    def noun(self) -> str:
        """What is measured, in the plural."""
        return "minutes" if self.measure == "minutes" else self.what.noun

    @property
    def peak_hour(self) -> int:
        """The hour of the day (0–23) with the most; the first of equals."""
        return int(self.values.sum(axis=0).argmax())

    @property
    def peak_hour_share(self) -> float:
        """Share of the peak hour in the whole."""
        return float(self.shares.sum(axis=0)[self.peak_hour])

    @property
    def peak_cell(self) -> tuple[int, int]:
        """Weekday (0 is Monday) and hour of the fullest cell."""
        day, hour = divmod(int(self.values.argmax()), 24)
        return day, hour

    def to_frame(self) -> pd.DataFrame:
        """One row a cell (a weekday where hours are unknown): counts, share of the measure, minutes and completion."""
        if not self.what.has_hours:
            days = {"weekday": WEEKDAYS, self.what.noun: self.events.sum(axis=1).astype(np.int64)}
            days[f"share_of_{self.noun}"] = self.shares.sum(axis=1)
            return pd.DataFrame(days).assign(clock=self.what.zone_label)
        frame = pd.DataFrame(
            {
                "weekday": np.repeat(WEEKDAYS, 24),
                "hour": np.tile(np.arange(24), 7),
                self.what.noun: self.events.ravel().astype(np.int64),
                f"share_of_{self.noun}": self.shares.ravel(),
            }
        )
        if self.what.has_minutes:
            frame["minutes"] = self.minutes.ravel()
        if self.what.has_completion:
            frame["mean_completion"] = self.completion.ravel()
        if self.viewers is not None:
            frame["viewers_per_such_day"] = self.viewers.ravel()
        frame["clock"] = self.what.zone_label
        return frame

    @property
    def peak_weekday(self) -> int:
        """The weekday (0 is Monday) with the most; the first of equals."""
        return int(self.values.sum(axis=1).argmax())

    def headline(self, habits: Habits = PLAIN) -> str:
        """The finding in a few words, for the title of a chart."""
        if not self.what.has_hours:
            return f"{WEEKDAYS[self.peak_weekday]} leads; {percent(self.weekend.value)} falls on the weekend"
        day, hour = self.peak_cell
        at = f"{WEEKDAYS[day]} at {habits.hour(hour)}"
        return f"The week peaks on {at}; {percent(self.weekend.value)} falls on the weekend"

    def summary(self, habits: Habits = PLAIN) -> str:
        """Weekend share with its interval, against an even week, and the peak hour (the peak day without hours)."""
        weekend = (
            f"Saturday and Sunday hold {with_interval(self.weekend)} of {self.noun}, against "
            f"{percent(EVEN_WEEKEND)} if all days were alike; "
        )
        if not self.what.has_hours:
            share = percent(float(self.shares[self.peak_weekday].sum()))
            leads = f"{WEEKDAYS[self.peak_weekday]} leads with {share} ({self.what.zone_label})."
            return f"{weekend}{leads}{few(self.weekend)}"
        return (
            f"{weekend}the busiest hour is {habits.hour(self.peak_hour)} to "
            f"{habits.hour(self.peak_hour + 1)} with {percent(self.peak_hour_share)} ({self.what.zone_label})."
            f"{few(self.weekend)}"
        )


def clock(
    dataset: Dataset,
    *,
    filters: Filters | None = None,
    zone: str | None = None,
    measure: Measure = "events",
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Clock:
    """Count the hours of the week.

    Args:
        dataset: Any dataset with views, or with timed ratings.
        filters: What to count; all of it by default.
        zone: IANA zone for rating times; views have each viewer's own clock.
        measure: What shares are of.
        workspace: Where cubes are kept; the default workspace if None.
        progress: Told about the building of cubes.

    Raises:
        EmptySelection: Nothing is left after the filters, or no minutes were watched.
        ParameterError: Unknown zone or measure.
        DataError: The ratings carry no times.
    """
    chosen = Selection.of(dataset, filters, zone, measure, workspace, progress)
    what, filters = chosen.what, chosen.filters
    wanted = ["events", "minutes", "completion", "completion_known"]
    cells = chosen.some(chosen.cube(cubes.CLOCK).sums(["weekday", "hour"], filters, measures=wanted))
    week = {name: np.zeros((7, 24)) for name in wanted}
    for name, table in week.items():
        table[cells.keys["weekday"] - 1, cells.keys["hour"]] = cells.sums[name]
    if week[measure].sum() <= 0:
        raise EmptySelection("No minutes were watched in this selection.", "Look at plays instead.")
    wanted = [measure, f"weekend_{measure}", f"night_{measure}"]
    buckets = chosen.cube(cubes.RHYTHM).totals(["bucket"], filters, measures=wanted)
    whole = buckets[measure].to_numpy(float)
    weekend, night = (clustered.share(buckets[name].to_numpy(float), whole) for name in wanted[1:])
    with np.errstate(invalid="ignore"):
        completion = week["completion"] / week["completion_known"]
    viewers = _viewers(chosen.audience(), filters)
    return Clock(what, filters, measure, week["events"], week["minutes"], completion, viewers, weekend, night)


def _viewers(counted: Audience, filters: Filters) -> Array | None:
    """Viewers of each hour on a mean such weekday between the first and the last day."""
    hours, days = counted.hours(filters), counted.days(filters)
    if hours is None or days is None:
        return None
    span = pd.date_range(days["date"].min(), days["date"].max())
    such_days = np.bincount(span.day_of_week, minlength=7)[:, None]
    table = np.zeros((7, 24))
    table[hours["weekday"].to_numpy(int) - 1, hours["hour"].to_numpy(int)] = hours["viewers"]
    return np.asarray(table / np.maximum(such_days, 1), dtype=np.float64)
