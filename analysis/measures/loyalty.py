"""How many leave and how many come back, from the table of memberships, with intervals clustered by household."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.measures.households import buckets
from analysis.patterns.ratios import Finding
from analysis.stats import clustered, ratios

RENEWAL_DAYS = 30
"""Days after which a membership renews or ends, counted from its first day."""

Array = npt.NDArray[np.float64]


def monthly_churn(dataset: Dataset, *, plan: str | None = None, renewal_days: int = RENEWAL_DAYS) -> Finding:
    """Leavings over the renewals that came: the chance to leave at a monthly renewal.

    A membership comes up for renewal every `renewal_days` days after its first, until it ends; renewals before the
    first day of views were not observed, since who left by then is not in the data.

    Args:
        dataset: A dataset with views and memberships.
        plan: Only viewers on this plan; all by default.
        renewal_days: Days between two renewals, 1 or more.

    Raises:
        DataError: The dataset has no memberships, or none of that plan came up for renewal.
    """
    renewals = _renewals(dataset, renewal_days)
    if plan is not None:
        renewals = renewals[_plans(dataset, renewals) == plan]
    if not renewals["renewals"].sum():
        raise DataError("No membership came up for renewal.", "Choose another plan, or a dataset that covers months.")
    sums = _by_bucket(dataset, renewals, ("left", "renewals"))
    what = "monthly churn" if plan is None else f"monthly churn on the plan {plan}"
    found = clustered.share(sums[:, 0], sums[:, 1])
    return Finding(what, found, "share of renewals", int(sums[:, 1].sum()))


def churn_ratio(dataset: Dataset, plan: str, *, renewal_days: int = RENEWAL_DAYS) -> Finding:
    """Monthly churn of the viewers on a plan, over that of all others.

    Args:
        dataset: A dataset with views, memberships, and viewers with their plan.
        plan: The plan.
        renewal_days: Days between two renewals, 1 or more.

    Raises:
        DataError: The dataset has no memberships or plans.
    """
    renewals = _renewals(dataset, renewal_days)
    ours = (_plans(dataset, renewals) == plan).to_numpy()
    for side, inside in (("here", ours), ("there", ~ours)):
        for column in ("left", "renewals"):
            renewals[f"{column}_{side}"] = renewals[column] * inside
    sums = _by_bucket(dataset, renewals, ("left_here", "renewals_here", "left_there", "renewals_there"))
    what = f"monthly churn on the plan {plan}, over that on the others"
    return Finding(what, ratios.ratio(sums), "times", int(sums[:, [1, 3]].sum()))


def returns_among_additions(dataset: Dataset) -> Finding:
    """Share of all who joined or came back in the period of the views that had been subscribed before.

    Args:
        dataset: A dataset with views and memberships.

    Raises:
        DataError: The dataset has no memberships.
    """
    stays, first, last = _memberships(dataset)
    earlier = stays.sort_values("joined_on").groupby("viewer_id").cumcount().reindex(stays.index)
    inside = stays["joined_on"].between(first, last)
    counts = pd.DataFrame({"viewer_id": stays["viewer_id"], "additions": inside, "returns": inside & (earlier > 0)})
    sums = _by_bucket(dataset, counts, ("returns", "additions"))
    found = clustered.share(sums[:, 0], sums[:, 1])
    return Finding("returns among additions", found, "share of additions", int(sums[:, 1].sum()))


def _memberships(dataset: Dataset) -> tuple[pd.DataFrame, pd.Timestamp, pd.Timestamp]:
    """The memberships, and the first and the last day of the views."""
    for table in ("memberships", "views"):
        if not dataset.has(table):
            raise DataError(f"{dataset.name} has no table {table}.", "Choose a dataset that has one.")
    with dataset.read() as tables:
        start = nw.col("started_local")
        ends: Any = tables["views"].select(start.min().alias("first"), start.max().alias("last")).collect().to_native()
    first, last = (pd.Timestamp(ends[name][0].as_py()).normalize() for name in ("first", "last"))
    stays = dataset.frame("memberships")
    for column in ("joined_on", "left_on"):
        stays[column] = pd.to_datetime(stays[column]) if column in stays else pd.NaT
    return stays, first, last


def _renewals(dataset: Dataset, every: int) -> pd.DataFrame:
    """Renewals that came and leavings within the period, one row a membership."""
    stays, first, last = _memberships(dataset)
    joined = (stays["joined_on"] - first).dt.days.to_numpy()
    period = int((last - first).days)
    left = (stays["left_on"] - first).dt.days.fillna(period + 1).to_numpy()
    # The k-th renewal is `every * k` days after the first day; k from 1, and only from the first day of the data on.
    until = np.maximum((np.minimum(left, period) - joined) // every, 0)
    before = np.maximum((-1 - joined) // every, 0)
    count = np.maximum(until - before, 0)
    gone = (left >= 0) & (left <= period)
    return pd.DataFrame({"viewer_id": stays["viewer_id"], "renewals": count, "left": gone})


def _plans(dataset: Dataset, renewals: pd.DataFrame) -> pd.Series:
    if not dataset.has("viewers") or "plan" not in dataset.columns("viewers"):
        raise DataError(f"{dataset.name} does not say what viewers pay for.", "Bring viewers with a column plan.")
    viewers = dataset.frame("viewers", ["viewer_id", "plan"]).drop_duplicates("viewer_id").set_index("viewer_id")
    return renewals["viewer_id"].map(viewers["plan"])


def _by_bucket(dataset: Dataset, frame: pd.DataFrame, columns: tuple[str, ...]) -> Array:
    """Sums of columns by the household's bucket, shape (64, columns)."""
    bucket = buckets(dataset, frame["viewer_id"])
    return np.stack(
        [np.bincount(bucket, frame[column].to_numpy(float), clustered.BUCKETS) for column in columns], axis=1
    )
