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
from analysis.experiments.experiment import guess_control
from analysis.experiments.moments import natural

if TYPE_CHECKING:
    import duckdb

TEXT_FILES = (".csv", ".tsv", ".txt")
PARQUET_FILES = (".parquet", ".pq")

MOST_VARIANTS = 50
"""More different values than this do not name variants."""

_VARIANT = re.compile(r"variant|variation|^group$|_group$|^arm$|bucket|treatment|condition|cell", re.IGNORECASE)
UNIT_NAME = re.compile(
    r"(^|_)(user|viewer|unit|customer|visitor|member|profile|account|device|id)(_?id)?$", re.IGNORECASE
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
    """

    rows: int
    columns: tuple[ColumnInfo, ...]
    variant: str | None
    unit: str | None
    outcomes: tuple[str, ...]
    time: str | None
    control: str | None

    def column(self, name: str) -> ColumnInfo:
        """The column called `name`."""
        return next(c for c in self.columns if c.name == name)


def names_variant(proposal: Proposal) -> bool:
    """Whether a column's name or its values say that it holds the variant, and not only that its values are few."""
    if proposal.variant is None:
        return False
    column = proposal.column(proposal.variant)
    return bool(_VARIANT.search(column.name)) or guess_control(column.levels) is not None


def open_table(cursor: engine.Cursor, path: str | Path, *, table: str = "units") -> nw.LazyFrame[Any]:
    """The rows of a CSV or Parquet file on a cursor; a CSV's types follow from all of its rows.

    Args:
        cursor: A cursor of the engine.
        path: The file.
        table: Name of the table that a CSV is read into; two files on one cursor need two.

    Raises:
        ExperimentError: The file is missing, of another kind, or can't be read.
    """
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
            return cursor.parquet([path])
        # Read once into memory, in the file's order, so that a row can be named by its number.
        cursor.duckdb.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM read_csv(?, header = true, sample_size = -1, "
            "nullstr = ['', 'NA', 'N/A', 'null', 'NULL'])",
            [str(path)],
        )
        frame: nw.LazyFrame[Any] = nw.from_native(cursor.duckdb.table(table))
        return frame
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        raise ExperimentError(
            f"{path.name} can't be read as a table: {first}.", "Save it as a CSV with a header line, or as Parquet."
        ) from error


def propose(path: str | Path) -> Proposal:
    """Look at a file of units and say which column seems to be which.

    Raises:
        ExperimentError: The file can't be read, or has no rows.
    """
    with engine.reading() as cursor:
        frame = open_table(cursor, path)
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
    outcomes = tuple(c.name for c in columns if c.kind == "number" and c.name not in (variant, unit))
    levels = next((c.levels for c in columns if c.name == variant), ())
    return Proposal(rows, columns, variant, unit, outcomes, time, guess_control(levels))


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
    named = [c for c in few if _VARIANT.search(c.name)]
    by_value = [c for c in few if c.kind == "text" and guess_control(c.levels)]
    text = [c for c in few if c.kind == "text"]
    return next((c.name for c in (*named, *by_value, *text)), None)


def _guess_unit(columns: Sequence[ColumnInfo], rows: int, variant: str | None) -> str | None:
    others = [c for c in columns if c.name != variant]
    return next((c.name for c in others if UNIT_NAME.search(c.name) and c.distinct > rows / 2), None)
