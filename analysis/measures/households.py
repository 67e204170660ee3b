"""Who is independent of whom: profiles of one household share a home, a language and a purse."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa

from analysis.data import Dataset
from analysis.stats import clustered


def with_bucket(dataset: Dataset, tables: Any, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Events of viewers with the bucket of their household, or of the viewer where no household is known."""
    viewer = nw.col("viewer_id")
    if not _known(dataset):
        return frame.with_columns(bucket=clustered.bucket(viewer))
    homes = tables.cursor.arrow(pa.Table.from_pandas(_homes(dataset), preserve_index=False))
    frame = frame.join(homes, left_on="viewer_id", right_on="member", how="left")
    household = nw.col("household")
    together = nw.when(household.is_null()).then(viewer).otherwise(household)
    return frame.with_columns(bucket=clustered.bucket(together))


def buckets(dataset: Dataset, viewers: pd.Series) -> Any:
    """The bucket of each viewer's household, or of the viewer where no household is known."""
    together = viewers
    if _known(dataset):
        homes = _homes(dataset).set_index("member")["household"]
        together = viewers.map(homes).fillna(viewers).astype("int64")
    keyed = nw.from_native(together.to_frame("together"), eager_only=True)
    return keyed.select(bucket=clustered.bucket(nw.col("together")))["bucket"].to_numpy()


def _known(dataset: Dataset) -> bool:
    return dataset.has("viewers") and "household_id" in dataset.columns("viewers")


def _homes(dataset: Dataset) -> pd.DataFrame:
    homes = dataset.frame("viewers", ["viewer_id", "household_id"]).dropna().drop_duplicates("viewer_id")
    return homes.astype("int64").set_axis(["member", "household"], axis=1)
