"""Stopping early because there is nothing to be found: futility bounds that need not be obeyed.

Below such a bound at a planned look the wanted effect is unlikely to be found at the end. The efficacy boundaries are
those of a design without futility, so that the level holds whether one stops or goes on (non-binding bounds); the price
is some power, paid for by a few more units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.errors import ParameterError
from analysis.experiments import words
from analysis.experiments.group_sequential import Boundaries, Design, Path, boundaries
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Futility(Result):
    """A group sequential design with futility bounds.

    Attributes:
        boundaries: When to stop with an effect.
        futile_z: z-score below which one may stop without one, at each look; the last is the boundary itself.
        missed: Chance to have given up by each look although the effect that was planned for is there.
        given_up: Chance to have stopped for futility by each look when there is no effect, where the bounds are obeyed.
        power: Chance to find the effect that was planned for, the bounds obeyed.
        inflation: Factor on the units that a single look would need.
    """

    boundaries: Boundaries
    futile_z: tuple[float, ...]
    missed: tuple[float, ...]
    given_up: tuple[float, ...]
    power: float
    inflation: float

    def to_frame(self) -> pd.DataFrame:
        """One row a look."""
        return self.boundaries.to_frame().assign(
            futile_z=self.futile_z, missed=self.missed, given_up_without_effect=self.given_up
        )

    def summary(self) -> str:
        """The first bound, what it saves and what it costs."""
        if len(self.futile_z) == 1:
            return "With a single look there is nothing to give up early."
        early = self.given_up[-2]
        return (
            f"At the first look one may give up below z = {words.signed(self.futile_z[0])}. Without an effect "
            f"{words.percent(early, sign=False)} of experiments end early; the whole takes "
            f"{words.percent(self.inflation - 1, sign=False)} more units than a single look. Going on all the same "
            "breaks nothing."
        )


def futility(
    information: Sequence[float],
    design: Design,
    *,
    alpha: float = 0.025,
    power: float = 0.8,
    gamma: float = -4.0,
    beta_gamma: float = -2.0,
) -> Futility:
    """Non-binding futility bounds by spending the chance to miss the effect.

    The chance to miss is spent by Hwang, Shih and De Cani's function (1990), and the effect planned for is the one at
    which the last futility bound meets the last boundary (Pampallona, Tsiatis and Kim 2001; the asymmetric two-sided
    design with non-binding bounds of Jennison and Turnbull 2000).

    Args:
        information: Share of the planned units at each look, rising to 1.
        design: How the level is spent.
        alpha: One-sided level.
        power: Chance to find the effect that was planned for.
        gamma: Parameter of Hwang, Shih and De Cani's spending of the level, where that is the design.
        beta_gamma: The same of the chance to miss; more negative gives up later.

    Raises:
        ParameterError: The looks do not rise to 1, or another number is out of range.
    """
    from scipy import optimize, special

    if not alpha < power < 1:
        raise ParameterError(f"The power is {power:g}.", "Choose one above the level and below 1, say 0.8.")
    found = boundaries(information, design, alpha=alpha, gamma=gamma)
    wanted = [(1 - power) * _spent(t, beta_gamma) for t in found.information]
    single = float(special.ndtri(1 - alpha) + special.ndtri(power))

    def gap(drift: float) -> float:
        return _bounds(found, wanted, drift)[-1] - found.critical_z[-1]

    drift = float(optimize.brentq(gap, 0.9 * single, 1.8 * single, xtol=1e-10))
    futile = (*_bounds(found, wanted, drift)[:-1], found.critical_z[-1])
    null, given_up, gone = Path(), [], 0.0
    for t, upper, lower in zip(found.information, found.critical_z, futile, strict=True):
        gone += null.below(t, lower)
        given_up.append(gone)
        null.step(t, upper, lower)
    return Futility(found, futile, tuple(wanted), tuple(given_up), power, (drift / single) ** 2)


def _spent(t: float, gamma: float) -> float:
    return t if gamma == 0 else math.expm1(-gamma * t) / math.expm1(-gamma)


def _bounds(design: Boundaries, wanted: Sequence[float], drift: float) -> tuple[float, ...]:
    """Futility bounds under a drift: each look gives up as many as its part of the chance to miss."""
    from scipy import optimize

    path, before, found = Path(drift), 0.0, []
    for t, upper, spent in zip(design.information, design.critical_z, wanted, strict=True):
        part, before = spent - before, spent

        def over(z: float, t: float = t, part: float = part) -> float:
            return path.below(t, z) - part

        top = upper + 10
        # Where nearly all have stopped, fewer are left than may still be missed: the bound is out of reach.
        lower = float(optimize.brentq(over, -30.0, top, xtol=1e-10)) if over(top) > 0 else top
        found.append(lower)
        path.step(t, upper, min(lower, upper - 1e-9))
    return tuple(found)
