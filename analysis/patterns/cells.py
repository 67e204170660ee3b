"""Cells: sums by coded keys, how they are added up, and the Parquet files in which they wait.

Keys are small whole numbers: an hour is its number, a month counts from year 0, a day from 1970, and a word (a genre, a
device) is its place in a list that stands in the file's metadata. So cells are added by counting into arrays, and a
page reads only the row groups that its filters can meet.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bounds = Mapping[str, tuple[int | None, int | None]]
"""The smallest and the largest code wanted of each key, both included; None where open."""

_DENSE = 8_000_000
"""Cells up to which sums are counted into one array each; beyond, only cells that occur are held."""
_FAR = 2**31
"""Span of a key (ids that are hashes, say) from which its values are numbered first, so that products fit."""
_ROW_GROUP = 8_192
"""Rows of a file that are read or skipped together."""
_META = b"primetime"
_OPENED: OrderedDict[tuple[str, int, int], _Opened] = OrderedDict()
_KEPT_OPEN = 128
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Axis:
    """The codes of one key, as numbers from 0.

    Attributes:
        low: What is 0.
        size: How many numbers there are.
        values: What they stand for, where codes lie too far apart to count from the lowest.
    """

    low: int
    size: int
    values: Ints | None

    @classmethod
    def of(cls, key: npt.NDArray[Any]) -> tuple[Axis, npt.NDArray[Any]]:
        """The axis of some codes, and the codes from which `low` is taken away to count from 0."""
        low, high = (int(key.min()), int(key.max())) if len(key) else (0, 0)
        if high - low < _FAR:
            return cls(low, high - low + 1, None), key
        values, codes = np.unique(key, return_inverse=True)
        return cls(0, len(values), values.astype(np.int64)), codes

    def decoded(self, numbers: Ints) -> Ints:
        """The codes again."""
        return numbers + self.low if self.values is None else self.values[numbers]


@dataclass(frozen=True)
class Cells:
    """Sums by keys; every combination of keys once, sorted by them.

    Attributes:
        keys: Codes of each key, all of one length.
        sums: Sums in each cell, of the same length; counts are whole numbers.
        words: The words that codes of a key stand for, where it has words.
        left_out: Rows that were not counted, by reason.
    """

    keys: dict[str, npt.NDArray[Any]]
    sums: dict[str, npt.NDArray[Any]]
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.keys.values())))

    def by(self, keys: Sequence[str], measures: Sequence[str]) -> Cells:
        """Summed over all other keys."""
        codes, sums = grouped([self.keys[key] for key in keys], [self.sums[name] for name in measures])
        words = {key: self.words[key] for key in keys if key in self.words}
        named = dict(zip(measures, sums, strict=True))
        return Cells(dict(zip(keys, codes, strict=True)), named, words, self.left_out)

    def within(self, bounds: Bounds) -> Cells:
        """Those between some codes."""
        keep = np.ones(len(self), dtype=bool)
        for key, (low, high) in bounds.items():
            if low is not None:
                keep &= self.keys[key] >= low
            if high is not None:
                keep &= self.keys[key] <= high
        return self.where(keep)

    def where(self, keep: npt.NDArray[np.bool_]) -> Cells:
        """Those that are marked."""
        if keep.all():
            return self
        chosen = np.flatnonzero(keep)
        keys = {name: codes[chosen] for name, codes in self.keys.items()}
        sums = {name: values[chosen] for name, values in self.sums.items()}
        return Cells(keys, sums, self.words, self.left_out)

    def only(self, columns: Sequence[str]) -> Cells:
        """With fewer keys or sums, unsummed."""
        keys = {name: codes for name, codes in self.keys.items() if name in columns}
        sums = {name: values for name, values in self.sums.items() if name in columns}
        return Cells(keys, sums, {key: words for key, words in self.words.items() if key in keys}, self.left_out)


def grouped(
    keys: Sequence[npt.NDArray[Any]], sums: Sequence[npt.NDArray[Any]]
) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]:
    """Add up rows with the same keys.

    Args:
        keys: Whole numbers, one array a key, first key slowest in the result.
        sums: What is added, one array each; whole numbers stay whole.

    Returns:
        The keys and sums of every combination that occurs, sorted by the keys.
    """
    if not len(keys[0]):
        return [np.zeros(0, dtype=np.int64) for _ in keys], [np.zeros(0, dtype=np.float64) for _ in sums]
    axes, codes = zip(*(Axis.of(key) for key in keys), strict=True)
    if all(axis.size == 1 for axis in axes):
        # One cell: what a page asks for a total.
        return [axis.decoded(np.zeros(1, dtype=np.int64)) for axis in axes], [np.array([_total(v)]) for v in sums]
    code = np.zeros(len(keys[0]), dtype=np.int64)
    for axis, key in zip(axes, codes, strict=True):
        np.multiply(code, axis.size, out=code)
        np.add(code, key, out=code, casting="unsafe")
        if axis.low:
            np.subtract(code, axis.low, out=code)
    cells, added = summed(code, int(np.prod([float(axis.size) for axis in axes])), sums)
    found: list[npt.NDArray[Any]] = []
    for axis in reversed(axes):
        found.append(small(axis.decoded(cells % axis.size)))
        cells = cells // axis.size
    return found[::-1], added


def summed(code: Ints, size: int, sums: Sequence[npt.NDArray[Any]]) -> tuple[Ints, list[npt.NDArray[Any]]]:
    """The codes that occur (of `size` possible ones), sorted, and the sums of each."""
    if size <= min(_DENSE, 8 * len(code) + 65_536):
        cells = np.flatnonzero(np.bincount(code, minlength=size))
        added = [np.bincount(code, weights=values, minlength=size)[cells] for values in sums]
    else:
        cells, code = np.unique(code, return_inverse=True)
        added = [np.bincount(code, weights=values) for values in sums]
    whole = [np.issubdtype(values.dtype, np.integer) for values in sums]
    return cells, [a.astype(np.int64) if is_whole else a for a, is_whole in zip(added, whole, strict=True)]


def _total(values: npt.NDArray[Any]) -> Any:
    return values.sum(dtype=np.int64 if np.issubdtype(values.dtype, np.integer) else np.float64)


def together(pieces: Sequence[Cells]) -> Cells:
    """The sum of several, whose lists of words may differ."""
    if len(pieces) == 1:
        return pieces[0]
    first = pieces[0]
    words = {key: in_order({word for piece in pieces for word in piece.words[key]}) for key in first.words}
    keys: list[npt.NDArray[Any]] = []
    for key in first.keys:
        codes = [piece.keys[key] for piece in pieces]
        if key in words:
            places = {word: place for place, word in enumerate(words[key])}
            moves = [np.array([places[word] for word in piece.words[key]], dtype=np.int64) for piece in pieces]
            codes = [move[code] for move, code in zip(moves, codes, strict=True)]
        keys.append(np.concatenate(codes))
    sums = [np.concatenate([piece.sums[name] for piece in pieces]) for name in first.sums]
    found, added = grouped(keys, sums)
    reasons = {reason for piece in pieces for reason in piece.left_out}
    left_out = {reason: sum(piece.left_out.get(reason, 0) for piece in pieces) for reason in sorted(reasons)}
    return Cells(dict(zip(first.keys, found, strict=True)), dict(zip(first.sums, added, strict=True)), words, left_out)


def in_order(words: set[str]) -> tuple[str, ...]:
    """Words sorted, with the asterisk that stands for all of them first."""
    return tuple(sorted(words, key=lambda word: (word != "*", word)))


def save(cells: Cells, file: Path) -> None:
    """Write a file beside its place, then rename it.

    Sums are kept with 24 bits, which is one part in sixteen million; counts and keys are exact.
    """
    columns = {name: small(codes) for name, codes in cells.keys.items()}
    columns |= {name: small(v) if v.dtype.kind == "i" else v.astype(np.float32) for name, v in cells.sums.items()}
    note = json.dumps({"keys": list(cells.keys), "words": cells.words, "left_out": cells.left_out})
    table = pa.table(columns).replace_schema_metadata({_META: note})
    floats = [name for name, values in columns.items() if values.dtype.kind == "f"]
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        pq.write_table(
            table,
            beside,
            row_group_size=_ROW_GROUP if len(table) < 512 * _ROW_GROUP else 4 * _ROW_GROUP,
            compression="zstd",
            use_dictionary=[name for name in columns if name not in floats],
            use_byte_stream_split=floats,
            write_statistics=list(cells.keys),
        )
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def small(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """In the narrowest whole numbers that hold them."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    return values.astype(np.int64)


@dataclass(frozen=True)
class _Opened:
    """What is known of a file before it is read."""

    metadata: pq.FileMetaData
    words: dict[str, tuple[str, ...]]
    left_out: dict[str, int]
    low: dict[str, Ints]
    high: dict[str, Ints]


def load(file: Path, columns: Sequence[str] | None = None, bounds: Bounds | None = None) -> Cells:
    """Read some keys and sums of a file, of the rows between some codes."""
    opened = _open(file)
    bounds = bounds or {}
    names = opened.metadata.schema.names
    wanted = [name for name in names if columns is None or name in columns or name in bounds]
    groups = np.ones(opened.metadata.num_row_groups if opened.metadata.num_rows else 0, dtype=bool)
    for key, (low, high) in bounds.items():
        groups &= (opened.high[key] >= low) if low is not None else True
        groups &= (opened.low[key] <= high) if high is not None else True
    with pq.ParquetFile(file, metadata=opened.metadata, memory_map=True) as parquet:
        table = parquet.read_row_groups(np.flatnonzero(groups).tolist(), columns=wanted, use_threads=False)
    arrays = {name: table[name].to_numpy() for name in wanted}
    keys = {name: codes for name, codes in arrays.items() if name in opened.low}
    sums = {name: values for name, values in arrays.items() if name not in opened.low}
    words = {key: opened.words[key] for key in keys if key in opened.words}
    found = Cells(keys, sums, words, opened.left_out).within(bounds)
    return found if columns is None else found.only(columns)


def facts(file: Path) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """The words of a file's keys, and the rows left out of it by reason."""
    opened = _open(file)
    return opened.words, opened.left_out


def _open(file: Path) -> _Opened:
    """A file's metadata; files never change in place, so it is read once."""
    status = file.stat()
    key = (str(file), status.st_mtime_ns, status.st_size)
    with _LOCK:
        if key in _OPENED:
            _OPENED.move_to_end(key)
            return _OPENED[key]
    metadata = pq.read_metadata(file)
    note = json.loads(metadata.metadata[_META])
    low: dict[str, Ints] = {}
    high: dict[str, Ints] = {}
    groups = range(metadata.num_row_groups if metadata.num_rows else 0)
    for place, name in enumerate(metadata.schema.names):
        if name not in note["keys"]:
            continue
        found = [metadata.row_group(group).column(place).statistics for group in groups]
        low[name] = np.array([s.min for s in found], dtype=np.int64)
        high[name] = np.array([s.max for s in found], dtype=np.int64)
    opened = _Opened(
        metadata, {key: tuple(words) for key, words in note["words"].items()}, dict(note["left_out"]), low, high
    )
    with _LOCK:
        _OPENED[key] = opened
        while len(_OPENED) > _KEPT_OPEN:
            _OPENED.popitem(last=False)
    return opened
