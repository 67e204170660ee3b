"""Randomness that is looked up, not drawn: every number is a hash of (seed, stream, viewer, day, session, slot).

So neither chunk size nor thread count changes anything, and two policies run in one world share their luck. The hash is
splitmix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"), folded once for each key.
"""

from __future__ import annotations

import hashlib
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ONE, _MASK = np.uint64(1), 2**64 - 1
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)

TICK = 64
"""Log-odds are kept as whole 64ths, so that sums are exact and the last bits of a matrix product can't matter."""

_REACH = 12 * TICK


def _finalise(z: Keys) -> Keys:
    """The mixing function of splitmix64, in place."""
    shifted = z >> _S30
    z ^= shifted
    z *= _FIRST
    np.right_shift(z, _S27, out=shifted)
    z ^= shifted
    z *= _SECOND
    np.right_shift(z, _S31, out=shifted)
    z ^= shifted
    return z


class Stream:
    """An endless field of random numbers, named, at any coordinates.

    >>> luck = Stream(7, "example")
    >>> bool(luck.uniform(3, 5)[0] == Stream(7, "example").uniform(np.arange(4), 5)[3])
    True
    """

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
        self._base = np.uint64(int.from_bytes(digest[:8], "little"))

    def keys(self, *parts: int | Ints) -> Keys:
        """One 64-bit key for each combination of the (broadcast) integer coordinates."""
        z = np.array([self._base], dtype=np.uint64)
        for part in parts:
            z = step(z, part)
        return z

    def uniform(self, *parts: int | Ints) -> Floats:
        """Uniform numbers in [0, 1) at the coordinates."""
        return as_uniform(self.keys(*parts))

    def normal(self, *parts: int | Ints) -> Floats:
        """Standard normal numbers at the coordinates."""
        return as_normal(self.keys(*parts))


def step(keys: Keys, part: int | Ints) -> Keys:
    """Fold one more integer coordinate into keys (broadcast)."""
    # Array products wrap around silently, as they must here; products of scalars would warn.
    if isinstance(part, int):
        moved = np.array((part + 1) * int(_GOLDEN) & _MASK, dtype=np.uint64)
    else:
        moved = (part.astype(np.uint64) + _ONE) * _GOLDEN
    return _finalise(np.atleast_1d(keys) + moved)


def as_uniform(keys: Keys) -> Floats:
    """Keys as numbers in [0, 1), exact to 53 bits."""
    uniform: Floats = (keys >> _S11) * 2.0**-53
    return uniform


def as_normal(keys: Keys) -> Floats:
    """Keys as standard normal numbers, by a table of 8,192 quantiles (so no machine's `log` is asked)."""
    normal: Floats = _quantiles()[(keys >> np.uint64(51)).astype(np.intp)]
    return normal


@cache
def _quantiles() -> Floats:
    inverse = NormalDist().inv_cdf
    return np.round([inverse((i + 0.5) / 8192) for i in range(8192)], 6)


@cache
def tick(log_odds: float) -> int:
    """One log-odds as whole 64ths."""
    return round(log_odds * TICK)


def ticks(log_odds: Any) -> npt.NDArray[np.int32]:
    """Log-odds as whole 64ths."""
    rounded: npt.NDArray[np.int32] = np.rint(np.asarray(log_odds) * TICK).astype(np.int32)
    return rounded


@cache
def _logistic() -> Floats:
    grid = np.arange(-_REACH, _REACH + 1) / TICK
    return np.round(1.0 / (1.0 + np.exp(-grid)), 9)


def logistic(log_odds_ticks: Ints) -> Floats:
    """Probability of log-odds given in ticks, from a table rounded to 1e-9."""
    index = np.minimum(np.maximum(log_odds_ticks, -_REACH), _REACH) + _REACH
    probability: Floats = _logistic()[index]
    return probability


def pick(cumulative: Floats, group: Ints, uniform: Floats) -> npt.NDArray[np.int64]:
    """Draw one category each from row `group` of a table of cumulative shares (rows end in 1)."""
    categories = cumulative.shape[1]
    flat = (cumulative + np.arange(len(cumulative))[:, None]).ravel()
    drawn: npt.NDArray[np.int64] = np.searchsorted(flat, group + uniform, side="right") - group * categories
    return np.clip(drawn, 0, categories - 1)


def cumulate(shares: Floats) -> Floats:
    """Rows of non-negative weights as cumulative shares rounded to 1e-9, ending in 1."""
    total = np.cumsum(shares, axis=-1)
    rounded: Floats = np.round(total / total[..., -1:], 9)
    return rounded
