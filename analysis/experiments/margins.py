"""Tests against a margin: is the treatment at most so much worse, or is it as good as the same?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.errors import ParameterError
from analysis.experiments import words
from analysis.experiments.fixed import check_options
from analysis.experiments.metrics import Metric
from analysis.experiments.score import Counts
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MarginTest(Result):
    """Whether a treatment stays within a margin of the control.

    Attributes:
        metric: Name of the metric.
        treatment: The variant tested.
        margin: The largest change that is tolerated, as a share of the control's mean.
        p_non_inferior: Chance of data at least this good, were the treatment worse by exactly the margin.
        p_not_better: The same on the other side: were it better by exactly the margin.
        alpha: One-sided level of either test.
    """

    metric: str
    treatment: str
    margin: float
    p_non_inferior: float
    p_not_better: float
    alpha: float

    @property
    def non_inferior(self) -> bool:
        """Whether a loss beyond the margin is ruled out."""
        return self.p_non_inferior < self.alpha

    @property
    def equivalent(self) -> bool:
        """Whether a change beyond the margin on either side is ruled out."""
        return self.non_inferior and self.p_not_better < self.alpha

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import dataclasses

        import pandas as pd

        row = dataclasses.asdict(self) | {"non_inferior": self.non_inferior, "equivalent": self.equivalent}
        return pd.DataFrame([row])

    def summary(self) -> str:
        """What is ruled out."""
        margin = words.percent(self.margin, sign=False)
        if self.equivalent:
            found = f"is the same as in the control to within {margin}"
        elif self.non_inferior:
            found = f"is worse by less than {margin} at most"
        else:
            found = f"may be worse by more than {margin}"
        p = self.p_non_inferior if not self.equivalent else max(self.p_non_inferior, self.p_not_better)
        return f"{self.metric} in {self.treatment} {found} ({words.p_value(p)}, one-sided)."


def within_margin(metric: Metric, control: str, treatment: str, margin: float, *, alpha: float = 0.025) -> MarginTest:
    """Non-inferiority and equivalence against a margin that is a share of the control's mean.

    The hypothesis "treatment = (1 − margin) × control" is tested itself, so that the uncertainty of the control's mean
    counts: for means by the contrast of the two (Hauschke, Kieser and Hothorn 1999), for proportions by the score test
    of their ratio (Farrington and Manning 1990). Equivalence is both sides' tests (Schuirmann 1987).

    Raises:
        ParameterError: The margin or the level is out of range, or the control's mean is not above zero.
    """
    check_options(1 - alpha)
    if not 0 < margin < 1:
        raise ParameterError(f"The margin is {margin:g}.", "Give a share between 0 and 1, 0.05 for 5 %.")
    a = metric.arms[control]
    if a.mean <= 0:
        raise ParameterError(
            f"The mean of {metric.name} in {control} is {a.mean:g}.", "A margin in percent needs one above zero."
        )
    good = 1 if metric.higher_is_better else -1
    worse, better = 1 - good * margin, 1 + good * margin
    return MarginTest(
        metric.name,
        treatment,
        margin,
        _one_sided_p(metric, control, treatment, worse, good),
        _one_sided_p(metric, control, treatment, better, -good),
        alpha,
    )


def _one_sided_p(metric: Metric, control: str, treatment: str, ratio: float, side: int) -> float:
    """Chance of a treatment this far on one side of ratio × control, were it exactly there."""
    from scipy import special

    a, b = metric.arms[control], metric.arms[treatment]
    if metric.counts_successes:
        z = Counts(a.successes, a.n, b.successes, b.n).z_of_ratio(ratio)
        return float(special.ndtr(-side * z))
    parts = (ratio**2 * a.variance / a.n, b.variance / b.n)
    total = sum(parts)
    if not total > 0:
        return math.nan
    t = (b.mean - ratio * a.mean) / math.sqrt(total)
    if metric.kind == "ratio":
        return float(special.ndtr(-side * t))
    df = total**2 / (parts[0] ** 2 / (a.n - 1) + parts[1] ** 2 / (b.n - 1))
    return float(special.stdtr(df, -side * t))
