"""A dataset: an immutable folder of Parquet parts and a `dataset.json`, or the same tables held in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import narwhals as nw
import pandas as pd
import pyarrow as pa

from analysis import engine
from analysis.data import schema
from analysis.errors import DataError, PrimetimeError

FORMAT = 1
"""Version of the folder's layout, written into `dataset.json`."""

MANIFEST = "dataset.json"

DATASET_KINDS = ("sample", "simulated", "imported", "personal")


@dataclass(frozen=True)
class Part:
    """One part file of a table.

    Attributes:
        file: Path within the dataset's folder, with forward slashes.
        sha256: Hash of the file's bytes.
        rows: Number of rows.
    """

    file: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class DatasetInfo:
    """What `dataset.json` says.

    Attributes:
        name: Name as shown.
        source: Where the data came from, in words.
        licence: Licence of the data.
        time_zone: IANA zone of wall clocks where viewers have none of their own.
        kind: `sample` (simulated and shipped), `simulated`, `imported` or `personal`.
        has_truth: Whether a `truth.json` stands beside it.
        tables: Parts of each table.
        notes: What a reader of any chart should know, one sentence each.
        import_report: What the importer dropped and why, or an empty mapping.
    """

    name: str
    source: str
    licence: str
    time_zone: str
    kind: str
    has_truth: bool
    tables: Mapping[str, tuple[Part, ...]]
    notes: tuple[str, ...] = ()
    import_report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """Hash over the hashes of all parts, in a fixed order, and over the zone where no part knows the wall clock."""
        digest = hashlib.sha256()
        if self.time_zone != "UTC" and not self.rows("views"):
            # Ratings are stored in UTC alone: the same rows fall on other days and hours in another zone.
            digest.update(f"time_zone\0{self.time_zone}\n".encode())
        for name in sorted(self.tables):
            for part in self.tables[name]:
                digest.update(f"{name}\0{part.sha256}\n".encode())
        return digest.hexdigest()

    def rows(self, table: str) -> int:
        """Number of rows of a table; 0 where the dataset lacks it."""
        return sum(part.rows for part in self.tables.get(table, ()))


class Tables(Mapping[str, nw.LazyFrame[Any]]):
    """The tables of one dataset as lazy narwhals frames on one cursor; `tables["views"]`."""

    def __init__(self, names: tuple[str, ...], scan: Callable[[str], nw.LazyFrame[Any]], cursor: engine.Cursor) -> None:
        self._names, self._scan = names, scan
        # A table is opened when it is asked for: most work needs one of nine.
        self._frames: dict[str, nw.LazyFrame[Any]] = {}
        self.cursor = cursor

    def __getitem__(self, name: str) -> nw.LazyFrame[Any]:
        if name not in self._names:
            raise _lacks(name, self._names)
        if name not in self._frames:
            self._frames[name] = self._scan(name)
        return self._frames[name]

    def __contains__(self, name: object) -> bool:
        # Mapping's own would ask __getitem__, whose error is for people and is no KeyError.
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Dataset:
    """An immutable dataset.

    Open one with `Dataset.open(folder)`, or make one in a notebook with `Dataset.from_frames(views=…, titles=…)`.
    Read it with `with dataset.read() as tables: tables["views"]…`, which gives lazy narwhals frames, or take one
    small table whole with `dataset.frame("titles")`.
    """

    def __init__(self, info: DatasetInfo, folder: Path | None = None, memory: Mapping[str, pa.Table] | None = None):
        self.info = info
        self.folder = folder
        self._memory = dict(memory or {})

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """Open a dataset's folder; nothing but `dataset.json` is read.

        Raises:
            DataError: There is no dataset, its `dataset.json` can't be read or is of a newer format, or a part is
                missing.
        """
        folder = Path(folder)
        manifest = folder / MANIFEST
        if not manifest.is_file():
            from analysis.data.writer import recover

            # A replacement may have been killed between its two renames.
            recover(folder.absolute())
        if not manifest.is_file():
            raise DataError(
                f"There is no dataset in {folder}: {MANIFEST} is missing.",
                "Name a folder written by `python -m analysis data import` or `simulate`.",
            )
        info = _described(manifest)
        for part in (part for parts in info.tables.values() for part in parts):
            if not (folder / part.file).is_file():
                raise DataError(
                    f"The part {part.file} is missing from {folder}.", "Import the data again, or choose another."
                )
        return cls(info, folder=folder)

    @classmethod
    def from_frames(cls, *, name: str = "in memory", time_zone: str = "UTC", **tables: Any) -> Dataset:
        """Make a dataset of pandas, polars or Arrow tables, one keyword a table.

        A missing `started_local` is computed from `started_at` in `time_zone`, a missing `view_id` is the row number.

        Raises:
            DataError: A table or column is unknown, missing or of the wrong type.
        """
        memory: dict[str, pa.Table] = {}
        for table, frame in tables.items():
            schema.table(table)
            arrow = frame if isinstance(frame, pa.Table) else nw.from_native(frame, eager_only=True).to_arrow()
            # A filtered pandas frame carries its old row numbers along.
            arrow = arrow.drop_columns([c for c in arrow.column_names if c.startswith("__index_level_")])
            memory[table] = schema.conform(table, _complete(table, arrow, time_zone))
        if not {"views", "ratings"} & memory.keys():
            raise DataError("The dataset has neither views nor ratings.", "Give at least one of the two tables.")
        parts = {t: (Part(f"memory/{t}", _hash_table(data), len(data)),) for t, data in memory.items()}
        info = DatasetInfo(name, "made in memory", "", time_zone, "imported", False, parts)
        return cls(info, memory=memory)

    @property
    def name(self) -> str:
        """Name as shown."""
        return self.info.name

    @property
    def content_hash(self) -> str:
        """Hash of the content; results and caches are keyed by it."""
        return self.info.content_hash

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables it has rows for."""
        return tuple(name for name in schema.TABLES if self.info.rows(name))

    def has(self, table: str) -> bool:
        """Whether the dataset has rows in `table`."""
        return table in self.tables

    def columns(self, table: str) -> tuple[str, ...]:
        """Names of the columns that `table` has in this dataset."""
        if table in self._memory:
            return tuple(self._memory[table].column_names)
        with self.read() as tables:
            return tuple(tables[table].collect_schema().names())

    @contextmanager
    def read(self) -> Iterator[Tables]:
        """All tables as lazy frames on one cursor of their own; collect before leaving the block."""
        with engine.reading() as cursor:
            try:
                yield Tables(self.tables, lambda table: self._scan(table, cursor), cursor)
            except PrimetimeError:
                raise
            except Exception as error:
                # Whatever a reader stumbles over, a damaged file explains it.
                self._blame_a_part(error)
                raise

    def _scan(self, table: str, cursor: engine.Cursor) -> nw.LazyFrame[Any]:
        if table in self._memory:
            return cursor.arrow(self._memory[table])
        self._require_files(table)
        return cursor.parquet(self.files(table))

    def _require_files(self, table: str) -> None:
        if not all(file.is_file() for file in self.files(table)):
            raise DataError(
                f"The files of {self.name} are gone: it was replaced or deleted since it was opened.",
                "Open it again, or choose another dataset.",
            )

    def altered(self) -> tuple[str, ...]:
        """Part files whose bytes are not those that were written; all files are read."""
        if self.folder is None:
            return ()
        parts = [part for parts in self.info.tables.values() for part in parts]
        return tuple(part.file for part in parts if hash_file(self.folder / part.file) != part.sha256)

    def _blame_a_part(self, error: Exception) -> None:
        if self.folder is None:
            return
        for table in self.tables:
            self._require_files(table)
        altered = self.altered()
        if altered:
            raise DataError(
                f"The file {altered[0]} of {self.name} is damaged: it is not what was written.",
                "Import the data again, or choose another dataset.",
            ) from error

    def files(self, table: str) -> list[Path]:
        """Part files of a table on disk, in order."""
        if self.folder is None:
            raise DataError("This dataset is held in memory and has no files.", "Write it with `DatasetWriter` first.")
        return [self.folder / part.file for part in self.info.tables.get(table, ())]

    def frame(self, table: str, columns: list[str] | None = None) -> pd.DataFrame:
        """A whole table as pandas, for small tables and models.

        Raises:
            DataError: The dataset lacks the table or a column.
        """
        with self.read() as tables:
            lazy = tables[table]
            if columns is not None:
                have = lazy.collect_schema().names()
                for column in columns:
                    if column not in have:
                        raise DataError(
                            f"Table {table} of {self.name} has no column {column!r}.",
                            f"It has: {', '.join(have)}. Import the data again with that column mapped.",
                        )
                lazy = lazy.select(columns)
            return engine.to_pandas(lazy)

    def truth(self) -> dict[str, Any] | None:
        """The known truth of a simulated dataset, or None.

        Raises:
            DataError: `dataset.json` promises a truth, and `truth.json` is missing or can't be read.
        """
        if self.folder is None or not self.info.has_truth:
            return None
        file = self.folder / "truth.json"
        try:
            truth: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{file} can't be read ({error}).", "Simulate the dataset again, or restore the file."
            ) from error
        return truth

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {self.info.rows(name):,}" for name in self.tables)
        return f"Dataset({self.name!r}: {rows})"


def _described(manifest: Path) -> DatasetInfo:
    """What a `dataset.json` says.

    Raises:
        DataError: It can't be read, is of a newer format, or says what can't be.
    """
    again = "Import the data again, or choose another dataset."
    try:
        stored = json.loads(manifest.read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            raise TypeError("it is no JSON object")
        if stored["format"] != FORMAT:
            raise DataError(
                f"{manifest} has format {stored['format']}, this version reads format {FORMAT}.",
                "Import the data again with this version.",
            )
        words = {key: stored[key] for key in ("name", "source", "licence", "time_zone", "kind")}
        for key, word in words.items():
            if not isinstance(word, str):
                raise DataError(f"In {manifest}, {key} is {word!r} and not a text.", again)
        ZoneInfo(words["time_zone"])
        if words["kind"] not in DATASET_KINDS:
            allowed = ", ".join(DATASET_KINDS)
            raise DataError(f"In {manifest}, kind is {words['kind']!r}; it may be {allowed}.", again)
        if not isinstance(stored["has_truth"], bool):
            raise DataError(f"In {manifest}, has_truth is {stored['has_truth']!r}; it may be true or false.", again)
        return DatasetInfo(
            **words,
            has_truth=stored["has_truth"],
            tables={schema.table(n).name: tuple(map(_part, parts)) for n, parts in stored["tables"].items()},
            notes=tuple(str(note) for note in stored.get("notes", ())),
            import_report=dict(stored.get("import_report", {})),
        )
    except ZoneInfoNotFoundError as error:
        raise DataError(f"{manifest} has the unknown time zone {words['time_zone']!r}.", again) from error
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise DataError(f"{manifest} can't be read ({error!r}).", again) from error


def _part(stored: Any) -> Part:
    file, digest, rows = stored["file"], stored["sha256"], stored["rows"]
    if not isinstance(rows, int) or rows < 0:
        raise ValueError(f"{rows!r} is no number of rows of {file}")
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise ValueError(f"the part {file} lies outside of the folder")
    return Part(file, str(digest), rows)


def hash_file(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _lacks(table: str, have: Iterable[str]) -> DataError:
    wanted = schema.table(table)
    return DataError(
        f"This dataset has no table {table} ({wanted.row} a row).",
        f"It has: {', '.join(have) or 'no tables'}. Import a file that holds {table}.",
    )


def _complete(table: str, data: pa.Table, time_zone: str) -> pa.Table:
    """Add the columns of `views` that follow from others."""
    if table != "views":
        return data
    if "view_id" not in data.column_names:
        data = data.append_column("view_id", pa.array(range(len(data)), pa.int64()))
    if "started_local" not in data.column_names and "started_at" in data.column_names:
        local = data.select(["started_at"]).to_pandas()["started_at"]
        local = pd.to_datetime(local, utc=True).dt.tz_convert(time_zone).dt.tz_localize(None)
        data = data.append_column("started_local", pa.Array.from_pandas(local))
    zoned = data["started_at"].type if "started_at" in data.column_names else None
    if isinstance(zoned, pa.TimestampType) and zoned.tz is not None:
        utc = data["started_at"].cast(pa.timestamp("us", "UTC")).cast(schema.TIME)
        data = data.set_column(data.column_names.index("started_at"), "started_at", utc)
    return data


def _hash_table(data: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as stream:
        stream.write_table(data.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()
