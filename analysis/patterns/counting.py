"""Counting: from the rows of a dataset to the cells of cubes, several cubes in one scan.

Rows come a few million at a time, as columns of numbers. What a row says of itself (its hour, its viewer's country, its
title's genres) is looked up in small tables, and sums are counted into arrays: the work for a cube is a few passes over
numbers, however many cells it has.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis.data import Dataset
from analysis.patterns.cells import Array, Axis, Cells, Ints, in_order, small, summed, together
from analysis.patterns.events import ALL_GENRES, NO_GENRE, UNKNOWN, Events, catalogue, on_the_clock
from analysis.stats import clustered

AT_ONCE = 2_500_000
"""Rows held at once."""
LONGEST_PLAY = 24 * 60
"""Minutes; a longer play is a mistake."""
FIRST_DAY = np.datetime64("1990-01-01", "D").astype(np.int64)

REASONS = {
    "untimed": "carry no time",
    "ancient": "lie before 1990",
    "future": "lie in the future",
    "negative": "have fewer than 0 minutes",
    "endless": "are longer than a day",
    "unlisted": "are of titles that are not in the catalogue",
}
"""Why rows are left out, in the order in which they are looked at; a row counts once, under the first."""

SPLITS = ("genre", "device", "country", "kind")
_TABLE_MOST = 50_000_000
"""Span of ids up to which a lookup is one array."""
_DENSE = 8_000_000
"""Cells up to which they are counted into one array a sum."""
_SPARSE_ROWS = 1_000_000
"""Rows counted at once where cells are more than that."""


@dataclass(frozen=True)
class Lookup:
    """From ids to numbers: by place in an array where ids are dense, by search where they are not."""

    ids: Ints
    numbers: npt.NDArray[Any]
    otherwise: int

    @classmethod
    def of(cls, ids: npt.NDArray[Any], numbers: npt.NDArray[Any], otherwise: int) -> Lookup:
        """A lookup of distinct ids; others get `otherwise`."""
        order = np.argsort(ids, kind="stable")
        ids, numbers = ids[order].astype(np.int64), numbers[order]
        if len(ids) and ids[0] >= 0 and ids[-1] < min(_TABLE_MOST, 1000 * len(ids) + 1_000_000):
            table = np.full(int(ids[-1]) + 2, otherwise, dtype=numbers.dtype)
            table[ids] = numbers
            return cls(ids[:0], table, otherwise)
        return cls(ids, numbers, otherwise)

    def __call__(self, wanted: Ints) -> npt.NDArray[Any]:
        """The number of each id."""
        if not len(self.ids):
            # The last place of the table is that of every id beyond.
            last = len(self.numbers) - 1
            if last < 0:
                return np.full(len(wanted), self.otherwise)
            if len(wanted) and (wanted.min() < 0 or wanted.max() > last):
                wanted = np.where((wanted < 0) | (wanted > last), last, wanted)
            return np.asarray(self.numbers[wanted])
        place = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return np.where(self.ids[place] == wanted, self.numbers[place], self.otherwise)


@dataclass(frozen=True)
class Context:
    """What is joined to the rows: titles and viewers, as lookups from their ids.

    Attributes:
        what: What is counted.
        cutoff: First day (since 1970) that lies in the future, or None where any day may be.
        title: Place in the catalogue of a title's id, −1 where it is in none; None without a catalogue.
        kind: Code of each title's kind.
        genres: Code of each title's first, second, … genre; −1 where it has no more.
        weight: 1/k of each title of k genres.
        country: Code of a viewer's country.
        words: What the codes stand for.
    """

    what: Events
    cutoff: int | None
    title: Lookup | None
    kind: npt.NDArray[Any]
    genres: tuple[npt.NDArray[Any], ...]
    weight: Array
    country: Lookup | None
    words: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, dataset: Dataset, what: Events) -> Context:
        """Read titles and viewers of a dataset."""
        title, words = None, {}
        kind, weight = np.zeros(0, dtype=np.int8), np.zeros(0)
        genres: tuple[npt.NDArray[Any], ...] = ()
        # Two days on: zones reach a day ahead.
        today = np.datetime64(dt.datetime.now(dt.UTC).date(), "D").astype(np.int64)
        cutoff = None if planned(dataset) else int(today) + 2
        if dataset.has("titles"):
            ids = np.unique(dataset.frame("titles", ["title_id"])["title_id"].to_numpy(np.int64))
            title = Lookup.of(ids, np.arange(len(ids), dtype=np.int32), -1)
            listed = catalogue(dataset) if {"kind", "genre"} & set(what.splits) else {}
            if "kinds" in listed:
                words["kind"], codes = _coded(listed["kinds"]["kind"], extra=())
                kind = np.zeros(len(ids), dtype=np.int8)
                kind[np.searchsorted(ids, listed["kinds"]["kind_of"].to_numpy())] = codes
            if "genres" in listed:
                words["genre"], genres, weight = _genres(listed["genres"], ids)
        country = None
        if "country" in what.splits:
            rows = dataset.frame("viewers", ["viewer_id", "country"]).drop_duplicates("viewer_id")
            words["country"], codes = _coded(pa.array(rows["country"], pa.string()), extra=(UNKNOWN,))
            unknown = words["country"].index(UNKNOWN)
            country = Lookup.of(rows["viewer_id"].to_numpy(np.int64), codes, unknown)
        return cls(what, cutoff, title, kind, genres, weight, country, words)


def planned(dataset: Dataset) -> bool:
    """Whether its days may lie ahead: a simulation of next year has no future to be mistaken about."""
    return dataset.info.kind in ("sample", "simulated")


def _coded(texts: Any, extra: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[Any]]:
    """Sorted words, and the place of each text among them; what is missing is unknown."""
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    known = pc.fill_null(texts, UNKNOWN)
    coded = known.dictionary_encode()
    found = coded.dictionary.to_pylist()
    words = in_order({*found, *extra})
    move = np.array([words.index(word) for word in found], dtype=np.int16)
    return words, move[coded.indices.to_numpy()] if len(found) else np.zeros(0, dtype=np.int16)


def _genres(listed: pa.Table, ids: Ints) -> tuple[tuple[str, ...], tuple[npt.NDArray[Any], ...], Array]:
    words, codes = _coded(listed["genre"], extra=(ALL_GENRES, NO_GENRE))
    place = np.searchsorted(ids, listed["genre_of"].to_numpy())
    # The rows of a title stand together: its first row, and how far each is from it.
    first = np.r_[True, place[1:] != place[:-1]]
    start = np.maximum.accumulate(np.where(first, np.arange(len(place)), 0))
    rank = np.arange(len(place)) - start
    columns = []
    for number in range(int(rank.max(initial=0)) + 1):
        column = np.full(len(ids), words.index(NO_GENRE) if number == 0 else -1, dtype=np.int16)
        column[place[rank == number]] = codes[rank == number]
        columns.append(column)
    weight = np.ones(len(ids))
    weight[place] = listed["weight"].to_numpy()
    return words, tuple(columns), weight


@dataclass(frozen=True)
class Rows:
    """Some rows, as numbers; what can't be counted has been left out.

    Attributes:
        context: What is joined to them.
        hour: Hours since 1970 on the wall clock.
        viewer: Viewers' ids.
        title_id: Titles' ids.
        title: Places of titles in the catalogue; empty without one.
        device: Codes of devices, or empty.
        devices: What they stand for.
        minutes: Minutes, or None.
        completion: Share of the running time, NaN where unknown, or None.
        left_out: Rows left out, by reason.
    """

    context: Context
    hour: npt.NDArray[np.int32]
    viewer: Ints
    title_id: Ints
    title: npt.NDArray[Any]
    device: npt.NDArray[Any]
    devices: tuple[str, ...]
    minutes: Array | None
    completion: Array | None
    left_out: dict[str, int]

    def key(self, name: str) -> npt.NDArray[Any]:
        """The codes of a dimension; the genre is not one, as a row can have several."""
        if name in ("hour", "weekday", "month", "date"):
            first = int(self.hour.min()) if len(self.hour) else 0
            span = np.arange(first, int(self.hour.max()) + 1 if len(self.hour) else 1, dtype=np.int64)
            return np.asarray(_of_the_hour(name, span)[self.hour - first])
        if name == "bucket":
            return clustered.buckets(self.viewer)
        if name == "title_bucket":
            return clustered.buckets(self.title_id)
        if name == "country" and self.context.country is not None:
            return self.context.country(self.viewer)
        plain: dict[str, Any] = {"device": self.device, "title_id": self.title_id, "viewer_id": self.viewer}
        return np.asarray(self.context.kind[self.title] if name == "kind" else plain[name])

    def words(self, name: str) -> tuple[str, ...]:
        """What the codes of a split stand for."""
        return self.devices if name == "device" else self.context.words[name]


def _of_the_hour(name: str, hours: Ints) -> npt.NDArray[Any]:
    if name == "hour":
        return (hours % 24).astype(np.int8)
    if name == "weekday":
        return ((hours // 24 + 3) % 7 + 1).astype(np.int8)
    days = hours // 24
    return days.astype(np.int32) if name == "date" else month_of(days).astype(np.int32)


def month_of(days: Ints) -> Ints:
    """Months since year 0, of days since 1970."""
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12)


def scan(
    dataset: Dataset,
    frame: nw.LazyFrame[Any],
    context: Context,
    needs: Sequence[str],
    expected: int,
    days: Sequence[dt.date] | None = None,
) -> Iterator[Rows]:
    """The rows of a part, some millions at a time.

    Args:
        dataset: The dataset, of which only the shape is used.
        frame: The part's rows.
        context: What is joined to them.
        needs: Columns that are needed beside the time, of `viewer_id`, `title_id`, `device`, `minutes`, `completion`.
        expected: Rows in the part; what is missing of them has no time.
        days: Only the rows of these days, where given.
    """
    what = context.what
    there = [name for name in needs if name in dataset.columns(what.table)]
    timed = on_the_clock(frame, what).filter(~nw.col("local").is_null())
    if days is not None:
        timed = timed.filter(nw.col("local").dt.date().is_in(list(days)))
    relation = nw.to_native(timed.select("local", *there))
    seen = 0
    held: list[pa.RecordBatch] = []
    for batch in relation.to_arrow_reader(AT_ONCE):
        held.append(batch)
        seen += batch.num_rows
        if sum(b.num_rows for b in held) >= AT_ONCE:
            yield _rows(pa.Table.from_batches(held), context, 0)
            held = []
    if held or not seen or expected > seen:
        schema = held[0].schema if held else relation.limit(0).to_arrow_table().schema
        yield _rows(pa.Table.from_batches(held, schema), context, max(expected - seen, 0))


def _rows(table: pa.Table, context: Context, untimed: int) -> Rows:
    def column(name: str) -> npt.NDArray[Any]:
        return np.asarray(table[name].to_numpy()) if name in table.column_names else np.zeros(0, dtype=np.int64)

    moment = table["local"].cast(pa.int64()).to_numpy()
    hour = (moment // 3_600_000_000).astype(np.int32)
    title_id, viewer = column("title_id"), column("viewer_id")
    title = context.title(title_id) if context.title is not None and len(title_id) else np.zeros(0, dtype=np.int32)
    devices: tuple[str, ...] = ()
    device: npt.NDArray[Any] = np.zeros(0, dtype=np.int16)
    if "device" in table.column_names:
        devices, device = _coded(table["device"], extra=())
    minutes = column("minutes") if "minutes" in table.column_names else None
    completion = column("completion") if "completion" in table.column_names else None
    keep, left_out = _sound(hour, minutes, title, context)
    if untimed:
        left_out["untimed"] = untimed
    if keep is not None:
        hour = hour[keep]
        viewer, title_id, title, device = (
            values[keep] if len(values) else values for values in (viewer, title_id, title, device)
        )
        minutes, completion = (None if values is None else values[keep] for values in (minutes, completion))
    if minutes is not None and np.isnan(minutes.sum()):
        minutes = np.nan_to_num(minutes)
    return Rows(context, hour, viewer, title_id, title, device, devices, minutes, completion, left_out)


def _sound(
    hour: npt.NDArray[np.int32], minutes: Array | None, title: npt.NDArray[Any], context: Context
) -> tuple[Ints | None, dict[str, int]]:
    """Places of the rows that can be counted (None for all of them), and how many can't, by reason."""
    if not len(hour):
        return None, {}
    checks: list[tuple[str, bool, Any]] = [
        ("ancient", bool(hour.min() < FIRST_DAY * 24), lambda: hour < FIRST_DAY * 24),
    ]
    if context.cutoff is not None:
        first = context.cutoff * 24
        checks.append(("future", bool(hour.max() >= first), lambda: hour >= first))
    if minutes is not None:
        checks.append(("negative", bool(np.nanmin(minutes, initial=0) < 0), lambda: minutes < 0))
        most = bool(np.nanmax(minutes, initial=0) > LONGEST_PLAY)
        checks.append(("endless", most, lambda: minutes > LONGEST_PLAY))
    if len(title):
        checks.append(("unlisted", bool(title.min() < 0), lambda: title < 0))
    if not any(there for _, there, _ in checks):
        return None, {}
    keep = np.ones(len(hour), dtype=bool)
    left_out = {}
    for reason, there, look in checks:
        if there and (bad := look() & keep).any():
            left_out[reason] = int(bad.sum())
            keep &= ~bad
    return np.flatnonzero(keep), left_out


def count(rows: Rows, dimensions: Sequence[str], measures: Sequence[str]) -> Cells:
    """The cells of some rows.

    Args:
        rows: The rows.
        dimensions: What they are cut by, in the order of the cells.
        measures: What is summed.
    """
    genres = len(rows.context.words["genre"]) if "genre" in dimensions else 1
    axes, strides, base = _base(rows, dimensions, genres)
    size = int(np.prod([float(axis.size) for axis in axes]))
    words = {name: rows.words(name) for name in dimensions if name in SPLITS}
    step = strides[dimensions.index("genre")] if "genre" in dimensions else 0
    weights = _weights(rows, measures)
    if size <= min(_DENSE, 8 * len(base) + 65_536):
        cells, sums = _dense(rows, base, step, size, measures, weights, "genre" in dimensions)
    else:
        cells, sums = _sparse(rows, base, step, size, measures, weights, "genre" in dimensions)
    keys: dict[str, npt.NDArray[Any]] = {}
    for name, axis, stride in zip(dimensions, axes, strides, strict=True):
        keys[name] = small(axis.decoded(cells // stride % axis.size))
    return Cells(keys, dict(zip(measures, sums, strict=True)), words, rows.left_out)


def _base(rows: Rows, dimensions: Sequence[str], genres: int) -> tuple[list[Axis], list[int], Ints]:
    """Axis and stride of each dimension, and the sum of all but the genre for each row."""
    found = {name: Axis.of(rows.key(name)) for name in dimensions if name != "genre"}
    axes = [found[name][0] if name in found else Axis(0, genres, None) for name in dimensions]
    strides = [1]
    for axis in axes[:0:-1]:
        strides.append(strides[-1] * axis.size)
    strides = strides[::-1]
    base = np.zeros(len(rows.hour), dtype=np.int64)
    for name, axis, stride in zip(dimensions, axes, strides, strict=True):
        if name == "genre":
            continue
        part = found.pop(name)[1]
        if axis.size <= 2**16:
            # From a table of products: one pass over the rows.
            table = np.arange(axis.low, axis.low + axis.size, dtype=np.int64) - axis.low
            base += (table * stride)[part - axis.low if axis.low else part]
        else:
            base += (part.astype(np.int64) - axis.low) * stride
    return axes, strides, base


def _weights(rows: Rows, measures: Sequence[str]) -> dict[str, Array | None]:
    """What each row adds to each measure; None for one."""
    minutes = np.zeros(len(rows.hour)) if rows.minutes is None else rows.minutes
    weights: dict[str, Array | None] = {}
    flags: dict[str, npt.NDArray[np.bool_]] = {}
    for name in measures:
        if name.startswith(("weekend_", "night_")):
            flag, of = name.split("_")
            if flag not in flags:
                flags[flag] = rows.key("weekday") >= 6 if flag == "weekend" else rows.key("hour") < 6
            weights[name] = np.where(flags[flag], minutes if of == "minutes" else 1.0, 0.0)
        elif name in ("events", "events_shared"):
            weights[name] = None
        elif name in ("minutes", "minutes_shared"):
            weights[name] = minutes
        elif rows.completion is None:
            weights[name] = np.zeros(len(rows.hour))
        else:
            known = ~np.isnan(rows.completion)
            if name == "completion_known":
                weights[name] = None if known.all() else known.astype(np.float64)
            else:
                weights[name] = rows.completion if known.all() else np.where(known, rows.completion, 0.0)
    return weights


def _passes(rows: Rows, by_genre: bool) -> Iterator[tuple[Ints | None, npt.NDArray[Any] | None]]:
    """For each time a row is counted: the rows (None for all), and their genres (None for "all genres")."""
    yield None, None
    for column in rows.context.genres if by_genre else ():
        genre = column[rows.title]
        if genre.size and genre.min() >= 0:
            yield None, genre
        else:
            some = np.flatnonzero(genre >= 0)
            yield some, genre[some]


def _addends(
    rows: Rows, measures: Sequence[str], weights: dict[str, Array | None], some: Ints | None, shared: bool
) -> list[Array | None]:
    share = rows.context.weight[rows.title if some is None else rows.title[some]] if shared else None
    found: list[Array | None] = []
    for name in measures:
        values = weights[name]
        values = values if values is None or some is None else values[some]
        if share is not None and name.endswith("_shared"):
            values = share if values is None else values * share
        found.append(values)
    return found


def _whole(name: str) -> bool:
    """Whether a measure is a count."""
    return name in ("events", "completion_known", "weekend_events", "night_events")


def _dense(
    rows: Rows, base: Ints, step: int, size: int, measures: Sequence[str], weights: dict[str, Array | None], split: bool
) -> tuple[Ints, list[npt.NDArray[Any]]]:
    plays = np.zeros(size, dtype=np.int64)
    sums: list[npt.NDArray[Any]] = [np.zeros(size) for _ in measures]
    for some, genre in _passes(rows, split):
        code = base if some is None else base[some]
        code = code if genre is None else code + genre.astype(np.int64) * step
        counted: npt.NDArray[Any] = np.bincount(code, minlength=size)
        plays += counted
        addends = _addends(rows, measures, weights, some, genre is not None)
        done: dict[int, npt.NDArray[Any]] = {}
        for total, values in zip(sums, addends, strict=True):
            if values is None:
                np.add(total, counted, out=total)
            else:
                # The same values twice (minutes, and minutes shared where nothing is shared) are counted once.
                if id(values) not in done:
                    done[id(values)] = np.bincount(code, weights=values, minlength=size)
                total += done[id(values)]
    cells = np.flatnonzero(plays)
    return cells, [_typed(name, total[cells]) for name, total in zip(measures, sums, strict=True)]


def _sparse(
    rows: Rows, base: Ints, step: int, size: int, measures: Sequence[str], weights: dict[str, Array | None], split: bool
) -> tuple[Ints, list[npt.NDArray[Any]]]:
    pieces: list[Cells] = []
    for some, genre in _passes(rows, split):
        code = base if some is None else base[some]
        code = code if genre is None else code + genre.astype(np.int64) * step
        addends = _addends(rows, measures, weights, some, genre is not None)
        for start in range(0, len(code), _SPARSE_ROWS):
            here = slice(start, start + _SPARSE_ROWS)
            ones = np.ones(len(code[here]))
            cells, sums = summed(code[here], size, [ones if a is None else a[here] for a in addends])
            pieces.append(Cells({"cell": cells}, dict(zip(measures, sums, strict=True))))
    if not pieces:
        return np.zeros(0, dtype=np.int64), [_typed(name, np.zeros(0)) for name in measures]
    whole = together(pieces)
    return whole.keys["cell"], [_typed(name, whole.sums[name]) for name in measures]


def _typed(name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.rint(values).astype(np.int64) if _whole(name) else values
