"""From a leaderboard to an experiment: how many viewers and days a test would need to see the difference.

Above both rooms: the recommenders know the difference, the experiments know how to plan.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from analysis import engine
from analysis.data.dataset import Dataset
from analysis.errors import ParameterError
from analysis.experiments.planning import days_for, units_for_proportion
from analysis.recommend.leaderboard import Leaderboard
from analysis.results import Result


@dataclass(frozen=True)
class Handover(Result):
    """What an A/B test of two models would need.

    Attributes:
        control: Label of the model that is shown now.
        treatment: Label of the model that is tried.
        k: Length of the lists.
        control_rate: Share of viewers who would find something among k titles of the control, offline.
        treatment_rate: The same for the treatment, after `carried` of the difference is left.
        carried: Share of the offline difference that is expected to be left with real viewers.
        viewers: Viewers needed in both arms together, or None where the two do not differ.
        days: Days until so many have come, at the pace of the test period; None where they do not come within it.
        observed_days: Length of the test period, in days.
        observed_viewers: Viewers who came in it.
    """

    control: str
    treatment: str
    k: int
    control_rate: float
    treatment_rate: float
    carried: float
    viewers: int | None
    days: int | None
    observed_days: int
    observed_viewers: int

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        names = ("control", "treatment", "control_rate", "treatment_rate", "carried", "viewers", "days")
        return pd.DataFrame([[getattr(self, name) for name in names]], columns=list(names))

    def summary(self) -> str:
        """How many viewers, and how long that takes."""
        rates = f"{self.control_rate * 100:.1f} % to {self.treatment_rate * 100:.1f} %"
        if self.viewers is None:
            return (
                f"{self.treatment} and {self.control} serve the same share of viewers offline ({rates}), so no size of "
                "test would tell them apart by it."
            )
        what = f"To see the share of viewers served go from {rates}, a test needs {self.viewers:,} viewers in two arms"
        if self.days is None:
            return (
                f"{what}; only {self.observed_viewers:,} came in the {self.observed_days:,} days of the test period, "
                "so it would need more time or more viewers."
            )
        return f"{what}, which takes {self.days:,} day{'' if self.days == 1 else 's'} at the pace of the test period."


def plan_test(dataset: Dataset, board: Leaderboard, control: str, treatment: str, *, carried: float = 1.0) -> Handover:
    """Plan a test of two models on the share of viewers who find something (hit rate), at 5 % and power 80 %.

    Args:
        dataset: The leaderboard's dataset, which tells how fast viewers come.
        board: The leaderboard.
        control: Name of the model shown now.
        treatment: Name of the model that is tried.
        carried: Share of the offline difference that is expected to be left with real viewers; offline differences
            usually shrink.

    Raises:
        ParameterError: A model has no result, both are the same, or `carried` is not above 0 and at most 1.
    """
    found = {entry.model: entry for entry in board.finished}
    missing = [name for name in (control, treatment) if name not in found]
    if missing or control == treatment:
        raise ParameterError(
            f"{missing[0] if missing else control} can't be tested here.", f"Choose two of: {', '.join(found)}."
        )
    if not 0 < carried <= 1:
        raise ParameterError(f"A share of {carried:g} of the difference can't be left.", "Say between 0 and 1.")
    base = found[control].estimates["hit_rate"].value
    rate = base + carried * (found[treatment].estimates["hit_rate"].value - base)
    arrivals = _arrivals(dataset, board)
    # Rates of exactly 0 or 1 have no variance to plan with; half a viewer away from them there is some.
    edge = 0.5 / max(board.counts["viewers tested"], 1)
    first, second = (min(max(value, edge), 1 - edge) for value in (base, rate))
    viewers = None if first == second else 2 * math.ceil(units_for_proportion(first, second))
    return Handover(
        control=found[control].label,
        treatment=found[treatment].label,
        k=board.k,
        control_rate=base,
        treatment_rate=rate,
        carried=carried,
        viewers=viewers,
        days=None if viewers is None else days_for(viewers, arrivals),
        observed_days=len(arrivals),
        observed_viewers=arrivals[-1] if arrivals else 0,
    )


def _arrivals(dataset: Dataset, board: Leaderboard) -> list[int]:
    """Different viewers seen in the test period until the end of each of its days."""
    table, at = ("views", "started_at") if board.signal == "views" else ("ratings", "rated_at")
    moment = dt.datetime.fromisoformat(board.split_at)
    with dataset.read() as tables:
        later = tables[table].filter(nw.col(at) >= moment)
        first = engine.to_pandas(later.group_by("viewer_id").agg(at=nw.col(at).min()))["at"]
    if not len(first):
        return []
    day = ((first - moment) // pd.Timedelta(days=1)).to_numpy(np.int64)
    return [int(total) for total in np.cumsum(np.bincount(day))]
