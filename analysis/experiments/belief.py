"""What to believe of the effect after the data: a density for every treatment beside the control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.experiments import words
from analysis.experiments.bayes import Posterior, normal_posterior
from analysis.experiments.fixed import Comparison
from analysis.experiments.report import ExperimentReport
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Belief(Result):
    """Posterior of the primary metric's effect for each treatment, under a flat prior.

    Attributes:
        metric: Name of the metric.
        control: What is compared against.
        variants: The treatments.
        posteriors: One a treatment.
        chances: Probability that each is better than the control, whichever way better is.
        relative: Whether the effects are lifts, as shares of the control's mean.
        higher_is_better: Whether more of the metric is good.
        truth: True effect, or None where it is not known.
    """

    metric: str
    control: str
    variants: tuple[str, ...]
    posteriors: tuple[Posterior, ...]
    chances: tuple[float, ...]
    relative: bool
    higher_is_better: bool
    truth: float | None

    def to_frame(self) -> pd.DataFrame:
        """One row a treatment."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "variant": name,
                    "expected": p.mean,
                    "low": p.low,
                    "high": p.high,
                    "chance_to_be_better": chance,
                    "expected_loss_if_shipped": self._loss(p),
                }
                for name, p, chance in zip(self.variants, self.posteriors, self.chances, strict=True)
            ]
        )

    def summary(self) -> str:
        """Chance of the likeliest treatment, what shipping it may cost, and that this is no p-value."""
        best = max(range(len(self.variants)), key=lambda i: self.chances[i])
        p, write = self.posteriors[best], words.percent if self.relative else words.signed
        loss = self._loss(p)
        cost = words.percent(loss, sign=False) if self.relative else words.number(loss)
        cost = "less than 0.01 %" if self.relative and loss < 1e-4 else cost
        return (
            f"With nothing believed beforehand, {self.variants[best]} is better than {self.control} with probability "
            f"{chance(self.chances[best])}; the effect lies between {write(p.low)} and {write(p.high)} with "
            f"probability {words.level(p.confidence)}. Shipping it risks {cost} of {self.metric}: the "
            "loss on average, with gains counted as nothing. This is no p-value; it does not decide, and guards nobody "
            "who looks often."
        )

    def _loss(self, posterior: Posterior) -> float:
        return posterior.loss_if_shipped if self.higher_is_better else posterior.loss_if_kept


def belief(report: ExperimentReport) -> Belief | None:
    """The belief about the primary metric's effects; None where there is no control, no interval or a broken split.

    Args:
        report: The experiment, analysed.
    """
    if report.split.failed or report.experiment.control is None:
        return None
    pairs = [pair for pair in report.comparisons[0].pairs if not pair.problem]
    if not pairs:
        return None
    relative = all(pair.relative is not None for pair in pairs)
    metric = report.experiment.metric(report.primary)
    posteriors = tuple(_posterior(pair, relative, report.confidence) for pair in pairs)
    good = [p.chance_to_win if metric.higher_is_better else 1 - p.chance_to_win for p in posteriors]
    known = report.experiment.truth.get(report.primary) if len(pairs) == 1 else None
    return Belief(
        report.primary,
        report.experiment.control,
        tuple(pair.treatment for pair in pairs),
        posteriors,
        tuple(good),
        relative,
        metric.higher_is_better,
        None if known is None else known[1] if relative else known[0],
    )


def chance(value: float) -> str:
    """A probability in words that never claims to be sure.

    >>> chance(0.9999), chance(0.42)
    ('more than 99.9 %', '42 %')
    """
    if value > 0.999:
        return "more than 99.9 %"
    if value < 0.001:
        return "less than 0.1 %"
    digits = 3 if value > 0.99 else 2
    return f"{float(f'{100 * value:.{digits}g}'):g} %"


def _posterior(pair: Comparison, relative: bool, confidence: float) -> Posterior:
    effect = pair.relative if relative and pair.relative is not None else pair.absolute
    assert math.isfinite(effect.standard_error)
    return normal_posterior(effect, confidence=confidence)
