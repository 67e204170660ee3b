"""Lessons in chance: what looking often, small samples and many metrics do to an honest test.

Each lesson simulates experiments whose truth is known, in one vectorised pass, and says what to remember. The
statistics move in units of one experiment's standard error, so that a lesson holds for any metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ParameterError
from analysis.experiments import words
from analysis.experiments.sequential import always_valid_p_values
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

Z95 = 1.959963984540054
"""Two-sided critical z-score at the 5 % level."""


@dataclass(frozen=True)
class PeekingLesson(Result):
    """Experiments without any effect, looked at again and again.

    Attributes:
        looks: Number of looks, evenly spread.
        experiments: Experiments simulated.
        stopped: Share that had shown an effect at some look until each look, by a test meant for one look.
        stopped_any_time: The same by a confidence sequence.
        paths: z-scores of a few of them at each look, shape (shown, looks).
    """

    looks: int
    experiments: int
    stopped: tuple[float, ...]
    stopped_any_time: tuple[float, ...]
    paths: Floats

    remember = (
        "A p-value below .05 promises one false alarm in twenty for one look at a moment fixed beforehand. Looking "
        "until it pleases breaks the promise. Fix the moment, plan the looks, or use an interval that holds at every "
        "look and pay for it with width."
    )

    def to_frame(self) -> pd.DataFrame:
        """One row a look."""
        import pandas as pd

        return pd.DataFrame(
            {
                "look": np.arange(1, self.looks + 1),
                "false_alarms_one_look_test": self.stopped,
                "false_alarms_any_time": self.stopped_any_time,
            }
        )

    def summary(self) -> str:
        """False alarms of both."""
        return (
            f"With {words.plural(self.looks, 'look')} {words.percent(self.stopped[-1], sign=False)} of "
            f"{self.experiments:,} experiments without any effect are called a success or a failure at some look, "
            f"where 5 % were promised; an interval that holds at every look is wrong in "
            f"{words.percent(self.stopped_any_time[-1], sign=False)}."
        )


def peeking(looks: int = 20, *, experiments: int = 5000, units_per_look: int = 500, seed: int = 0) -> PeekingLesson:
    """Simulate A/A tests and look at each of them `looks` times (Armitage, McPherson and Rowe 1969).

    Args:
        looks: Evenly spread looks.
        experiments: Experiments without any effect.
        units_per_look: Units that come in both variants together between two looks.
        seed: Seed of the random numbers.

    Raises:
        ParameterError: A number is out of range.
    """
    _check("looks", looks, 1, 1000)
    _check("experiments", experiments, 1, 100_000)
    steps = np.random.default_rng(seed).standard_normal((experiments, looks))
    z = steps.cumsum(axis=1) / np.sqrt(np.arange(1, looks + 1))
    units = units_per_look * np.arange(1.0, looks + 1)
    any_time = always_valid_p_values(z, units, best_after=max(1, units_per_look * looks // 2)) < 0.05
    return PeekingLesson(
        looks,
        experiments,
        tuple(np.logical_or.accumulate(np.abs(z) > Z95, axis=1).mean(axis=0).tolist()),
        tuple(np.logical_or.accumulate(any_time, axis=1).mean(axis=0).tolist()),
        z[:30],
    )


@dataclass(frozen=True)
class CurseLesson(Result):
    """What is found where an effect is too small for the test.

    Attributes:
        truth: True effect, in standard errors of the estimate.
        power: Share of experiments that find it.
        exaggeration: Mean size of what is found, as a multiple of the truth.
        wrong_sign: Share of the found effects that point the wrong way.
        estimates: Estimates of all experiments, in multiples of the truth.
        found: Whether each was found.
    """

    truth: float
    power: float
    exaggeration: float
    wrong_sign: float
    estimates: Floats
    found: NDArray[np.bool_]

    remember = (
        "An experiment that is too small finds little, and what it finds is too large: only lucky draws pass. Plan the "
        "size before you start, and expect a found effect to shrink when it is rolled out."
    )

    def to_frame(self) -> pd.DataFrame:
        """One row an experiment."""
        import pandas as pd

        return pd.DataFrame({"estimate_in_truths": self.estimates, "found": self.found})

    def summary(self) -> str:
        """Power, exaggeration and wrong signs."""
        return (
            f"{words.percent(self.power, sign=False)} of the experiments find the effect. Those that do put it at "
            f"{words.number(self.exaggeration)} times its true size on average, and "
            f"{words.percent(self.wrong_sign, sign=False)} of them have the wrong sign."
        )


def winners_curse(power: float = 0.2, *, experiments: int = 20_000, seed: int = 0) -> CurseLesson:
    """Simulate experiments of a given power and keep those that are found (Gelman and Carlin 2014).

    Args:
        power: Chance that one of them finds the effect at the 5 % level.
        experiments: Experiments.
        seed: Seed of the random numbers.

    Raises:
        ParameterError: The power is not above the level.
    """
    from scipy import optimize, special

    if not 0.055 <= power <= 0.99:
        raise ParameterError(f"The power is {power:g}.", "Choose one from 0.055 to 0.99; 0.05 is no effect at all.")

    def gap(shift: float) -> float:
        return float(special.ndtr(shift - Z95) + special.ndtr(-shift - Z95)) - power

    truth = float(optimize.brentq(gap, 0.0, 6.0))
    estimates = truth + np.random.default_rng(seed).standard_normal(experiments)
    found = np.abs(estimates) > Z95
    sizes = np.abs(estimates[found])
    return CurseLesson(
        truth,
        float(found.mean()),
        float(sizes.mean() / truth) if sizes.size else float("nan"),
        float((estimates[found] < 0).mean()) if sizes.size else float("nan"),
        estimates / truth,
        found,
    )


@dataclass(frozen=True)
class ManyLesson(Result):
    """Experiments without any effect, judged by many metrics.

    Attributes:
        metrics: Number of metrics.
        correlation: Correlation of any two of them.
        any_alarm: Share of experiments with a false alarm in some metric, by way of correcting.
        by_count: The uncorrected share for one metric, two, and so on.
    """

    metrics: int
    correlation: float
    any_alarm: dict[str, float]
    by_count: tuple[float, ...]

    remember = (
        "Twenty metrics give twenty chances to be fooled. Name the one that decides before you look; correct the "
        "others for their number, or read them as hints for the next experiment."
    )

    def to_frame(self) -> pd.DataFrame:
        """One row a way of correcting."""
        import pandas as pd

        return pd.DataFrame({"correction": list(self.any_alarm), "any_false_alarm": list(self.any_alarm.values())})

    def summary(self) -> str:
        """False alarms with and without a correction."""
        return (
            f"With {words.plural(self.metrics, 'metric')} {words.percent(self.any_alarm['none'], sign=False)} of the "
            "experiments without any effect show one in some metric; after Holm’s correction "
            f"{words.percent(self.any_alarm['Holm'], sign=False)}."
        )


def many_metrics(metrics: int = 20, correlation: float = 0.3, *, experiments: int = 5000, seed: int = 0) -> ManyLesson:
    """Simulate experiments without any effect and count those with a false alarm in some metric.

    Args:
        metrics: Number of metrics.
        correlation: Correlation of any two of them.
        experiments: Experiments.
        seed: Seed of the random numbers.

    Raises:
        ParameterError: A number is out of range.
    """
    from scipy import special

    _check("metrics", metrics, 1, 200)
    if not 0 <= correlation <= 1:
        raise ParameterError(f"The correlation is {correlation:g}.", "Choose one from 0 to 1.")
    rng = np.random.default_rng(seed)
    shared, own = rng.standard_normal((experiments, 1)), rng.standard_normal((experiments, metrics))
    z = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    p = 2 * special.ndtr(-np.abs(z))
    smallest = p.min(axis=1)
    ranked = np.sort(p, axis=1) * metrics / np.arange(1, metrics + 1)
    alarms = {
        "none": float((smallest < 0.05).mean()),
        # The smallest p-value of Bonferroni and of Holm is the same, so that they agree on "any alarm at all".
        "Bonferroni": float((smallest * metrics < 0.05).mean()),
        "Holm": float((smallest * metrics < 0.05).mean()),
        "Benjamini–Hochberg": float((ranked.min(axis=1) < 0.05).mean()),
    }
    each = np.minimum.accumulate(p, axis=1) < 0.05
    return ManyLesson(metrics, correlation, alarms, tuple(each.mean(axis=0).tolist()))


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ParameterError(f"{name} is {value:g}.", f"Choose from {low:g} to {high:g}.")
