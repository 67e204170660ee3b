"""What would have happened: the same world and the same luck under another policy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import ParameterError
from analysis.results import Progress, Result
from analysis.simulate import tables
from analysis.simulate.log import Columns
from analysis.simulate.page import Policy, logging_policy
from analysis.simulate.service import Service
from analysis.simulate.world import World


@dataclass(frozen=True)
class Outcome(Result):
    """What happened in a period under one policy.

    Attributes:
        views: The period's views, in the columns of the `views` table.
        viewers: One row a viewer: `viewer_id`, `sessions`, `plays`, `minutes`, `finished` plays, `satisfaction` (0–1)
            and `subscribed` on the last day, `left` (times left in the period).
        starts_on: First local day.
        ends_on: Last local day, included.
    """

    views: pd.DataFrame
    viewers: pd.DataFrame
    starts_on: dt.date
    ends_on: dt.date

    def to_frame(self) -> pd.DataFrame:
        """Outcomes of each viewer."""
        return self.viewers

    def summary(self) -> str:
        """Minutes and plays of the mean viewer, in a sentence."""
        minutes = self.viewers["minutes"].to_numpy()
        mean, error = minutes.mean(), minutes.std(ddof=1) / np.sqrt(len(minutes)) if len(minutes) > 1 else np.nan
        return (
            f"From {self.starts_on} to {self.ends_on}, {len(minutes):,} viewers watched {mean:.1f} minutes each "
            f"(95 % interval {mean - 1.96 * error:.1f} to {mean + 1.96 * error:.1f}) "
            f"in {self.viewers['plays'].mean():.2f} plays."
        )


def run(
    world: World,
    policy: Policy = logging_policy,
    *,
    viewers: Sequence[int] | None = None,
    period: tuple[dt.date, dt.date] | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Run a policy in a world: the logging policy up to the period's first day, then `policy`.

    Randomness is looked up by viewer, day and place on the page, so two policies share their luck and differ only by
    what they show (common random numbers), and viewers don't influence each other.

    Args:
        world: The world, from `make_world`.
        policy: What fills the home page (`page.Policy`).
        viewers: `viewer_id`s to simulate; all by default.
        period: First and last local day of the policy; all of the world's days by default.
        seed: Seed of what happens; the world's own by default, under which the logging policy repeats the dataset.
        progress: Called with the share of the days done.

    Raises:
        ParameterError: The period is not within the world's days, or a viewer is unknown.
        ModelError: The policy's pages break the contract.
    """
    config = world.config
    first, last = period or (config.starts_on, config.ends_on)
    if not config.starts_on <= first <= last <= config.ends_on:
        raise ParameterError(
            f"The period from {first} to {last} does not lie within the world's days.",
            f"Choose days from {config.starts_on} to {config.ends_on}.",
        )
    numbers = np.arange(config.viewers) if viewers is None else np.asarray(list(viewers)) - 1
    if len(numbers) == 0 or numbers.min() < 0 or numbers.max() >= config.viewers:
        raise ParameterError("There is no such viewer in this world.", f"viewer_ids are 1 to {config.viewers:,}.")
    service = Service(world, np.unique(numbers), seed=seed, impressions_from=config.days)
    start, end = config.day(first), config.day(last) + 1
    service.run_until(start)
    service = service.fork(policy=policy)
    for day in range(start, end):
        if progress is not None:
            progress((day - start) / (end - start), f"Simulating {config.date(day)}")
        service.run_until(day + 1)
    return _outcome(service, first, last)


def _outcome(service: Service, first: dt.date, last: dt.date) -> Outcome:
    config, number = service.world.config, service.viewers.number
    count = service.world.config.viewers
    log = tables.with_instants(service.log.take("views"), config)
    if log:
        # As in a dataset, what begins after the last midnight is left out.
        log = tables.rows_of(log, log["local"] < config.midnight(config.day(last) + 1))
    sessions, leaves = service.log.take("sessions"), service.log.take("leaves")
    views = tables.views_table(log, 1).to_pandas() if log else pd.DataFrame()

    def per_viewer(who: Columns, weight: str | None = None) -> npt.NDArray[Any]:
        if not who:
            return np.zeros(len(number))
        return np.bincount(who["number"], who[weight] if weight else None, count)[number]

    finished = tables.rows_of(log, log["completion"] >= 0.9) if log else log
    viewers = pd.DataFrame(
        {
            "viewer_id": number + 1,
            "sessions": per_viewer(sessions),
            "plays": per_viewer(log),
            "minutes": np.round(per_viewer(log, "minutes"), 1),
            "finished": per_viewer(finished),
            "satisfaction": service.state.satisfaction,
            "subscribed": service.state.subscribed,
            "left": per_viewer(leaves),
        }
    )
    return Outcome(views, viewers, first, last)
