"""Distinct viewers by day and by hour.

Distinct viewers don't add up over cells, so they are not in the cubes. Here each viewer of a day (or an hour) is kept
as one pattern of the devices and kinds they used, and viewers with the same pattern are counted together. From these
the viewers of every device, kind and country, and of all of them, are added up once: a page reads one number a day or
hour. A genre in the filter is not answered.

Each part is counted by itself, but for the days that another part has as well (the day on which one ends and the next
begins): those are counted together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.patterns import cells, counting, cubes
from analysis.patterns.cells import Axis, Cells, Ints
from analysis.patterns.counting import Context, Rows
from analysis.patterns.events import Events
from analysis.patterns.filters import Filters
from analysis.results import Progress
from analysis.stats import clustered
from analysis.workspace import Workspace

VERSION = 3
ALL = "*"
"""Stands for every device, kind or country."""
_MOST_PATTERNS = 60
"""Pairs of device and kind that fit into one 64-bit number."""

GRAINS = {"day": ("date",), "hour": ("month", "weekday", "hour")}
_IN_MEMORY: OrderedDict[str, dict[str, Cells]] = OrderedDict()
_KEPT_IN_MEMORY = 4

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Audience:
    """Counts of distinct viewers.

    Attributes:
        pairs: (device, kind) of each bit of the pattern, lowest first; `*` where the dataset doesn't have one.
        countries: Whether viewers can be told by country.
        files: Parquet file of each grain, or None.
        memory: Cells of each grain, or None.
    """

    pairs: Pairs
    countries: bool
    files: dict[str, Path] | None
    memory: dict[str, Cells] | None

    def days(self, filters: Filters) -> pd.DataFrame | None:
        """`date` and `viewers`: distinct viewers of each day; None where the filter can't be answered."""
        return self._count("day", ["date"], filters)

    def hours(self, filters: Filters) -> pd.DataFrame | None:
        """`weekday`, `hour`, `viewers`: distinct viewers of each hour of each day, added up over the days."""
        return self._count("hour", ["weekday", "hour"], filters)

    def _count(self, grain: str, by: Sequence[str], filters: Filters) -> pd.DataFrame | None:
        told_apart = len(self.pairs) > 1 or (filters.device is None and filters.kind is None)
        if filters.genre is not None or not told_apart:
            return None
        words = cells.facts(self.files[grain])[0] if self.files is not None else (self.memory or {})[grain].words
        bounds = cubes.time_bounds(filters, by_month=grain == "hour")
        for name in words:
            value = filters.equal.get(name, ALL)
            place = words[name].index(value) if value in words[name] else -1
            bounds[name] = (place, place)
        columns = [*by, "viewers"]
        if self.files is not None:
            found = cells.load(self.files[grain], columns, bounds)
        else:
            found = (self.memory or {})[grain].within(bounds).only(columns)
        table = found.by(by, ["viewers"])
        return pd.DataFrame({key: cubes.plain(table, key) for key in by} | {"viewers": table.sums["viewers"]})


def audience(
    dataset: Dataset, what: Events, *, workspace: Workspace | None = None, progress: Progress | None = None
) -> Audience:
    """Count distinct viewers, where it has not been done yet; a new part means counting it and the days it shares."""
    countries = "country" in what.splits
    clock = cubes.build(dataset, cubes.CLOCK, what, workspace=workspace, progress=progress)
    pairs = _pairs(clock.words("device") or ("*",), clock.words("kind") or ("*",))
    with cubes.BUILDING:
        if dataset.folder is None:
            return Audience(pairs, countries, None, _in_memory(dataset, what, pairs))
        home = (workspace or Workspace()).cubes
        files = _files(dataset, what, home)
        if not all(file.is_file() for file in files.values()):
            cubes.build(dataset, cubes.DAILY, what, workspace=workspace, progress=progress)
            _build(dataset, what, pairs, home, progress)
        return Audience(pairs, countries, files, None)


def _pairs(devices: Sequence[str], kinds: Sequence[str]) -> Pairs:
    pairs = tuple((device, kind) for device in devices for kind in kinds)
    return pairs if len(pairs) <= _MOST_PATTERNS else (("*", "*"),)


def counted(dataset: Dataset, what: Events, workspace: Workspace | None = None) -> bool:
    """Whether `audience` has its files already; always true in memory."""
    home = (workspace or Workspace()).cubes
    return dataset.folder is None or all(file.is_file() for file in _files(dataset, what, home).values())


def _keys(dataset: Dataset, what: Events) -> list[str]:
    parts = dataset.info.tables[what.table]
    return [cubes.cube_key(dataset, what, ("audience", str(VERSION)), part.sha256) for part in parts]


def _files(dataset: Dataset, what: Events, home: Path) -> dict[str, Path]:
    return _named(home, ["whole", *_keys(dataset, what)])


def _named(home: Path, words: Sequence[str]) -> dict[str, Path]:
    return {grain: home / "audience" / f"{grain}-{cubes.digest(words)}.parquet" for grain in GRAINS}


def _in_memory(dataset: Dataset, what: Events, pairs: Pairs) -> dict[str, Cells]:
    key = cubes.digest(_keys(dataset, what))
    if key not in _IN_MEMORY:
        with dataset.read() as tables:
            context, rows = Context.of(dataset, what), dataset.info.rows(what.table)
            counts = _counted(dataset, [tables[what.table]], context, pairs, None, rows)
            _IN_MEMORY[key] = {grain: _answers(table, pairs) for grain, table in counts.items()}
    _IN_MEMORY.move_to_end(key)
    while len(_IN_MEMORY) > _KEPT_IN_MEMORY:
        _IN_MEMORY.popitem(last=False)
    return _IN_MEMORY[key]


def _build(dataset: Dataset, what: Events, pairs: Pairs, home: Path, progress: Progress | None) -> None:
    """Count each part on its own days, then the days that parts share, and put them together."""
    keys, parts = _keys(dataset, what), dataset.info.tables[what.table]
    daily = [_by_day(file) for file in cubes.part_files(dataset, cubes.DAILY, what, home)]
    days = [one.keys["date"].astype(np.int64) for one in daily]
    every, times = np.unique(np.concatenate(days), return_counts=True)
    shared = every[times > 1].astype(np.int64)
    on_shared = sum(int(one.sums["events"][np.isin(day, shared)].sum()) for one, day in zip(daily, days, strict=True))
    # Each piece: its parts, its days, and whether those are all but the ones named.
    pieces = [([number], np.intersect1d(shared, days[number]), False) for number in range(len(parts))]
    between = [number for number in range(len(parts)) if np.isin(days[number], shared).any()]
    pieces += [(between, shared, True)] if len(shared) else []
    context = Context.of(dataset, what)
    found: list[dict[str, Path]] = []
    for number, (members, named, inside) in enumerate(pieces):
        words = [str(inside), *(keys[m] for m in members), *(f"{d} {k}" for d, k in pairs), *map(str, named.tolist())]
        found.append(_named(home, words))
        if all(file.is_file() for file in found[-1].values()):
            continue
        if progress:
            progress(number / len(pieces), "Counting distinct viewers")
        with dataset.read() as tables:
            frames = [tables.cursor.parquet([dataset.files(what.table)[member]]) for member in members]
            rows = on_shared if inside else parts[members[0]].rows
            counts = _counted(dataset, frames, context, pairs, (named, inside), rows)
        for grain, table in counts.items():
            cells.save(table, found[-1][grain])
    for grain, file in _files(dataset, what, home).items():
        cells.save(_answers(cells.together([cells.load(piece[grain]) for piece in found]), pairs), file)


def _answers(patterns: Cells, pairs: Pairs) -> Cells:
    """Viewers of each device, kind and country, and of all of them, by time."""
    times = [name for name in patterns.keys if name not in ("country", "pattern")]
    devices, kinds = (cells.in_order({ALL, *names}) for names in zip(*pairs, strict=True))
    words = {"device": devices, "kind": kinds}
    if "country" in patterns.keys:
        words["country"] = cells.in_order({ALL, *patterns.words["country"]})
    found: list[Cells] = []
    for d, device in enumerate(devices):
        for k, kind in enumerate(kinds):
            bits = [2**b for b, pair in enumerate(pairs) if device in (ALL, pair[0]) and kind in (ALL, pair[1])]
            here = patterns.where(patterns.keys["pattern"] & np.int64(sum(bits)) != 0)
            fixed = {"device": np.int16(d), "kind": np.int16(k)}
            everywhere = here.by(times, ["viewers"])
            found.append(_placed(everywhere, fixed | {"country": np.int16(0)}, words))
            if "country" in words:
                each = here.by(["country", *times], ["viewers"])
                moved = np.array([words["country"].index(name) for name in patterns.words["country"]], dtype=np.int16)
                found.append(_placed(each, fixed | {"country": moved[each.keys["country"]]}, words))
    return cells.together(found)


def _placed(counts: Cells, where: dict[str, Any], words: dict[str, tuple[str, ...]]) -> Cells:
    """Counts with the codes of device, kind and country, where those are known."""
    keys = {name: np.broadcast_to(where[name], len(counts)) for name in words}
    times = {name: codes for name, codes in counts.keys.items() if name not in words}
    return Cells(keys | times, counts.sums, words, counts.left_out)


def _by_day(file: Path) -> Cells:
    """Plays of each day of a part, each counted once."""
    return cells.load(file, ["date", "events"], {"genre": (0, 0)} if "genre" in cells.facts(file)[0] else {}).by(
        ["date"], ["events"]
    )


def _counted(
    dataset: Dataset,
    frames: Sequence[nw.LazyFrame[Any]],
    context: Context,
    pairs: Pairs,
    on: tuple[Ints, bool] | None,
    rows: int,
) -> dict[str, Cells]:
    """Both tables, of the rows on some days (or on all but those); some buckets of viewers after the other."""
    slices = max(1, min(-(-rows // counting.AT_ONCE), clustered.BUCKETS))
    pieces: dict[str, list[Cells]] = {grain: [] for grain in GRAINS}
    named = on[0].astype("datetime64[D]").astype(object).tolist() if on is not None and on[1] else None
    for number in range(slices):
        held: list[tuple[Ints, ...]] = []
        for frame in frames:
            some = frame.filter(clustered.bucket(nw.col("viewer_id")) % slices == number) if slices > 1 else frame
            needs = ["viewer_id", "title_id", "device", "minutes"]
            held += [_coded(part, pairs, on) for part in counting.scan(dataset, some, context, needs, 0, named)]
        hour, viewer, bit = (np.concatenate(columns) for columns in zip(*held, strict=True))
        for grain, table in _patterns(hour, viewer, bit, context).items():
            pieces[grain].append(table)
    return {grain: cells.together(tables) for grain, tables in pieces.items()}


def _coded(rows: Rows, pairs: Pairs, on: tuple[Ints, bool] | None) -> tuple[Ints, ...]:
    """Hour since 1970, viewer, and the bit of device and kind, of the rows on the days wanted."""
    keep: Any = slice(None)
    if on is not None and (len(on[0]) or on[1]):
        keep = np.isin(rows.hour // 24, on[0], invert=not on[1])
    bit = np.zeros(len(rows.hour), dtype=np.int64)
    if len(pairs) > 1:
        devices = rows.devices or ("*",)
        kinds = rows.context.words.get("kind", ("*",))
        place = {pair: number for number, pair in enumerate(pairs)}
        bits = np.array([[place.get((device, kind), 0) for kind in kinds] for device in devices], dtype=np.int64)
        device = rows.device if len(rows.device) else np.zeros(len(bit), dtype=np.int64)
        kind = rows.key("kind") if len(kinds) > 1 else np.zeros(len(bit), dtype=np.int64)
        bit = bits[device, kind]
    return rows.hour[keep].astype(np.int64), rows.viewer[keep], bit[keep]


def _patterns(hour: Ints, viewer: Ints, bit: Ints, context: Context) -> dict[str, Cells]:
    """Viewers of each day and of each hour, by pattern: one sort puts those of a day, and of its hours, together."""
    first = int(hour.min()) // 24 if len(hour) else 0
    axis, code = Axis.of(viewer)
    key = (hour // 24 - first) * axis.size + (code - axis.low)
    key = (key * 24 + hour % 24) * 64 + bit
    key.sort()
    pattern, key = np.left_shift(np.int64(1), key & 63), key >> 6
    found = {}
    for grain in ("hour", "day"):
        if len(key):
            starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
            pattern, key = np.bitwise_or.reduceat(pattern, starts), key[starts]
        of_day, key = (key % 24, key // 24) if grain == "hour" else (key, key)
        found[grain] = _cells(grain, key // axis.size + first, of_day, axis.decoded(key % axis.size), pattern, context)
    return found


def _cells(grain: str, day: Ints, hour: Ints, viewer: Ints, pattern: Ints, context: Context) -> Cells:
    keys: dict[str, npt.NDArray[Any]] = {}
    words = {}
    if context.country is not None:
        keys["country"], words["country"] = context.country(viewer), context.words["country"]
    if grain == "day":
        keys["date"] = day
    else:
        keys |= {"month": counting.month_of(day), "weekday": (day + 3) % 7 + 1, "hour": hour}
    keys["pattern"] = pattern
    found = Cells(keys, {"viewers": np.ones(len(day), dtype=np.int64)}, words)
    return found.by(list(keys), ["viewers"])
