"""Opening a file of units on the engine, and guessing which of its columns is which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from analysis import engine
from analysis.errors import ExperimentError
from analysis.experiments.cells import MOST_SEGMENTS
from analysis.experiments.experiment import guess_control
from analysis.experiments.moments import natural
from analysis.experiments.tidy import VARIANT_NAME, tidied

if TYPE_CHECKING:
    import duckdb

TEXT_FILES = (".csv", ".tsv", ".txt")
PARQUET_FILES = (".parquet", ".pq")

MOST_VARIANTS = 50
"""More different values than this do not name variants."""

UNIT_NAME = re.compile(
    r"(^|_| )(user|uid|uuid|guid|viewer|unit|customer|kunden?|client|visitor|member|subscriber|profile|account|person|"
    r"subject|cookie|household|device|id)([_ ]?(id|nr|no|number|nummer|key))?$",
    re.IGNORECASE,
)
_KIND_OF_UNIT = re.compile(
    r"^(plan|country|land|region|age_?band|age_?group|device|platform|os|segment|gender|tier)$", re.I
)


@dataclass(frozen=True)
class ColumnInfo:
    """One column of a file.

    Attributes:
        name: Column name.
        kind: `number`, `text`, `time` or `other`.
        distinct: Different values, about.
        levels: The values in order where they are few, else none.
    """

    name: str
    kind: str
    distinct: int
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """What the columns of a file seem to be; a person corrects it.

    Attributes:
        rows: Rows of the file.
        columns: All columns.
        variant: The column that names the variant, or None where none seems to.
        unit: The column that names the unit, or None.
        outcomes: Number columns.
        time: The column with the time of assignment, or None.
        control: The variant that by its name is the control, or None.
        segments: Columns that seem to say what kind of unit each is.
        notes: How columns were read that are not written as numbers or times usually are.
    """

    rows: int
    columns: tuple[ColumnInfo, ...]
    variant: str | None
    unit: str | None
    outcomes: tuple[str, ...]
    time: str | None
    control: str | None
    segments: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> ColumnInfo:
        """The column called `name`."""
        return next(c for c in self.columns if c.name == name)


def names_variant(proposal: Proposal) -> bool:
    """Whether a column's name or its values say that it holds the variant, and not only that its values are few."""
    if proposal.variant is None:
        return False
    column = proposal.column(proposal.variant)
    return bool(VARIANT_NAME.search(column.name)) or guess_control(column.levels) is not None


def open_table(cursor: engine.Cursor, path: str | Path, *, table: str = "units") -> nw.LazyFrame[Any]:
    """The rows of a CSV or Parquet file on a cursor; a CSV's types follow from all of its rows.

    Args:
        cursor: A cursor of the engine.
        path: The file.
        table: Name of the table that a CSV is read into; two files on one cursor need two.

    Raises:
        ExperimentError: The file is missing, of another kind, or can't be read.
    """
    return _opened(cursor, path, table)[0]


def _opened(cursor: engine.Cursor, path: str | Path, table: str) -> tuple[nw.LazyFrame[Any], tuple[str, ...]]:
    """The rows of a file, and how columns were read that are written in an unusual way."""
    path = Path(path)
    if not path.is_file():
        raise ExperimentError(f"There is no file {path.name}.", "Check the path.")
    kind = path.suffix.lower()
    if kind not in TEXT_FILES + PARQUET_FILES:
        raise ExperimentError(
            f"{path.name} ends in {kind or 'nothing'}.", "Bring a table of units as .csv, .tsv, .txt or .parquet."
        )
    import duckdb

    try:
        if kind in PARQUET_FILES:
            return cursor.parquet([path]), ()
        _read_text(cursor, path, table)
        found, notes = tidied(cursor.duckdb.table(table))
        if found.types != cursor.duckdb.table(table).types:
            cursor.duckdb.execute(f"CREATE OR REPLACE TEMP TABLE {table}_tidied AS {found.sql_query()}")
            found = cursor.duckdb.table(f"{table}_tidied")
        frame: nw.LazyFrame[Any] = nw.from_native(found)
        return frame, notes
    except duckdb.Error as error:
        raise ExperimentError(
            f"{path.name} can't be read as a table: {_first_fault(path) or str(error).strip().splitlines()[0]}",
            "Save it as a CSV with a header line, or as Parquet.",
        ) from error


def _read_text(cursor: engine.Cursor, path: Path, table: str) -> None:
    """Read a CSV once into memory, in the file's order, so that a row can be named by its number."""
    import duckdb

    query = (
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM read_csv(?, header = true, sample_size = -1, "
        "nullstr = ['', 'NA', 'N/A', '#N/A', 'n/a', 'null', 'NULL'], encoding = ?)"
    )
    try:
        cursor.duckdb.execute(query, [str(path), "utf-8"])
    except duckdb.Error as error:
        if "unicode" not in str(error).lower() and "utf-8" not in str(error).lower():
            raise
        # Older spreadsheets write one byte a letter.
        cursor.duckdb.execute(query, [str(path), "latin-1"])
    names = cursor.duckdb.table(table).columns
    if len(names) == 1 and any(mark in names[0] for mark in ",;\t|"):
        raise duckdb.Error("the rows have not as many cells as the header.")


def _first_fault(path: Path) -> str:
    """The first row of a text file that has more or fewer cells than its header, in words; empty where none has."""
    import csv

    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        head = file.readline()
        mark = max(",;\t|", key=head.count)
        if not head.count(mark):
            return ""
        wanted = len(next(csv.reader([head], delimiter=mark)))
        try:
            for number, row in enumerate(csv.reader(file, delimiter=mark), start=1):
                if row and len(row) != wanted:
                    return f"row {number:,} has {len(row)} cells, the header {wanted}."
        except csv.Error:
            return ""
    return ""


def propose(path: str | Path) -> Proposal:
    """Look at a file of units and say which column seems to be which.

    Raises:
        ExperimentError: The file can't be read, or has no rows.
    """
    with engine.reading() as cursor:
        frame, notes = _opened(cursor, path, "units")
        schema = frame.collect_schema()
        names = schema.names()
        spec = [nw.col(name).n_unique().alias(f"u{i}") for i, name in enumerate(names)]
        counts = engine.to_arrow(frame.select(nw.len().alias("n"), *spec)).to_pylist()[0]
        rows = int(counts["n"])
        if not rows:
            raise ExperimentError(f"{Path(path).name} has no rows.", "Bring one row a unit.")
        columns = tuple(
            _column(frame, name, schema[name], int(counts[f"u{i}"]), len(names)) for i, name in enumerate(names)
        )
    variant = _guess_variant(columns)
    unit = _guess_unit(columns, rows, variant)
    time = next((c.name for c in columns if c.kind == "time"), None)
    named = [c for c in columns if c.kind == "number" and c.name not in (variant, unit)]
    outcomes = tuple(c.name for c in named if not UNIT_NAME.search(c.name) and not _KIND_OF_UNIT.search(c.name))
    kinds = [c for c in columns if c.kind in ("text", "number") and c.name not in (variant, unit)]
    few = [c for c in kinds if 2 <= c.distinct <= MOST_SEGMENTS]
    segments = tuple(c.name for c in few if c.kind == "text" or _KIND_OF_UNIT.search(c.name))
    levels = next((c.levels for c in columns if c.name == variant), ())
    return Proposal(rows, columns, variant, unit, outcomes, time, guess_control(levels), segments, notes)


def native(frame: nw.LazyFrame[Any]) -> duckdb.DuckDBPyRelation:
    """The engine's own relation behind a frame, for what narwhals can't say."""
    relation: duckdb.DuckDBPyRelation = frame.to_native()
    return relation


def quoted(name: str) -> str:
    """A column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def first_row_where(frame: nw.LazyFrame[Any], column: str, condition: str) -> tuple[int, str] | None:
    """Number (from 1) and value of the first row whose `value` meets an SQL condition, or None."""
    numbered = native(frame).project(f"row_number() OVER () AS row, {quoted(column)} AS value")
    found = numbered.filter(condition).order("row").limit(1).fetchall()
    return (int(found[0][0]), str(found[0][1])) if found else None


def _column(frame: nw.LazyFrame[Any], name: str, dtype: nw.dtypes.DType, distinct: int, width: int) -> ColumnInfo:
    if dtype.is_numeric() or dtype == nw.Boolean:
        kind = "number"
    elif dtype == nw.String:
        kind = "text"
    else:
        kind = "time" if dtype.is_temporal() else "other"
    levels: tuple[str, ...] = ()
    # A file of hundreds of columns is not asked for the values of each.
    if distinct <= MOST_VARIANTS and kind in ("text", "number") and width <= 200:
        found = engine.to_arrow(frame.select(name).unique()).column(0).to_pylist()
        levels = tuple(sorted((str(v) for v in found if v is not None), key=natural))
    return ColumnInfo(name, kind, distinct, levels)


def _guess_variant(columns: Sequence[ColumnInfo]) -> str | None:
    few = [c for c in columns if 2 <= c.distinct <= MOST_VARIANTS and c.kind in ("text", "number")]
    named = [c for c in few if VARIANT_NAME.search(c.name)]
    by_value = [c for c in few if c.kind == "text" and guess_control(c.levels)]
    text = [c for c in few if c.kind == "text" and not UNIT_NAME.search(c.name)]
    # A column that names a single variant is proposed too: that there is only one is then said.
    lone = [c for c in columns if c.distinct == 1 and VARIANT_NAME.search(c.name)]
    return next((c.name for c in (*named, *by_value, *text, *lone)), None)


def _guess_unit(columns: Sequence[ColumnInfo], rows: int, variant: str | None) -> str | None:
    """By its name, even where units have several rows, which is then said; else the first text that never repeats."""
    others = [c for c in columns if c.name != variant and c.kind in ("text", "number")]
    named = [c for c in others if UNIT_NAME.search(c.name) and c.distinct > min(rows / 2, MOST_VARIANTS)]
    named.sort(key=lambda c: c.distinct < rows / 2)
    unlike = [c for c in others if c.kind == "text" and c.distinct == rows > MOST_VARIANTS]
    return next((c.name for c in (*named, *unlike)), None)
