"""How many viewers, and how many days, for questions other than a lift of viewing: leaving, and a preferred ranker."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import words
from analysis.experiments.planning import days_for, units_for_preference, units_for_proportion
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

STAYING_DAYS = 28
"""Over how many days leaving is counted."""


@dataclass(frozen=True)
class Size(Result):
    """What one question takes.

    Attributes:
        question: What is to be found, in words.
        viewers: Viewers in all variants together.
        days: Days until so many have come and have been watched for long enough; None where the dataset's viewers
            are too few.
        at_hand: Viewers that come within the longest experiment asked about.
        formula: How the number comes about.
    """

    question: str
    viewers: int
    days: int | None
    at_hand: int
    formula: str

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import dataclasses

        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(self)])

    def summary(self) -> str:
        """Viewers and days, or that they are too many."""
        takes = f"To find {self.question} four times in five takes about {int(float(f'{self.viewers:.3g}')):,} viewers"
        if self.days is None:
            times = words.number(self.viewers / max(1, self.at_hand), 2)
            return f"{takes}; here come {self.at_hand:,}, so that it would take {times} times as many."
        return f"{takes}, {words.plural(self.days, 'day')} here."


def staying_share(dataset: Dataset) -> tuple[float, int]:
    """Share of those subscribed 28 days before the data end who were still so at their end, and how many those were.

    Raises:
        ExperimentError: Nobody was subscribed then, or the viewers do not say when they joined and left.
        DataError: The dataset has no viewers or views.
    """
    table = "memberships" if dataset.has("memberships") else "viewers"
    have = dataset.columns(table) if dataset.has(table) else ()
    if not {"joined_on", "left_on"} <= set(have):
        raise ExperimentError(
            f"{dataset.name} does not say when viewers joined and left.", "Give the share that stays yourself."
        )
    with dataset.read() as tables:
        end = engine.to_arrow(tables["views"].select(nw.col("started_at").max())).column(0)[0].as_py().date()
        start = end - dt.timedelta(days=STAYING_DAYS)
        # Who leaves and comes back has left: with memberships, each stay ends by itself.
        viewers = tables[table].select(
            nw.col("joined_on").cast(nw.Date()).alias("came"), nw.col("left_on").cast(nw.Date()).alias("went")
        )
        there = viewers.filter(nw.col("came") <= start, nw.col("went").is_null() | (nw.col("went") > start))
        stays = nw.col("went").is_null() | (nw.col("went") > end)
        row = engine.to_arrow(there.select(nw.len().alias("n"), stays.sum().alias("stay"))).to_pylist()[0]
    if not row["n"]:
        raise ExperimentError(f"Nobody was subscribed on {start}.", "Give the share that stays yourself.")
    return int(row["stay"]) / int(row["n"]), int(row["n"])


def size_of_leaving(staying: float, cut: float, accrual: Sequence[int]) -> Size:
    """Viewers and days to find that fewer leave within 28 days.

    Args:
        staying: Share that stays 28 days as things are.
        cut: By what share fewer are to leave, 0.05 for 5 %.
        accrual: Different viewers seen until the end of each day.

    Raises:
        ParameterError: A share is not between 0 and 1.
    """
    if not (0 < staying < 1 and 0 < cut < 1):
        raise ParameterError(f"Shares {staying:g} and {cut:g} do not fit.", "Both are between 0 and 1.")
    leaving = 1 - staying
    viewers = math.ceil(2 * units_for_proportion(leaving, leaving * (1 - cut)))
    came = days_for(viewers, accrual)
    question = f"a cut of leaving by {words.percent(cut, sign=False)}, from {words.percent(leaving, sign=False)}"
    question += f" within {STAYING_DAYS} days,"
    days = None if came is None else came + STAYING_DAYS
    return Size(question, viewers, days, accrual[-1], "two proportions, pooled (Fleiss 1981), two variants")


def size_of_preference(share: float, ties: float, accrual: Sequence[int]) -> Size:
    """Viewers and days to find by interleaving that one ranker is preferred.

    Args:
        share: Share that prefers the better ranker, of those who prefer either.
        ties: Share of the viewers who prefer neither.
        accrual: Different viewers seen until the end of each day.

    Raises:
        ParameterError: A share is out of range.
    """
    viewers = math.ceil(units_for_preference(share, ties=ties))
    question = f"by interleaving that {words.percent(share, sign=False)} prefer one ranker"
    return Size(question, viewers, days_for(viewers, accrual), accrual[-1], "sign test (Noether 1987), one shared list")
