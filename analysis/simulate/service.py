"""The running service: day after day, who comes, what they see, watch, search and rate, who leaves and returns.

Viewers don't influence each other within a run: what is popular is a property of the world, not of the log.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.simulate import clock
from analysis.simulate.config import ROWS
from analysis.simulate.experiments import Treatment, treatment
from analysis.simulate.keyed import Flags, Floats, Ints, Stream, as_uniform, pick, step
from analysis.simulate.log import Log
from analysis.simulate.page import Policy, logging_policy
from analysis.simulate.pools import Known, affinity, make_pools
from analysis.simulate.sessions import DEVICE, Sessions, draws, run_sessions
from analysis.simulate.viewers import PLANS
from analysis.simulate.world import World

MOST_SESSIONS = 3
"""Sessions a viewer may have on one day."""

RENEWAL_DAYS = 30

MIDDLING = 0.4
"""Satisfaction with which a viewer begins, and at which the churn parameter holds."""


@dataclass
class State:
    """What has become of each viewer so far; one row a viewer of this service.

    Attributes:
        subscribed: Whether they pay.
        since: Day of the last joining or return.
        left: Day of the last leaving, or -1.
        satisfaction: Moving average of how well sessions went, 0–1.
        busy_until: Wall-clock second until which the last session ran.
        progress: Episodes finished, viewers × titles.
        started: Latest episode begun, viewers × titles.
        rated: Whether the title was rated, viewers × titles.
        unfinished: Title to resume, or -1.
        position: Share of its running time at which it was left.
    """

    subscribed: Flags
    since: Ints
    left: Ints
    satisfaction: Floats
    busy_until: Ints
    progress: npt.NDArray[np.uint8]
    started: npt.NDArray[np.uint8]
    rated: Flags
    unfinished: Ints
    position: Floats


class Service:
    """Some viewers of a world, moved on day by day.

    Args:
        world: The world.
        viewers: Numbers of the viewers simulated; all of the world's by default.
        policy: What fills the home page; the logging policy by default.
        forced: Arm (0 control, 1 treatment) into which an experiment puts every viewer, or each of these viewers.
        seed: Seed of what happens in this world; the world's own by default.
        impressions_from: First day whose impressions are logged.
        log_values: Whether to log the expected clicks of these visits too, for the truth.
    """

    def __init__(
        self,
        world: World,
        viewers: Ints | None = None,
        *,
        policy: Policy = logging_policy,
        forced: Mapping[str, float | Floats] | None = None,
        seed: int | None = None,
        impressions_from: int = 0,
        log_values: bool = False,
    ) -> None:
        self.world = world
        self.viewers = world.viewers if viewers is None else world.viewers.take(np.asarray(viewers))
        self.policy = policy
        self.forced = dict(forced or {})
        self.impressions_from = impressions_from
        self.log_values = log_values
        self.uniform_share = world.config.uniform_share
        self.day = -world.config.warm_up_days
        self.log = Log()
        self.state = self._first_state()
        seed = world.seed if seed is None else seed
        self._luck = {name: Stream(seed, name) for name in ("burst", "count", "start", "churn", "return", "session")}
        self._fit = affinity(world, self.viewers, 0, estimated=False)
        self._estimate = affinity(world, self.viewers, 0, estimated=True)
        shape = (len(self.viewers), len(ROWS) + 1, world.config.pool)
        self._pools = np.zeros(shape, dtype=np.int16)
        self._pools_of = np.full(len(self.viewers), _NEVER_DAY)
        self._pools_day = _NEVER_DAY
        self._personal: Floats = np.zeros(len(self.viewers))
        self._burst: Floats = np.ones(len(self.viewers))
        self._burst_week = _NEVER_DAY
        # How much a viewer likes a title beyond their taste belongs to the world, not to what happens in it.
        self._whim = Stream(world.seed, "whim")

    def _first_state(self) -> State:
        count, titles = len(self.viewers), len(self.world.catalogue)
        grid = (count, titles)
        return State(
            subscribed=self.viewers.joined < 0,
            since=self.viewers.joined.copy(),
            left=np.full(count, -1),
            satisfaction=np.full(count, MIDDLING),
            busy_until=np.zeros(count, dtype=np.int64),
            progress=np.zeros(grid, dtype=np.uint8),
            started=np.zeros(grid, dtype=np.uint8),
            rated=np.zeros(grid, dtype=bool),
            unfinished=np.full(count, -1),
            position=np.zeros(count),
        )

    def fork(self, *, policy: Policy | None = None, forced: Mapping[str, float | Floats] | None = None) -> Service:
        """The same service at the same moment with another policy or other forced arms, and an empty log."""
        twin = copy.copy(self)
        twin.state = copy.deepcopy(self.state)
        twin.log, twin.log_values = Log(), False
        twin._pools, twin._pools_of = self._pools.copy(), self._pools_of.copy()
        twin.policy = policy if policy is not None else self.policy
        twin.forced = {**self.forced, **(forced or {})}
        return twin

    def run_until(self, day: int) -> None:
        """Simulate all days before `day`."""
        while self.day < day:
            self._one_day()
            self.day += 1
            if self.day == 0:
                # What happened in the warm-up is no part of the data.
                self.log = Log()

    def _one_day(self) -> None:
        day, world = self.day, self.world
        date = world.config.date(day)
        self._join_leave_return()
        treated = treatment(
            world.config.experiments,
            date,
            world.seed,
            self.viewers.number,
            self.viewers.plan,
            PLANS,
            self.forced,
        )
        if date.day == 1:
            self._fit = affinity(world, self.viewers, day, estimated=False)
        if date.weekday() == 4 or self._pools_day == _NEVER_DAY:
            self._pools_day, self._personal = day, treated.personal
        starts = self._start_times()
        by_day = world.by_day(date)
        for slot in range(MOST_SESSIONS):
            rows = np.flatnonzero(starts[:, slot] < _NEVER)
            # Who is still watching at that time does not start again.
            rows = rows[starts[rows, slot] >= self.state.busy_until[rows]]
            if len(rows):
                self.log.add(
                    "sessions",
                    number=self.viewers.number[rows],
                    place=self.viewers.place[rows],
                    day=np.full(len(rows), day),
                    start=starts[rows, slot],
                )
                self._refresh_pools(rows)
                run_sessions(self._sessions(rows, starts[rows, slot], slot, by_day, treated), self.state, self.log)

    def _join_leave_return(self) -> None:
        """Joinings, monthly renewals (who is unsatisfied leaves more) and returns."""
        state, day, rules, number = self.state, self.day, self.world.config.behaviour, self.viewers.number
        joins = self.viewers.joined == day
        state.subscribed |= joins
        state.since[joins] = day
        tenure = day - state.since
        # Nobody leaves during the warm-up, which is no part of the data.
        due = state.subscribed & (day >= 0) & (tenure > 0) & (tenure % RENEWAL_DAYS == 0)
        log_odds = (
            rules.churn
            - rules.churn_slope * (state.satisfaction - MIDDLING)
            + self.viewers.leaving
            + 0.5 * (tenure <= 90)
        )
        hazard = np.round(1 / (1 + np.exp(-log_odds)), 9)
        leaves = due & (self._luck["churn"].uniform(number, day) < hazard)
        self.log.add("renewals", number=number[due], hazard=hazard[due], left=leaves[due])
        state.subscribed[leaves] = False
        state.left[leaves] = day
        self.log.add("leaves", number=number[leaves], day=np.full(leaves.sum(), day))
        away = ~state.subscribed & (state.left >= 0) & (state.left < day)
        chance = np.round(rules.return_per_day * 0.5 ** ((day - state.left) / 60), 9)
        returns = away & (self._luck["return"].uniform(number, day) < chance)
        state.subscribed[returns] = True
        state.since[returns] = day
        state.satisfaction[returns] = np.maximum(state.satisfaction[returns], MIDDLING)
        self.log.add("returns", number=number[returns], day=np.full(returns.sum(), day))

    def _refresh_pools(self, rows: Ints) -> None:
        """Bring the candidates of these viewers up to this week; who doesn't come needs none."""
        stale = rows[self._pools_of[rows] != self._pools_day]
        if not len(stale):
            return
        self._pools_of[stale] = self._pools_day
        known = Known(self._fit, self._estimate, self.state.started, self._personal)
        self._pools[stale] = make_pools(self.world, self.viewers, stale, self._pools_day, known)

    def _start_times(self) -> Ints:
        """Wall-clock seconds of today's session starts, viewers × sessions, in order; `_NEVER` where there is none."""
        day, world, viewers = self.day, self.world, self.viewers
        date = world.config.date(day)
        if (day + 3) // 7 != self._burst_week:
            self._burst_week = (day + 3) // 7
            week = self._luck["burst"].keys(viewers.number, self._burst_week)
            one, two = _unit(week, 0), _unit(week, 1)
            # Gamma with shape 2 and mean 1: some weeks are full, others empty, more than Poisson would have it.
            self._burst = -np.log1p(-one) / 2 - np.log1p(-two) / 2
        mean = world.config.behaviour.sessions_per_day * clock.sessions_on(world.config.rhythm, date)
        rate = mean * viewers.activity * self._burst * (0.55 + self.state.satisfaction) * self.state.subscribed
        none = np.exp(-rate)
        ladder = np.round(np.stack([none, none * (1 + rate), none * (1 + rate + rate**2 / 2)], axis=1), 9)
        some = self._luck["count"].uniform(viewers.number, day)[:, None] >= ladder
        slots = np.arange(MOST_SESSIONS)
        rows, slot = np.nonzero(some)
        keys = self._luck["start"].keys(viewers.number[rows], day, slots[slot])
        hours = pick(world.start_hours, viewers.shift[rows] * 7 + date.weekday(), _unit(keys, 0))
        midnight = world.config.midnight(day)
        starts = np.full(some.shape, _NEVER)
        starts[rows, slot] = midnight + hours * 3600 + (_unit(keys, 1) * 3600).astype(np.int64)
        return np.sort(starts, axis=1)

    def _sessions(self, rows: Ints, starts: Ints, slot: int, by_day: Ints, treated: Treatment) -> Sessions:
        world, viewers = self.world, self.viewers
        date = world.config.date(self.day)
        hour = starts // 3600 % 24
        keys = self._luck["session"].keys(viewers.number[rows], self.day, slot)
        device = pick(world.device_shares, viewers.habit[rows] * 24 + hour, draws(keys)[DEVICE])
        return Sessions(
            world=world,
            day=self.day,
            rows=rows,
            number=viewers.number[rows],
            slot=slot,
            keys=keys,
            start=starts,
            hour=hour,
            device=device,
            place=viewers.place[rows],
            artwork=viewers.artwork[rows],
            language=viewers.language[rows],
            fit=self._fit,
            pools=self._pools,
            by_day=by_day,
            moment=date.weekday() * 24 + hour,
            candidates=np.flatnonzero(world.catalogue.released <= self.day) + 1,
            click=treated.click[rows],
            clickbait=treated.clickbait[rows],
            enjoyment=treated.enjoyment[rows],
            chain=treated.chain[rows],
            policy=self.policy,
            whim=self._whim,
            uniform_share=self.uniform_share,
            log_values=self.log_values,
            keep_impressions=self.day >= self.impressions_from and not world.config.views_only,
        )


_NEVER = np.int64(2**62)
_NEVER_DAY = -(10**6)


def _unit(keys: npt.NDArray[np.uint64], slot: int) -> Floats:
    return as_uniform(step(keys, slot))
