"""The world: everything that stands before anyone watches, made from a configuration and a seed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.simulate import calendars, clock
from analysis.simulate.catalogue import Catalogue, make_catalogue
from analysis.simulate.config import SimulationConfig
from analysis.simulate.keyed import Floats, Ints, ticks
from analysis.simulate.viewers import Viewers, device_shares, make_viewers, start_hours


@dataclass(frozen=True)
class World:
    """A simulated service before its first day."""

    config: SimulationConfig
    seed: int
    catalogue: Catalogue
    viewers: Viewers

    @cached_property
    def by_hour(self) -> Ints:
        """Log-odds that hour and weekday add to titles, (weekday × hour) × titles, ticks."""
        table = clock.hour_weekday_genre(self.config.rhythm).reshape(-1, len(clock.GENRES))
        return ticks(np.round(table @ self.catalogue.genre_weights.T, 6)).astype(np.int16)

    @cached_property
    def start_hours(self) -> Floats:
        """Cumulative shares of starting hours, (personal clock × weekday) × hours."""
        return start_hours(self.config.rhythm)

    @cached_property
    def device_shares(self) -> Floats:
        """Cumulative shares of devices, (habit × hour) × devices."""
        return device_shares(self.config.rhythm)

    def by_day(self, date: dt.date) -> Ints:
        """Log-odds that appeal, freshness and season add to titles on a day, places × titles, ticks."""
        catalogue, rules, rhythm = self.catalogue, self.config.behaviour, self.config.rhythm
        season = np.stack(
            [
                clock.season_genre(rhythm, date, place.country, calendars.school_holiday(place.region, date))
                for place in calendars.PLACES
            ]
        )
        christmas = catalogue.is_christmas * clock.christmas(rhythm, date)
        moved = np.round(season @ catalogue.genre_weights.T, 6) + christmas
        return catalogue.appeal + self.freshness(date) + ticks(moved + rules.click)

    def freshness(self, date: dt.date) -> Ints:
        """Log-odds that a recent release adds, ticks."""
        rules = self.config.behaviour
        age = np.maximum(self.config.day(date) - self.catalogue.released, 0)
        return ticks(rules.freshness * np.exp(-age / rules.freshness_days))


def make_world(config: SimulationConfig, seed: int, *, service: int | None = None) -> World:
    """The world of a configuration and a seed.

    Args:
        config: Size, period and behaviour.
        seed: Seed of the viewers and of all that happens to them.
        service: Seed of the catalogue and of what age does to taste; `seed` by default. So other viewers of the same
            service come from another `seed` and the same `service`.
    """
    service = seed if service is None else service
    return World(config, seed, make_catalogue(config, service), make_viewers(config, seed, service=service))
