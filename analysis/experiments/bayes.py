"""The Bayesian reading: a posterior of the effect, the chance to win, and what a wrong choice would cost.

A chance to win of 95 % is not a p-value of 5 %: it rests on the prior, and it does not bound how often one is wrong
when one looks often and stops at the first good moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import ParameterError
from analysis.experiments import words
from analysis.experiments.fixed import Effect, check_options
from analysis.experiments.moments import Moments
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Posterior(Result):
    """What is believed of the effect after the data.

    Attributes:
        mean: Expected effect.
        standard_deviation: Spread of the belief.
        low: Lower end of the credible interval.
        high: Upper end of the credible interval.
        chance_to_win: Probability that the effect is above zero.
        loss_if_kept: Expected gain forgone by keeping the control.
        loss_if_shipped: Expected loss by shipping the treatment.
        confidence: Probability inside of the interval.
        prior: The prior, in words.
    """

    mean: float
    standard_deviation: float
    low: float
    high: float
    chance_to_win: float
    loss_if_kept: float
    loss_if_shipped: float
    confidence: float
    prior: str

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import dataclasses

        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(self)])

    def summary(self) -> str:
        """Chance to win with the credible interval, and a warning against reading it as a p-value."""
        return (
            f"The treatment is better with probability {words.percent(self.chance_to_win, sign=False)} "
            f"({words.level(self.confidence)} credible interval {words.signed(self.low)} to {words.signed(self.high)}; "
            f"{self.prior}). Shipping it would cost {words.number(self.loss_if_shipped)} on average if that is wrong; "
            "this probability is no p-value, and it does not guard against looking often."
        )


def normal_posterior(
    effect: Effect, *, prior_mean: float = 0.0, prior_sd: float = math.inf, confidence: float = 0.95
) -> Posterior:
    """Posterior of an effect whose estimate is about normal, under a normal prior; a flat one by default.

    Precisions add (Gelman et al. 2013, section 2.5); the expected losses are those of the normal's positive part.

    Raises:
        ParameterError: The effect has no standard error, or the prior's spread is not above zero.
    """
    check_options(confidence)
    if not effect.standard_error > 0 or not prior_sd > 0:
        raise ParameterError(
            f"Standard error {effect.standard_error:g} and prior spread {prior_sd:g} do not fit.",
            "Both are above zero.",
        )
    data, before = effect.standard_error**-2, 0.0 if math.isinf(prior_sd) else prior_sd**-2
    mean = (data * effect.estimate + before * prior_mean) / (data + before)
    prior = "flat prior" if not before else f"prior around {words.number(prior_mean)} ± {words.number(prior_sd)}"
    return _normal(mean, (data + before) ** -0.5, confidence, prior)


def beta_posterior(
    control: Moments,
    treatment: Moments,
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    confidence: float = 0.95,
    draws: int = 200_000,
    seed: int = 0,
) -> Posterior:
    """Posterior of the difference of two proportions under a beta prior on each.

    The chance to win and the expected losses are integrals over the two beta posteriors, done by quadrature; the
    credible interval and the spread come from draws.

    Args:
        control: Moments of zeros and ones.
        treatment: Moments of zeros and ones.
        prior: Both parameters of the beta prior of each share; 1 and 1 is uniform.
        confidence: Probability inside of the interval.
        draws: Draws for the interval.
        seed: Seed of the draws.

    Raises:
        ExperimentError: The means are not shares of the units.
        ParameterError: The prior's parameters are not above zero.
    """
    from scipy import special

    check_options(confidence)
    if min(prior) <= 0:
        raise ParameterError(f"The beta prior is {prior}.", "Both parameters are above zero.")
    shapes = [(m.successes + prior[0], m.n - m.successes + prior[1]) for m in (control, treatment)]
    rng = np.random.default_rng(seed)
    gap = rng.beta(*shapes[1], draws) - rng.beta(*shapes[0], draws)
    tail = (1 - confidence) / 2
    low, high = (float(q) for q in np.quantile(gap, [tail, 1 - tail]))
    # Over the middle of the control's belief, equal slices of probability: nodes in probability, then in share.
    points, weights = np.polynomial.legendre.leggauss(400)
    share = special.betaincinv(*shapes[0], (points + 1) / 2)
    a, b = shapes[1]
    above = 1 - special.betainc(a, b, share)
    # E[max(T − c, 0)] for each share c of the control.
    gain = a / (a + b) * (1 - special.betainc(a + 1, b, share)) - share * above
    chance, kept = float(weights @ above / 2), float(weights @ gain / 2)
    mean = a / (a + b) - shapes[0][0] / sum(shapes[0])
    variance = sum(x * y / ((x + y) ** 2 * (x + y + 1)) for x, y in shapes)
    words_of_prior = f"beta({prior[0]:g}, {prior[1]:g}) prior"
    return Posterior(mean, math.sqrt(variance), low, high, chance, kept, kept - mean, confidence, words_of_prior)


def _normal(mean: float, sd: float, confidence: float, prior: str) -> Posterior:
    from scipy import special

    half = float(special.ndtri((1 + confidence) / 2)) * sd
    z = mean / sd
    density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    kept = sd * density + mean * float(special.ndtr(z))
    shipped = sd * density - mean * float(special.ndtr(-z))
    return Posterior(mean, sd, mean - half, mean + half, float(special.ndtr(z)), kept, shipped, confidence, prior)
