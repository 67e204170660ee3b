"""Before the start: what an experiment of so many days could find, from how a dataset's own viewers come and watch."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import words
from analysis.experiments.group_sequential import Design, boundaries, crossing
from analysis.experiments.metrics import columns_of, term_moments
from analysis.experiments.moments import Moments
from analysis.experiments.planning import detectable_lift, detectable_margin
from analysis.experiments.timeline import CumulativeSums, growth, term_of
from analysis.experiments.viewing import FINISHED
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reach(Result):
    """What an experiment on all viewers could find, by its length.

    Attributes:
        metric: Name of the metric.
        days: Lengths, in days.
        viewers: Viewers that would be in it by then, in all variants.
        lifts: Lift that would be found with the power asked for; ∞ where none would.
        power: That power.
        margins: Loss that would be ruled out with that power, were the treatment just as good; ∞ where none would.
    """

    metric: str
    days: tuple[int, ...]
    viewers: tuple[int, ...]
    lifts: tuple[float, ...]
    power: float
    margins: tuple[float, ...]

    def days_for(self, lift: float) -> int | None:
        """Days until a lift would be found, or None where the curve does not reach it."""
        return next((day for day, found in zip(self.days, self.lifts, strict=True) if found <= lift), None)

    def to_frame(self) -> pd.DataFrame:
        """One row a length."""
        import pandas as pd

        found = {"days": self.days, "viewers": self.viewers, "detectable_lift": self.lifts}
        return pd.DataFrame(found | {"margin_ruled_out": self.margins})

    def summary(self) -> str:
        """What the longest of them would find."""
        chance = words.percent(self.power, sign=False)
        return (
            f"An experiment of {self.days[-1]} days would have {self.viewers[-1]:,} viewers and find a lift of "
            f"{self.metric} of {words.percent(self.lifts[-1], sign=False)} with a chance of {chance}. A change that is "
            f"just as good would be shown to lose less than {words.percent(self.margins[-1], sign=False)}."
        )


def reach(
    dataset: Dataset,
    metric: str,
    *,
    days: int = 56,
    variants: int = 2,
    alpha: float = 0.05,
    power: float = 0.8,
    share: float = 1.0,
    explained: float = 0.0,
    inflation: float = 1.0,
    end: dt.date | None = None,
) -> Reach:
    """The detectable lift for every length up to `days`, as if an experiment had run on the dataset's last days.

    Viewers enter when they first watch, as they do in an experiment that assigns on a visit, and go on watching: both
    the number of viewers and what each has watched follow from the data, so that nothing is taken to grow linearly.

    Args:
        dataset: A dataset with `views`.
        metric: A metric of viewing that is a sum over plays, or completion rate.
        days: Longest experiment asked about.
        variants: Variants of equal size, the control among them.
        alpha: Two-sided level; with several treatments give each comparison's own.
        power: Chance to find the lift.
        share: Share of the viewers that take part.
        explained: Share of the variance that covariates will take out (CUPED).
        inflation: Factor on the units that planned looks cost, from `looks_cost`.
        end: Last day; the data's by default.

    Raises:
        ExperimentError: The data are shorter than that, or the metric can't be followed over time.
        ParameterError: A number is out of range.
    """
    if variants < 2 or not 0 < share <= 1 or not 0 <= explained < 1 or inflation < 1 or days < 1:
        raise ParameterError(
            "The plan’s numbers do not fit.", "Two variants or more, shares up to 1, inflation from 1."
        )
    term = term_of(metric)
    columns = columns_of(term)[0]
    with dataset.read() as tables:
        views = tables["views"]
        day = nw.col("started_at").dt.date()
        ends = engine.to_arrow(views.select(day.min().alias("low"), day.max().alias("high"))).to_pylist()[0]
        end = end or ends["high"]
        start = end - dt.timedelta(days=days - 1)
        if start < ends["low"] or end > ends["high"]:
            raise ExperimentError(
                f"The views run from {ends['low']} to {ends['high']}, which is no room for {days} days until {end}.",
                "Ask for a shorter experiment.",
            )
        after = dt.datetime.combine(end + dt.timedelta(days=1), dt.time())
        inside = views.filter(
            (nw.col("started_at") >= dt.datetime.combine(start, dt.time())) & (nw.col("started_at") < after)
        )
        first = nw.col("started_at") == nw.col("started_at").min().over("viewer_id", "day")
        rows = inside.with_columns(day.alias("day"), nw.lit("all").alias("variant"), nw.lit(1.0).alias("plays"))
        if "completion" in inside.collect_schema():
            rows = rows.with_columns((nw.col("completion") >= FINISHED).cast(nw.Float64()).alias("completed"))
        rows = rows.with_columns(first.cast(nw.Float64()).alias("active_days"))
        joined = rows.group_by("viewer_id", "variant").agg(nw.col("day").min())
        counts = engine.to_arrow(joined.group_by("variant", "day").agg(nw.len().alias("n"))).to_pylist()
        sums = CumulativeSums(columns, growth(rows, columns), counts, ("all", "none"))
    found_days, viewers, lifts, margins = [], [], [], []
    for place in range(len(sums.dates)):
        joint = sums.joint(place, 0)
        if joint is None:
            continue
        moments = term_moments(joint, term)
        left = Moments(moments.n, moments.mean, moments.variance * (1 - explained))
        units = joint.n * share
        found_days.append(place + 1)
        viewers.append(round(units))
        arm = units / variants / inflation
        lifts.append(_or_none(detectable_lift, left, arm, alpha, power))
        margins.append(_or_none(detectable_margin, left, arm, alpha / 2, power))
    return Reach(metric, tuple(found_days), tuple(viewers), tuple(lifts), power, tuple(margins))


def looks_cost(information: Sequence[float], design: Design, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Factor by which planned looks raise the units that a single look would need (Jennison and Turnbull 2000, 2.3).

    >>> 1.0 < looks_cost([0.5, 1.0], "O’Brien–Fleming") < 1.02
    True

    Args:
        information: Share of the units at each look, rising to 1.
        design: How the level is spent.
        alpha: Two-sided level.
        power: Chance to find the effect at one of the looks.
    """
    from scipy import optimize, special

    critical = boundaries(information, design, alpha=alpha / 2).critical_z
    single = float(special.ndtri(1 - alpha / 2) + special.ndtri(power))
    drift = float(
        optimize.brentq(lambda d: float(crossing(information, critical, d).sum()) - power, 0.5 * single, 2 * single)
    )
    return max(1.0, (drift / single) ** 2)


def events_for_hazard_ratio(ratio: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Events in both variants together that a log-rank test needs (Schoenfeld 1981).

    Divide by the share of viewers to whom it happens within the experiment to get viewers.

    >>> round(events_for_hazard_ratio(0.5))
    65

    Raises:
        ParameterError: The ratio is not above zero, or is 1.
    """
    from scipy import special

    if ratio <= 0 or ratio == 1:
        raise ParameterError(f"The hazard ratio is {ratio:g}.", "Give one above zero that is not 1.")
    return float(4 * (special.ndtri(1 - alpha / 2) + special.ndtri(power)) ** 2 / math.log(ratio) ** 2)


def _or_none(size: Callable[..., float], moments: Moments, units: float, alpha: float, power: float) -> float:
    """The size that so many units can tell, or ∞ where they can tell none."""
    try:
        return size(moments, units, alpha=alpha, power=power)
    except ParameterError:
        return math.inf
