"""Interleaving beside the A/B test: two rankers whose quality is known, on the same viewers, tried both ways.

Every viewer has a taste for every title and watches more or less than others. A ranker sees the taste through noise;
how little noise is its quality. In the A/B test half of the viewers get the list of A and half that of B, and plays per
viewer are compared; interleaving shows everybody one list made of both, and compares what each viewer gave to either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ParameterError
from analysis.experiments import words
from analysis.experiments.fixed import Comparison, compare_means
from analysis.experiments.interleaving import Preference, interleave, preference
from analysis.experiments.moments import Moments
from analysis.experiments.planning import units_for_preference
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

_POOL = 6_000
"""Viewers of whom expectations are taken and experiments are drawn."""

_TITLES = 50
_GROUPS = 40
_APPEAL = 0.8
"""Spread of a title's logarithmic chance to be played, over a viewer's tastes."""

_PLAYS = 3.0
"""Plays of an average viewer from a list in no order of taste."""

_Z = 1.959964
_Z80 = _Z + 0.841621
_MOST_TRIES = 400
_CURVE = tuple(round(10 ** (1 + i / 8)) for i in range(33))


@dataclass(frozen=True)
class Sensitivity(Result):
    """Two rankers tried by interleaving and by an A/B test.

    Attributes:
        viewers: Viewers of each experiment.
        shared: One experiment by interleaving.
        parted: One A/B test on as many viewers, plays per viewer.
        true_lift: True lift of plays per viewer, everybody with B's list against everybody with A's.
        needed: Viewers in all for a chance of 80 % to find it: A/B test, credit test, sign test; ∞ without a
            difference.
        ratio: How many times as many viewers the A/B test needs as the credit test, with its 95 % interval; nan
            without a difference.
        curve: Viewers, and the chance of A/B, credit and sign test to find the difference the right way round.
        found: Share of tried experiments with so many viewers that found it so: A/B, credit, sign test.
        tries: How many were tried.
        example: The list of the first viewer: for each place who picked it.
    """

    viewers: int
    shared: Preference
    parted: Comparison
    true_lift: float
    needed: tuple[float, float, float]
    ratio: tuple[float, float, float]
    curve: tuple[tuple[int, float, float, float], ...]
    found: tuple[float, float, float]
    tries: int
    example: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a number of viewers."""
        import pandas as pd

        return pd.DataFrame(self.curve, columns=["viewers", "ab_test", "credit_test", "sign_test"])

    def summary(self) -> str:
        """What each needs to find the difference, and how it went this time."""
        if not math.isfinite(self.needed[1]):
            return (
                "Both rankers are equally good, so there is nothing to find: of experiments with "
                f"{self.viewers:,} viewers {words.percent(self.found[1], sign=False)} by interleaving and "
                f"{words.percent(self.found[0], sign=False)} by an A/B test say that B is better."
            )
        ratio, low, high = (words.number(x, 2) for x in self.ratio)
        return (
            f"Interleaving finds the true difference of {words.percent(self.true_lift)} four times in five with about "
            f"{_round(self.needed[1]):,} viewers, an A/B test with about {_round(self.needed[0]):,}: {ratio} times as "
            f"many (95 % interval {low} to {high})."
        )


def sensitivity(
    quality_a: float = 0.6, quality_b: float = 0.7, viewers: int = 1_000, *, length: int = 10, seed: int = 0
) -> Sensitivity:
    """Try two rankers of known quality by interleaving and by an A/B test.

    Chances to find the difference come from the exact means and variances of the viewers; beside them stands the share
    of experiments, drawn anew from the same viewers, that did find it. The interval of the ratio is a jackknife over
    groups of viewers.

    Args:
        quality_a: Correlation of ranker A's scores with the viewers' tastes, 0 to 1.
        quality_b: The same of ranker B.
        viewers: Viewers of each experiment.
        length: Length of the list.
        seed: Seed of everything.

    Raises:
        ParameterError: A number is out of range.
    """
    if not (0 <= quality_a <= 1 and 0 <= quality_b <= 1):
        raise ParameterError(f"Qualities {quality_a:g} and {quality_b:g} do not fit.", "Both are from 0 to 1.")
    if not (10 <= viewers <= 20_000 and 2 <= length <= _TITLES):
        raise ParameterError(f"{viewers:,} viewers and {length} places do not fit.", "Give 10 viewers, 2 places.")
    rng = np.random.default_rng(seed)
    rates, teams = _rates(quality_a, quality_b, length, rng)
    alike = quality_a == quality_b
    means = rates.mean(axis=1)
    lift = 0.0 if alike else float(means[1] / means[0] - 1)
    credits = rng.poisson(rates[2:])
    wins = ((credits[0] > credits[1]).mean(), (credits[1] > credits[0]).mean())
    need = (math.inf,) * 3 if alike else (*_needed(rates), _needed_sign(*wins))
    # The way round that is right; without a difference "B is better" is the alarm that is counted.
    way = 1.0 if alike or lift > 0 else -1.0
    curve = tuple((n, _power(n, need[0]), _power(n, need[1]), _power(n, need[2])) for n in _CURVE)
    one = rng.integers(0, _POOL, viewers)
    seen = rng.poisson(rates[:, one])
    half = viewers // 2
    parted = compare_means(
        Moments.of(seen[0, :half]), Moments.of(seen[1, half:]), metric="plays per viewer", names=("A", "B")
    )
    return Sensitivity(
        viewers,
        preference(seen[2], seen[3]),
        parted,
        lift,
        need,
        (math.nan,) * 3 if alike else _ratio(rates),
        curve,
        _tried(rates, viewers, way, rng),
        _tries(viewers),
        tuple("AB"[team] for team in teams[0]),
    )


def _rates(
    quality_a: float, quality_b: float, length: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Expected plays of every viewer of A's list, of B's, and of A's and B's part of the shared list; and the teams."""
    taste = rng.normal(size=(_POOL, _TITLES))
    rankings = []
    for quality in (quality_a, quality_b):
        noise = rng.normal(size=taste.shape)
        rankings.append(np.argsort(-(quality * taste + math.sqrt(1 - quality**2) * noise), axis=1))
    shown, teams = interleave(rankings[0][:, :length], rankings[1][:, :length], length, rng)
    # Viewers watch more or less, and look at the first places most (Järvelin and Kekäläinen's discount).
    activity = rng.gamma(1.0, 1.0, _POOL)[:, None]
    attention = 1 / np.log2(np.arange(length) + 2)
    scale = _PLAYS / attention.sum() / math.exp(_APPEAL**2 / 2)

    def expected(titles: NDArray[np.int64]) -> Floats:
        appeal = np.exp(_APPEAL * np.take_along_axis(taste, titles, axis=1))
        found: Floats = scale * activity * attention * appeal
        return found

    both = expected(shown)
    rows = [expected(ranking[:, :length]).sum(axis=1) for ranking in rankings]
    rows += [(both * (teams == team)).sum(axis=1) for team in (0, 1)]
    return np.array(rows), teams


def _needed(rates: Floats) -> tuple[float, float]:
    """Viewers in all for the A/B test and the credit test. Plays are Poisson around their expectation."""
    a, b, own_a, own_b = rates
    gap = b.mean() - a.mean()
    spread = a.mean() + a.var(ddof=1) + b.mean() + b.var(ddof=1)
    credit = own_b - own_a
    return (
        2 * _Z80**2 * float(spread / gap**2),
        _Z80**2 * float(((own_a + own_b).mean() + credit.var(ddof=1)) / credit.mean() ** 2),
    )


def _needed_sign(wins_a: float, wins_b: float) -> float:
    """Viewers for the sign test, ties among them."""
    share = wins_b / (wins_a + wins_b)
    return units_for_preference(share, ties=1 - wins_a - wins_b) if share != 0.5 else math.inf


def _ratio(rates: Floats) -> tuple[float, float, float]:
    """Viewers of the A/B test over those of the credit test, on the logarithm by a jackknife over groups."""

    def log_ratio(part: Floats) -> float:
        parted, shared = _needed(part)
        return math.log(parted / shared)

    whole = log_ratio(rates)
    group = np.arange(_POOL) % _GROUPS
    left = np.array([log_ratio(rates[:, group != g]) for g in range(_GROUPS)])
    error = math.sqrt((_GROUPS - 1) / _GROUPS * float(((left - left.mean()) ** 2).sum()))
    return math.exp(whole), math.exp(whole - _Z * error), math.exp(whole + _Z * error)


def _power(viewers: int, needed: float) -> float:
    """Chance to find it the right way round, when `needed` viewers give 80 %."""
    from scipy import special

    return float(special.ndtr(_Z80 * math.sqrt(viewers / needed) - _Z)) if math.isfinite(needed) else 0.025


def _tries(viewers: int) -> int:
    """Experiments tried: fewer where each is large, so that a slider answers in time."""
    return max(40, min(_MOST_TRIES, 400_000 // viewers))


def _tried(rates: Floats, viewers: int, way: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Share of experiments that found the difference the right way round."""
    from scipy import special

    tries, half = _tries(viewers), viewers // 2
    chosen = rng.integers(0, _POOL, (tries, viewers))
    a, b = rng.poisson(rates[0][chosen[:, :half]]), rng.poisson(rates[1][chosen[:, half:]])
    error = np.sqrt(a.var(axis=1, ddof=1) / a.shape[1] + b.var(axis=1, ddof=1) / b.shape[1])
    parted = way * (b.mean(axis=1) - a.mean(axis=1)) > _Z * error
    own = rng.poisson(rates[2:, chosen])
    gap = (own[1] - own[0]).astype(float)
    credit = way * gap.mean(axis=1) > _Z * gap.std(axis=1, ddof=1) / math.sqrt(viewers)
    good, bad = (way * gap > 0).sum(axis=1), (way * gap < 0).sum(axis=1)
    sign = (good > bad) & (2 * special.bdtr(bad, good + bad, 0.5) < 0.05)
    return float(parted.mean()), float(credit.mean()), float(sign.mean())


def _round(value: float) -> int:
    """Two figures are all that a forecast has."""
    return int(float(f"{value:.2g}"))
