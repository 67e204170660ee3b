"""Mixtures of multinomials: groups of units whose counts fall on the same cells in like proportions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STARTS = 4
_SWEEPS = 200
_TOLERANCE = 1e-6
_HALF = 0.5
"""Counts added to each cell of a group, so that a cell nobody was in is not impossible."""


@dataclass(frozen=True)
class Mixture:
    """A mixture of K groups over C cells.

    Attributes:
        log_weight: Log share of each group, shape (K,).
        log_profile: Log share of each cell in each group, shape (K, C).
        likelihood: Log-likelihood of the counts it was fitted to, but for what no profile changes.
    """

    log_weight: Array
    log_profile: Array
    likelihood: float

    def most_likely(self, counts: Array) -> Ints:
        """The group that each unit most likely belongs to; `counts` have shape (N, C)."""
        found: Ints = _joint(self.log_weight, self.log_profile, counts).argmax(axis=1).astype(np.int64)
        return found

    def foretold(self, seen: Array, later: Array) -> Array:
        """Log-likelihood of each unit's later counts, given those seen, shape (N,)."""
        before = _joint(self.log_weight, self.log_profile, seen)
        return np.asarray(_total(before + later @ self.log_profile.T) - _total(before), dtype=np.float64)


def fit(counts: Array, groups: int, *, seed: int) -> Mixture:
    """Fit a mixture by expectation and maximisation, from several starts, of which the likeliest is kept.

    Args:
        counts: Counts of N units in C cells, shape (N, C).
        groups: Number of groups K.
        seed: Of the starts: units drawn as the first profiles, each far from those before.

    Source: Dempster, Laird and Rubin (1977); starts as in Arthur and Vassilvitskii (2007).
    """
    rng = np.random.default_rng(seed)
    fits = [_climbed(counts, _start(counts, groups, rng)) for _ in range(_STARTS if groups > 1 else 1)]
    return max(fits, key=lambda found: found.likelihood)


def _start(counts: Array, groups: int, rng: np.random.Generator) -> Array:
    """Profiles of units that lie far apart, pulled towards the mean."""
    mean = counts.sum(axis=0) + _HALF
    mean = mean / mean.sum()
    weight = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = (counts + 10 * mean) / (weight + 10)
    chosen = [int(rng.integers(len(counts)))]
    while len(chosen) < groups:
        away = np.min([((shares - shares[c]) ** 2).sum(axis=1) for c in chosen], axis=0)
        chance = away / away.sum() if away.sum() > 0 else np.full(len(away), 1 / len(away))
        chosen.append(int(rng.choice(len(counts), p=chance)))
    return np.asarray(np.log(shares[chosen]), dtype=np.float64)


def _climbed(counts: Array, log_profile: Array) -> Mixture:
    groups = len(log_profile)
    log_weight, last = np.full(groups, -np.log(groups)), -np.inf
    for _ in range(_SWEEPS):
        joint = _joint(log_weight, log_profile, counts)
        whole = _total(joint)
        likelihood = float(whole.sum())
        if likelihood - last < _TOLERANCE * abs(likelihood):
            break
        last = likelihood
        belongs = np.exp(joint - whole[:, None])
        sums = belongs.T @ counts + _HALF
        log_profile = np.log(sums / sums.sum(axis=1, keepdims=True))
        members = belongs.sum(axis=0) + _HALF
        log_weight = np.log(members / members.sum())
    return Mixture(log_weight, log_profile, likelihood)


def _joint(log_weight: Array, log_profile: Array, counts: Array) -> Array:
    return np.asarray(log_weight + counts @ log_profile.T, dtype=np.float64)


def _total(joint: Array) -> Array:
    """Log of the sum over groups."""
    top = joint.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(joint - top).sum(axis=1)), dtype=np.float64)
