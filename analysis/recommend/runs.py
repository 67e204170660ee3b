"""Runs: evaluations that are kept, with the lists that each model made for every viewer.

A run is a folder with `leaderboard.json` and `lists.parquet`, written beside its place and renamed, and a record in
the workspace's database. A dataset may carry one run of its own, in its folder `run`: the shipped sample does, so that
a fresh machine has something true to show.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from analysis.data.dataset import Dataset
from analysis.data.writer import swap, write_text
from analysis.errors import DataError
from analysis.recommend.leaderboard import Leaderboard
from analysis.recommend.lists import RecommendationTable
from analysis.results import Result
from analysis.workspace import Base, Workspace

LEADERBOARD, LISTS, OWN = "leaderboard.json", "lists.parquet", "run"

_ROWS = 4_096
"""Viewers in a row group: the lists of one viewer are found by reading one small group a model."""


class RunRecord(Base):
    """One kept run."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[dt.datetime]
    dataset: Mapped[str]
    dataset_hash: Mapped[str] = mapped_column(index=True)
    signal: Mapped[str]
    models: Mapped[str]
    summary: Mapped[str]


@dataclass(frozen=True)
class RunInfo:
    """What a list of runs shows.

    Attributes:
        id: Name of the run.
        made_at: When it was kept, UTC.
        dataset: Name of the dataset.
        dataset_hash: Hash of its content.
        signal: `views` or `ratings`.
        models: Names of the models.
        summary: What came out, in a sentence.
    """

    id: str
    made_at: dt.datetime
    dataset: str
    dataset_hash: str
    signal: str
    models: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class RunList(Result):
    """Kept runs, newest first."""

    runs: tuple[RunInfo, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a run."""
        columns = ["id", "made_at", "dataset", "signal", "models", "summary"]
        rows = [[r.id, r.made_at, r.dataset, r.signal, ", ".join(r.models), r.summary] for r in self.runs]
        return pd.DataFrame(rows, columns=columns)

    def summary(self) -> str:
        """How many runs there are."""
        return f"{len(self.runs)} run{'' if len(self.runs) == 1 else 's'}."


@dataclass(frozen=True)
class Run(Result):
    """A kept run.

    Attributes:
        id: Name of the run; `reference` for the one that a dataset carries itself.
        leaderboard: Its leaderboard (without the lists, which `lists` reads).
        folder: Where its files are.
    """

    id: str
    leaderboard: Leaderboard
    folder: Path

    def to_frame(self) -> pd.DataFrame:
        """The leaderboard's table."""
        return self.leaderboard.to_frame()

    def summary(self) -> str:
        """The leaderboard's sentence."""
        return self.leaderboard.summary()

    def to_json(self) -> dict[str, Any]:
        """The leaderboard, and the run's name."""
        return {"run": self.id, **self.leaderboard.to_json()}

    @property
    def has_lists(self) -> bool:
        """Whether lists were kept: a split that leaks the future keeps none."""
        return (self.folder / LISTS).is_file()

    def lists(self, viewer_id: int) -> dict[str, RecommendationTable]:
        """Each model's list for one viewer; a model that has none for them is absent.

        Raises:
            DataError: The run's lists are gone or can't be read.
        """
        try:
            table = pq.read_table(self.folder / LISTS, filters=[("viewer_id", "==", int(viewer_id))])
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                f"The lists of run {self.id} can't be read ({error}).", "Train the models again."
            ) from error
        found = {}
        for row in table.to_pylist():
            titles, scores = np.array([row["title_ids"]], np.int64), np.array([row["scores"]], np.float32)
            found[row["model"]] = RecommendationTable("viewer_id", np.array([viewer_id]), titles, scores)
        return found

    def viewer_ids(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Viewers with at least one list, ascending, shape (n,)."""
        ids = pq.read_table(self.folder / LISTS, columns=["viewer_id"])["viewer_id"].to_numpy()
        return np.unique(ids)


def keep_run(workspace: Workspace, leaderboard: Leaderboard) -> Run:
    """Keep an evaluation in the workspace, whole or not at all."""
    run_id = f"{leaderboard.made_at[:10]}-{uuid.uuid4().hex[:8]}"
    folder = workspace.runs / run_id
    workspace.runs.mkdir(parents=True, exist_ok=True)
    beside = workspace.runs / f".{run_id}.tmp"
    try:
        _write(beside, leaderboard)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    record = RunRecord(
        id=run_id,
        made_at=dt.datetime.now(dt.UTC).replace(tzinfo=None),
        dataset=leaderboard.dataset,
        dataset_hash=leaderboard.dataset_hash,
        signal=leaderboard.signal,
        models=",".join(entry.model for entry in leaderboard.entries),
        summary=leaderboard.summary(),
    )
    try:
        with Session(workspace.database) as session, session.begin():
            session.add(record)
    except sa.exc.SQLAlchemyError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Run(run_id, leaderboard, folder)


def list_runs(workspace: Workspace, dataset_hash: str | None = None) -> RunList:
    """Kept runs, newest first, of one dataset or of all."""
    query = sa.select(RunRecord).order_by(RunRecord.made_at.desc(), RunRecord.id)
    if dataset_hash is not None:
        query = query.where(RunRecord.dataset_hash == dataset_hash)
    with Session(workspace.database) as session:
        return RunList(tuple(_info(record) for record in session.scalars(query)))


def load_run(workspace: Workspace, run_id: str) -> Run:
    """A kept run.

    Raises:
        DataError: There is none of that name, or its files are gone.
    """
    with Session(workspace.database) as session:
        record = session.get(RunRecord, run_id)
    if record is None:
        raise DataError(f"There is no run {run_id!r}.", "It may have been deleted; choose another, or train again.")
    return _read(run_id, workspace.runs / record.id)


def newest_run(workspace: Workspace, dataset: Dataset, *, with_lists: bool = False) -> Run | None:
    """The newest run on a dataset: the workspace's, else the one that the dataset carries itself, else None.

    Args:
        workspace: Where runs are kept.
        dataset: The dataset.
        with_lists: Pass over runs that kept no lists for everybody: those whose split leaks, or tests new titles or
            new viewers only.
    """
    for info in list_runs(workspace, dataset.content_hash).runs:
        folder = workspace.runs / info.id
        if (folder / LEADERBOARD).is_file() and not (with_lists and not (folder / LISTS).is_file()):
            return load_run(workspace, info.id)
    return reference_run(dataset)


def reference_run(dataset: Dataset) -> Run | None:
    """The run that a dataset carries in its folder, or None where it has none of this content."""
    if dataset.folder is None or not (dataset.folder / OWN / LEADERBOARD).is_file():
        return None
    run = _read("reference", dataset.folder / OWN)
    return run if run.leaderboard.dataset_hash == dataset.content_hash else None


def delete_run(workspace: Workspace, run_id: str) -> None:
    """Delete a kept run; deleting one that is gone already is no error, as two people may do it at once."""
    with Session(workspace.database) as session, session.begin():
        record = session.get(RunRecord, run_id)
        if record is None:
            return
        session.delete(record)
    shutil.rmtree(workspace.runs / run_id, ignore_errors=True)


def write_reference(dataset: Dataset, leaderboard: Leaderboard) -> Run:
    """Put a run into a dataset's own folder, so that it is there wherever the dataset is.

    Raises:
        DataError: The dataset is held in memory, or the leaderboard is of another dataset.
    """
    if dataset.folder is None:
        raise DataError("This dataset is held in memory and has no folder.", "Write it with `DatasetWriter` first.")
    if leaderboard.dataset_hash != dataset.content_hash:
        raise DataError(
            f"The leaderboard is of {leaderboard.dataset}, which has another content than {dataset.name}.",
            "Evaluate on this dataset.",
        )
    folder = dataset.folder / OWN
    beside = dataset.folder / f".{OWN}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        _write(beside, leaderboard)
        swap(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Run("reference", leaderboard, folder)


def _write(folder: Path, leaderboard: Leaderboard) -> None:
    folder.mkdir(parents=True)
    write_text(folder / LEADERBOARD, json.dumps(leaderboard.to_json(), indent=1, ensure_ascii=False) + "\n")
    writer: pq.ParquetWriter | None = None
    try:
        for name, lists in leaderboard.lists.items():
            table = _lists_table(name, lists)
            writer = writer or pq.ParquetWriter(folder / LISTS, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=_ROWS)
    finally:
        if writer is not None:
            writer.close()


def _lists_table(name: str, lists: RecommendationTable) -> pa.Table:
    """One row a viewer with a list, in the order of viewer ids, so that row groups can be skipped."""
    lengths = lists.filled.sum(axis=1)
    rows = np.flatnonzero(lengths)
    rows = rows[np.argsort(lists.ids[rows], kind="stable")]
    filled = lists.filled[rows]
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths[rows])]), pa.int32())
    titles, scores = lists.title_ids[rows][filled], lists.scores[rows][filled]
    return pa.table(
        {
            "viewer_id": pa.array(lists.ids[rows], pa.int64()),
            "model": pa.array([name] * len(rows), pa.string()),
            "title_ids": pa.ListArray.from_arrays(offsets, pa.array(titles, pa.int64())),
            "scores": pa.ListArray.from_arrays(offsets, pa.array(scores, pa.float32())),
        }
    )


def _read(run_id: str, folder: Path) -> Run:
    file = folder / LEADERBOARD
    try:
        state = file.stat()
        leaderboard = _leaderboard(file, state.st_mtime_ns, state.st_size)
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(
            f"The files of run {run_id} are gone or broken.", "Delete the run and train the models again."
        ) from error
    return Run(run_id, leaderboard, folder)


@functools.lru_cache(maxsize=32)
def _leaderboard(file: Path, _changed: int, _size: int) -> Leaderboard:
    """What a file holds; read once for all visitors, again when it changes."""
    return Leaderboard.from_json(json.loads(file.read_text(encoding="utf-8")))


def _info(record: RunRecord) -> RunInfo:
    models: Sequence[str] = record.models.split(",")
    return RunInfo(
        record.id,
        record.made_at,
        record.dataset,
        record.dataset_hash,
        record.signal,
        tuple(models),
        record.summary,
    )
