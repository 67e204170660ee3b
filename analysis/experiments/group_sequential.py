"""A few planned looks: boundaries that spend the level over them (group sequential designs).

Boundaries are for one side. Used on both sides, they hold twice the level at most, as a two-sided test does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ParameterError
from analysis.experiments import words
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

Design = Literal["O’Brien–Fleming", "Pocock", "Lan–DeMets O’Brien–Fleming", "Lan–DeMets Pocock", "Hwang–Shih–DeCani"]
"""The first two need looks planned in advance; the others spend the level as information comes, at uneven looks too."""

_LOWEST = -9.0
"""A z-score below which no path of a true null goes."""

_NODES = 300
"""Points of the quadrature; boundaries are then right to about eight digits."""


@dataclass(frozen=True)
class Boundaries(Result):
    """When to stop.

    Attributes:
        design: Name of the design.
        information: Share of the planned units at each look, ending with 1.
        critical_z: z-score at or above which one stops, at each look.
        spent: Level spent up to and with each look.
        alpha: Level of the whole design, one-sided.
    """

    design: Design
    information: tuple[float, ...]
    critical_z: tuple[float, ...]
    spent: tuple[float, ...]
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row a look."""
        import pandas as pd
        from scipy import special

        frame = pd.DataFrame({"information": self.information, "critical_z": self.critical_z, "spent": self.spent})
        return frame.assign(nominal_p=special.ndtr(-frame["critical_z"]))

    def summary(self) -> str:
        """First and last boundary."""
        return (
            f"{self.design} with {words.plural(len(self.information), 'look')} at the one-sided level {self.alpha:g}: "
            f"stop at the first above z = {self.critical_z[0]:.2f}, at the last above {self.critical_z[-1]:.2f}."
        )


def boundaries(
    information: Sequence[float], design: Design, *, alpha: float = 0.025, gamma: float = -4.0
) -> Boundaries:
    """Critical z-scores of a group sequential design.

    Crossing probabilities come from the recursive integration of Armitage, McPherson and Rowe (1969); designs after
    O'Brien and Fleming (1979), Pocock (1977), Lan and DeMets (1983), and Hwang, Shih and De Cani (1990).

    Args:
        information: Share of the planned units at each look, rising to 1.
        design: Which one.
        alpha: One-sided level.
        gamma: Parameter of Hwang, Shih and De Cani's spending; more negative spends later.

    Raises:
        ParameterError: The looks do not rise to 1, or another number is out of range.
    """
    t = np.asarray(information, dtype=float)
    if t.size == 0 or t[0] <= 0 or np.any(np.diff(t) <= 0) or abs(t[-1] - 1) > 1e-9:
        raise ParameterError(f"The looks are at {list(information)}.", "Give shares above 0 that rise and end with 1.")
    if not 0 < alpha < 0.5:
        raise ParameterError(f"The one-sided level is {alpha:g}.", "Choose one between 0 and 0.5, say 0.025.")
    if design in ("O’Brien–Fleming", "Pocock"):
        shape = 1 / np.sqrt(t) if design == "O’Brien–Fleming" else np.ones_like(t)
        critical = _scaled(t, shape, alpha)
    else:
        critical = _spending(t, _spending_function(design, alpha, gamma))
    spent = np.cumsum(crossing(t, critical))
    return Boundaries(design, tuple(map(float, t)), tuple(map(float, critical)), tuple(map(float, spent)), alpha)


def crossing(
    information: Sequence[float] | NDArray[np.float64],
    critical: Sequence[float] | NDArray[np.float64],
    drift: float = 0.0,
) -> NDArray[np.float64]:
    """Probability of stopping at each look, where the z-score at the end has mean `drift`."""
    path = Path(drift)
    return np.array([path.step(t, c) for t, c in zip(information, critical, strict=True)])


@cache
def _quadrature() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss and Legendre's nodes and weights on −1 to 1; an eigenvalue problem, so it is solved once."""
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    return points, weights


class Path:
    """The density of the z-score at the last look of those who have not stopped, on quadrature nodes."""

    def __init__(self, drift: float = 0.0) -> None:
        """A path at the start; `drift` is the mean of the z-score at the end."""
        self.drift = drift
        self.t = 0.0
        self.nodes: NDArray[np.float64] = np.zeros(1)
        self.mass: NDArray[np.float64] = np.ones(1)

    def exceed(self, t: float, critical: float) -> float:
        """Probability of being at or above the boundary at `t`, having gone on until then."""
        from scipy import special

        mean, spread = self._move(t)
        return float(self.mass @ special.ndtr((mean - critical) / spread))

    def below(self, t: float, critical: float) -> float:
        """Probability of being below a bound at `t`, having gone on until then."""
        from scipy import special

        mean, spread = self._move(t)
        return float(self.mass @ special.ndtr((critical - mean) / spread))

    def step(self, t: float, critical: float, futile: float = -math.inf) -> float:
        """The same as `exceed`, and go on with those below the boundary and not below a futility bound."""
        crossed = self.exceed(t, critical)
        mean, spread = self._move(t)
        low = max(futile, min(_LOWEST, critical - 1) + min(0.0, self.drift * math.sqrt(t)))
        points, weights = _quadrature()
        nodes = (critical - low) / 2 * points + (critical + low) / 2
        density = np.exp(-0.5 * ((nodes[:, None] - mean) / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
        self.mass = (density @ self.mass) * weights * (critical - low) / 2
        self.nodes, self.t = nodes, t
        return crossed

    def _move(self, t: float) -> tuple[NDArray[np.float64], float]:
        """Mean at `t` given the last z-scores, and the spread: increments of a Brownian motion with drift."""
        share = self.t / t
        mean = math.sqrt(share) * self.nodes + self.drift * (t - self.t) / math.sqrt(t)
        return mean, math.sqrt(1 - share)


def _scaled(t: NDArray[np.float64], shape: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Boundaries of a fixed shape, scaled so that all looks together spend the level."""
    from scipy import optimize

    constant = optimize.brentq(lambda c: crossing(t, c * shape).sum() - alpha, 0.1, 12.0, xtol=1e-10)
    return np.asarray(constant * shape)


def _spending(t: NDArray[np.float64], spend: Callable[[float], float]) -> NDArray[np.float64]:
    from scipy import optimize

    path, before, found = Path(), 0.0, []
    for share in t:
        wanted = spend(float(share)) - before
        before += wanted

        def gap(c: float, share: float = float(share), wanted: float = wanted) -> float:
            return path.exceed(share, c) - wanted

        critical = float(optimize.brentq(gap, -3.0, 37.0, xtol=1e-10))
        found.append(critical)
        path.step(float(share), critical)
    return np.array(found)


def _spending_function(design: Design, alpha: float, gamma: float) -> Callable[[float], float]:
    from scipy import special

    if design == "Lan–DeMets O’Brien–Fleming":
        z = float(special.ndtri(1 - alpha / 2))
        return lambda t: 2 * float(special.ndtr(-z / math.sqrt(t)))
    if design == "Lan–DeMets Pocock":
        return lambda t: alpha * math.log1p((math.e - 1) * t)
    if design != "Hwang–Shih–DeCani":
        raise ParameterError(f"The design is {design!r}.", "Choose one that is listed.")
    if gamma == 0:
        return lambda t: alpha * t
    return lambda t: alpha * math.expm1(-gamma * t) / math.expm1(-gamma)
