"""Where tables are read and queries run: narwhals over DuckDB on this machine.

Many threads read at once (a page for each viewer of the app). A DuckDB connection serves one thread at a time, so
every unit of work takes a cursor of its own with `reading`; relations of two cursors can't be joined, so the cursor
supplies all tables of that work.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import pyarrow as pa

from analysis.errors import ParameterError

_LOCK = threading.Lock()
_ROOTS: dict[int, duckdb.DuckDBPyConnection] = {}


def _root() -> duckdb.DuckDBPyConnection:
    """The in-memory database of this process (a forked child opens its own)."""
    with _LOCK:
        root = _ROOTS.get(os.getpid())
        if root is None:
            # The work of a page fits in memory; PRIMETIME_MEMORY bounds big imports, which then spill to disk.
            config = {
                "memory_limit": os.environ.get("PRIMETIME_MEMORY", "4GB"),
                "autoinstall_known_extensions": "false",
            }
            try:
                root = duckdb.connect(":memory:", config=config)
            except duckdb.Error as error:
                raise ParameterError(
                    f"PRIMETIME_MEMORY is {config['memory_limit']!r}, which is no size of memory.",
                    "Write a number with its unit, such as 4GB or 800MB, or unset it for 4GB.",
                ) from error
            _ROOTS[os.getpid()] = root
            root.execute("SET TimeZone = 'UTC'")
        return root


class Cursor:
    """One unit of work on one thread: tables as lazy narwhals frames, and results out of them."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    @property
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB cursor, for what narwhals can't say (per-row time zones, partitioned writes)."""
        return self._cursor

    def parquet(self, files: Sequence[Path]) -> nw.LazyFrame[Any]:
        """The rows of Parquet part files, unread until asked for."""
        frame: nw.LazyFrame[Any] = nw.from_native(self._cursor.read_parquet([str(f) for f in files]))
        return frame

    def arrow(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """The rows of an Arrow table in memory."""
        frame: nw.LazyFrame[Any] = nw.from_native(self._cursor.from_arrow(table))
        return frame

    def close(self) -> None:
        """Give the cursor back."""
        self._cursor.close()


@contextmanager
def reading() -> Iterator[Cursor]:
    """A cursor for one unit of work; frames made from it must be collected before it closes."""
    cursor = Cursor(_root().cursor())
    cursor.duckdb.execute("SET TimeZone = 'UTC'")
    try:
        yield cursor
    finally:
        cursor.close()


def to_arrow(frame: nw.LazyFrame[Any]) -> pa.Table:
    """Run a lazy frame and hand back an Arrow table."""
    table: pa.Table = frame.collect("pyarrow").to_native()
    return table


def to_pandas(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Run a lazy frame and hand back a pandas frame."""
    pandas: pd.DataFrame = to_arrow(frame).to_pandas()
    return pandas
