"""Watching: how far a play gets, how often it is paused, and whether the next episode follows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.simulate.config import Behaviour
from analysis.simulate.keyed import Flags, Floats, Ints, logistic, tick

FINISHED = 0.9
"""Share of the running time from which a play counts as finished."""

DRAWS = 10
"""Uniform numbers that one play uses."""

_KIND, _BODY, _PAUSES, _SKIPS, _CHAIN, _RATES, DROPS, _STARS = range(8)


@dataclass(frozen=True)
class Plays:
    """Outcome of some plays.

    Attributes:
        reached: Share of the running time reached, counted from its beginning.
        minutes: Minutes watched in this play.
        finished: Whether the play got to the end.
        bailed: Whether it was left in the first minutes.
        pauses: Number of pauses.
        skips: Number of skips.
    """

    reached: Floats
    minutes: Floats
    finished: Flags
    bailed: Flags
    pauses: Ints
    skips: Ints


def play(
    luck: Floats, enjoyment: Ints, running: Floats, position: Floats, committed: Flags, series: Flags, rules: Behaviour
) -> Plays:
    """Watch from `position` (share of the running time); `luck` is draws × plays.

    A mixture: some plays end within minutes, some run to the end, the rest stop in between (Weibull shape). Enjoyment
    moves the weights; appeal does not enter. Who resumes or follows on to the next episode is more committed.
    """
    extra = tick(rules.resumed) * committed
    bails = logistic(tick(rules.bail) - np.rint(rules.bail_slope * enjoyment).astype(np.int64) - extra)
    completes = logistic(tick(rules.complete) + np.rint(rules.complete_slope * enjoyment).astype(np.int64) + extra)
    bailed = luck[_KIND] < bails
    finished = ~bailed & (luck[_KIND] < bails + (1 - bails) * completes)
    where = luck[_BODY]
    # Minutes until someone gives up: exponential with a mean of four, at least half a minute.
    early = np.minimum(0.5 - 4.0 * np.log1p(-where), 0.5 * running * (1 - position) + 0.5)
    body = (1 - position) * (0.08 + 0.80 * np.minimum(1.0, 0.55 * (-np.log1p(-where)) ** 0.8))
    end = np.maximum(position, 0.93 + 0.07 * where)
    reached = np.where(finished, end, np.minimum(np.where(bailed, position + early / running, position + body), 0.89))
    reached = np.round(np.minimum(np.maximum(reached, position), 1.0), 3)
    minutes = np.round(np.maximum((reached - position) * running, 0.1), 1)
    pauses = _counts(luck[_PAUSES], minutes / 45.0)
    skips = _counts(luck[_SKIPS], np.where(series, 0.5, 0.1) + minutes / 150.0)
    return Plays(reached, minutes, finished, bailed, pauses, skips)


def _counts(luck: Floats, mean: Floats) -> Ints:
    """Geometric counts with the given means (overdispersed, unlike Poisson)."""
    ratio = np.maximum(mean / (1 + mean), 1e-9)
    return np.minimum(np.floor(np.log1p(-luck) / np.log(ratio)), 12).astype(np.int64)


def next_episode(luck: Floats, enjoyment: Ints, push: Ints, minutes_left: Floats, rules: Behaviour) -> Flags:
    """Whether the next episode follows: enjoyment and autoplay pull, the end of the evening holds back."""
    tired = np.where(minutes_left > 0, 0, -tick(1.6))
    log_odds = tick(rules.chain) + enjoyment // 2 + push + tired
    follows: Flags = luck[_CHAIN] < logistic(log_odds)
    return follows


def rate(luck: Floats, enjoyment: Ints, finished: Flags, rules: Behaviour) -> tuple[Flags, Ints]:
    """Who rates, and the stars each would give (1–5): the extremes rate more, so ratings are missing not at random."""
    wobble = luck[_STARS] + luck[_STARS + 1] + luck[_STARS + 2] - 1.5
    stars = np.clip(np.rint(2.7 + 0.58 * enjoyment / 64 + 1.3 * wobble), 1, 5).astype(np.int64)
    odds = rules.rating / (1 - rules.rating)
    base = tick(math.log(odds)) + np.rint(64 * rules.rating_extreme * (np.abs(stars - 3) - 0.8)).astype(np.int64)
    rates = luck[_RATES] < logistic(base + tick(0.5) * finished)
    return rates, stars
