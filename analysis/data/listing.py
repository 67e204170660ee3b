"""Which datasets there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.data.dataset import Dataset, DatasetInfo
from analysis.errors import DataError
from analysis.results import Result
from analysis.workspace import SAMPLE, Workspace


@dataclass(frozen=True)
class DatasetList(Result):
    """The datasets of a workspace.

    Attributes:
        datasets: Name in the workspace, folder and description of each.
        unreadable: Folder and problem of those that can't be opened.
    """

    datasets: tuple[tuple[str, Path, DatasetInfo], ...]
    unreadable: tuple[tuple[Path, str], ...] = ()

    def summary(self) -> str:
        """How many there are."""
        broken = f"; {len(self.unreadable)} can't be opened" if self.unreadable else ""
        count = len(self.datasets)
        return f"{count} dataset{'' if count == 1 else 's'}{broken}."

    def to_frame(self) -> pd.DataFrame:
        """One row a dataset: its key, name, kind, rows of views, ratings, titles and viewers, zone and hash."""
        columns = ["key", "name", "kind", "views", "ratings", "titles", "viewers", "time_zone", "content_hash"]
        rows = [
            [key, i.name, i.kind, *(i.rows(t) for t in columns[3:7]), i.time_zone, i.content_hash[:12]]
            for key, _, i in self.datasets
        ]
        return pd.DataFrame(rows, columns=columns)


def list_datasets(workspace: Workspace) -> DatasetList:
    """The sample first, then the workspace's by name; only their `dataset.json` is read."""
    found, broken = [], []
    for folder in workspace.list_datasets():
        try:
            found.append(("sample" if folder == SAMPLE else folder.name, folder, Dataset.open(folder).info))
        except DataError as error:
            broken.append((folder, error.problem))
    return DatasetList(tuple(found), tuple(broken))


def table_rows(dataset: Dataset) -> pd.DataFrame:
    """One row a table of a dataset: its name, what a row is, rows, and the columns it has."""
    from analysis.data import schema

    rows = [
        [name, schema.table(name).row, dataset.info.rows(name), ", ".join(dataset.columns(name))]
        for name in dataset.tables
    ]
    return pd.DataFrame(rows, columns=["table", "a row is", "rows", "columns"])
