"""What an import did: what was read, what was kept, what was dropped and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.data.dataset import Dataset
from analysis.results import Result, counted, plain

EXAMPLES = 20
"""Bad rows listed a file; all of them are counted."""


@dataclass(frozen=True)
class Dropped:
    """Rows left out for one reason.

    Attributes:
        file: Name of the file.
        reason: Why they were left out.
        rows: How many.
    """

    file: str
    reason: str
    rows: int


@dataclass(frozen=True)
class BadRow:
    """One row that was left out.

    Attributes:
        file: Name of the file.
        line: Line in the file, counted from 1 (the row's number for a Parquet file).
        column: Column at fault, or empty where it is the whole line.
        value: The value at fault, shortened.
        reason: What is wrong with it.
    """

    file: str
    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class ImportReport(Result):
    """What `import_data` did.

    Attributes:
        name: Name of the dataset.
        folder: Where it was written.
        layout: Which layout the files have, in words.
        time_zone: IANA zone used for wall clocks.
        rows: Rows of each table written.
        rows_read: Data rows read of each file.
        dropped: Rows left out, by file and reason.
        bad_rows: The first rows left out, with line and value.
        notes: What a reader of the data should know.
        seconds: How long it took.
        content_hash: Hash of the dataset.
    """

    name: str
    folder: Path
    layout: str
    time_zone: str
    rows: Mapping[str, int]
    rows_read: Mapping[str, int]
    dropped: tuple[Dropped, ...]
    bad_rows: tuple[BadRow, ...]
    notes: tuple[str, ...]
    seconds: float
    content_hash: str

    @property
    def rows_dropped(self) -> int:
        """Rows left out of all files."""
        return sum(d.rows for d in self.dropped)

    def open(self) -> Dataset:
        """The dataset that was written."""
        return Dataset.open(self.folder)

    def summary(self) -> str:
        """What was written and what was left out, in one sentence."""
        kept = ", ".join(counted(count, name.replace("_", " ")) for name, count in self.rows.items())
        lost, read = self.rows_dropped, sum(self.rows_read.values())
        left_out = (
            f"left out {lost:,} of {counted(read, 'rows')} ({lost / max(1, read):.2%})" if lost else "no row lost"
        )
        return f"Imported {self.name} ({self.layout}): {kept}; {left_out}."

    def to_frame(self) -> pd.DataFrame:
        """One row a file and outcome: rows read, and rows left out by reason."""
        rows = [(file, "read", "", count) for file, count in self.rows_read.items()]
        rows += [(d.file, "left out", d.reason, d.rows) for d in self.dropped]
        return pd.DataFrame(rows, columns=["file", "outcome", "reason", "rows"])

    def bad_rows_frame(self) -> pd.DataFrame:
        """The first rows left out: file, line, column, value, reason."""
        return pd.DataFrame([plain(b) for b in self.bad_rows], columns=["file", "line", "column", "value", "reason"])

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        return {
            **super().to_json(),
            "name": self.name,
            "folder": str(self.folder),
            "layout": self.layout,
            "time_zone": self.time_zone,
            "tables": plain(self.rows),
            "bad_rows": plain(self.bad_rows),
            "notes": plain(self.notes),
            "seconds": round(self.seconds, 3),
            "content_hash": self.content_hash,
        }


@dataclass
class Tally:
    """Counts of a running import."""

    rows_read: dict[str, int] = field(default_factory=dict)
    dropped: dict[tuple[str, str], int] = field(default_factory=dict)
    bad_rows: list[BadRow] = field(default_factory=list)

    def drop(self, file: str, reason: str, rows: int) -> None:
        """Count rows left out."""
        if rows:
            self.dropped[(file, reason)] = self.dropped.get((file, reason), 0) + rows

    def by_reason(self) -> tuple[Dropped, ...]:
        """Rows left out by file and reason, most first."""
        return tuple(Dropped(f, r, n) for (f, r), n in sorted(self.dropped.items(), key=lambda item: -item[1]))

    def first_bad_rows(self) -> tuple[BadRow, ...]:
        """The bad rows listed, in the order of the files and their lines."""
        files = list(self.rows_read)
        return tuple(sorted(self.bad_rows, key=lambda bad: (files.index(bad.file), bad.line)))

    def stored(self) -> dict[str, Any]:
        """What `dataset.json` keeps of it."""
        return {
            "rows_read": dict(self.rows_read),
            "dropped": plain(self.by_reason()),
            "bad_rows": plain(self.first_bad_rows()),
        }
