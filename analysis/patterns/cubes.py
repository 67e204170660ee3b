"""Cubes: events counted once into small tables, one Parquet file per part of the dataset, which pages then read.

A cube is keyed by the hashes of what it was counted from, so it is never stale and never has to be thrown away: new
days are new parts, and only their cubes are built, all of them in one scan of the part.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ParameterError
from analysis.patterns import cells, coarse, counting
from analysis.patterns.cells import Bounds, Cells
from analysis.patterns.counting import SPLITS, Context
from analysis.patterns.events import ALL_GENRES, Events, check_timed
from analysis.patterns.filters import EmptySelection, Filters
from analysis.results import Progress
from analysis.workspace import Workspace

VERSION = 3
"""Raised whenever what a cube holds changes, so that old files are not read."""

MEASURES = ("events", "events_shared", "minutes", "minutes_shared", "completion", "completion_known")
"""Additive sums in each cell: rows; rows at 1/k of a title of k genres; minutes likewise; completion and its count."""
OF_THE_WEEK = ("weekend_events", "night_events", "weekend_minutes", "night_minutes")
"""Sums over Saturday and Sunday, and over the hours from midnight to 6, beside the whole: one row instead of eight."""

DIMENSIONS = ("hour", "weekday", "month", "date", "bucket", "title_bucket", "title_id", "viewer_id", *SPLITS)
"""What a cube can be cut by; `bucket` is the viewer's.

Weekdays are 1 (Monday) to 7; months 202403."""

BUILDING = threading.RLock()
"""One build at a time in a process: the second session that asks finds the cube instead of doubling the memory."""
_IN_MEMORY: OrderedDict[str, Cells] = OrderedDict()
_KEPT_IN_MEMORY = 48


@dataclass(frozen=True)
class CubeSpec:
    """The grain of a cube.

    Attributes:
        name: Folder name, and what progress says.
        dimensions: Of `DIMENSIONS`; splits that a dataset lacks are left out when it is built.
        measures: Of `MEASURES` and `OF_THE_WEEK`, what is summed in each cell.
        finer: A cube that holds this one, from which it is summed instead of reading the events again.
    """

    name: str
    dimensions: tuple[str, ...]
    measures: tuple[str, ...] = MEASURES
    finer: CubeSpec | None = None

    def __post_init__(self) -> None:
        for dimension in self.dimensions:
            if dimension not in DIMENSIONS:
                raise ParameterError(
                    f"A cube has no dimension {dimension!r}.", f"The dimensions are: {', '.join(DIMENSIONS)}."
                )
        if self.finer is not None and not set(self.dimensions) <= set(self.finer.dimensions):
            raise ParameterError(f"The cube {self.name} can't be summed from {self.finer.name}.", "It is not finer.")

    def kept(self, what: Events) -> tuple[str, ...]:
        """The dimensions that a dataset has."""
        return tuple(d for d in self.dimensions if d not in SPLITS or d in what.splits)

    def order(self, what: Events) -> tuple[str, ...]:
        """The dimensions in the order by which cells are sorted.

        What a page filters by comes first, so that it reads few row groups. Hours are never looked at by genre at
        once, so in their cube the genre comes before the others.
        """
        ids = [d for d in self.kept(what) if d in ("title_id", "viewer_id")]
        splits = SPLITS if "hour" in self.dimensions else (*SPLITS[1:], SPLITS[0])
        return tuple(dict.fromkeys([*ids, *(d for d in splits if d in self.kept(what)), *self.kept(what)]))


CLOCK = CubeSpec(
    "clock", ("month", "weekday", "hour", *SPLITS), ("events", "minutes", "completion", "completion_known")
)
RHYTHM = CubeSpec("rhythm", ("month", "bucket", *SPLITS), (*MEASURES[:4], *OF_THE_WEEK))
RELEASES = CubeSpec("releases", ("month", "title_bucket", *SPLITS), ("events_shared", "minutes_shared"))
DAILY = CubeSpec("daily", ("date", *SPLITS), MEASURES[:4])
CLOCK_PLAIN = CubeSpec("clock-plain", ("month", "weekday", "hour", "genre"), CLOCK.measures, CLOCK)
RHYTHM_PLAIN = CubeSpec("rhythm-plain", ("month", "bucket", "genre"), RHYTHM.measures, RHYTHM)
RELEASES_PLAIN = CubeSpec("releases-plain", ("month", "title_bucket", "genre"), RELEASES.measures, RELEASES)
DAILY_PLAIN = CubeSpec("daily-plain", ("date", "genre"), DAILY.measures, DAILY)
"""What the page shows at first, forty times smaller than what answers every filter."""
TITLES = CubeSpec("titles", ("title_id", "date", "country"), ("events", "minutes"))
"""What each title had on each day: for release decay, supply, rising and fading titles."""
GENRE_HOURS = CubeSpec("genre-hours", ("bucket", "weekday", "hour", "genre"), ("events", "events_shared"))
TITLE_HOURS = CubeSpec("title-hours", ("title_id", "weekday", "hour"), ("events",))
"""The two ends of one picture: when a genre is watched, and what is watched in an hour of the week."""
VIEWER_MONTHS = CubeSpec("viewer-months", ("viewer_id", "month"), ("events", "minutes"))
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
        memory: Its cells, or None where it is on disk.
    """

    spec: CubeSpec
    dimensions: tuple[str, ...]
    file: Path | None
    memory: Cells | None

    @property
    def left_out(self) -> dict[str, int]:
        """Rows that were not counted, by reason (`counting.REASONS`)."""
        return dict(cells.facts(self.file)[1] if self.file is not None else self.cells([], {}).left_out)

    def cells(self, columns: Sequence[str], bounds: Bounds) -> Cells:
        """Some keys and sums of the cells between some codes."""
        if self.file is not None:
            return cells.load(self.file, columns, bounds)
        if self.memory is None:
            raise ValueError("a cube is in a file or in memory")
        return self.memory.within(bounds).only(columns) if columns else self.memory

    def rows(self, columns: Sequence[str], condition: pc.Expression | None = None) -> pa.Table:
        """Some columns of the cells that meet a condition, in plain values.

        Cubes are small files on this machine wherever the events live, so they are read directly: a query's way
        through an engine takes longer than the reading.
        """
        wanted = list(columns) if condition is None else [*self.dimensions, *self.spec.measures]
        found = self.cells(wanted, {})
        table = pa.table({name: _arrow(found, name) for name in wanted})
        return (table if condition is None else table.filter(condition)).select(list(columns))

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
        wanted = [name for name in self.spec.measures if name in measures]
        found = self.sums(by, filters, measures=wanted)
        if not len(found) and not empty:
            raise EmptySelection(
                f"Nothing is left to count with these filters: {filters.describe()}.",
                "Widen the months or take a filter away.",
            )
        columns: dict[str, Any] = {name: plain(found, name) for name in by}
        return pd.DataFrame(columns | {name: found.sums[name].astype(np.float64) for name in wanted})

    def sums(self, by: Sequence[str], filters: Filters, *, measures: Sequence[str]) -> Cells:
        """The same, in codes and without a word if nothing is left."""
        bounds = self._bounds(filters, by_genre="genre" in by)
        if bounds is None:
            none = np.zeros(0, dtype=np.int64)
            return Cells(dict.fromkeys(by, none), dict.fromkeys(measures, none), {d: () for d in by if d in SPLITS})
        return self.cells([*by, *measures], bounds).by(by, measures)

    def values(self, dimension: str) -> list[Any]:
        """The values of one dimension, sorted; empty where the cube lacks it."""
        if dimension not in self.dimensions:
            return []
        found = self.cells([dimension], {})
        seen = Cells({dimension: np.unique(found.keys[dimension])}, {}, found.words)
        return [value for value in plain(seen, dimension).tolist() if value != ALL_GENRES]

    def words(self, dimension: str) -> tuple[str, ...]:
        """What the codes of a split stand for."""
        known = cells.facts(self.file)[0] if self.file is not None else self.cells([], {}).words
        return known.get(dimension, ())

    def _bounds(self, filters: Filters, *, by_genre: bool) -> Bounds | None:
        """What codes may be; None where a filter asks for what there is nothing of."""
        bounds: dict[str, tuple[int | None, int | None]] = {}
        wanted = dict(filters.equal)
        if "genre" in self.dimensions and not by_genre:
            wanted["genre"] = filters.genre or ALL_GENRES
        elif filters.genre is not None and "genre" not in self.dimensions:
            raise EmptySelection("This dataset can't be filtered by genre.", "Take that filter away.")
        for name, value in wanted.items():
            if name not in self.dimensions:
                raise EmptySelection(f"This dataset can't be filtered by {name}.", "Take that filter away.")
            if value not in self.words(name):
                return None
            bounds[name] = (self.words(name).index(value),) * 2
        if by_genre:
            bounds["genre"] = (1 if ALL_GENRES in self.words("genre")[:1] else 0, None)
        if filters.months != (None, None) and not {"month", "date"} & set(self.dimensions):
            raise EmptySelection(f"The cube {self.spec.name} can't be filtered by months.", "Take that filter away.")
        return bounds | time_bounds(filters, by_month="month" in self.dimensions)


def time_bounds(filters: Filters, *, by_month: bool) -> dict[str, tuple[int | None, int | None]]:
    """What the codes of months, or of dates, may be."""
    if filters.months == (None, None):
        return {}
    if by_month:
        first, last = (None if m is None else m // 100 * 12 + m % 100 - 1 for m in filters.months)
        return {"month": (first, last)}
    start, end = (None if d is None else int(np.datetime64(d, "D").astype(np.int64)) for d in filters.days)
    return {"date": (start, None if end is None else end - 1)}


def plain(found: Cells, name: str) -> npt.NDArray[Any]:
    """A column in the values that people use: months as 202403, days as dates, words as words."""
    if name in found.sums:
        return found.sums[name]
    codes = found.keys[name]
    if name in found.words:
        return np.asarray(np.array(found.words[name], dtype=object)[codes])
    codes = codes.astype(np.int64)
    if name == "month":
        return np.asarray(codes // 12 * 100 + codes % 12 + 1)
    return np.asarray(codes.astype("datetime64[D]").astype(object)) if name == "date" else codes


def _arrow(found: Cells, name: str) -> pa.Array:
    if name in found.words:
        words = pa.array(found.words[name], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(found.keys[name], pa.int32()), words).cast(pa.string())
    if name == "date":
        return pa.array(found.keys[name].astype(np.int32)).cast(pa.date32())
    return pa.array(plain(found, name))


def build(
    dataset: Dataset,
    spec: CubeSpec,
    what: Events,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Cube:
    """The cube of a dataset, built where it is not there yet.

    Raises:
        DataError: The ratings carry no times.
    """
    return build_all(dataset, [spec], what, workspace=workspace, progress=progress)[0]


def build_all(
    dataset: Dataset,
    specs: Sequence[CubeSpec],
    what: Events,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> list[Cube]:
    """Several cubes, all in one scan of each part file that has not been counted yet.

    Cubes of a dataset on disk are Parquet files in the workspace, written beside their place and renamed, so two
    processes that build the same one at once do the work twice and leave one good file. Cubes of a dataset in memory
    stay in memory.

    Raises:
        DataError: The ratings carry no times.
    """
    check_timed(dataset, what)
    with BUILDING:
        if dataset.folder is None:
            return [Cube(spec, spec.kept(what), None, _in_memory(dataset, spec, what)) for spec in specs]
        home = (workspace or Workspace()).cubes
        files = [_whole(dataset, spec, what, home) for spec in specs]
        missing = [spec for spec, file in zip(specs, files, strict=True) if not file.is_file()]
        counted = list(dict.fromkeys(spec.finer or spec for spec in missing))
        counted = [spec for spec in counted if not _whole(dataset, spec, what, home).is_file()]
        if counted:
            _count_parts(dataset, counted, what, home, progress)
            for spec in counted:
                _add_parts(dataset, spec, what, home)
        for spec, file in zip(specs, files, strict=True):
            if spec.finer is not None and not file.is_file():
                finer = cells.load(_whole(dataset, spec.finer, what, home))
                cells.save(finer.by(spec.order(what), spec.measures), file)
        return [Cube(spec, spec.kept(what), file, None) for spec, file in zip(specs, files, strict=True)]


def _part_keys(dataset: Dataset, spec: CubeSpec, what: Events) -> list[str]:
    dimensions = (*spec.kept(what), *spec.measures)
    return [cube_key(dataset, what, dimensions, part.sha256) for part in dataset.info.tables[what.table]]


def part_files(dataset: Dataset, spec: CubeSpec, what: Events, home: Path) -> list[Path]:
    """Where the cells of each part are, once they have been counted."""
    return [home / spec.name / f"{key}.parquet" for key in _part_keys(dataset, spec, what)]


def _whole(dataset: Dataset, spec: CubeSpec, what: Events, home: Path, parts: int | None = None) -> Path:
    """The file of all parts, or of the first few of them."""
    keys = _part_keys(dataset, spec, what)[:parts]
    return home / spec.name / f"{keys[0] if len(keys) == 1 else digest(keys)}.parquet"


def _count_parts(
    dataset: Dataset, specs: Sequence[CubeSpec], what: Events, home: Path, progress: Progress | None
) -> None:
    """Count each part once for all the cubes that lack it."""
    files = {spec: part_files(dataset, spec, what, home) for spec in specs}
    context: Context | None = None
    parts = dataset.info.tables[what.table]
    for number, part in enumerate(parts):
        lacking = [spec for spec in specs if not files[spec][number].is_file()]
        if not lacking:
            continue
        if progress:
            progress(number / len(parts), f"Counting {what.noun}: part {number + 1} of {len(parts)}")
        if context is None:
            by_clock = all(_is_coarse(spec, what) for spec in specs)
            context = Context.of(dataset, replace(what, splits=()) if by_clock else what)
        source = dataset.files(what.table)[number]
        with dataset.read() as tables:
            frame = tables.cursor.parquet([source])
            plain = [spec for spec in lacking if _is_coarse(spec, what)]
            if plain and len(plain) == len(lacking) and coarse.sound(source, context):
                for spec in plain:
                    cells.save(coarse.count(frame, spec.order(what), spec.measures), files[spec][number])
                continue
            for spec, found in _counted(dataset, frame, context, lacking, part.rows).items():
                cells.save(found, files[spec][number])
    if progress:
        progress(1.0, f"Counted {what.noun}")


def _is_coarse(spec: CubeSpec, what: Events) -> bool:
    """Whether rows are cut by nothing but the clock."""
    named = set(spec.kept(what)) <= set(coarse.DIMENSIONS) and set(spec.measures) <= set(MEASURES)
    return named and what.table == "views"


def _counted(
    dataset: Dataset, frame: nw.LazyFrame[Any], context: Context, specs: Sequence[CubeSpec], rows: int
) -> dict[CubeSpec, Cells]:
    """The cells of some rows for each cube, from one scan."""
    what = context.what
    pieces: dict[CubeSpec, list[Cells]] = {spec: [] for spec in specs}
    needs = _needs(dataset, specs, what)
    for some in counting.scan(dataset, frame, context, needs, rows):
        for spec in specs:
            pieces[spec] = [cells.together([*pieces[spec], counting.count(some, spec.order(what), spec.measures)])]
    return {spec: pieces[spec][0] for spec in specs}


def _needs(dataset: Dataset, specs: Sequence[CubeSpec], what: Events) -> list[str]:
    """The columns that are read beside the time."""
    dimensions = {name for spec in specs for name in spec.kept(what)}
    measures = {name for spec in specs for name in spec.measures}
    needs = ["title_id"] if dataset.has("titles") or dimensions & {"title_id", "title_bucket"} else []
    needs += ["viewer_id"] if dimensions & {"viewer_id", "bucket", "country"} else []
    needs += ["device"] if "device" in dimensions else []
    # Plays are judged by their minutes even where minutes are not summed.
    needs += ["minutes"] if what.has_minutes else []
    return needs + (["completion"] if what.has_completion and "completion" in measures else [])


def _first_parts(dataset: Dataset, spec: CubeSpec, what: Events, home: Path) -> int:
    """How many of the first parts have been added up already: those of the dataset before days were appended."""
    for parts in range(len(dataset.info.tables[what.table]) - 1, 1, -1):
        if _whole(dataset, spec, what, home, parts).is_file():
            return parts
    return 0


def _add_parts(dataset: Dataset, spec: CubeSpec, what: Events, home: Path) -> None:
    """Pages read one file; parts that share cells (a month that goes on) are added up."""
    whole = _whole(dataset, spec, what, home)
    if whole.is_file():
        return
    begun = _first_parts(dataset, spec, what, home)
    files = [_whole(dataset, spec, what, home, begun)] if begun else []
    files += part_files(dataset, spec, what, home)[begun:]
    cells.save(cells.together([cells.load(file) for file in files]), whole)


def _in_memory(dataset: Dataset, spec: CubeSpec, what: Events) -> Cells:
    key = spec.name + cube_key(dataset, what, (*spec.kept(what), *spec.measures), dataset.content_hash)
    if key not in _IN_MEMORY:
        if spec.finer is not None:
            _IN_MEMORY[key] = _in_memory(dataset, spec.finer, what).by(spec.order(what), spec.measures)
        else:
            with dataset.read() as tables:
                rows, context = dataset.info.rows(what.table), Context.of(dataset, what)
                _IN_MEMORY[key] = _counted(dataset, tables[what.table], context, [spec], rows)[spec]
    _IN_MEMORY.move_to_end(key)
    while len(_IN_MEMORY) > _KEPT_IN_MEMORY:
        _IN_MEMORY.popitem(last=False)
    return _IN_MEMORY[key]


def cube_key(dataset: Dataset, what: Events, dimensions: tuple[str, ...], content: str) -> str:
    """Everything that decides what the cube holds: the rows, the tables joined to them, the grain and the zone."""
    joined = [part.sha256 for table in ("titles", "viewers") for part in dataset.info.tables.get(table, ())]
    planned = str(counting.planned(dataset))
    return digest([str(VERSION), what.table, what.zone or "", planned, content, *joined, "dimensions", *dimensions])


def digest(words: Sequence[str]) -> str:
    """A file name out of everything that decides a file's content."""
    return hashlib.sha256(json.dumps(list(words)).encode()).hexdigest()[:32]


def write(frame: nw.LazyFrame[Any], file: Path) -> None:
    """Write a frame to Parquet: beside its place, then renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        pq.write_table(engine.to_arrow(frame), beside, row_group_size=16_384)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
