"""Distinct viewers by day and by hour.

Distinct viewers don't add up over cells, so they are not in the cubes. Here each viewer of a day (or an hour) is kept
as one pattern of the devices and kinds they used, and viewers with the same pattern are counted together: that small
table answers every filter of device, kind, country and months exactly. A genre in the filter is not answered.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from analysis import engine
from analysis.data import Dataset
from analysis.patterns import cubes
from analysis.patterns.events import Events
from analysis.patterns.filters import Filters
from analysis.results import Progress
from analysis.stats import clustered
from analysis.workspace import Workspace

VERSION = 1
AT_ONCE = 1_500_000
"""Rows whose viewers are held at once. Viewers fall into buckets, and the counts of two buckets do add up."""
_MOST_PATTERNS = 60
"""Pairs of device and kind that fit into one 64-bit number."""

_GRAINS = {"day": ("date",), "hour": ("month", "weekday", "hour")}
_PAIRS: dict[str, tuple[tuple[str, str], ...]] = {}
_IN_MEMORY: dict[str, dict[str, pa.Table]] = {}


@dataclass(frozen=True)
class Audience:
    """Counts of distinct viewers.

    Attributes:
        pairs: (device, kind) of each bit of the pattern, lowest first; `*` where the dataset doesn't have one.
        countries: Whether viewers can be told by country.
        files: Parquet file of each grain, or None.
        memory: Rows of each grain, or None.
    """

    pairs: tuple[tuple[str, str], ...]
    countries: bool
    files: dict[str, Path] | None
    memory: dict[str, pa.Table] | None

    def days(self, filters: Filters) -> pd.DataFrame | None:
        """`date` and `viewers`: distinct viewers of each day; None where the filter can't be answered."""
        start, end = filters.days
        conditions = [pc.field("date") >= pa.scalar(start)] if start else []
        conditions += [pc.field("date") < pa.scalar(end)] if end else []
        return self._count("day", ["date"], filters, conditions)

    def hours(self, filters: Filters) -> pd.DataFrame | None:
        """`weekday`, `hour`, `viewers`: distinct viewers of each hour of each day, added up over the days."""
        first, last = filters.months
        conditions = [pc.field("month") >= first] if first else []
        conditions += [pc.field("month") <= last] if last else []
        return self._count("hour", ["weekday", "hour"], filters, conditions)

    def _count(
        self, grain: str, by: Sequence[str], filters: Filters, conditions: Sequence[pc.Expression]
    ) -> pd.DataFrame | None:
        told_apart = len(self.pairs) > 1 or (filters.device is None and filters.kind is None)
        if filters.genre is not None or not told_apart:
            return None
        wanted = [
            2**bit
            for bit, (device, kind) in enumerate(self.pairs)
            if filters.device in (None, device) and filters.kind in (None, kind)
        ]
        condition = functools.reduce(operator.and_, conditions) if conditions else None
        if filters.country is not None and self.countries:
            here = pc.field("country") == filters.country
            condition = here if condition is None else condition & here
        source = ds.dataset(self.files[grain] if self.files is not None else (self.memory or {})[grain])
        columns = [*by, "viewers", *(["pattern"] if len(wanted) < len(self.pairs) else [])]
        rows = source.to_table(columns=columns, filter=condition, use_threads=False)
        if "pattern" in columns:
            # Masks of 64 bits: a pattern counts if it has one of the wanted ones.
            used = rows["pattern"].to_numpy() & np.int64(sum(wanted)) != 0
            rows = rows.filter(pa.array(used))
        summed = rows.group_by(list(by), use_threads=False).aggregate([("viewers", "sum")])
        found: pd.DataFrame = (
            summed.rename_columns([*by, "viewers"]).sort_by([(key, "ascending") for key in by]).to_pandas()
        )
        return found


def audience(
    dataset: Dataset, what: Events, *, workspace: Workspace | None = None, progress: Progress | None = None
) -> Audience:
    """Count distinct viewers, where it has not been done yet.

    A viewer may appear in several parts on one day, so the whole table is counted at once, bucket by bucket of
    viewers; a new part means counting again.
    """
    key, countries = _key(dataset, what), "country" in what.splits
    pairs = _PAIRS.get(key)
    if pairs is None:
        clock = cubes.build(dataset, cubes.CLOCK, what, workspace=workspace, progress=progress)
        pairs = _PAIRS[key] = _pairs(clock.values("device") or ["*"], clock.values("kind") or ["*"])
    with cubes.BUILDING:
        if dataset.folder is None:
            if key not in _IN_MEMORY:
                _IN_MEMORY.clear()
                _IN_MEMORY[key] = _build(dataset, what, pairs, progress)
            return Audience(pairs, countries, None, _IN_MEMORY[key])
        files = _files(key, workspace)
        if not all(file.is_file() for file in files.values()):
            for grain, table in _build(dataset, what, pairs, progress).items():
                with engine.reading() as cursor:
                    cubes.write(cursor.arrow(table), files[grain])
        return Audience(pairs, countries, files, None)


def _pairs(devices: list[str], kinds: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = tuple((device, kind) for device in devices for kind in kinds)
    return pairs if len(pairs) <= _MOST_PATTERNS else (("*", "*"),)


def counted(dataset: Dataset, what: Events, workspace: Workspace | None = None) -> bool:
    """Whether `audience` has its files already; always true in memory."""
    return dataset.folder is None or all(file.is_file() for file in _files(_key(dataset, what), workspace).values())


def _key(dataset: Dataset, what: Events) -> str:
    parts = [cubes.cube_key(dataset, what, ("audience",), part.sha256) for part in dataset.info.tables[what.table]]
    return cubes.digest([str(VERSION), *parts])


def _files(key: str, workspace: Workspace | None) -> dict[str, Path]:
    folder = (workspace or Workspace()).cubes / "audience"
    return {grain: folder / f"{grain}-{key}.parquet" for grain in _GRAINS}


def _build(
    dataset: Dataset, what: Events, pairs: tuple[tuple[str, str], ...], progress: Progress | None
) -> dict[str, pa.Table]:
    """Both tables: the grain's columns, country, pattern, viewers."""
    dimensions = ["date", "month", "weekday", "hour", "bucket"]
    dimensions += [name for name in ("country", "device", "kind") if name in what.splits]
    chunks = min(-(-dataset.info.rows(what.table) // AT_ONCE), clustered.BUCKETS)
    found: dict[str, list[pa.Table]] = {grain: [] for grain in _GRAINS}
    for chunk in range(chunks):
        if progress:
            progress(chunk / chunks, "Counting distinct viewers")
        with dataset.read() as tables:
            frame = cubes.prepared(dataset, tables.cursor, tables[what.table], dimensions, what)
            frame = frame.filter(nw.col("bucket") % chunks == chunk)
            for grain, table in _patterns(frame, tables.cursor, what, pairs).items():
                found[grain].append(table)
    return {grain: _added(pa.concat_tables(tables)) for grain, tables in found.items()}


def _patterns(
    frame: nw.LazyFrame[Any], cursor: engine.Cursor, what: Events, pairs: tuple[tuple[str, str], ...]
) -> dict[str, pa.Table]:
    on: list[str] = [name for name in ("device", "kind") if name in what.splits and len(pairs) > 1]
    columns = {"device": [d for d, _ in pairs], "kind": [k for _, k in pairs]}
    numbers: dict[str, list[Any]] = {**{name: columns[name] for name in on}, "bit": [2**i for i in range(len(pairs))]}
    bits = pa.table(numbers)
    frame = frame.join(cursor.arrow(bits), on=on) if on else frame.with_columns(bit=nw.lit(1, nw.Int64))
    country = ["country"] if "country" in what.splits else []
    tables = {}
    for grain, keys in _GRAINS.items():
        viewer = list(dict.fromkeys(("date", *keys, *country, "viewer_id")))
        # Each bit once a viewer, so that their sum is their union.
        once = frame.select(*viewer, "bit").unique().group_by(viewer).agg(nw.col("bit").sum().cast(nw.Int64))
        counted = once.rename({"bit": "pattern"}).group_by(*keys, *country, "pattern")
        tables[grain] = engine.to_arrow(counted.agg(nw.len().cast(nw.Int64).alias("viewers")))
    return tables


def _added(table: pa.Table) -> pa.Table:
    keys = [name for name in table.column_names if name != "viewers"]
    return table.group_by(keys).aggregate([("viewers", "sum")]).rename_columns([*keys, "viewers"])
