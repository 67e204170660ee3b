"""Which column of an unknown table means what: guessed from names and values, corrected by the person."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.data.importers import archive
from analysis.data.importers.files import HEAD, as_utf8, check_extension, head_lines, kind_of, lines_of, sniff
from analysis.errors import DataError

TimeFormat = Literal["unix seconds", "unix milliseconds", "iso", "day first", "month first"]
MinutesUnit = Literal["minutes", "seconds", "hours", "h:mm:ss"]

COMPACT_DAY = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
"""A day written like 20241231; as seconds since 1970 it would lie in 1970."""

SAMPLE = 2_000
"""Rows looked at to guess formats and scales."""


@dataclass(frozen=True)
class ColumnMapping:
    """Which column of a table means what; None where there is no such column.

    Attributes:
        title: Title watched or rated (an id or a name).
        viewer: Who; without it the table is one person's.
        time: When it was watched or rated.
        rating: The rating; with it the rows become ratings.
        minutes: How long it was watched.
        completion: Share of the running time watched.
        device: What it was watched on.
        season: Season of a series, counted from 1.
        episode: Episode of a series, counted from 1.
        title_name: Name of the title where `title` is an id.
        genres: Genres, parted by `|`, `,` or `;`.
        time_format: How times are written.
        time_is_local: Whether times without a zone are the viewers' wall clock rather than UTC.
        minutes_unit: Unit of `minutes`.
        completion_in_percent: Whether `completion` runs to 100 rather than to 1.
        lowest_rating: Bottom of the rating scale.
        highest_rating: Top of the rating scale.
    """

    title: str | None = None
    viewer: str | None = None
    time: str | None = None
    rating: str | None = None
    minutes: str | None = None
    completion: str | None = None
    device: str | None = None
    season: str | None = None
    episode: str | None = None
    title_name: str | None = None
    genres: str | None = None
    time_format: TimeFormat = "iso"
    time_is_local: bool = False
    minutes_unit: MinutesUnit = "minutes"
    completion_in_percent: bool = False
    lowest_rating: float = 0.0
    highest_rating: float = 10.0

    @property
    def chosen(self) -> dict[str, str]:
        """Role to column, for the roles that have one."""
        return {role: column for role in ROLES if (column := getattr(self, role)) is not None}

    @property
    def holds_views(self) -> bool:
        """Whether the rows become views: they have a time, and more than a rating."""
        return self.time is not None and (self.rating is None or bool(self.minutes or self.completion))

    def check(self, columns: Sequence[str], file: str) -> None:
        """Check the mapping against a file's columns.

        Raises:
            DataError: A column is not in the file or used twice, or one that is needed is missing.
        """
        found = f"{file} has the columns {', '.join(columns)}."
        for role, column in self.chosen.items():
            if column not in columns:
                raise DataError(f"{file} has no column {column!r} for {role}.", found)
        used = list(self.chosen.values())
        twice = sorted({c for c in used if used.count(c) > 1})
        if twice:
            roles = " and ".join(role for role, column in self.chosen.items() if column == twice[0])
            raise DataError(f"The column {twice[0]!r} is mapped to {roles}.", "Map each column once.")
        if self.title is None:
            raise DataError(
                f"No column of {file} is mapped to the title.", f"Say which it is: `--map title=COLUMN`. {found}"
            )
        if self.time is None and self.rating is None:
            raise DataError(
                f"No column of {file} is mapped to a time or a rating.",
                f"Map at least one of them: `--map time=COLUMN`. {found}",
            )
        if self.rating is not None and not 0 <= self.lowest_rating < self.highest_rating:
            raise DataError(
                f"The rating scale runs from {self.lowest_rating:g} to {self.highest_rating:g}.",
                "Give a lowest rating of 0 or more and a highest above it.",
            )

    def changed(self, pairs: Sequence[str]) -> ColumnMapping:
        """This mapping with changes written as `role=column` or `option=value`; an empty value removes it.

        Raises:
            DataError: A role or an option's value is unknown.
        """
        values: dict[str, Any] = dataclasses.asdict(self)
        for pair in pairs:
            role, equals, text = pair.partition("=")
            role = role.strip().replace("-", "_")
            if role not in values or not equals:
                raise DataError(f"{pair!r} is no column mapping.", f"Write role=column; roles: {', '.join(values)}.")
            values[role] = _option(role, text.strip())
        return ColumnMapping(**values)

    def pairs(self) -> list[str]:
        """The mapping as `role=column` and `option=value`, as `changed` and the command line read it.

        >>> ColumnMapping(title="show").pairs()[1]
        'title=show'
        """
        words = {True: "yes", False: "no", None: ""}
        values = {name: getattr(self, name) for name in (*ROLES, *OPTIONS)}
        return [f"{k}={words[v] if v is None or isinstance(v, bool) else v}" for k, v in values.items()]


ROLES = (
    "viewer", "title", "time", "rating", "minutes", "completion", "device", "season", "episode", "title_name", "genres",
)  # fmt: skip
"""What a column can mean."""

OPTIONS = (
    "time_format", "time_is_local", "minutes_unit", "completion_in_percent", "lowest_rating", "highest_rating",
)  # fmt: skip
"""How values are written."""

# Names of columns in exports and public data sets, most telling first; letters and digits only.
_NAMES: dict[str, tuple[str, ...]] = {
    "viewer": (
        "viewerid", "userid", "customerid", "profileid", "memberid", "accountid", "subscriberid", "visitorid",
        "reviewerid", "personid", "viewer", "user", "profilename", "profile", "customer", "member", "account",
        "username", "uid",
    ),
    "title": (
        "titleid", "movieid", "filmid", "itemid", "contentid", "videoid", "showid", "productid", "programid", "asin",
        "title", "movie", "film", "item", "content", "video", "show", "programme", "program", "movietitle", "name",
    ),
    "time": (
        "startedat", "starttime", "watchedat", "viewedat", "ratedat", "timestamp", "unixtime", "eventtime", "datetime",
        "ts", "watcheddate", "viewdate", "startdate", "createdat", "time", "date", "start", "when", "day",
    ),
    "rating": ("rating", "stars", "score", "userrating", "ratingvalue", "overall", "grade", "rate"),
    "minutes": (
        "minutes", "minuteswatched", "watchminutes", "watchedminutes", "watchtime", "watchduration", "viewduration",
        "duration", "playtime", "viewingtime", "durationminutes", "seconds", "secondswatched", "watchseconds",
        "durationseconds", "hours", "hourswatched",
    ),
    "completion": ("completion", "completionrate", "sharewatched", "percentwatched", "progress", "watchpercent"),
    "device": ("device", "devicetype", "platform", "devicename"),
    "season": ("season", "seasonnumber"),
    "episode": ("episode", "episodenumber"),
    "title_name": ("titlename", "movietitle", "filmtitle", "title", "moviename", "itemname", "name", "primarytitle"),
    "genres": ("genres", "genre", "category", "categories"),
}  # fmt: skip


def propose_mapping(source: str | Path) -> ColumnMapping:
    """Guess from names and the first values which column means what; roles that can't be guessed stay None.

    Args:
        source: A CSV or Parquet file, or a zip with one.

    Raises:
        DataError: It is no table.
    """
    sample = read_sample(source, SAMPLE)
    left = list(sample.columns)
    chosen: dict[str, Any] = {}
    for role in ROLES:
        column = match(role, left)
        if column is not None:
            chosen[role] = column
            left.remove(column)
    if not {"time", "rating"} & chosen.keys():
        # Without either there is nothing to import, so values may tell what the names don't.
        dated = next((column for column in left if _holds_dates(list(sample[column].dropna()))), None)
        chosen |= {"time": dated} if dated else {}
    texts = {role: [v for v in sample[column].dropna() if str(v).strip()] for role, column in chosen.items()}
    ratings = _numbers(texts.get("rating", []))
    if "rating" in chosen and not ratings:
        # Words like "PG-13": not a person's rating.
        del chosen["rating"]
    completion = _numbers(texts.get("completion", []))
    return ColumnMapping(
        **chosen,
        time_format=guess_time_format(texts.get("time", [])),
        minutes_unit=_minutes_unit(chosen.get("minutes", ""), texts.get("minutes", [])),
        completion_in_percent=max(completion, default=0.0) > 1.5,
        lowest_rating=0.0,
        highest_rating=next((top for top in (5.0, 10.0, 100.0) if max(ratings, default=0.0) <= top), 1e6),
    )


def read_sample(source: str | Path, rows: int = 5) -> pd.DataFrame:
    """The first rows of a table as text, as they stand in the file.

    Raises:
        DataError: It is no table.
    """
    with _one_table(Path(source).expanduser()) as file:
        if kind_of(file) == "parquet":
            return _parquet_sample(file, rows)
        with tempfile.TemporaryDirectory(prefix="primetime-") as folder:
            table = sniff(file)
            if file.stat().st_size > HEAD:
                # The head is enough; only a small file is decoded whole.
                lines: Sequence[str] = head_lines(file, rows + 1)
            else:
                whole = as_utf8(file, Path(folder))[0].read_text(encoding="utf-8-sig")
                lines = lines_of(whole)[: rows + 1]
            cut_rows = islice(csv.reader(lines[1:], delimiter=table.delimiter), rows)
            width = len(table.columns)
            values = [[v or None for v in row[:width]] + [None] * (width - len(row)) for row in cut_rows if row]
            return pd.DataFrame(values, columns=list(table.columns), dtype=object)


def guess_time_format(values: Sequence[object]) -> TimeFormat:
    """How times are written: seconds or milliseconds since 1970, year first, day first or month first."""
    texts = [str(v).strip() for v in values]
    numbers = _numbers(texts)
    if numbers and sum(bool(re.fullmatch(COMPACT_DAY, t)) for t in texts) * 2 > len(texts):
        return "iso"
    if numbers and len(numbers) * 2 > len(texts):
        return "unix milliseconds" if sorted(numbers)[len(numbers) // 2] > 1e11 else "unix seconds"
    parted = [m for t in texts if (m := re.match(r"(\d{1,2})[/.\-](\d{1,2})[/.\-]\d{2,4}", t))]
    if len(parted) * 2 <= len(texts):
        return "iso"
    first, second = max(int(m[1]) for m in parted), max(int(m[2]) for m in parted)
    dotted = any("." in m[0] for m in parted)
    # With dots the day comes first wherever they are used; with slashes only a number above 12 tells.
    return "day first" if first > 12 or (dotted and second <= 12) else "month first"


@contextmanager
def _one_table(source: Path) -> Iterator[Path]:
    kind = kind_of(source)
    check_extension(source, kind)
    if kind != "zip":
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="primetime-") as folder:
        archive.unpack_heads(source, Path(folder))
        found = [f for f in sorted(Path(folder).rglob("*")) if f.suffix.lower() in (".csv", ".tsv", ".parquet", ".pq")]
        if len(found) != 1:
            raise DataError(f"{source.name} holds {len(found)} tables.", "Import one of them at a time.")
        yield found[0]


def parquet_columns(file: Path) -> tuple[str, ...]:
    """Columns of a Parquet file that hold one value a row.

    Raises:
        DataError: It is damaged.
    """
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise damaged_parquet(file, error) from error
    names = tuple(field.name for field in schema if not pa.types.is_nested(field.type))
    if not names:
        raise DataError(f"{file.name} has no column with one value a row.", "Write it again without nested columns.")
    doubles = [n for n in names if [m.lower() for m in names].count(n.lower()) > 1]
    if doubles:
        raise DataError(f"{file.name} has the columns {' and '.join(doubles)}.", "Give every column its own name.")
    return names


def damaged_parquet(file: Path, error: Exception) -> DataError:
    """What to say of a Parquet file that can't be read to its end."""
    return DataError(f"{file.name} is a damaged Parquet file ({error}).", "Download or write it again.")


def _parquet_sample(file: Path, rows: int) -> pd.DataFrame:
    columns = list(parquet_columns(file))
    try:
        with pq.ParquetFile(file) as parquet:
            batch = next(parquet.iter_batches(batch_size=rows, columns=columns), None)
    except (pa.ArrowException, OSError) as error:
        raise damaged_parquet(file, error) from error
    if batch is None or batch.num_rows == 0:
        raise DataError(f"{file.name} has no rows.", "Write it again, with its rows.")
    frame: pd.DataFrame = batch.to_pandas()
    return frame.astype(object).where(frame.notna(), None).map(lambda v: None if v is None else str(v))


def match(role: str, columns: Sequence[str]) -> str | None:
    """The column whose name says this role most plainly, or None."""
    plain = {column: re.sub(r"[^a-z0-9]", "", column.lower()) for column in columns}
    for name in _NAMES[role]:
        for column in columns:
            if plain[column] == name:
                return column
    for name in _NAMES[role]:
        for column in columns:
            # "Start Time (UTC)", "rating_1_to_5": the telling word stands first; short words would match anything.
            if len(name) > 3 and plain[column].startswith(name):
                return column
    return None


def _holds_dates(values: Sequence[object]) -> bool:
    dated = sum(bool(re.match(r"\s*(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})\b", str(v))) for v in values)
    return dated * 2 > len(values)


def _minutes_unit(column: str, values: Sequence[object]) -> MinutesUnit:
    if any(":" in str(value) for value in values):
        return "h:mm:ss"
    name = column.lower()
    return "seconds" if "sec" in name else "hours" if "hour" in name else "minutes"


def _numbers(values: Sequence[object]) -> list[float]:
    numbers = []
    for value in values:
        try:
            numbers.append(float(str(value)))
        except ValueError:
            continue
    return [n for n in numbers if n == n]


def _option(role: str, text: str) -> object:
    if role in ROLES:
        return text or None
    choices = {"time_format": get_args(TimeFormat), "minutes_unit": get_args(MinutesUnit)}.get(role)
    if choices is not None:
        if text not in choices:
            raise DataError(f"{role} can't be {text!r}.", f"It is one of: {', '.join(choices)}.")
        return text
    if role in ("time_is_local", "completion_in_percent"):
        if text.lower() not in ("yes", "no", "true", "false"):
            raise DataError(f"{role} can't be {text!r}.", "Write yes or no.")
        return text.lower() in ("yes", "true")
    try:
        number = float(text)
    except ValueError as error:
        raise DataError(f"{role} can't be {text!r}.", "Write a number.") from error
    if not math.isfinite(number):
        raise DataError(f"{role} can't be {text!r}.", "Write a finite number.")
    return number
