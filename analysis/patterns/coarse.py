"""Coarse cubes by one query of the engine, where a file's own statistics prove that every row can be counted.

Hours, weekdays and months need nothing joined to a row. The engine counts them with all its threads, and no row has to
be looked at a second time if the smallest and largest time, minutes and title in the file's footer are sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow.parquet as pq

from analysis import engine
from analysis.patterns.cells import Cells, grouped
from analysis.patterns.counting import FIRST_DAY, LONGEST_PLAY, Context

_LOCAL = nw.col("started_local")
DIMENSIONS = {
    "hour": _LOCAL.dt.hour(),
    "weekday": _LOCAL.dt.weekday(),
    "month": _LOCAL.dt.year() * 12 + _LOCAL.dt.month() - 1,
}
_SUMS = {
    "events": nw.len(),
    "minutes": nw.col("minutes").sum(),
    "completion": nw.col("completion").sum(),
    "completion_known": nw.col("completion").count(),
}
_MOST_TITLES = 10_000_000


def sound(file: Path, context: Context) -> bool:
    """Whether the footer of a part of views proves that no row of it must be left out."""
    metadata = pq.read_metadata(file)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    spans: dict[str, tuple[Any, Any]] = {}
    for place, name in enumerate(metadata.schema.names):
        found = [group.column(place).statistics for group in groups]
        if found and all(s is not None and s.has_min_max and s.null_count == 0 for s in found):
            spans[name] = (min(s.min for s in found), max(s.max for s in found))
    if "started_local" not in spans:
        return False
    first, last = (np.datetime64(moment, "D").astype(np.int64) for moment in spans["started_local"])
    if first < FIRST_DAY or (context.cutoff is not None and last >= context.cutoff):
        return False
    if context.what.has_minutes:
        low, high = spans.get("minutes", (-1, -1))
        if not 0 <= low <= high <= LONGEST_PLAY:
            return False
    if context.title is None:
        return True
    lowest, highest = spans.get("title_id", (0, _MOST_TITLES))
    # All ids in between are in the catalogue, so those that occur are.
    return highest - lowest < _MOST_TITLES and bool((context.title(np.arange(lowest, highest + 1)) >= 0).all())


def count(frame: nw.LazyFrame[Any], dimensions: Sequence[str], measures: Sequence[str]) -> Cells:
    """The cells of the rows of a sound part; without a genre, what is shared is whole."""
    plain = {name: name.removesuffix("_shared") for name in measures}
    there = frame.collect_schema().names()
    wanted = [name for name in dict.fromkeys(plain.values()) if name == "events" or name.split("_")[0] in there]
    cut = frame.with_columns(**{name: DIMENSIONS[name] for name in dimensions})
    table = engine.to_arrow(cut.group_by(*dimensions).agg(*(_SUMS[name].alias(name) for name in wanted)))
    values = {name: np.nan_to_num(table[name].to_numpy().astype(np.float64)) for name in wanted}
    none = np.zeros(len(table))
    whole = ("events", "completion_known")
    sums = [
        values.get(source, none).astype(np.int64 if name in whole else np.float64) for name, source in plain.items()
    ]
    keys, added = grouped([table[name].to_numpy().astype(np.int64) for name in dimensions], sums)
    return Cells(dict(zip(dimensions, keys, strict=True)), dict(zip(measures, added, strict=True)))
