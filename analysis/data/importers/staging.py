"""The way of every row: read as text, turned into values, checked, sorted, freed of repeats, written as Parquet.

DuckDB streams each step from file to file, so memory stays bounded whatever the size: `MEMORY` for its work, which
spills to disk beyond, and little more for the process around it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.data import schema
from analysis.data.importers.files import TextTable
from analysis.data.importers.report import EXAMPLES, BadRow, Tally
from analysis.data.writer import ROW_GROUP, DatasetWriter
from analysis.errors import DataError
from analysis.results import Progress

MEMORY = "1GB"
"""What DuckDB may hold at once; the process takes a few hundred megabytes beside it."""

THREADS = 4
"""Each thread has buffers of its own, so more threads would need more memory."""

SHOWN = 80
"""Characters of a value at fault that are kept."""

_STRUCTURE = {
    "MISSING COLUMNS": "too few values on the line",
    "TOO MANY COLUMNS": "too many values on the line",
    "UNQUOTED VALUE": "a quotation mark that is not closed, or stands inside a value",
    "LINE SIZE OVER MAXIMUM": "a line longer than 2 MB",
    "INVALID ENCODING": "characters that can't be decoded",
}


@dataclass(frozen=True)
class Check:
    """One way a row can be wrong.

    Attributes:
        when: SQL over the raw columns and the values, true for a bad row; never null.
        column: The file's column to show, or empty.
        reason: What is wrong, in words.
        expected: Whether it is no fault of the file (previews that are meant to be left out).
    """

    when: str
    column: str
    reason: str
    expected: bool = False


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file of unknown columns, read as text like every other file."""

    file: Path
    columns: tuple[str, ...]


@dataclass
class Run:
    """One running import: its connection, its dataset, its counts."""

    writer: DatasetWriter
    connection: duckdb.DuckDBPyConnection
    scratch: Path
    time_zone: str
    report: Progress
    tally: Tally = field(default_factory=Tally)
    time_precision: str = "second"

    def note(self, text: str) -> None:
        """Add a sentence for the reader of the data, once."""
        if text not in self.writer.notes:
            self.writer.notes.append(text)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a small result."""
        rows: list[tuple[Any, ...]] = self.connection.execute(sql, list(parameters)).fetchall()
        return rows

    def copy(self, sql: str, file: Path, start: float = 0.0, end: float = 0.0, words: str = "") -> int:
        """Stream a query into a Parquet file, telling how far it is; gives the number of rows."""
        with self._watched(start, end, words):
            options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}"
            ((rows,),) = self.query(f"COPY ({sql}) TO {literal(str(file))} ({options})")
        return int(rows)

    def write(self, table: str, sql: str, start: float = 0.0, end: float = 0.0, words: str = "") -> int:
        """Stream a query into a part of a table of the dataset; nothing is written where it has no rows."""
        types = {c.name: _SQL_TYPES.get(str(c.type), "VARCHAR") for c in schema.table(table).columns}
        have = [name for name, *_ in self.query(f"DESCRIBE {sql}")]
        order = [c for c in types if c in have]
        casts = ", ".join(f"CAST({name_of(c)} AS {types[c]}) AS {name_of(c)}" for c in order)
        part = self.writer.part_path(table)
        rows = self.copy(f"SELECT {casts} FROM ({sql})", part, start, end, words)
        if rows:
            self.writer.adopt(table, part)
        else:
            part.unlink()
        return rows

    def part(self, table: str) -> str:
        """A SQL relation of what has been written to a table of the dataset so far."""
        return parquet(*sorted((self.writer.work / table).glob("*.parquet")))

    @contextmanager
    def _watched(self, start: float, end: float, words: str) -> Iterator[None]:
        """Report DuckDB's own progress of the running query as a stretch of the whole."""
        if not words:
            yield
            return
        self.report(start, words)
        done = threading.Event()

        def poll() -> None:
            while not done.wait(0.5):
                with contextlib.suppress(duckdb.Error):
                    share = self.connection.query_progress() / 100
                    if 0 < share <= 1:
                        self.report(start + share * (end - start), words)

        watcher = threading.Thread(target=poll, name="import progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


_SQL_TYPES = {
    "int64": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us]": "TIMESTAMP",
    "list<item: string>": "VARCHAR[]",
}


@contextmanager
def connected(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of the import's own, with its own bound on memory and its own place to spill to.

    Raises:
        DataError: DuckDB could not do the work (disk full, memory too small for one step).
    """
    config = {
        "memory_limit": MEMORY,
        "threads": str(max(1, min(THREADS, os.cpu_count() or 1))),
        "temp_directory": str(scratch / "spill"),
        "autoinstall_known_extensions": "false",
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        yield connection
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        first = _words(error)
        if isinstance(error, duckdb.OutOfMemoryException) or "No space left" in first:
            raise DataError(
                f"The import ran out of room: {first}",
                "Free disk space in the workspace (or set PRIMETIME_HOME to a larger disk) and import again.",
            ) from error
        raise DataError(f"A file can't be read or written: {first}", "Check the file and the disk.") from error
    finally:
        connection.close()


def _words(error: duckdb.Error) -> str:
    """What DuckDB says in its first line; errors of writing in the background come wrapped in JSON."""
    first = str(error).splitlines()[0]
    wrapped = re.search(r'"exception_message":("(?:[^"\\]|\\.)*")', first)
    return str(json.loads(wrapped[1])) if wrapped else first


def stage(
    run: Run,
    source: TextTable | ParquetTable,
    label: str,
    values: Mapping[str, str],
    checks: Sequence[Check],
    span: tuple[float, float] = (0.0, 0.0),
) -> str:
    """Read a file once into a Parquet file of values; count and list its bad rows.

    Args:
        run: The import.
        source: The file and how it is cut.
        label: Name of the file in messages.
        values: New column to SQL over raw columns, written with `raw(name)`.
        checks: What makes a row bad, in order; a row counts under the first that holds.
        span: Stretch of the progress bar; nothing is told of a small file.

    Returns:
        A SQL relation of the good rows: `line` and the new columns.

    Raises:
        DataError: The file has no rows, or most of them are bad.
    """
    shown = sorted({c.column for c in checks if c.column})
    cases = " ".join(f"WHEN {c.when} THEN {i}" for i, c in enumerate(checks))
    picks = " ".join(f"WHEN {i} THEN {raw(c.column)}" for i, c in enumerate(checks) if c.column)
    computed = ", ".join(f"{sql} AS {name_of(column)}" for column, sql in values.items())
    keep = ", ".join(name_of(column) for column in values)
    used = sorted(c for c in source.columns if c in shown or any(raw(c) in v for v in (*values.values(), cases)))
    renamed = ", ".join(f"{name_of(c)} AS {raw(c)}" for c in used)
    sql = f"""
        SELECT line, {keep}, fault, left(CASE fault {picks or "WHEN -1 THEN ''"} END, {SHOWN}) AS wrong FROM (
            SELECT *, CASE {cases or "WHEN false THEN -1"} END AS fault FROM (
                SELECT *, {computed} FROM (
                    SELECT row_number() OVER () AS line, {renamed} FROM {reader(source)})))"""
    forget_bad_lines(run)
    staged = run.scratch / f"staged-{len(list(run.scratch.glob('staged-*')))}.parquet"
    try:
        rows = run.copy(sql, staged, *span, f"Reading {label}" if span[1] else "")
    except duckdb.InvalidInputException as error:
        problem = f"{label} can't be read to its end: {_words(error)}."
        raise DataError(problem, "It is damaged: download or export it again.") from error
    lost = _count_structure(run, source, label)
    _count_faults(run, source, label, staged, checks)
    run.tally.rows_read[label] = rows + lost
    if rows + lost == 0:
        raise DataError(f"{label} has no rows.", "Export or download it again.")
    ((bad,),) = run.query(
        f"SELECT count(*) FROM {parquet(staged)} WHERE fault IS NOT NULL AND fault NOT IN "
        f"({', '.join(['-1', *(str(i) for i, c in enumerate(checks) if c.expected)])})"
    )
    if (bad + lost) * 2 > rows + lost:
        raise _mostly_bad(run, label, bad + lost, rows + lost)
    if sum(d.rows for d in run.tally.by_reason() if d.file == label) == rows + lost:
        why = ", ".join(f"{d.reason} ({d.rows:,})" for d in run.tally.by_reason() if d.file == label)
        raise DataError(f"Nothing of {label} is left to import: {why}.", "Export it again, with what was watched.")
    return f"(SELECT line, {keep} FROM {parquet(staged)} WHERE fault IS NULL)"


def forget_bad_lines(run: Run) -> None:
    """Empty the tables in which DuckDB collects lines that can't be cut, before a file is read."""
    run.connection.execute("DROP TABLE IF EXISTS bad_lines; DROP TABLE IF EXISTS bad_scans")


def distinct(relation: str, key: Sequence[str], order: Sequence[str]) -> str:
    """The first row of every key, sorted by `order` (which begins with the key's columns in any order) and `line`.

    A sort and a look at the row before need less memory than a hash table of all keys, and give the same file
    every time.
    """
    before = ", ".join(f"lag({name_of(k)}) OVER () AS {name_of('before ' + k)}" for k in key)
    new = " OR ".join(f"{name_of(k)} IS DISTINCT FROM {name_of('before ' + k)}" for k in key)
    by = ", ".join(f"{name_of(o)} NULLS FIRST" for o in order)
    # The first row has nothing before it, which a key of nulls would not differ from.
    return (
        f"(SELECT * FROM (SELECT *, row_number() OVER () AS place, {before} FROM (SELECT * FROM {relation} "
        f"ORDER BY {by}, line)) WHERE place = 1 OR {new})"
    )


def write_ratings(run: Run, good: str, label: str, span: tuple[float, float]) -> int:
    """Write good rows (`viewer_id`, `title_id`, `rated_at`, `stars`) as ratings, and say what scale they use."""
    sql = distinct(good, ("viewer_id", "rated_at", "title_id"), ("viewer_id", "rated_at", "title_id"))
    rows = run.write("ratings", f"SELECT viewer_id, title_id, rated_at, stars FROM {sql}", *span, "Sorting ratings")
    drop_repeats(run, good, label, rows)
    if rows:
        scale = f"SELECT min(stars), max(stars), count(DISTINCT stars) FROM {run.part('ratings')}"
        ((low, high, steps),) = run.query(scale)
        run.note(f"Ratings run from {low:g} to {high:g} ({steps} different values).")
        run.note("Times say when people rated, not when they watched.")
    return rows


def drop_repeats(run: Run, good: str, label: str, written: int) -> None:
    """Count the good rows that were not written, because an equal row came before."""
    ((rows,),) = run.query(f"SELECT count(*) FROM {good}")
    run.tally.drop(label, "the same viewer, title and time as an earlier row", rows - written)


def raw(column: str) -> str:
    """How a file's own column is written in the SQL of values and checks."""
    return name_of(f"file {column}")


def name_of(column: str) -> str:
    """A column name, quoted."""
    return '"' + column.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet(*files: Path) -> str:
    """A SQL relation of Parquet files."""
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}])"


def integer(column: str) -> str:
    """A whole number, or null: DuckDB's own cast would round 1.5 and accept 0x10."""
    return f"CASE WHEN regexp_full_match({raw(column)}, '-?[0-9]{{1,18}}') THEN CAST({raw(column)} AS BIGINT) END"


def number(column: str) -> str:
    """A finite number, or null; `3,5` is read too, but not `1,234`, which may be a thousand or one and a bit."""
    text = raw(column)
    comma = f"regexp_replace({text}, '^\\s*(-?[0-9]+),([0-9]{{1,2}})\\s*$', '\\1.\\2')"
    cast = f"try_cast({comma} AS DOUBLE)"
    return f"CASE WHEN isfinite({cast}) THEN {cast} END"


def unix_seconds(column: str) -> str:
    """A UTC time from seconds since 1970, or null."""
    cast = f"try_cast({raw(column)} AS BIGINT)"
    return f"CASE WHEN {cast} BETWEEN -62000000000 AND 250000000000 THEN make_timestamp({cast} * 1000000) END"


def missing(column: str) -> str:
    """True where the file's value is empty."""
    return f"(trim(coalesce({raw(column)}, '')) = '')"


def time_checks(value: str, column: str, optional: bool = False) -> list[Check]:
    """A time must be readable, not before 1990, and not in the future (a day of grace for zones)."""
    name = name_of(value)
    unread = f"{name} IS NULL" + (f" AND NOT {missing(column)}" if optional else "")
    return [
        Check(f"({unread})", column, "the time can't be read"),
        Check(f"coalesce({name} < TIMESTAMP '1990-01-01', false)", column, "the time is before 1990"),
        Check(
            f"coalesce({name} > CAST(now() AS TIMESTAMP) + INTERVAL 1 DAY, false)", column, "the time is in the future"
        ),
    ]


def rating_checks(value: str, column: str, low: float, high: float) -> list[Check]:
    """A rating must be a number within the scale."""
    name = name_of(value)
    outside = f"coalesce({name} NOT BETWEEN {low!r} AND {high!r}, false)"
    return [
        Check(f"({name} IS NULL)", column, "the rating is not a number"),
        Check(outside, column, f"the rating is outside {low:g} to {high:g}"),
    ]


def reader(source: TextTable | ParquetTable) -> str:
    """A SQL relation of a file's rows, all values as text; lines that can't be cut go to the table `bad_lines`."""
    if isinstance(source, ParquetTable):
        texts = ", ".join(f"{_text(source.file, c)} AS {name_of(c)}" for c in source.columns)
        return f"(SELECT {texts} FROM {parquet(source.file)})"
    columns = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in source.columns)
    return (
        f"read_csv({literal(str(source.file))}, delim={literal(source.delimiter)}, quote={literal(source.quote)}, "
        f"escape={literal(source.quote)}, header={str(source.header).lower()}, columns={{{columns}}}, "
        "auto_detect=false, store_rejects=true, rejects_table='bad_lines', rejects_scan='bad_scans')"
    )


def _text(file: Path, column: str) -> str:
    """SQL for a Parquet column as text, as a CSV would have it: no `nan`, whole numbers without `.0`."""
    kind, name = pq.read_schema(file).field(column).type, name_of(column)
    if pa.types.is_floating(kind):
        # A column of ids with a gap is a column of floats to pandas.
        whole = f"{name} = trunc({name}) AND abs({name}) < 1e15"
        return (
            f"CASE WHEN isnan({name}) THEN NULL WHEN {whole} THEN CAST(try_cast({name} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({name} AS VARCHAR) END"
        )
    if pa.types.is_duration(kind):
        # DuckDB gives the bare count of its unit.
        micros = {"s": "* 1000000", "ms": "* 1000", "us": "* 1", "ns": "// 1000"}[kind.unit]
        return f"CAST(to_microseconds(CAST({name} AS BIGINT) {micros}) AS VARCHAR)"
    return f"CAST({name} AS VARCHAR)"


def _count_structure(run: Run, source: TextTable | ParquetTable, label: str) -> int:
    """Count lines that could not be cut into columns; gives how many lines of the file they take."""
    if isinstance(source, ParquetTable):
        return 0
    # A line can be wrong in several ways; the first counts. A quote left open swallows the lines after it.
    if not run.query("SELECT 1 FROM bad_lines LIMIT 1"):
        return 0
    shown = "trim(any_value(csv_line), chr(10) || chr(13))"
    each = f"SELECT line, min(error_type) AS why, {shown} AS shown FROM bad_lines GROUP BY line"
    swallowed = "1 + length(coalesce(shown, '')) - length(replace(coalesce(shown, ''), chr(10), ''))"
    lost = 0
    for why, rows in run.query(f"SELECT why, sum({swallowed}) FROM ({each}) GROUP BY why ORDER BY why"):
        run.tally.drop(label, _STRUCTURE.get(why, str(why).lower()), int(rows))
        lost += int(rows)
    for line, why, shown in run.query(f"SELECT * FROM ({each}) ORDER BY line LIMIT {EXAMPLES}"):
        text = (shown or "").strip("\r\n").split("\n")[0][:SHOWN]
        run.tally.bad_rows.append(BadRow(label, int(line), "", text, _STRUCTURE.get(why, str(why).lower())))
    return lost


def _count_faults(
    run: Run, source: TextTable | ParquetTable, label: str, staged: Path, checks: Sequence[Check]
) -> None:
    """Count rows whose values are wrong, and list the first with their line in the file."""
    faults = f"SELECT fault, count(*) FROM {parquet(staged)} WHERE fault IS NOT NULL GROUP BY fault ORDER BY fault"
    counts = run.query(faults)
    for fault, rows in counts:
        run.tally.drop(label, checks[fault].reason, rows)
    meant = [str(i) for i, check in enumerate(checks) if check.expected]
    if not any(not checks[fault].expected for fault, _ in counts):
        return
    listed = run.query(
        f"SELECT line, fault, wrong FROM {parquet(staged)} WHERE fault IS NOT NULL "
        f"AND fault NOT IN ({', '.join(['-1', *meant])}) ORDER BY line LIMIT {EXAMPLES}"
    )
    to_line = _line_numbers(run, source)
    for line, fault, wrong in listed:
        check = checks[fault]
        run.tally.bad_rows.append(BadRow(label, to_line(line), check.column, wrong or "", check.reason))


def _line_numbers(run: Run, source: TextTable | ParquetTable) -> Callable[[int], int]:
    """From the number of a row among those that could be cut, to its line in the file."""
    if isinstance(source, ParquetTable):
        return lambda row: row
    skipped = [int(line) for (line,) in run.query("SELECT DISTINCT line FROM bad_lines ORDER BY line")]

    def to_line(row: int) -> int:
        line = row + (1 if source.header else 0)
        for bad in skipped:
            if bad > line:
                break
            line += 1
        return line

    return to_line


def _mostly_bad(run: Run, label: str, bad: int, rows: int) -> DataError:
    first = next((b for b in run.tally.bad_rows if b.file == label), None)
    example = ""
    if first is not None:
        where = f", column {first.column}" if first.column else ""
        example = f" The first: line {first.line}{where}: {first.value!r}: {first.reason}."
    return DataError(
        f"{bad:,} of {rows:,} rows of {label} can't be used, so this looks like another kind of file.{example}",
        "Check that it is the right file, or correct the column mapping.",
    )
