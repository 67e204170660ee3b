"""The workspace: where everything a person makes is kept (datasets, cubes, runs, jobs), out of git."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

from analysis.errors import DataError, PrimetimeError

if TYPE_CHECKING:
    from analysis.data.dataset import Dataset

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "sample_data"


class Base(DeclarativeBase):
    """Base of all records in the workspace database."""


class Workspace:
    """The folder `workspace/` in the checkout, or the one that `PRIMETIME_HOME` names.

    Files are written beside their place and renamed; records go through SQLAlchemy into SQLite, in write-ahead mode
    so that a page can read while a job writes.
    """

    def __init__(self, home: str | Path | None = None) -> None:
        self.home = Path(home or os.environ.get("PRIMETIME_HOME") or ROOT / "workspace").absolute()
        self.datasets = self.home / "datasets"
        self.cubes = self.home / "cubes"
        self.runs = self.home / "runs"
        self.jobs = self.home / "jobs"
        self._engine: sa.Engine | None = None
        self._file: tuple[int, int] | None = None
        self._tables = 0
        self._lock = threading.Lock()

    @property
    def database(self) -> sa.Engine:
        """The database, with the tables of every module that has been imported.

        Raises:
            DataError: It is damaged, can't be written, or was made by another version.
        """
        file = self.home / "workspace.db"
        with self._lock:
            if self._engine is not None and self._file != _identity(file):
                # The file was deleted or replaced: what is written through the old connections would be lost.
                self._engine.dispose()
                self._engine = None
            try:
                if self._engine is None:
                    self._engine, self._tables = self._connected(file), 0
                # A module imported later brings its tables with the next call.
                if self._tables != len(Base.metadata.tables):
                    _make_tables(self._engine)
                    _check_columns(self._engine, file)
                    self._tables = len(Base.metadata.tables)
            except PrimetimeError:
                self._engine = None
                raise
            except (sa.exc.DBAPIError, OSError) as error:
                self._engine = None
                problem = explain(error)
                raise (problem or error) from error
            self._file = _identity(file)
            return self._engine

    def _connected(self, file: Path) -> sa.Engine:
        self.home.mkdir(parents=True, exist_ok=True)
        url = os.environ.get("PRIMETIME_DATABASE") or f"sqlite:///{file}"
        engine = sa.create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
        if url.startswith("sqlite"):
            sa.event.listen(engine, "connect", _write_ahead)
        return engine

    def check_writable(self) -> None:
        """Find out before long work, and not after it, whether its result can be kept.

        Raises:
            DataError: The workspace can't be written.
        """
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.runs):
                pass
        except OSError as error:
            raise (explain(error) or error) from error
        _ = self.database

    def list_datasets(self) -> list[Path]:
        """Folders of all datasets: the sample first, then the workspace's by name."""
        # Imported here: a process that only keeps records (a job's) starts without pandas and DuckDB.
        from analysis.data.dataset import MANIFEST
        from analysis.data.writer import recover

        found = [SAMPLE] if (SAMPLE / MANIFEST).is_file() else []
        if self.datasets.is_dir():
            for hidden in self.datasets.glob(".*.old"):
                # Where nothing can be written, nothing can be set right either; the others are still shown.
                with contextlib.suppress(OSError):
                    recover(hidden.with_name(hidden.name[1:].removesuffix(".old")))
            found += sorted(f.parent for f in self.datasets.glob(f"*/{MANIFEST}") if not f.parent.name.startswith("."))
        return found

    def dataset(self, name: str) -> Dataset:
        """Open a dataset by its folder's name in the workspace, `sample`, or a path.

        Raises:
            DataError: There is none of that name.
        """
        from analysis.data.dataset import MANIFEST, Dataset

        if name in ("sample", SAMPLE.name):
            return Dataset.open(SAMPLE)
        for folder in self.list_datasets():
            if folder.name == name:
                return Dataset.open(folder)
        if (Path(name) / MANIFEST).is_file():
            return Dataset.open(name)
        known = ", ".join(["sample", *(f.name for f in self.list_datasets() if f != SAMPLE)])
        raise DataError(f"There is no dataset {name!r}.", f"Known here: {known}. Or name a dataset's folder.")

    def new_dataset_folder(self, name: str) -> Path:
        """A free folder for a dataset of that name."""
        first = folder = self.dataset_folder(name)
        count = 1
        while folder.exists():
            count += 1
            folder = first.with_name(f"{first.name}-{count}")
        return folder

    def dataset_folder(self, name: str) -> Path:
        """The folder for a dataset of that name, whether or not there is one."""
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "dataset"
        # Everywhere `sample` means the one that is shipped; a dataset of that name would never be found.
        return self.datasets / ("my-sample" if slug == "sample" else slug)


_KEPT = "it holds the lists of jobs and of trained models, and is made anew; datasets stay."


def explain(error: Exception) -> PrimetimeError | None:
    """An error of the machine (disk, permissions, the workspace's database) in words; None for any other."""
    place = "the workspace, or set PRIMETIME_HOME to another folder."
    if isinstance(error, sa.exc.DBAPIError):
        words = str(error.orig)
        if "locked" in words or "busy" in words:
            return DataError("The workspace's database is busy.", "Wait a moment, then try again.")
        if "readonly" in words or "unable to open" in words:
            return DataError(
                f"The workspace's database can't be written ({words}).", f"Check the permissions of {place}"
            )
        if "full" in words:
            return DataError(f"The workspace's database can't grow ({words}).", f"Free disk space in {place}")
        return DataError(
            f"The workspace's database can't be used ({words}).", f"Move workspace.db away and start again: {_KEPT}"
        )
    if isinstance(error, OSError) and error.errno is not None:
        words = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DataError(f"The disk is full ({words}).", f"Free disk space in {place}")
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return DataError(
                f"This may not be read or written ({words}).", f"Check the permissions of the file and of {place}"
            )
        return DataError(f"The machine could not do it ({words}).", f"Check the file, the disk and {place}")
    if isinstance(error, MemoryError):
        return DataError("The machine ran out of memory.", "Close other programs, or use less data.")
    return None


def _identity(file: Path) -> tuple[int, int] | None:
    """What tells a file from another one that takes its place."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_tables(engine: sa.Engine) -> None:
    """Make the tables that are not there. Processes that start at once may all try: the database settles it."""
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))


def _check_columns(engine: sa.Engine, file: Path) -> None:
    """Refuse tables that another version made."""
    inspector = sa.inspect(engine)
    for table in Base.metadata.sorted_tables:
        have = {column["name"] for column in inspector.get_columns(table.name)}
        missing = [column.name for column in table.columns if column.name not in have]
        if missing:
            raise DataError(
                f"The workspace's database was made by another version: its table {table.name} has no "
                f"{', '.join(missing)}.",
                f"Use that version, or move {file.name} away: {_KEPT}",
            )


def _write_ahead(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for wait in (*[0.05] * 100, None):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            # SQLite does not wait here by itself: two processes that meet a new file get in each other's way.
            if wait is None:
                raise
            time.sleep(wait)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
