"""From the service's log to the tables of a dataset: numbers become names, wall clocks become instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.data import DatasetWriter, schema
from analysis.data.writer import ROW_GROUP
from analysis.simulate import calendars
from analysis.simulate.catalogue import ARTWORKS, Catalogue, release_dates
from analysis.simulate.clock import GENRES
from analysis.simulate.config import SimulationConfig
from analysis.simulate.keyed import Flags, Ints
from analysis.simulate.languages import LANGUAGES
from analysis.simulate.log import Columns
from analysis.simulate.viewers import AGE_BANDS, PLANS, Viewers
from analysis.simulate.world import World

POLICIES = ("personal-v1", "uniform", "continue-watching")
"""Names of the logging policy, of the randomised slice, and of the row that holds the title under way."""

PART_ROWS = 16 * ROW_GROUP
_SORTED = ("view_id", "started_at", "started_local", "session_id", "shown_at")


def titles_table(world: World) -> pa.Table:
    """The `titles` table."""
    catalogue = world.catalogue
    return pa.table(
        {
            "title_id": np.arange(1, len(catalogue) + 1),
            "name": catalogue.names,
            "kind": np.where(catalogue.is_series, "series", "film"),
            "genres": pa.array(catalogue.genres, pa.list_(pa.string())),
            "released_on": pa.array(release_dates(world.config, catalogue.released), pa.date32()),
            "minutes": catalogue.minutes,
            "episodes": catalogue.episodes,
            "language": np.array(LANGUAGES)[catalogue.language],
        }
    )


def artworks_table(catalogue: Catalogue) -> pa.Table:
    """The `artworks` table: what each picture of a title stresses."""
    titles = len(catalogue)
    return pa.table(
        {
            "title_id": np.repeat(np.arange(1, titles + 1), ARTWORKS),
            "artwork_id": np.tile(np.arange(1, ARTWORKS + 1), titles),
            "shows": np.array(GENRES)[catalogue.shows.ravel()],
        }
    )


def links_table(catalogue: Catalogue) -> pa.Table:
    """The `title_links` table."""
    title, relation, entity = zip(*catalogue.links, strict=True)
    return pa.table({"title_id": np.array(title) + 1, "relation": list(relation), "entity": list(entity)})


def viewers_table(config: SimulationConfig, viewers: Viewers, left: Ints) -> pa.Table:
    """The `viewers` table; `left` is the day of leaving, or -1 for who is subscribed at the end."""
    places = [calendars.PLACES[p] for p in viewers.place]
    return pa.table(
        {
            "viewer_id": viewers.number + 1,
            "joined_on": pa.array([config.date(int(day)) for day in viewers.joined], pa.date32()),
            "left_on": pa.array([config.date(int(day)) if day >= 0 else None for day in left], pa.date32()),
            "country": [place.country for place in places],
            "region": [place.region for place in places],
            "time_zone": [place.time_zone for place in places],
            "language": np.array(LANGUAGES)[viewers.language],
            "age_band": np.array(AGE_BANDS)[viewers.age],
            "plan": np.array(PLANS)[viewers.plan],
            "household_id": viewers.household + 1,
        }
    )


def memberships_table(config: SimulationConfig, viewers: Viewers, leaves: Columns, returns: Columns) -> pa.Table:
    """The `memberships` table: one row for each time a viewer was subscribed, by viewer, then by time."""
    nobody = np.zeros(0, dtype=np.int64)
    began = np.concatenate([viewers.number, returns.get("number", nobody)])
    first = np.concatenate([viewers.joined, returns.get("day", nobody)])
    order = np.lexsort((first, began))
    began, first = began[order], first[order]
    ended, last = leaves.get("number", nobody), leaves.get("day", nobody)
    order = np.lexsort((last, ended))
    ended, last = ended[order], last[order]
    # Beginnings and ends of a viewer alternate, so the k-th end belongs to the k-th beginning.
    turn = np.arange(len(began)) - np.searchsorted(began, began)
    which = np.searchsorted(ended, began) + turn
    over = turn < np.bincount(ended, minlength=len(viewers))[began]
    left = [config.date(int(last[w])) if yes else None for w, yes in zip(which, over, strict=True)]
    return pa.table(
        {
            "viewer_id": began + 1,
            "joined_on": pa.array([config.date(int(day)) for day in first], pa.date32()),
            "left_on": pa.array(left, pa.date32()),
        }
    )


def instants(log: Columns, config: SimulationConfig) -> tuple[Ints, Ints]:
    """UTC seconds and wall-clock seconds of events, `elapsed` seconds after wall-clock `start` (0 where not logged)."""
    years = (config.starts_on.year, config.ends_on.year)
    utc, local = np.zeros(len(log["start"]), dtype=np.int64), np.zeros(len(log["start"]), dtype=np.int64)
    elapsed = log.get("elapsed", np.zeros(len(utc), dtype=np.int64))
    for number, place in enumerate(calendars.PLACES):
        here = np.flatnonzero(log["place"] == number)
        utc[here] = calendars.to_utc(log["start"][here], place.time_zone, years) + elapsed[here]
        local[here] = calendars.to_local(utc[here], place.time_zone, years)
    return utc, local


def rows_of(log: Columns, rows: Ints | Flags | slice) -> Columns:
    """Some rows of a log."""
    return {name: values[rows] for name, values in log.items()}


def with_instants(log: Columns, config: SimulationConfig) -> Columns:
    """The log with columns `utc` and `local`, in the order of time; ties by viewer, then by the order of events."""
    if not log:
        return log
    utc, local = instants(log, config)
    order = np.lexsort((np.arange(len(utc)), log["number"], utc))
    return rows_of({**log, "utc": utc, "local": local}, order)


def views_table(log: Columns, first_id: int) -> pa.Table:
    """The `views` table of log rows in the order of time."""
    count = len(log["utc"])
    episode = log["episode"].astype(np.int64)
    return pa.table(
        {
            "view_id": np.arange(first_id, first_id + count),
            "viewer_id": log["number"] + 1,
            "title_id": log["title"].astype(np.int64) + 1,
            "episode": pa.array(episode, pa.int64(), mask=episode == 0),
            "started_at": moments(log["utc"]),
            "started_local": moments(log["local"]),
            "minutes": log["minutes"],
            "completion": log["completion"],
            "device": words(schema.DEVICES, log["device"]),
            "surface": words(schema.SURFACES, log["surface"]),
            "pauses": log["pauses"].astype(np.int64),
            "skips": log["skips"].astype(np.int64),
            "is_repeat": log["repeat"],
            "session_id": log["session"],
        }
    )


def impressions_table(log: Columns) -> pa.Table:
    """The `impressions` table of log rows in the order of time."""
    return pa.table(
        {
            "session_id": log["session"],
            "viewer_id": log["number"] + 1,
            "shown_at": moments(log["utc"]),
            "title_id": log["title"] + 1,
            "row": log["row"],
            "column": log["column"],
            "artwork_id": log["artwork"],
            "policy": words(POLICIES, log["policy"]),
            "propensity": log["propensity"],
            "clicked": log["clicked"],
            "minutes": log["minutes"],
        }
    )


def ratings_table(log: Columns) -> pa.Table:
    """The `ratings` table of log rows in the order of time."""
    return pa.table(
        {
            "viewer_id": log["number"] + 1,
            "title_id": log["title"].astype(np.int64) + 1,
            "rated_at": moments(log["utc"]),
            "stars": log["stars"].astype(np.float64),
        }
    )


def searches_table(log: Columns, catalogue: Catalogue) -> pa.Table:
    """The `searches` table of log rows in the order of time."""
    variants = len(catalogue.queries[0])
    flat = [query for queries in catalogue.queries for query in queries]
    return pa.table(
        {
            "viewer_id": log["number"] + 1,
            "session_id": log["session"],
            "searched_at": moments(log["utc"]),
            "query": words(tuple(flat), log["title"] * variants + log["words"]),
            "title_id": pa.array(log["title"] + 1, pa.int64(), mask=~log["chosen"]),
        }
    )


def words(options: tuple[str, ...], codes: Ints) -> pa.Array:
    """Codes as text."""
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), list(options)).cast(pa.string())


def moments(seconds: Ints) -> pa.Array:
    """Whole seconds since 1970 as times without a zone."""
    return pa.array(seconds.astype("datetime64[s]")).cast(schema.TIME)


class PartWriter:
    """Rows of one big table, streamed into parts with full row groups whatever the size of the pieces they come in."""

    def __init__(self, writer: DatasetWriter, table: str) -> None:
        self._writer, self._table = writer, table
        self._waiting: list[pa.Table] = []
        self._parquet: pq.ParquetWriter | None = None
        self._in_part = 0
        self.rows = 0

    def add(self, data: pa.Table) -> None:
        """Append rows."""
        self._waiting.append(schema.conform(self._table, data))
        self.rows += len(data)
        if sum(map(len, self._waiting)) >= ROW_GROUP:
            waiting = pa.concat_tables(self._waiting)
            whole = len(waiting) // ROW_GROUP * ROW_GROUP
            for start in range(0, whole, ROW_GROUP):
                self._write(waiting.slice(start, ROW_GROUP))
            self._waiting = [waiting.slice(whole)]

    def close(self) -> None:
        """Write what waits and finish the last part."""
        if sum(map(len, self._waiting)):
            self._write(pa.concat_tables(self._waiting))
        self._waiting = []
        self._finish_part()

    def _write(self, group: pa.Table) -> None:
        if self._parquet is None:
            self._file = self._writer.part_path(self._table)
            self._parquet = pq.ParquetWriter(self._file, group.schema, compression="zstd", **encodings(group.schema))
        self._parquet.write_table(group.combine_chunks(), row_group_size=ROW_GROUP)
        self._in_part += len(group)
        if self._in_part >= PART_ROWS:
            self._finish_part()

    def _finish_part(self) -> None:
        if self._parquet is not None:
            self._parquet.close()
            self._writer.adopt(self._table, self._file)
            self._parquet, self._in_part = None, 0


def encodings(columns: pa.Schema) -> Mapping[str, Any]:
    """Parquet options: rising numbers and times as differences, everything else by dictionary."""
    rising = [name for name in columns.names if name in _SORTED]
    return {
        "use_dictionary": [name for name in columns.names if name not in rising],
        "column_encoding": dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
    }


def batches(count: int, size: int) -> Iterator[npt.NDArray[np.int64]]:
    """Row numbers 0 to `count` in runs of `size`."""
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
