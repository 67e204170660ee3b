"""The home page: how often it is clicked, and how much a place is looked at.

Titles of a uniformly randomised page differ from place to place by chance alone. So the ratio of two places' click
rates there is the ratio of the chances that the places are looked at (Joachims, Swaminathan and Schnabel 2017, section
4): no model of examination is needed, and no product of a row's and a column's factor is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals as nw

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns.ratios import Finding, by_bucket
from analysis.stats import clustered, ratios

UNIFORM = "uniform"
"""Name of the policy that fills a page uniformly at random."""


def clicks_per_visit(dataset: Dataset, policy: str) -> Finding:
    """Clicks on a page that `policy` filled, per visit.

    On the visits as they came and that the policy served, which were drawn by chance, so no weighting is needed.

    Raises:
        DataError: The dataset has no impressions, or none of that policy.
    """
    _need(dataset, policy)
    with dataset.read() as tables:
        shown = tables["impressions"].filter(nw.col("policy") == policy)
        visits = shown.group_by("session_id").agg(
            nw.col("viewer_id").min(), nw.col("clicked").cast(nw.Float64).sum().alias("clicks")
        )
        visits = visits.with_columns(bucket=clustered.bucket(nw.col("viewer_id")), one=nw.lit(1.0))
        sums = by_bucket(visits, {"clicks": nw.col("clicks"), "visits": nw.col("one")})
    what = f"clicks per visit to a page of the policy {policy}"
    return Finding(what, ratios.ratio(sums), "clicks", int(sums[:, 1].sum()))


def examination(
    dataset: Dataset,
    place: Mapping[str, Sequence[int]],
    against: Mapping[str, Sequence[int]],
    *,
    policy: str = UNIFORM,
) -> Finding:
    """How much some places of the page are looked at, relative to others: the ratio of their click rates.

    Args:
        dataset: A dataset with impressions of a uniformly randomised slice.
        place: `rows` and `columns` (from 0) of the places.
        against: Those of the places they are held against.
        policy: Name of the policy that filled the slice uniformly.

    Raises:
        DataError: The dataset has no impressions, or none of that policy.
    """
    _need(dataset, policy)
    with dataset.read() as tables:
        shown = tables["impressions"].filter(nw.col("policy") == policy)
        shown = shown.with_columns(
            bucket=clustered.bucket(nw.col("viewer_id")), clicks=nw.col("clicked").cast(nw.Float64), one=nw.lit(1.0)
        )
        columns = {}
        for name, places in (("place", place), ("against", against)):
            inside = nw.col("row").is_in(list(places["rows"])) & nw.col("column").is_in(list(places["columns"]))
            columns[f"{name}_clicks"] = nw.when(inside).then(nw.col("clicks")).otherwise(0)
            columns[f"{name}_shown"] = nw.when(inside).then(nw.col("one")).otherwise(0)
        sums = by_bucket(shown, columns)
    what = "chance that these places are looked at, relative to the others"
    return Finding(what, ratios.ratio(sums), "times", int(sums[:, [1, 3]].sum()))


def _need(dataset: Dataset, policy: str) -> None:
    if not dataset.has("impressions"):
        raise DataError(f"{dataset.name} has no table impressions.", "Choose a dataset that has one.")
    with dataset.read() as tables:
        if policy not in tables["impressions"].select("policy").unique().collect().to_native()["policy"].to_pylist():
            raise DataError(
                f"No page of {dataset.name} was filled by the policy {policy!r}.", "Name one of its policies."
            )
