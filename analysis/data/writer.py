"""Writing a dataset: into a folder beside its place, which is renamed when all of it is there."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.data import schema
from analysis.data.dataset import FORMAT, MANIFEST, Part, hash_file
from analysis.errors import DataError
from analysis.results import plain

ROW_GROUP = 122_880
"""Rows a row group: DuckDB's own vector-friendly size, so that scans split over threads."""


LOCK = ".lock"
"""Held by a living writer in its working folder."""


class DatasetWriter:
    """Write a dataset so that a kill at any moment leaves the old one, or none, and never a half one.

    >>> import tempfile
    >>> from analysis.data import Dataset
    >>> target = Path(tempfile.mkdtemp()) / "tiny"
    >>> with DatasetWriter(target, name="Tiny", source="an example") as writer:
    ...     writer.add("ratings", pa.table({"viewer_id": [1], "title_id": [7], "stars": [4.0]}))
    >>> Dataset.open(target).info.rows("ratings")
    1

    With `numbered`, a target that has been taken by the time the dataset is complete gets a number behind its name.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        name: str,
        source: str,
        licence: str = "",
        time_zone: str = "UTC",
        kind: str = "imported",
        replace: bool = False,
        numbered: bool = False,
    ) -> None:
        self.target = Path(target).absolute()
        self.work = self.target.with_name(f".{self.target.name}.{uuid.uuid4().hex[:8]}.tmp")
        self.replace = replace
        self.numbered = numbered
        self.notes: list[str] = []
        self.import_report: Mapping[str, Any] = {}
        self._head = {"name": name, "source": source, "licence": licence, "time_zone": time_zone, "kind": kind}
        self._parts: dict[str, list[Part]] = {}
        self._lock: IO[bytes] | None = None
        self._truth: Mapping[str, Any] | None = None

    def __enter__(self) -> DatasetWriter:
        self._refuse_to_overwrite()
        self.target.parent.mkdir(parents=True, exist_ok=True)
        sweep(self.target.parent)
        self.work.mkdir()
        self._lock = _locked(self.work / LOCK)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            if self._lock is not None:
                self._lock.close()
            shutil.rmtree(self.work, ignore_errors=True)

    @property
    def scratch(self) -> Path:
        """A folder for what is needed only while writing; it never becomes part of the dataset."""
        folder = self.work / ".scratch"
        folder.mkdir(exist_ok=True)
        return folder

    def add(self, table: str, data: pa.Table) -> None:
        """Append one part to a table; columns are checked and cast to the schema."""
        self.add_batches(table, [data])

    def add_batches(self, table: str, batches: Iterable[pa.Table]) -> None:
        """Append one part to a table from a stream of Arrow tables, holding one of them at a time."""
        file = self.part_path(table)
        writer: pq.ParquetWriter | None = None
        try:
            for batch in batches:
                data = schema.conform(table, batch)
                if writer is None:
                    writer = pq.ParquetWriter(file, data.schema, compression="zstd")
                writer.write_table(data, row_group_size=ROW_GROUP)
        finally:
            if writer is not None:
                writer.close()
        if writer is not None:
            self.adopt(table, file)

    def part_path(self, table: str) -> Path:
        """Where the next part of a table belongs, for writers that stream straight to disk (then call `adopt`).

        A part's final name carries its hash, so that a dataset that was opened before it was replaced can't read
        the new rows under the old hash.
        """
        folder = self.work / table
        folder.mkdir(exist_ok=True)
        return folder / f"part-{len(self._parts.get(table, [])):04d}.parquet"

    def adopt(self, table: str, file: Path) -> None:
        """Count a Parquet file that was written at `part_path` as a part of the table."""
        found = pq.read_schema(file)
        schema.conform(table, found.empty_table())
        rows = pq.read_metadata(file).num_rows
        digest = hash_file(file)
        named = file.rename(file.with_name(f"{file.stem}.{digest[:12]}{file.suffix}"))
        self._parts.setdefault(table, []).append(Part(named.relative_to(self.work).as_posix(), digest, rows))

    def truth(self, truth: Mapping[str, Any]) -> None:
        """Store what is known of how the data was made."""
        self._truth = truth

    def _finish(self) -> None:
        rows = {table: sum(part.rows for part in parts) for table, parts in self._parts.items()}
        if not rows.get("views") and not rows.get("ratings"):
            raise DataError("The dataset has neither views nor ratings.", "Nothing was written.")
        manifest = {
            "format": FORMAT,
            **self._head,
            "has_truth": self._truth is not None,
            "notes": self.notes,
            "import_report": plain(self.import_report),
            "tables": {name: [plain(part) for part in parts] for name, parts in sorted(self._parts.items())},
        }
        if self._truth is not None:
            write_text(self.work / "truth.json", json.dumps(plain(self._truth), indent=1) + "\n")
        write_text(self.work / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(self.work / ".scratch", ignore_errors=True)
        self._put_in_place()
        # Only now: before, a folder without its lock would not be known as abandoned if this process were killed.
        (self.target / LOCK).unlink(missing_ok=True)

    def _put_in_place(self) -> None:
        wanted, number = self.target, 1
        while True:
            try:
                self._refuse_to_overwrite()
                swap(self.work, self.target, replace=self.replace)
                return
            except (DataError, FileExistsError):
                # Another writer of the same name was quicker. Where the name was not asked for, the next will do.
                if not self.numbered or not self.target.exists():
                    raise
                number += 1
                self.target = wanted.with_name(f"{wanted.name}-{number}")

    def _refuse_to_overwrite(self) -> None:
        if self.target.exists() and not self.replace:
            raise DataError(f"{self.target} exists already.", "Choose another folder, or replace it on purpose.")
        if self.target.is_dir() and not (self.target / MANIFEST).is_file() and any(self.target.iterdir()):
            raise DataError(
                f"{self.target} is a folder that holds something else than a dataset.",
                "Nothing in it was touched. Choose another folder.",
            )
        if self.target.exists() and not self.target.is_dir():
            raise DataError(f"{self.target} is a file.", "It was not touched. Choose another folder.")


def write_text(file: Path, text: str) -> None:
    """Write a text file whole or not at all: beside its place, flushed to disk, then renamed."""
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.tmp")
    with beside.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    beside.replace(file)


def swap(new: Path, target: Path, *, replace: bool = True) -> None:
    """Put the folder `new` in the place of `target`; the old folder goes once the new one stands.

    Raises:
        FileExistsError: There is a target, and it is not to be replaced.
    """
    old = target.with_name(f".{target.name}.old")
    with _alone_in(target.parent):
        _recover(target)
        if target.exists():
            if not replace:
                raise FileExistsError(errno.EEXIST, "There is such a folder", str(target))
            target.rename(old)
        new.rename(target)
        shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> None:
    """Undo a swap that was killed between its two renames."""
    if target.with_name(f".{target.name}.old").exists():
        with _alone_in(target.parent):
            _recover(target)


def _recover(target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    if old.exists():
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)


def sweep(parent: Path) -> None:
    """Remove the working folders that killed writers left in `parent`; those of living ones are locked."""
    for folder in parent.glob(".*.????????.tmp"):
        if not folder.is_dir():
            continue
        lock = folder / LOCK
        # A folder can be met in the moment before its writer has locked it.
        abandoned = _is_free(lock) if lock.exists() else time.time() - folder.stat().st_mtime > 3600
        if abandoned:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others from swapping or recovering in a folder meanwhile; the lock ends with the process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _locked(file: Path) -> IO[bytes]:
    """A file that stays locked until it is closed or its process ends, however it ends."""
    # Locked before it has its name: another writer's sweep could otherwise find it free, and the folder abandoned.
    unnamed = file.with_name(f"{file.name}.new")
    handle = unnamed.open("wb")
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    unnamed.rename(file)
    return handle


def _is_free(file: Path) -> bool:
    try:
        with file.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, BlockingIOError):
        return False
    return True
