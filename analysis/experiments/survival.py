"""Time until something happens, such as churn, where for some viewers it has not happened yet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import ExperimentError
from analysis.experiments import words
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Survival:
    """Kaplan and Meier's (1958) curve of one variant.

    Attributes:
        times: Times at which something happened, rising.
        staying: Share to whom it has not happened until each time.
        low: Lower ends of the 95 % interval (Greenwood's variance on the log-log scale).
        high: Upper ends.
        median: Time until it has happened to half of them; ∞ where it has not yet.
        units: Units.
        events: To how many it happened.
    """

    times: tuple[float, ...]
    staying: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    median: float
    units: int
    events: int


@dataclass(frozen=True)
class SurvivalComparison(Result):
    """Time until something happens in two variants.

    Attributes:
        control: Curve of the control.
        treatment: Curve of the treatment.
        chi_square: Log-rank statistic (Mantel 1966).
        p_value: Its p-value.
        hazard_ratio: Cox's (1972) hazard of the treatment over that of the control: above 1 it happens sooner.
        low: Lower end of the hazard ratio's 95 % interval.
        high: Upper end.
    """

    control: Survival
    treatment: Survival
    chi_square: float
    p_value: float
    hazard_ratio: float
    low: float
    high: float

    def to_frame(self) -> pd.DataFrame:
        """One row a variant and time."""
        import pandas as pd

        rows = [
            {"variant": name, "time": t, "staying": s, "low": low, "high": high}
            for name, arm in (("control", self.control), ("treatment", self.treatment))
            for t, s, low, high in zip(arm.times, arm.staying, arm.low, arm.high, strict=True)
        ]
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """The hazard ratio with its interval, and the log-rank test."""
        return (
            f"The hazard in the treatment is {words.number(self.hazard_ratio)} times that in the control (95 % "
            f"interval {words.number(self.low)} to {words.number(self.high)}; log-rank {words.p_value(self.p_value)}); "
            + self._medians()
        )

    def _medians(self) -> str:
        medians = (self.treatment.median, self.control.median)
        if all(math.isinf(median) for median in medians):
            return "to fewer than half it has happened in either variant."
        told = ["not yet" if math.isinf(median) else f"after {words.number(median)}" for median in medians]
        return f"half are gone {told[0]} in the treatment, {told[1]} in the control."


def compare_survival(
    control_time: ArrayLike, control_event: ArrayLike, treatment_time: ArrayLike, treatment_event: ArrayLike
) -> SurvivalComparison:
    """Compare the time until something happens, by the log-rank test and Cox's regression.

    Args:
        control_time: Time until it happened, or until the unit was last seen, shape (units,).
        control_event: Whether it happened, shape (units,).
        treatment_time: The same of the treatment.
        treatment_event: The same of the treatment.

    Raises:
        ExperimentError: A time is negative or missing, or it happened to nobody in a variant.
    """
    from scipy import stats

    arms = [_checked(control_time, control_event), _checked(treatment_time, treatment_event)]
    censored = [stats.CensoredData(uncensored=t[e], right=t[~e]) for t, e in arms]
    test = stats.logrank(censored[1], censored[0])
    ratio, low, high = _cox(arms)
    control, treatment = (_kaplan_meier(t, e) for t, e in arms)
    return SurvivalComparison(control, treatment, float(test.statistic) ** 2, float(test.pvalue), ratio, low, high)


def staying_until(time: ArrayLike, event: ArrayLike, day: float) -> tuple[float, float]:
    """Share of units to whom it has not happened by a day, and its standard error (Kaplan and Meier, Greenwood).

    Args:
        time: Days until it happened, or until the unit was last seen, shape (units,).
        event: Whether it happened, shape (units,).
        day: By which day.

    Returns:
        Share and standard error; the error is 0 where it has happened to nobody by then, and nan where nobody has
        been watched for so long: the share is then that of the longest time watched.
    """
    t, e = np.asarray(time, dtype=float), np.asarray(event).astype(bool)
    times, happened = np.unique(t[e & (t <= day)], return_counts=True)
    at_risk = t.size - np.searchsorted(np.sort(t), times, side="left")
    share = float(np.prod(1 - happened / at_risk))
    if t.max() < day:
        return share, math.nan
    if share == 0:
        return 0.0, 0.0
    return share, share * math.sqrt(float((happened / (at_risk * (at_risk - happened))).sum()))


def _checked(time: ArrayLike, event: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    t, e = np.asarray(time, dtype=float), np.asarray(event).astype(bool)
    if t.shape != e.shape or t.ndim != 1 or not np.all(np.isfinite(t)) or np.any(t < 0):
        raise ExperimentError("A time is missing, negative, or has no event beside it.", "Give every unit both.")
    if not e.any():
        raise ExperimentError("It happened to nobody in a variant.", "Wait until there are events in both variants.")
    return t, e


def _kaplan_meier(t: Floats, e: NDArray[np.bool_]) -> Survival:
    from scipy import special

    times, happened = np.unique(t[e], return_counts=True)
    at_risk = t.size - np.searchsorted(np.sort(t), times, side="left")
    staying = np.cumprod(1 - happened / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(happened / (at_risk * (at_risk - happened)))
        spread = float(special.ndtri(0.975)) * np.sqrt(greenwood) / np.abs(np.log(staying))
        low, high = staying ** np.exp(spread), staying ** np.exp(-spread)
    # A curve that has come down to zero has no log-log scale left.
    low, high = (np.where(np.isfinite(end), end, staying) for end in (low, high))
    half = np.flatnonzero(staying <= 0.5 + 1e-12)
    median = float(times[half[0]]) if half.size else math.inf
    times_, staying_, low_, high_ = (tuple(x.tolist()) for x in (times, staying, low, high))
    return Survival(times_, staying_, low_, high_, median, int(t.size), int(e.sum()))


def _cox(arms: list[tuple[Floats, NDArray[np.bool_]]]) -> tuple[float, float, float]:
    """Hazard ratio with its 95 % interval, ties after Efron (1977).

    With one covariate of two values the partial likelihood needs nothing but the numbers at risk at each event, so a
    few Newton steps on one number do what a general fit takes a hundred times as long for; the tests hold it against
    statsmodels.
    """
    from scipy import special

    times = np.unique(np.concatenate([t[e] for t, e in arms]))
    risk = [t.size - np.searchsorted(np.sort(t), times, side="left") for t, _ in arms]
    events = [np.searchsorted(np.sort(t[e]), times, side="right") for t, e in arms]
    events = [np.diff(e, prepend=0) for e in events]
    tied = events[0] + events[1]
    # Efron: among d events at one time, the l-th leaves l/d of their weight out of those at risk.
    which = np.repeat(np.arange(times.size), tied)
    left = (np.arange(which.size) - np.repeat(np.cumsum(tied) - tied, tied)) / tied[which]
    control, treatment = (r[which] - left * e[which] for r, e in zip(risk, events, strict=True))
    log = 0.0
    for _ in range(50):
        share = treatment * math.exp(log) / (control + treatment * math.exp(log))
        step = (events[1].sum() - share.sum()) / (share * (1 - share)).sum()
        log = float(np.clip(log + step, -20, 20))
        if abs(step) < 1e-10:
            break
    half = float(special.ndtri(0.975)) / math.sqrt(float((share * (1 - share)).sum()))
    return math.exp(log), math.exp(log - half), math.exp(log + half)
