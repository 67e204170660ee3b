"""Any table with a column mapping: ids of any kind become numbers, times become UTC, rows become views or ratings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.data.importers.catalogue import write_links
from analysis.data.importers.devices import device_sql
from analysis.data.importers.files import TextTable, as_utf8, kind_of, sniff
from analysis.data.importers.layouts import Layout
from analysis.data.importers.mapping import ColumnMapping, match, parquet_columns
from analysis.data.importers.staging import (
    Check,
    ParquetTable,
    Run,
    distinct,
    drop_repeats,
    literal,
    missing,
    name_of,
    number,
    rating_checks,
    raw,
    reader,
    stage,
    time_checks,
    write_ratings,
)
from analysis.errors import DataError

DAY_FIRST = ("%d/%m/%y", "%d/%m/%Y")
MONTH_FIRST = ("%m/%d/%y", "%m/%d/%Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")

LONGEST_ID = "'^(0|-?[1-9][0-9]{0,17})$'"
"""Ids written like this are kept as numbers; 007 and 7 would fall together, so any other form is numbered anew."""

ONE_PERSON = "me"

DAY_MINUTES = 24 * 60

NOBODY = "'^(nan|NaN|null|NULL|None|NaT|<NA>|#N/A|\\\\N)$'"
"""How programs write an empty cell; taken for a viewer, they would make one of all who are not known."""


def run_import(run: Run, layout: Layout, mapping: ColumnMapping) -> None:
    """Write views, ratings, titles and viewers of one table."""
    label = layout.label("table")
    source = _source(run, layout.files["table"])
    mapping.check(source.columns, label)
    _refuse_other_order(run, source, label, mapping)
    good = stage(run, source, label, _values(mapping, run.time_zone), _checks(mapping), (0.05, 0.5))
    _note_mapping(run, mapping, source.columns)
    _number(run, good, "viewer")
    _number(run, good, "title")
    keyed = f"(SELECT * FROM {good} JOIN viewer_ids USING (viewer_key) JOIN title_ids USING (title_key))"
    if mapping.rating is not None:
        rated = f"(SELECT * FROM {keyed} WHERE stars IS NOT NULL)"
        write_ratings(run, rated, label, (0.5, 0.7))
    if mapping.holds_views:
        write_views(run, keyed, label, (0.7, 0.9))
    _write_catalogue(run, good, mapping)


def write_views(run: Run, good: str, label: str, span: tuple[float, float], is_repeat: str = "") -> int:
    """Write good rows as views, each viewer's in the order of time; equal rows once.

    `is_repeat` is SQL that tells a view of what was watched before.
    """
    have = [name for name, *_ in run.query(f"DESCRIBE SELECT * FROM {good}")]
    optional = [c for c in ("season", "episode", "episode_name", "minutes", "completion", "device") if c in have]
    key = ["viewer_id", "started_at", "title_id", *(c for c in ("season", "episode", "episode_name") if c in have)]
    columns = ", ".join(["viewer_id", "title_id", "started_at", "started_local", *optional])
    if is_repeat:
        columns += f", {is_repeat} AS is_repeat"
    once = distinct(good, key, key)
    sql = f"SELECT row_number() OVER () AS view_id, {columns} FROM {once}"
    if is_repeat:
        # Finding repeats shuffles the rows.
        sql = f"SELECT * FROM ({sql}) ORDER BY view_id"
    rows = run.write("views", sql, *span, "Sorting views")
    drop_repeats(run, good, label, rows)
    if only_dates(run):
        run.time_precision = "day"
        run.note("The file has dates without times of day: nothing can be said about hours.")
    return rows


def only_dates(run: Run) -> bool:
    """Whether all views start at midnight sharp, as they do where only dates are known."""
    ((timed,),) = run.query(
        f"SELECT count(*) FROM {run.part('views')} WHERE started_local <> date_trunc('day', started_local)"
    )
    return bool(timed == 0)


def wall_clock(utc: str, time_zone: str) -> str:
    """SQL for the wall clock of a zone at a UTC time without a zone."""
    return f"timezone({literal(time_zone)}, timezone('UTC', {utc}))"


def from_wall_clock(local: str, time_zone: str) -> str:
    """SQL for the UTC time of a wall clock; of the two readings of an hour in autumn one is taken."""
    return f"timezone('UTC', timezone({literal(time_zone)}, {local}))"


def _source(run: Run, file: Path) -> TextTable | ParquetTable:
    if kind_of(file) == "parquet":
        return ParquetTable(file, parquet_columns(file))
    text, note = as_utf8(file, run.scratch)
    if note:
        run.note(note)
    return sniff(text)


def _values(mapping: ColumnMapping, time_zone: str) -> dict[str, str]:
    """The columns to stage, as SQL over the file's own."""

    def text(column: str) -> str:
        return f"nullif(trim({raw(column)}), '')"

    def known(column: str) -> str:
        return f"CASE WHEN NOT regexp_matches({text(column)}, {NOBODY}) THEN {text(column)} END"

    assert mapping.title is not None
    values = {
        "viewer_key": known(mapping.viewer) if mapping.viewer else literal(ONE_PERSON),
        "title_key": text(mapping.title),
        "rated_at": _utc(mapping, time_zone),
    }
    if mapping.rating is not None:
        values["stars"] = number(mapping.rating)
    if mapping.holds_views:
        values["started_at"] = _utc(mapping, time_zone)
        values["started_local"] = wall_clock(values["started_at"], time_zone)
    if mapping.minutes:
        values["minutes"] = minutes_sql(mapping.minutes, mapping.minutes_unit)
    if mapping.completion:
        values["completion"] = f"{number(mapping.completion)} / {100.0 if mapping.completion_in_percent else 1.0}"
    if mapping.device:
        values["device"] = device_sql(raw(mapping.device))
    for role, column in (("season", mapping.season), ("episode", mapping.episode)):
        if column:
            # "S02" and "Episode 7" hold their number; a number below 1 (a special) says nothing.
            cast = f"try_cast(regexp_extract({raw(column)}, '([0-9]{{1,6}})(\\.0+)?\\s*$', 1) AS BIGINT)"
            values[role] = f"CASE WHEN {cast} >= 1 THEN {cast} END"
    if mapping.title_name:
        values["title_name"] = text(mapping.title_name)
    if mapping.genres:
        values["genre_text"] = text(mapping.genres)
    return values


def _utc(mapping: ColumnMapping, time_zone: str) -> str:
    """SQL for the UTC time without a zone, or null where it can't be read."""
    if mapping.time is None:
        return "CAST(NULL AS TIMESTAMP)"
    column = f"trim({raw(mapping.time)})"
    if mapping.time_format in ("unix seconds", "unix milliseconds"):
        factor = 1_000_000 if mapping.time_format == "unix seconds" else 1_000
        return (
            f"CASE WHEN try_cast({column} AS DOUBLE) * {factor} BETWEEN -62e15 AND 250e15 "
            f"THEN make_timestamp(CAST(try_cast({column} AS DOUBLE) * {factor} AS BIGINT)) END"
        )
    if mapping.time_format == "iso":
        return iso_utc(mapping.time, time_zone if mapping.time_is_local else None)
    dates = DAY_FIRST if mapping.time_format == "day first" else MONTH_FIRST
    parsed = parse_dates(raw(mapping.time), dates)
    return from_wall_clock(parsed, time_zone) if mapping.time_is_local else parsed


def iso_utc(column: str, time_zone: str | None = None) -> str:
    """SQL for the UTC time of a text with the year first; without an offset it is UTC, or the wall clock of a zone."""
    text = f"trim({raw(column)})"
    # DuckDB would drop the offset of a text cast to a time without a zone.
    zoned = f"regexp_matches({text}, '(:[0-9.]+|T[0-9]{{6}}) ?(Z|UTC|GMT|[+-][0-9]{{2}}:?[0-9]*)$')"
    compact = f"regexp_replace({text}, '^(\\d{{4}})(\\d\\d)(\\d\\d)T(\\d\\d)(\\d\\d)', '\\1-\\2-\\3T\\4:\\5:')"
    close = f"regexp_replace(regexp_replace({compact}, ' ?(UTC|GMT)$', 'Z'), ' ([+-][0-9:]+)$', '\\1')"
    offset = f"timezone('UTC', try_cast({close} AS TIMESTAMPTZ))"
    plain = iso_plain(column)
    return f"CASE WHEN {zoned} THEN {offset} ELSE {from_wall_clock(plain, time_zone) if time_zone else plain} END"


def iso_plain(column: str) -> str:
    """SQL for a time with the year first, as it stands; null where more follows it, such as the name of a zone."""
    text = f"trim({raw(column)})"
    usual = "\\d{4}[-/]\\d{1,2}[-/]\\d{1,2}([ T]+\\d{1,2}:\\d{2}(:\\d{2}(\\.\\d+)?)?)?"
    rarer = "['%Y%m%d', '%Y%m%dT%H%M%S', '%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S %p']"
    return (
        f"CASE WHEN regexp_full_match({text}, '{usual}') THEN try_cast({text} AS TIMESTAMP) "
        f"ELSE try_strptime({text}, {rarer}) END"
    )


def parse_dates(column: str, dates: tuple[str, ...]) -> str:
    """SQL for times like 3/12/24 20:15, with slashes, dots or dashes; years of two digits are tried first."""
    formats = ", ".join(literal(date + clock) for clock in CLOCKS for date in dates)
    slashed = f"regexp_replace(trim({column}), '^(\\d+)[.\\-](\\d+)[.\\-]', '\\1/\\2/')"
    return f"try_strptime({slashed}, [{formats}])"


def minutes_sql(column: str, unit: str) -> str:
    """SQL for minutes from a number or from h:mm:ss."""
    if unit == "h:mm:ss":
        text = f"trim({raw(column)})"
        # "1 day, 02:00:00" is how Python writes 26 hours. A sign holds for all parts: of -0:30:00 the hours have none.
        known = f"regexp_full_match({text}, '([0-9]+ days?,? +|-)?([0-9]+:){{0,2}}[0-9]+(\\.[0-9]+)?')"
        days = f"coalesce(try_cast(regexp_extract({text}, '^([0-9]+) day', 1) AS DOUBLE), 0)"
        parts = f"string_split(regexp_replace({text}, '^([0-9]+ days?,? +|-)', ''), ':')"
        hours, minutes, seconds = (f"coalesce(try_cast({parts}[{i}] AS DOUBLE), 0)" for i in (-3, -2, -1))
        length = f"{days} * 1440 + {hours} * 60 + {minutes} + {seconds} / 60"
        return f"CASE WHEN {known} THEN (CASE WHEN {text} LIKE '-%' THEN -1 ELSE 1 END) * ({length}) END"
    factor = {"minutes": "", "seconds": " / 60", "hours": " * 60"}[unit]
    return f"({number(column)}){factor}"


def _checks(mapping: ColumnMapping) -> list[Check]:
    checks = []
    if mapping.viewer:
        checks.append(Check("viewer_key IS NULL", mapping.viewer, "the viewer is empty"))
    assert mapping.title is not None
    checks.append(Check("title_key IS NULL", mapping.title, "the title is empty"))
    if mapping.rating and mapping.holds_views:
        # A play need not be rated.
        unread = f"(stars IS NULL AND NOT {missing(mapping.rating)})"
        first, second = rating_checks("stars", mapping.rating, mapping.lowest_rating, mapping.highest_rating)
        checks += [Check(unread, first.column, first.reason), second]
    elif mapping.rating:
        checks += rating_checks("stars", mapping.rating, mapping.lowest_rating, mapping.highest_rating)
    if mapping.time:
        checks += time_checks("rated_at", mapping.time, optional=not mapping.holds_views)
    if mapping.minutes:
        checks.append(
            Check(f"(minutes IS NULL AND NOT {missing(mapping.minutes)})", mapping.minutes, "the length can't be read")
        )
        checks += length_checks(mapping.minutes)
    if mapping.completion:
        unread = f"(completion IS NULL AND NOT {missing(mapping.completion)})"
        checks.append(Check(unread, mapping.completion, "the share watched is not a number"))
        checks.append(Check("coalesce(completion < 0, false)", mapping.completion, "the share watched is negative"))
    return checks


def length_checks(column: str) -> list[Check]:
    """Nobody watches less than nothing, or more than a day in one play."""
    return [
        Check("coalesce(minutes < 0, false)", column, "the length is negative"),
        Check(f"coalesce(minutes > {DAY_MINUTES}, false)", column, "the length is above 24 hours"),
    ]


def _refuse_other_order(run: Run, source: TextTable | ParquetTable, label: str, mapping: ColumnMapping) -> None:
    """Refuse dates of which more tell that the other of day and month comes first than tell it of the one chosen.

    The mapping is guessed from the first rows, where both may be below 13; half of the dates would be read wrongly.
    """
    if mapping.time is None or mapping.time_format not in ("day first", "month first"):
        return
    numbers = [f"try_cast(regexp_extract({name_of(mapping.time)}, '^\\s*{p}', 1) AS INTEGER)" for p in
               ("(\\d+)[/.-]", "\\d+[/.-](\\d+)")]  # fmt: skip
    days = [f"count(*) FILTER ({n} > 12), min({name_of(mapping.time)}) FILTER ({n} > 12)" for n in numbers]
    ((day_first, first, month_first, second),) = run.query(f"SELECT {', '.join(days)} FROM {reader(source)}")
    other, seen, shown = "day first", day_first, first
    if mapping.time_format == "day first":
        other, seen, shown = "month first", month_first, second
    if seen > (day_first + month_first) / 2:
        raise DataError(
            f"{seen:,} dates in the column {mapping.time} of {label}, such as {shown!r}, can only be read {other}.",
            f'Choose “{other}” for how times are written (`--map "time_format={other}"`).',
        )


def _number(run: Run, good: str, role: str) -> None:
    """A table of keys and their numbers: the key itself where all are whole numbers, its place in the alphabet else."""
    keys = f"SELECT DISTINCT {role}_key FROM {good}"
    ((numeric,),) = run.query(f"SELECT bool_and(regexp_full_match({role}_key, {LONGEST_ID})) FROM ({keys})")
    sql = f"CAST({role}_key AS BIGINT)" if numeric else f"row_number() OVER (ORDER BY {role}_key)"
    run.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {role}_ids AS SELECT {role}_key, {sql} AS {role}_id FROM ({keys})"
    )


def _write_catalogue(run: Run, good: str, mapping: ColumnMapping) -> None:
    """Write titles with what the rows say of them, and viewers."""
    run.write("viewers", "SELECT viewer_id, viewer_key AS source_id FROM viewer_ids ORDER BY viewer_id")
    ((numeric,),) = run.query("SELECT bool_and(CAST(title_id AS VARCHAR) = title_key) FROM title_ids")
    fallback = "'Title ' || title_key" if numeric else "title_key"
    name = f"coalesce(min(title_name), {fallback})" if mapping.title_name else fallback
    genres = (
        "list_filter(list_transform(string_split_regex(min(genre_text), '[|,;]'), lambda g: trim(g)), "
        "lambda g: g <> '')"
    )
    series = [f"max({role})" for role in ("season", "episode") if getattr(mapping, role)]
    extra = f", {genres} AS genres" if mapping.genres else ""
    # A title with numbered episodes is a series; of the others nothing is known.
    extra += f", CASE WHEN coalesce({', '.join(series)}) IS NOT NULL THEN 'series' END AS kind" if series else ""
    sql = f"""
        SELECT title_id, {name} AS name, title_key AS source_id{extra}
        FROM {good} JOIN title_ids USING (title_key) GROUP BY title_id, title_key ORDER BY title_id"""
    run.write("titles", sql, 0.9, 0.95, "Writing titles")
    if mapping.genres:
        each = f"SELECT title_id, unnest(genres) AS entity FROM {run.part('titles')}"
        write_links(run, [f"SELECT title_id, 'has_genre' AS relation, entity FROM ({each})"])


def _note_mapping(run: Run, mapping: ColumnMapping, columns: Sequence[str]) -> None:
    read = ", ".join(f"{role.replace('_', ' ')} from {column!r}" for role, column in mapping.chosen.items())
    run.note(f"Read: {read}.")
    unread = match("rating", [c for c in columns if c not in mapping.chosen.values()])
    if mapping.rating is None and unread is not None:
        run.note(f"The column {unread!r} was not read as a rating.")
    if mapping.time is not None and not mapping.time_format.startswith("unix"):
        zone = f"as the wall clock of {run.time_zone}" if mapping.time_is_local else "as UTC"
        order = "year" if mapping.time_format == "iso" else mapping.time_format.split()[0]
        run.note(f"Times were read {zone}, {order} first.")
    if mapping.viewer is None:
        run.note("The file names no viewers: all rows are one person's.")
