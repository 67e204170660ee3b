"""How long still: days until an effect of a given size would be found, from the experiment's own course."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import words
from analysis.experiments.timeline import Timeline
from analysis.experiments.verdict import POWER_FACTOR
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

LONGEST_DAYS = 730
"""Forecasts beyond two years are not made: nobody waits that long, and nothing stays the same."""


@dataclass(frozen=True)
class Outlook(Result):
    """How long an experiment would have to run to find a lift.

    Attributes:
        lift: The lift to be found, as a share of the control's mean.
        days_run: Days so far.
        days_needed: Days in all, or None where two years would not be enough.
        reach: Lift that would be found today, four times in five.
        curve: Day and reach, from today on, as far as the forecast goes.
    """

    lift: float
    days_run: int
    days_needed: int | None
    reach: float
    curve: tuple[tuple[int, float], ...]

    @property
    def days_remaining(self) -> int | None:
        """Days still to run; 0 where it is enough, None where two years would not do."""
        return None if self.days_needed is None else max(0, self.days_needed - self.days_run)

    def to_frame(self) -> pd.DataFrame:
        """One row a day of the forecast."""
        import pandas as pd

        return pd.DataFrame(self.curve, columns=["day", "detectable_lift"])

    def summary(self) -> str:
        """Days remaining for the lift asked for."""
        lift, reach = words.percent(self.lift, sign=False), words.percent(self.reach, sign=False)
        today = f"After {words.plural(self.days_run, 'day')} a lift of {reach} is found four times in five"
        if self.days_remaining == 0:
            return f"{today}: enough for the {lift} asked about."
        if self.days_remaining is None:
            return (
                f"{today}. A lift of {lift} would take more than two years at this pace: it is too small for this test."
            )
        return (
            f"{today}; for a lift of {lift} it would take about {words.plural(self.days_remaining, 'day')} more, if "
            "they go on coming at this pace."
        )


def outlook(course: Timeline, lift: float) -> Outlook:
    """Days until a lift would be found, from how the standard error has fallen so far.

    The logarithm of the error against that of the day is fitted by a line through the second half of the days, and
    goes through today's error. Its slope is what accrual and repeat visits together have made of it.

    Args:
        course: The experiment day by day.
        lift: The lift to be found, as a share of the control's mean.

    Raises:
        ParameterError: The lift is not above zero.
        ExperimentError: There are too few days with an interval.
    """
    if not lift > 0:
        raise ParameterError(f"The lift is {lift:g}.", "Give a share above zero, 0.05 for 5 %.")
    known = [
        (i, day.fixed.standard_error) for i, day in enumerate(course.days, start=1) if day.fixed.standard_error > 0
    ]
    half = known[len(known) // 2 :]
    if len(half) < 3:
        raise ExperimentError("There are too few days for a forecast.", "Wait until a week has passed.")
    x, y = (np.log(np.array(column, dtype=float)) for column in zip(*half, strict=True))
    slope = float(np.polyfit(x, y, 1)[0])
    today, error = known[-1]
    reach = POWER_FACTOR * error
    if reach <= lift:
        return Outlook(lift, today, today, reach, ((today, reach),))
    needed = None
    if slope < -1e-3:
        log_days = math.log(today) + math.log(lift / reach) / slope
        needed = math.ceil(math.exp(log_days)) if log_days < math.log(LONGEST_DAYS) else None
    last = needed or min(LONGEST_DAYS, 4 * today)
    days = np.unique(np.linspace(today, last, 60).astype(int))
    curve = tuple((int(day), float(reach * (day / today) ** slope)) for day in days)
    return Outlook(lift, today, needed, reach, curve)


def accrual(dataset: Dataset, days: int, *, start: dt.date | None = None) -> tuple[int, ...]:
    """Different viewers seen until the end of each day, from a day on: what an experiment of all of them would get.

    Args:
        dataset: A dataset with `views`.
        days: Length of the curve.
        start: First day; by default so that the curve ends with the data.

    Raises:
        ExperimentError: The data end before the curve does.
    """
    with dataset.read() as tables:
        day = nw.col("started_at").dt.date()
        ends = tables["views"].select(day.min().alias("low"), day.max().alias("high"))
        low, high = (engine.to_arrow(ends).column(name)[0].as_py() for name in ("low", "high"))
        start = start or high - dt.timedelta(days=days - 1)
        if start < low or start + dt.timedelta(days=days - 1) > high:
            raise ExperimentError(
                f"The views run from {low} to {high}; {days} days from {start} on are not among them.",
                "Ask for fewer days, or an earlier start.",
            )
        since = tables["views"].filter(nw.col("started_at") >= dt.datetime.combine(start, dt.time()))
        firsts = since.group_by("viewer_id").agg(nw.col("started_at").min().dt.date().alias("day"))
        rows = engine.to_arrow(firsts.group_by("day").agg(nw.len().alias("n"))).to_pylist()
    new = np.zeros(days, dtype=np.int64)
    for row in rows:
        place = (row["day"] - start).days
        if place < days:
            new[place] += int(row["n"])
    return tuple(int(n) for n in new.cumsum())
