"""Writing a dataset: into a folder beside its place, which is renamed when all of it is there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.data import schema
from analysis.data.dataset import FORMAT, MANIFEST, Part
from analysis.errors import DataError
from analysis.results import plain

ROW_GROUP = 122_880
"""Rows a row group: DuckDB's own vector-friendly size, so that scans split over threads."""


class DatasetWriter:
    """Write a dataset so that a kill at any moment leaves the old one, or none, and never a half one.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "tiny"
    >>> with DatasetWriter(target, name="Tiny", source="an example") as writer:
    ...     writer.add("ratings", pa.table({"viewer_id": [1], "title_id": [7], "stars": [4.0]}))
    >>> Dataset.open(target).info.rows("ratings")
    1
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
    ) -> None:
        self.target = Path(target).absolute()
        self.work = self.target.with_name(f".{self.target.name}.{uuid.uuid4().hex[:8]}.tmp")
        self.replace = replace
        self.notes: list[str] = []
        self.import_report: Mapping[str, Any] = {}
        self._head = {"name": name, "source": source, "licence": licence, "time_zone": time_zone, "kind": kind}
        self._parts: dict[str, list[Part]] = {}
        self._truth: Mapping[str, Any] | None = None

    def __enter__(self) -> DatasetWriter:
        if self.target.exists() and not self.replace:
            raise DataError(f"{self.target} exists already.", "Choose another folder, or replace it on purpose.")
        self.work.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

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
        """Where the next part of a table belongs, for writers that stream straight to disk (then call `adopt`)."""
        folder = self.work / table
        folder.mkdir(exist_ok=True)
        return folder / f"part-{len(self._parts.get(table, [])):04d}.parquet"

    def adopt(self, table: str, file: Path) -> None:
        """Count a Parquet file that was written at `part_path` as a part of the table."""
        found = pq.read_schema(file)
        schema.conform(table, found.empty_table())
        rows = pq.read_metadata(file).num_rows
        relative = file.relative_to(self.work).as_posix()
        self._parts.setdefault(table, []).append(Part(relative, hash_file(file), rows))

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
        swap(self.work, self.target)


def hash_file(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_text(file: Path, text: str) -> None:
    """Write a text file whole or not at all: beside its place, flushed to disk, then renamed."""
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.tmp")
    with beside.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    beside.replace(file)


def swap(new: Path, target: Path) -> None:
    """Put the folder `new` in the place of `target`; the old folder goes once the new one stands."""
    old = target.with_name(f".{target.name}.old")
    recover(target)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> None:
    """Undo a swap that was killed between its two renames."""
    old = target.with_name(f".{target.name}.old")
    if old.exists():
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
