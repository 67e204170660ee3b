"""Small tables counted once from a dataset and kept as Parquet in the workspace, beside the cubes.

Cubes add up plays; these also hold what needs plays in order (sessions, runs of episodes, silences). A viewer's plays
are all in one bucket, so a large dataset is counted some buckets at a time and memory stays bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis import engine
from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.patterns import cubes
from analysis.results import Progress
from analysis.stats import clustered
from analysis.workspace import Workspace

AT_ONCE = 1_500_000
"""Rows whose viewers are held at once."""

Array = npt.NDArray[np.float64]
Rows = nw.LazyFrame[Any]
Count = Callable[[Rows, Tables, Dataset], "Rows | pa.Table"]
"""From the rows of some viewers, with their `bucket`, to the small table; the tables are those of the dataset."""

_IN_MEMORY: OrderedDict[str, pa.Table] = OrderedDict()
_MOST = 24


@dataclass(frozen=True)
class Kept:
    """A small table.

    Attributes:
        name: Folder name, and what progress says.
        version: Raised whenever what it holds changes, so that old files are not read.
        table: Of which rows.
        count: How it is counted.
    """

    name: str
    version: int
    table: str
    count: Count

    def read(
        self, dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None
    ) -> pd.DataFrame:
        """The table, counted where it is not there yet.

        Rows of several slices of viewers stand below each other: who reads it adds them up.
        """
        key = cubes.digest([self.name, str(self.version), dataset.content_hash])
        with cubes.BUILDING:
            if dataset.folder is None:
                found = _IN_MEMORY[key] if key in _IN_MEMORY else self._counted(dataset, progress)
                _IN_MEMORY[key] = found
                _IN_MEMORY.move_to_end(key)
                while len(_IN_MEMORY) > _MOST:
                    _IN_MEMORY.popitem(last=False)
            else:
                file = self.file(dataset, workspace)
                if not file.is_file():
                    with engine.reading() as cursor:
                        cubes.write(cursor.arrow(self._counted(dataset, progress)), file)
                found = pq.read_table(file, use_threads=False)
        frame: pd.DataFrame = found.to_pandas()
        return frame

    def file(self, dataset: Dataset, workspace: Workspace | None) -> Path:
        """Where it is kept."""
        key = cubes.digest([self.name, str(self.version), dataset.content_hash])
        return (workspace or Workspace()).cubes / self.name / f"{key}.parquet"

    def _counted(self, dataset: Dataset, progress: Progress | None) -> pa.Table:
        slices = min(-(-dataset.info.rows(self.table) // AT_ONCE), clustered.BUCKETS)
        found = []
        for number in range(slices):
            if progress:
                progress(number / slices, f"Counting {self.name}")
            with dataset.read() as tables:
                rows = tables[self.table].with_columns(bucket=clustered.bucket(nw.col("viewer_id")))
                if slices > 1:
                    rows = rows.filter(nw.col("bucket") % slices == number)
                counted = self.count(rows, tables, dataset)
                found.append(counted if isinstance(counted, pa.Table) else engine.to_arrow(counted))
        return pa.concat_tables(found)


def by_bucket(cells: pd.DataFrame, value: str) -> Array:
    """Sums of a column by viewer bucket, shape (64,)."""
    found: Array = np.bincount(cells["bucket"], cells[value].to_numpy(float), clustered.BUCKETS).astype(np.float64)
    return found


def with_minute(rows: Rows, column: str, name: str) -> Rows:
    """The rows with a time as minutes since 1970, to be subtracted: narwhals can't do that on DuckDB."""
    frame: Rows = nw.from_native(nw.to_native(rows).project(f'*, epoch("{column}") / 60 AS "{name}"'))
    return frame


def ready(dataset: Dataset, wanted: tuple[Kept, ...], workspace: Workspace | None = None) -> bool:
    """Whether all of these have been counted already; always true in memory."""
    return dataset.folder is None or all(one.file(dataset, workspace).is_file() for one in wanted)
