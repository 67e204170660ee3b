"""What is counted: plays on the viewer's own clock, or, where a dataset has only ratings, ratings in a named zone."""

from __future__ import annotations

import difflib
import functools
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import pyarrow as pa

from analysis import engine
from analysis.data import Dataset
from analysis.errors import DataError, ParameterError

ALL_GENRES = "*"
"""The slice of a cube in which a title counts once, whatever its genres."""
NO_GENRE = "no genre"
"""Stands for titles without a genre, and for plays whose title is in no catalogue."""
UNKNOWN = "unknown"
"""Stands for a device, country or kind that a row doesn't say."""

EventTable = Literal["views", "ratings"]


@dataclass(frozen=True)
class Events:
    """The rows that patterns count.

    Attributes:
        table: `views`, or `ratings` where the dataset has no views.
        zone: IANA zone into which rating times are moved; None for views, which carry their own wall clock.
        zone_label: How charts name the clock.
        splits: What the rows can be split by: of `genre`, `device`, `country`, `kind`, those the dataset has.
        has_minutes: Whether minutes watched are known.
        has_completion: Whether the share of the running time is known.
        has_hours: Whether times of day are known; false where the source has dates only.
    """

    table: EventTable
    zone: str | None
    zone_label: str
    splits: tuple[str, ...]
    has_minutes: bool
    has_completion: bool
    has_hours: bool = True

    @property
    def noun(self) -> str:
        """What one row is called in a sentence, in the plural."""
        return "plays" if self.table == "views" else "ratings"


_KNOWN: dict[tuple[str, str, str | None], Events] = {}
"""What was found out about a content; a page asks five times a rerun, and each time opens files."""
_KEPT = 64


def events(dataset: Dataset, zone: str | None = None) -> Events:
    """Say what can be counted in `dataset`.

    Args:
        dataset: Any dataset with views or timed ratings.
        zone: IANA zone for rating times, by default the dataset's own; views have the viewer's clock and ignore it.

    Raises:
        ParameterError: The zone is unknown.
    """
    key = (dataset.content_hash, dataset.info.time_zone, zone)
    found = _KNOWN.get(key)
    if found is None:
        while len(_KNOWN) >= _KEPT:
            _KNOWN.pop(next(iter(_KNOWN)), None)
        found = _KNOWN[key] = _look_up(dataset, zone)
    return found


def _look_up(dataset: Dataset, zone: str | None) -> Events:
    table: EventTable = "views" if dataset.has("views") else "ratings"
    columns = dataset.columns(table)
    titles = dataset.columns("titles") if dataset.has("titles") else ()
    viewers = dataset.columns("viewers") if dataset.has("viewers") else ()
    splits = [
        name
        for name, there in (
            ("genre", "genres" in titles),
            ("device", "device" in columns),
            ("country", "country" in viewers),
            ("kind", "kind" in titles),
        )
        if there
    ]
    if table == "ratings":
        zone = known_zone(zone or dataset.info.time_zone)
        return Events(table, zone, zone, tuple(splits), False, False, _has_hours(dataset, "rated_at", columns))
    label = _viewer_clock(dataset, "time_zone" in viewers)
    hours = _has_hours(dataset, "started_local", columns)
    return Events(table, None, label, tuple(splits), "minutes" in columns, "completion" in columns, hours)


def _has_hours(dataset: Dataset, column: str, columns: Sequence[str]) -> bool:
    """Whether any time is other than midnight sharp: a file of dates says nothing about hours."""
    if column not in columns:
        return False
    if dataset.info.import_report.get("time_precision") == "day":
        return False
    with dataset.read() as tables:
        rows = tables["views" if column == "started_local" else "ratings"]
        timed = rows.select(nw.col(column)).filter(nw.col(column) != nw.col(column).dt.truncate("1d")).head(1)
        return len(engine.to_arrow(timed)) > 0


@functools.lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """All zones that both Python and DuckDB know, sorted."""
    with engine.reading() as cursor:
        rows = cursor.duckdb.execute("SELECT name FROM pg_timezone_names()").fetchall()
    return tuple(sorted({name for (name,) in rows} & zoneinfo.available_timezones()))


def known_zone(zone: str) -> str:
    """The zone itself.

    Raises:
        ParameterError: There is no such zone; the message names the nearest ones.
    """
    if zone in zones():
        return zone
    near = difflib.get_close_matches(zone, zones(), n=3, cutoff=0.4)
    hint = f"Did you mean {', '.join(near)}?" if near else "Use an IANA name such as Europe/Berlin."
    raise ParameterError(f"There is no time zone {zone!r}.", hint)


def on_the_clock(frame: nw.LazyFrame[Any], what: Events) -> nw.LazyFrame[Any]:
    """The rows with a `local` wall-clock column; rows without a time are left out."""
    if what.table == "views":
        return frame.with_columns(local=nw.col("started_local"))
    # narwhals can't move a column between zones on DuckDB. The name comes from the list of known zones.
    relation = nw.to_native(frame).project(
        f"*, timezone('{known_zone(str(what.zone))}', rated_at AT TIME ZONE 'UTC') AS \"local\""
    )
    moved: nw.LazyFrame[Any] = nw.from_native(relation)
    return moved.filter(~nw.col("local").is_null())


def check_timed(dataset: Dataset, what: Events) -> None:
    """Refuse ratings that carry no times.

    Raises:
        DataError: The table has no `rated_at`.
    """
    if what.table == "ratings" and "rated_at" not in dataset.columns("ratings"):
        raise DataError(
            f"The ratings of {dataset.name} carry no times (column rated_at).",
            "Viewing patterns need times: import a file that has them.",
        )


def catalogue(dataset: Dataset) -> Mapping[str, pa.Table]:
    """Two small tables for joins: `kinds` (title_id, kind) and `genres` (title_id, genre, weight 1/k).

    A genre named twice on one title counts once; a title without genres gets `NO_GENRE` with weight 1.
    """
    columns: list[str] = [c for c in ("title_id", "kind", "genres") if c in dataset.columns("titles")]
    titles = dataset.frame("titles", columns).drop_duplicates("title_id")
    result: dict[str, pa.Table] = {}
    if "kind" in columns:
        kinds = [kind if isinstance(kind, str) else UNKNOWN for kind in titles["kind"]]
        result["kinds"] = pa.table({"kind_of": pa.array(titles["title_id"]), "kind": pa.array(kinds, pa.string())})
    if "genres" in columns:
        ids: list[int] = []
        names: list[str] = []
        weights: list[float] = []
        for title, listed in zip(titles["title_id"].tolist(), titles["genres"], strict=True):
            found = list(dict.fromkeys(g.strip() for g in listed if g and g.strip())) if listed is not None else []
            found = found or [NO_GENRE]
            ids += [title] * len(found)
            names += found
            weights += [1 / len(found)] * len(found)
        arrays = [pa.array(ids, pa.int64()), pa.array(names, pa.string()), pa.array(weights, pa.float64())]
        result["genres"] = pa.table(dict(zip(("genre_of", "genre", "weight"), arrays, strict=True)))
    return result


def _viewer_clock(dataset: Dataset, has_zones: bool) -> str:
    if not has_zones:
        return dataset.info.time_zone
    with dataset.read() as tables:
        found = engine.to_pandas(tables["viewers"].select(nw.col("time_zone")).unique())["time_zone"].dropna().tolist()
    if len(found) > 1:
        return "each viewer's local time"
    return str(found[0]) if found else dataset.info.time_zone
