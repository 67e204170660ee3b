"""Cubes: events counted once into small tables, one Parquet file per part of the dataset, which pages then read.

A cube is keyed by the hashes of what it was counted from, so it is never stale and never has to be thrown away: new
days are new parts, and only their cubes are built.
"""

from __future__ import annotations

import functools
import hashlib
import json
import operator
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ParameterError
from analysis.patterns.events import ALL_GENRES, NO_GENRE, UNKNOWN, Events, catalogue, check_timed, on_the_clock
from analysis.patterns.filters import EmptySelection, Filters
from analysis.results import Progress
from analysis.stats import clustered
from analysis.workspace import Workspace

VERSION = 2
"""Raised whenever what a cube holds changes, so that old files are not read."""

SPLITS = ("genre", "device", "country", "kind")
MEASURES = ("events", "events_shared", "minutes", "minutes_shared", "completion", "completion_known")
"""Additive sums in each cell: rows; rows at 1/k of a title of k genres; minutes likewise; completion and its count."""
OF_THE_WEEK = ("weekend_events", "night_events", "weekend_minutes", "night_minutes")
"""Sums over Saturday and Sunday, and over the hours from midnight to 6, beside the whole: one row instead of eight."""

_DATE = {
    "hour": nw.col("local").dt.hour().cast(nw.Int8),
    "weekday": nw.col("local").dt.weekday().cast(nw.Int8),
    "month": (nw.col("local").dt.year() * 100 + nw.col("local").dt.month()).cast(nw.Int32),
    "date": nw.col("local").dt.date(),
}
_BUCKETS = {"bucket": "viewer_id", "title_bucket": "title_id"}
DIMENSIONS = (*_DATE, *_BUCKETS, "title_id", "viewer_id", *SPLITS)
"""What a cube can be cut by; `bucket` is the viewer's.

Weekdays are 1 (Monday) to 7; months 202403."""

AT_ONCE = 1_250_000
"""Rows of a part whose cells are held at once, where cells are many: a slice of the part is counted after the other."""

BUILDING = threading.Lock()
"""One build at a time in a process: the second session that asks finds the cube instead of doubling the memory."""
_IN_MEMORY: OrderedDict[str, pa.Table] = OrderedDict()
_KEPT_IN_MEMORY = 24
_MOST_SLICES = 8
_ROW_GROUP = 16_384
"""Rows of a cube that are read or skipped together."""


@dataclass(frozen=True)
class CubeSpec:
    """The grain of a cube.

    Attributes:
        name: Folder name, and what progress says.
        dimensions: Of `DIMENSIONS`; splits that a dataset lacks are left out when it is built.
        finer: A cube that holds this one, from which it is summed instead of reading the events again.
        of_the_week: Whether cells also hold the sums of `OF_THE_WEEK`.
        slices_by: A dimension of whole numbers by which a large part is counted in slices, so that memory is bounded.
    """

    name: str
    dimensions: tuple[str, ...]
    finer: CubeSpec | None = None
    of_the_week: bool = False
    slices_by: str | None = None

    def __post_init__(self) -> None:
        for dimension in self.dimensions:
            if dimension not in DIMENSIONS:
                raise ParameterError(
                    f"A cube has no dimension {dimension!r}.", f"The dimensions are: {', '.join(DIMENSIONS)}."
                )
        if self.finer is not None and not set(self.dimensions) <= set(self.finer.dimensions):
            raise ParameterError(f"The cube {self.name} can't be summed from {self.finer.name}.", "It is not finer.")

    @property
    def measures(self) -> tuple[str, ...]:
        """The sums in each cell."""
        return (*MEASURES, *OF_THE_WEEK) if self.of_the_week else MEASURES


CLOCK = CubeSpec("clock", ("hour", "weekday", "month", *SPLITS), slices_by="hour")
RHYTHM = CubeSpec("rhythm", ("bucket", "month", *SPLITS), of_the_week=True, slices_by="bucket")
RELEASES = CubeSpec("releases", ("title_bucket", "month", *SPLITS), slices_by="title_bucket")
DAILY = CubeSpec("daily", ("date", *SPLITS))
CLOCK_PLAIN = CubeSpec("clock-plain", ("hour", "weekday", "month", "genre"), finer=CLOCK)
RHYTHM_PLAIN = CubeSpec("rhythm-plain", ("bucket", "month", "genre"), finer=RHYTHM, of_the_week=True)
RELEASES_PLAIN = CubeSpec("releases-plain", ("title_bucket", "month", "genre"), finer=RELEASES)
DAILY_PLAIN = CubeSpec("daily-plain", ("date", "genre"), finer=DAILY)
"""What the page shows at first, forty times smaller than what answers every filter."""
TITLES = CubeSpec("titles", ("title_id", "date", "country"), slices_by="title_id")
"""What each title had on each day: for release decay, supply, rising and fading titles."""
GENRE_HOURS = CubeSpec("genre-hours", ("bucket", "weekday", "hour", "genre"), slices_by="bucket")
TITLE_HOURS = CubeSpec("title-hours", ("title_id", "weekday", "hour"), slices_by="title_id")
"""The two ends of one picture: when a genre is watched, and what is watched in an hour of the week."""
VIEWER_MONTHS = CubeSpec("viewer-months", ("viewer_id", "month"), slices_by="viewer_id")
"""Who watched in which month: for cohorts."""
PLAIN = {CLOCK: CLOCK_PLAIN, RHYTHM: RHYTHM_PLAIN, RELEASES: RELEASES_PLAIN, DAILY: DAILY_PLAIN}


def for_filters(spec: CubeSpec, filters: Filters) -> CubeSpec:
    """The smallest cube that answers the filters."""
    return spec if filters.equal else PLAIN[spec]


@dataclass(frozen=True)
class Cube:
    """A built cube.

    Attributes:
        spec: Its grain.
        dimensions: The dimensions it really has.
        file: Its Parquet file, or None where it is held in memory.
        memory: Its rows, or None where it is on disk.
    """

    spec: CubeSpec
    dimensions: tuple[str, ...]
    file: Path | None
    memory: pa.Table | None

    def rows(self, columns: Sequence[str], condition: pc.Expression | None = None) -> pa.Table:
        """Some columns of the rows that meet a condition, as they are stored.

        Cubes are small files on this machine wherever the events live, so they are read directly: a query's way
        through an engine takes longer than the reading.
        """
        source = ds.dataset(self.file, format="parquet") if self.file is not None else ds.dataset(self.memory)
        return source.to_table(columns=list(columns), filter=condition, use_threads=False)

    def totals(
        self,
        by: Sequence[str],
        filters: Filters | None = None,
        *,
        measures: Sequence[str] = MEASURES,
        empty: bool = False,
    ) -> pd.DataFrame:
        """Sums of measures by some dimensions, sorted by them.

        Cut by genre, each row is one genre (the filter's genre is ignored) and every title counts fully in each of its
        genres in `events` and 1/k in `events_shared`. Not cut by genre, every row counts once, or, with a genre in the
        filter, those of that genre.

        Raises:
            EmptySelection: Nothing is left, unless `empty` allows it.
        """
        filters = filters or Filters()
        keys = list(by)
        wanted = [name for name in self.spec.measures if name in measures]
        rows = self.rows([*keys, *wanted], self._condition(filters, by_genre="genre" in keys))
        summed = rows.group_by(keys, use_threads=False).aggregate([(name, "sum") for name in wanted])
        table = summed.rename_columns([*keys, *wanted]).sort_by([(key, "ascending") for key in keys])
        found: pd.DataFrame = table.to_pandas().astype(dict.fromkeys(wanted, np.float64))
        if found.empty and not empty:
            raise EmptySelection(
                f"Nothing is left to count with these filters: {filters.describe()}.",
                "Widen the months or take a filter away.",
            )
        return found

    def values(self, dimension: str) -> list[Any]:
        """The values of one dimension, sorted; empty where the cube lacks it."""
        if dimension not in self.dimensions:
            return []
        found = sorted(self.rows([dimension])[dimension].unique().to_pylist())
        return [value for value in found if value != ALL_GENRES]

    def _condition(self, filters: Filters, *, by_genre: bool) -> pc.Expression | None:
        conditions: list[pc.Expression] = []
        for name, value in filters.equal.items():
            if name not in self.dimensions:
                raise EmptySelection(f"This dataset can't be filtered by {name}.", "Take that filter away.")
            conditions.append(pc.field(name) == value)
        if "genre" in self.dimensions:
            wanted = pc.field("genre") == (filters.genre or ALL_GENRES)
            conditions.append(pc.field("genre") != ALL_GENRES if by_genre else wanted)
        elif filters.genre is not None:
            raise EmptySelection("This dataset can't be filtered by genre.", "Take that filter away.")
        (first, last), (start, end) = filters.months, filters.days
        if "month" in self.dimensions:
            conditions += [pc.field("month") >= first] if first else []
            conditions += [pc.field("month") <= last] if last else []
        else:
            conditions += [pc.field("date") >= pa.scalar(start)] if start else []
            conditions += [pc.field("date") < pa.scalar(end)] if end else []
        return functools.reduce(operator.and_, conditions) if conditions else None


def build(
    dataset: Dataset,
    spec: CubeSpec,
    what: Events,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Cube:
    """The cube of a dataset, built where it is not there yet: one scan for each new part file.

    Cubes of a dataset on disk are Parquet files in the workspace, written beside their place and renamed, so two
    processes that build the same one at once do the work twice and leave one good file. Cubes of a dataset in memory
    stay in memory.

    Raises:
        DataError: The ratings carry no times.
    """
    check_timed(dataset, what)
    dimensions = tuple(d for d in spec.dimensions if d not in SPLITS or d in what.splits)
    with BUILDING:
        if dataset.folder is None:
            return Cube(spec, dimensions, None, _in_memory(dataset, spec, dimensions, what))
        folder = (workspace or Workspace()).cubes / spec.name
        return Cube(spec, dimensions, _on_disk(dataset, spec, dimensions, what, folder, progress), None)


def _on_disk(
    dataset: Dataset,
    spec: CubeSpec,
    dimensions: tuple[str, ...],
    what: Events,
    folder: Path,
    progress: Progress | None,
) -> Path:
    parts = dataset.info.tables[what.table]
    keys = [cube_key(dataset, what, dimensions, part.sha256) for part in parts]
    whole = folder / f"{keys[0] if len(keys) == 1 else digest(keys)}.parquet"
    if whole.is_file():
        return whole
    if spec.finer is not None:
        kept = tuple(d for d in spec.finer.dimensions if d not in SPLITS or d in what.splits)
        finer = _on_disk(dataset, spec.finer, kept, what, folder.parent / spec.finer.name, progress)
        with engine.reading() as cursor:
            write(_summed(cursor.parquet([finer]), dimensions, spec), whole)
        return whole
    files = [folder / f"{key}.parquet" for key in keys]
    sources = zip(files, parts, dataset.files(what.table), strict=True)
    for number, (file, part, source) in enumerate(sources):
        if not file.is_file():
            if progress:
                progress(number / len(files), f"Counting {what.noun}: {spec.name}, part {number + 1} of {len(files)}")

            def counting(cursor: engine.Cursor, source: Path = source) -> nw.LazyFrame[Any]:
                return _prepared_measures(dataset, cursor, cursor.parquet([source]), dimensions, what)

            def cells(cursor: engine.Cursor, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
                return _count(dataset, cursor, frame, dimensions, spec)

            _write_slices(counting, cells, spec, part.rows, file)
    if len(files) > 1:
        # Pages read one file; parts that share cells (a month that goes on) are added up.
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        _write_slices(
            lambda cursor: cursor.parquet(files), lambda _, frame: _summed(frame, dimensions, spec), spec, rows, whole
        )
    if progress:
        progress(1.0, f"Counted {what.noun}: {spec.name}")
    return whole


def _write_slices(
    source: Callable[[engine.Cursor], nw.LazyFrame[Any]],
    cells: Callable[[engine.Cursor, nw.LazyFrame[Any]], nw.LazyFrame[Any]],
    spec: CubeSpec,
    rows: int,
    file: Path,
) -> None:
    """Write the cells of some rows, one slice after the other, each sorted; together they are one file."""
    slices = min(-(-rows // AT_ONCE), _MOST_SLICES) if spec.slices_by else 1
    if slices == 1:
        with engine.reading() as cursor:
            write(cells(cursor, source(cursor)), file)
        return
    beside = [file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.{number}.tmp") for number in range(slices)]
    try:
        for number, piece in enumerate(beside):
            with engine.reading() as cursor:
                frame = source(cursor)
                write(cells(cursor, frame.filter(nw.col(spec.slices_by or "") % slices == number)), piece)
        whole = beside[0].with_suffix(".whole.tmp")
        with pq.ParquetWriter(whole, pq.read_schema(beside[0])) as writer:
            for piece in beside:
                writer.write_table(pq.read_table(piece), row_group_size=_ROW_GROUP)
        whole.replace(file)
    finally:
        for piece in (*beside, beside[0].with_suffix(".whole.tmp")):
            piece.unlink(missing_ok=True)


def _in_memory(dataset: Dataset, spec: CubeSpec, dimensions: tuple[str, ...], what: Events) -> pa.Table:
    key = spec.name + cube_key(dataset, what, dimensions, dataset.content_hash)
    if key not in _IN_MEMORY:
        with dataset.read() as tables:
            frame = _prepared_measures(dataset, tables.cursor, tables[what.table], dimensions, what)
            _IN_MEMORY[key] = engine.to_arrow(_count(dataset, tables.cursor, frame, dimensions, spec))
    _IN_MEMORY.move_to_end(key)
    while len(_IN_MEMORY) > _KEPT_IN_MEMORY:
        _IN_MEMORY.popitem(last=False)
    return _IN_MEMORY[key]


def cube_key(dataset: Dataset, what: Events, dimensions: tuple[str, ...], content: str) -> str:
    """Everything that decides what the cube holds: the rows, the tables joined to them, the grain and the zone."""
    joined = [part.sha256 for table in ("titles", "viewers") for part in dataset.info.tables.get(table, ())]
    return digest([str(VERSION), what.table, what.zone or "", content, *joined, "dimensions", *dimensions])


def digest(words: Sequence[str]) -> str:
    """A file name out of everything that decides a file's content."""
    return hashlib.sha256(json.dumps(list(words)).encode()).hexdigest()[:32]


def write(frame: nw.LazyFrame[Any], file: Path) -> None:
    """Write a frame to Parquet: beside its place, then renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        pq.write_table(engine.to_arrow(frame), beside, row_group_size=_ROW_GROUP)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _summed(frame: nw.LazyFrame[Any], dimensions: tuple[str, ...], spec: CubeSpec) -> nw.LazyFrame[Any]:
    counts = {"events", "completion_known", "weekend_events", "night_events"}
    sums = [nw.col(m).sum().cast(nw.Int64 if m in counts else nw.Float64) for m in spec.measures]
    return _sorted(frame.group_by(*dimensions).agg(*sums), dimensions)


def _sorted(frame: nw.LazyFrame[Any], dimensions: tuple[str, ...]) -> nw.LazyFrame[Any]:
    """By the splits: a page wants one device's, or one genre's, slice, and Parquet's statistics skip the others.

    Hours are never looked at by genre at once, so in their cube the genre comes first.
    """
    splits = [d for d in (SPLITS if "hour" in dimensions else (*SPLITS[1:], SPLITS[0])) if d in dimensions]
    return frame.sort(splits) if splits else frame


def _prepared_measures(
    dataset: Dataset, cursor: engine.Cursor, rows: nw.LazyFrame[Any], dimensions: tuple[str, ...], what: Events
) -> nw.LazyFrame[Any]:
    """The rows with a column for each dimension but the genre, and for each thing that is summed."""
    return prepared(dataset, cursor, rows, dimensions, what).with_columns(
        minutes=nw.col("minutes") if what.has_minutes else nw.lit(0.0),
        completion=nw.col("completion") if what.has_completion else nw.lit(None, nw.Float64),
    )


def _count(
    dataset: Dataset, cursor: engine.Cursor, frame: nw.LazyFrame[Any], dimensions: tuple[str, ...], spec: CubeSpec
) -> nw.LazyFrame[Any]:
    """The cube of some prepared rows, unread until asked for."""
    if "genre" not in dimensions:
        return _cells(frame, dimensions, spec)
    once = _cells(frame.with_columns(genre=nw.lit(ALL_GENRES)), dimensions, spec)
    genres = cursor.arrow(catalogue(dataset)["genres"])
    each = frame.join(genres, left_on="title_id", right_on="genre_of", how="left")
    each = each.with_columns(nw.col("genre").fill_null(NO_GENRE), nw.col("weight").fill_null(1.0))
    return _sorted(nw.concat([once, _cells(each, dimensions, spec, weighted=True)], how="vertical"), dimensions)


def prepared(
    dataset: Dataset, cursor: engine.Cursor, rows: nw.LazyFrame[Any], dimensions: Sequence[str], what: Events
) -> nw.LazyFrame[Any]:
    """The rows with a column for each dimension but the genre."""
    frame = on_the_clock(rows, what)
    if "device" in dimensions:
        frame = frame.with_columns(nw.col("device").fill_null(UNKNOWN))
    if "country" in dimensions:
        viewers = cursor.arrow(_countries(dataset))
        frame = frame.join(viewers, left_on="viewer_id", right_on="country_of", how="left")
        frame = frame.with_columns(nw.col("country").fill_null(UNKNOWN))
    if "kind" in dimensions:
        kinds = cursor.arrow(catalogue(dataset)["kinds"])
        frame = frame.join(kinds, left_on="title_id", right_on="kind_of", how="left")
        frame = frame.with_columns(nw.col("kind").fill_null(UNKNOWN))
    derived = {name: expression for name, expression in _DATE.items() if name in dimensions}
    for name, column in _BUCKETS.items():
        if name in dimensions:
            derived[name] = clustered.bucket(nw.col(column))
    return frame.with_columns(**derived)


def _cells(
    frame: nw.LazyFrame[Any], dimensions: tuple[str, ...], spec: CubeSpec, *, weighted: bool = False
) -> nw.LazyFrame[Any]:
    """Sums of all measures; where every row has weight 1, the shared ones are copies and cost nothing."""
    sums = [
        nw.len().cast(nw.Int64).alias("events"),
        nw.col("minutes").sum().fill_null(0.0).alias("minutes"),
        nw.col("completion").sum().fill_null(0.0).alias("completion"),
        nw.col("completion").count().cast(nw.Int64).alias("completion_known"),
    ]
    if weighted:
        sums.append(nw.col("weight").sum().alias("events_shared"))
        sums.append((nw.col("minutes") * nw.col("weight")).sum().fill_null(0.0).alias("minutes_shared"))
    if spec.of_the_week:
        for name, there in (("weekend", nw.col("local").dt.weekday() >= 6), ("night", nw.col("local").dt.hour() < 6)):
            flag = there.cast(nw.Int64)
            sums.append(flag.sum().cast(nw.Int64).alias(f"{name}_events"))
            sums.append((nw.col("minutes") * flag).sum().fill_null(0.0).alias(f"{name}_minutes"))
    found = frame.group_by(*dimensions).agg(*sums)
    if not weighted:
        found = found.with_columns(events_shared=nw.col("events").cast(nw.Float64), minutes_shared=nw.col("minutes"))
    return found.select(*dimensions, *spec.measures)


def _countries(dataset: Dataset) -> pa.Table:
    viewers = dataset.frame("viewers", ["viewer_id", "country"]).drop_duplicates("viewer_id").dropna()
    return pa.table(
        {"country_of": pa.array(viewers["viewer_id"]), "country": pa.array(viewers["country"], pa.string())}
    )
