"""Lessons in data: what a broken split, a shifting mix, a covariate, novelty and clickbait do to an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ParameterError
from analysis.experiments import words
from analysis.experiments.lessons import Z95
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SplitLesson(Result):
    """Experiments without any effect whose treatment loses some of its units before they are counted.

    Attributes:
        lost: Share of the treatment's units that are lost.
        picky: How much likelier a heavy viewer is to be lost than a light one; 0 for not at all.
        effects: Measured lift of each experiment; the true one is 0.
        caught: Share whose sample-ratio check fails.
        fooled: Share that show an effect at the 5 % level.
        units: Units a variant before the loss.
    """

    lost: float
    picky: float
    effects: Floats
    caught: float
    fooled: float
    units: int

    remember = (
        "Check the split before you read any number. Where units are missing from one variant, those who are left are "
        "other people, and the difference is theirs, not the treatment’s. A broken split can’t be mended by a formula."
    )

    def to_frame(self) -> pd.DataFrame:
        """One row an experiment."""
        import pandas as pd

        return pd.DataFrame({"measured_lift": self.effects})

    def summary(self) -> str:
        """Bias, and how often the check finds it."""
        return (
            f"The true effect is zero. Losing {words.percent(self.lost, sign=False)} of the treatment moves the "
            f"measured lift to {words.percent(float(self.effects.mean()))} on average, and "
            f"{words.percent(self.fooled, sign=False)} of the experiments show an effect; the check of the split fails "
            f"in {words.percent(self.caught, sign=False)} of them."
        )


def broken_split(
    lost: float = 0.1, picky: float = 1.0, *, units: int = 5000, experiments: int = 200, seed: int = 0
) -> SplitLesson:
    """Simulate experiments without an effect whose treatment loses units, heavy viewers more than light ones.

    Args:
        lost: Share of the treatment's units lost, on average.
        picky: The loss grows with a viewer's minutes to this power; 0 loses everybody alike.
        units: Units a variant.
        experiments: Experiments.
        seed: Seed of the random numbers.

    Raises:
        ParameterError: The share is out of range.
    """
    from scipy import special

    if not 0 <= lost <= 0.5 or not 0 <= picky <= 3:
        raise ParameterError(f"A loss of {lost:g} with {picky:g} does not fit.", "Choose up to 0.5, and up to 3.")
    rng = np.random.default_rng(seed)
    effects, p_split, found = np.empty(experiments), np.empty(experiments), np.empty(experiments, dtype=bool)
    for i in range(experiments):
        control, treatment = rng.gamma(2, 60, units), rng.gamma(2, 60, units)
        weight = treatment**picky
        chance = np.minimum(1.0, lost * weight / weight.mean())
        kept = treatment[rng.random(units) >= chance]
        gap = kept.mean() - control.mean()
        error = np.sqrt(kept.var() / len(kept) + control.var() / units)
        effects[i], found[i] = gap / control.mean(), abs(gap) > Z95 * error
        total = units + len(kept)
        p_split[i] = special.chdtrc(1, (units - len(kept)) ** 2 / total)
    return SplitLesson(lost, picky, effects, float((p_split < 0.001).mean()), float(found.mean()), units)


@dataclass(frozen=True)
class SimpsonLesson(Result):
    """A ramp-up: on Friday few get the treatment, on Saturday many, and at the weekend everybody watches more.

    Attributes:
        friday_share: Share in the treatment on Friday.
        saturday_share: Share in the treatment on Saturday.
        truth: True lift on either day.
        friday: Measured lift on Friday.
        saturday: Measured lift on Saturday.
        pooled: Measured lift of both days thrown together.
        stratified: Measured lift of the days weighed by all their viewers.
    """

    friday_share: float
    saturday_share: float
    truth: float
    friday: float
    saturday: float
    pooled: float
    stratified: float

    remember = (
        "When the share in the treatment changes while the mix of viewers or days changes too, the pooled numbers mix "
        "the two. Keep the shares fixed, or compare within each day and put the days together afterwards."
    )

    def to_frame(self) -> pd.DataFrame:
        """One row a way of looking."""
        import pandas as pd

        rows = {
            "Friday": self.friday,
            "Saturday": self.saturday,
            "both thrown together": self.pooled,
            "both, day by day": self.stratified,
            "truth": self.truth,
        }
        return pd.DataFrame({"view": list(rows), "lift": list(rows.values())})

    def summary(self) -> str:
        """The four numbers."""
        reversed_ = (self.pooled > 0) != (self.truth > 0)
        return (
            f"The treatment truly changes viewing by {words.percent(self.truth)}. Friday shows "
            f"{words.percent(self.friday)}, Saturday {words.percent(self.saturday)}, but both thrown together "
            f"{words.percent(self.pooled)}{', the other way round' if reversed_ else ''}; weighed day by day "
            f"{words.percent(self.stratified)}."
        )


def simpson(
    friday_share: float = 0.05,
    saturday_share: float = 0.5,
    truth: float = -0.05,
    *,
    viewers: int = 200_000,
    seed: int = 0,
) -> SimpsonLesson:
    """Simulate a ramp-up over two days of different viewing (Kohavi and Longbotham 2017's ramp-up trap).

    Args:
        friday_share: Share in the treatment on Friday.
        saturday_share: Share in the treatment on Saturday.
        truth: True lift of the treatment on either day.
        viewers: Viewers a day.
        seed: Seed of the random numbers.

    Raises:
        ParameterError: A share is not between 0 and 1.
    """
    if not (0 < friday_share < 1 and 0 < saturday_share < 1):
        raise ParameterError(f"Shares of {friday_share:g} and {saturday_share:g}.", "Choose them between 0 and 1.")
    rng = np.random.default_rng(seed)
    lifts, means, counts = [], [], []
    for share, base in ((friday_share, 40.0), (saturday_share, 90.0)):
        treated = rng.random(viewers) < share
        minutes = rng.gamma(2, base / 2, viewers) * np.where(treated, 1 + truth, 1.0)
        means.append((float(minutes[~treated].mean()), float(minutes[treated].mean())))
        counts.append((int((~treated).sum()), int(treated.sum())))
        lifts.append(means[-1][1] / means[-1][0] - 1)
    whole = [sum(m[a] * n[a] for m, n in zip(means, counts, strict=True)) / sum(n[a] for n in counts) for a in (0, 1)]
    control, treatment = (sum(m[a] for m in means) / 2 for a in (0, 1))
    return SimpsonLesson(
        friday_share, saturday_share, truth, lifts[0], lifts[1], whole[1] / whole[0] - 1, treatment / control - 1
    )


@dataclass(frozen=True)
class CupedLesson(Result):
    """The same experiments read with and without what was known before.

    Attributes:
        correlation: Correlation of viewing before and during the experiment.
        truth: True effect.
        plain: Estimates without the adjustment.
        adjusted: Estimates with it.
        days_saved: Share of the days that the adjustment saves for the same precision.
    """

    correlation: float
    truth: float
    plain: Floats
    adjusted: Floats
    days_saved: float

    remember = (
        "What a viewer watched before the experiment explains much of what they watch during it, and the treatment "
        "can’t have changed it. Taking it out favours nobody and narrows the interval by the square root of 1 − ρ²: "
        "days saved for nothing."
    )

    def to_frame(self) -> pd.DataFrame:
        """One row an experiment."""
        import pandas as pd

        return pd.DataFrame({"plain": self.plain, "adjusted": self.adjusted})

    def summary(self) -> str:
        """Spread of both."""
        plain, adjusted = (words.number(float(x.std())) for x in (self.plain, self.adjusted))
        return (
            f"Around the true {words.signed(self.truth)} the plain estimates spread by {plain}, the adjusted by "
            f"{adjusted}: the same precision with {words.percent(self.days_saved, sign=False)} fewer viewers."
        )


def cuped(
    correlation: float = 0.7, truth: float = 2.0, *, units: int = 400, experiments: int = 1000, seed: int = 0
) -> CupedLesson:
    """Simulate experiments with a covariate and estimate each of them twice (Deng, Xu, Kohavi and Walker 2013).

    Args:
        correlation: Correlation of the covariate with the outcome.
        truth: True effect, in minutes.
        units: Units a variant.
        experiments: Experiments.
        seed: Seed of the random numbers.

    Raises:
        ParameterError: The correlation is not between 0 and 1.
    """
    if not 0 <= correlation < 1:
        raise ParameterError(f"The correlation is {correlation:g}.", "Choose one from 0 to below 1.")
    rng = np.random.default_rng(seed)
    before = rng.standard_normal((experiments, 2, units), dtype=np.float32)
    after = correlation * before + np.sqrt(1 - correlation**2) * rng.standard_normal(before.shape, dtype=np.float32)
    after = 60 + 20 * after
    after[:, 1] += truth
    centred = before - before.mean(axis=2, keepdims=True)
    theta = (centred * after).sum(axis=(1, 2)) / (centred**2).sum(axis=(1, 2))
    plain = after[:, 1].mean(axis=1) - after[:, 0].mean(axis=1)
    shift = theta * (before[:, 1].mean(axis=1) - before[:, 0].mean(axis=1))
    adjusted = (plain - shift).astype(float)
    plain = plain.astype(float)
    saved = max(0.0, 1 - float(adjusted.var() / plain.var()))
    return CupedLesson(correlation, truth, plain, adjusted, saved)


@dataclass(frozen=True)
class NoveltyLesson(Result):
    """A change that is tried because it is new.

    Attributes:
        lasting: True lift once the novelty is gone.
        truth: True lift on each day.
        measured: Measured lift on each day.
        so_far: Measured lift of all days until each day.
        half_width: Half the width of a day's 95 % interval.
    """

    lasting: float
    truth: tuple[float, ...]
    measured: tuple[float, ...]
    so_far: tuple[float, ...]
    half_width: float

    remember = (
        "People click on what is new because it is new. Look at the effect by day or week since they first saw it; if "
        "it falls, wait, and judge by the later weeks. The average over all days sells the first ones forever."
    )

    def to_frame(self) -> pd.DataFrame:
        """One row a day."""
        import pandas as pd

        days = np.arange(1, len(self.truth) + 1)
        return pd.DataFrame({"day": days, "truth": self.truth, "measured": self.measured, "so_far": self.so_far})

    def summary(self) -> str:
        """The first days, the average, and what lasts."""
        return (
            f"Day 1 has a true lift of {words.percent(self.truth[0])}, the last day {words.percent(self.truth[-1])}; "
            f"all {len(self.truth)} days together show {words.percent(self.so_far[-1])}, and "
            f"{words.percent(self.lasting)} is what lasts."
        )


def novelty(
    first: float = 0.15,
    lasting: float = 0.0,
    half_life: float = 4.0,
    *,
    days: int = 28,
    units: int = 20_000,
    seed: int = 0,
) -> NoveltyLesson:
    """Simulate an effect that wears off by halves.

    Args:
        first: Lift on the first day beyond what lasts.
        lasting: Lift that stays.
        half_life: Days until half of the novelty is gone.
        days: Length of the experiment.
        units: Viewers a variant.
        seed: Seed of the random numbers.

    Raises:
        ParameterError: A number is out of range.
    """
    if half_life <= 0 or days < 2 or units < 2:
        raise ParameterError(f"{days} days with a half-life of {half_life:g} do not fit.", "Give both above zero.")
    rng = np.random.default_rng(seed)
    truth = lasting + first * 0.5 ** (np.arange(days) / half_life)
    # A viewer's daily minutes spread by 1.2 times their mean.
    error = 1.2 * np.sqrt(2 / units)
    measured = truth + error * rng.standard_normal(days)
    so_far = measured.cumsum() / np.arange(1, days + 1)
    columns = (tuple(x.tolist()) for x in (truth, measured, so_far))
    first_, second, third = columns
    return NoveltyLesson(lasting, first_, second, third, float(Z95 * error))


@dataclass(frozen=True)
class ClickbaitLesson(Result):
    """Experiments with a change that brings plays and costs completion.

    Attributes:
        plays_lift: True lift of plays.
        completion_lift: True lift of completion.
        margin: Loss of completion that is tolerated.
        by_plays: Share of experiments rolled out by plays alone.
        guarded: Share rolled out when completion is a guardrail.
        estimates: Measured lifts of plays and of completion, shape (experiments, 2).
        rolled_out: Whether each was rolled out with the guardrail.
    """

    plays_lift: float
    completion_lift: float
    margin: float
    by_plays: float
    guarded: float
    estimates: Floats
    rolled_out: NDArray[np.bool_]

    remember = (
        "A metric that can be pushed by disappointing people will be. Name beforehand what must not suffer and how "
        "much loss is tolerated, and ask for proof that the margin is kept; no proof of harm is not enough."
    )

    def to_frame(self) -> pd.DataFrame:
        """One row an experiment."""
        import pandas as pd

        frame = pd.DataFrame(self.estimates, columns=["plays_lift", "completion_lift"])
        return frame.assign(rolled_out_with_guardrail=self.rolled_out)

    def summary(self) -> str:
        """Roll-outs with and without the guardrail."""
        return (
            f"Plays truly change by {words.percent(self.plays_lift)}, completion by "
            f"{words.percent(self.completion_lift)}. By plays alone {words.percent(self.by_plays, sign=False)} of the "
            f"experiments are rolled out; with a guardrail of {words.percent(self.margin, sign=False)} on completion "
            f"{words.percent(self.guarded, sign=False)}."
        )


def clickbait(
    strength: float = 0.3, margin: float = 0.05, *, units: int = 5000, experiments: int = 2000, seed: int = 0
) -> ClickbaitLesson:
    """Simulate a change that brings plays at the cost of completion, and decide with and without a guardrail.

    Args:
        strength: How much is promised that is not kept: plays rise and completion falls by a fifth of it.
        margin: Loss of completion that is tolerated.
        units: Viewers a variant.
        experiments: Experiments.
        seed: Seed of the random numbers.

    Raises:
        ParameterError: A number is out of range.
    """
    if not 0 <= strength <= 1 or not 0 < margin < 1:
        raise ParameterError(f"Strength {strength:g} and margin {margin:g} do not fit.", "Choose them from 0 to 1.")
    rng = np.random.default_rng(seed)
    truth = np.array([0.04 + strength * 0.2, -strength * 0.2])
    # Coefficients of variation of 1.3 and 0.8 a viewer, and viewers who play more complete less.
    errors = np.array([1.3, 0.8]) * np.sqrt(2 / units)
    noise = rng.multivariate_normal([0, 0], [[1, -0.3], [-0.3, 1]], experiments)
    estimates = truth + errors * noise
    wins = estimates[:, 0] > Z95 * errors[0]
    kept = estimates[:, 1] - Z95 * errors[1] > -margin
    return ClickbaitLesson(
        float(truth[0]),
        float(truth[1]),
        margin,
        float(wins.mean()),
        float((wins & kept).mean()),
        estimates,
        wins & kept,
    )
