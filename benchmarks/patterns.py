"""Viewing patterns: cubes against one hand-written query, memory, and the time from parameters to a figure.

    python -m benchmarks.patterns --rows 5000000
    python -m benchmarks.patterns --rows 1000000 10000000 50000000

Ratios are of medians of five, both warm, in one process. The plays are random, made here with DuckDB.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from analysis import engine
from analysis.data import Dataset, DatasetWriter
from analysis.patterns import Filters, clock, cubes, daily, events, months, prepare
from analysis.workspace import Workspace
from benchmarks.common import Measured, report
from ui.charts import patterns as charts

PART = 5_000_000
TITLES, GENRES, DAYS, REPEATS = 5_000, 20, 730, 5
FILTERS = (
    [Filters(f"2024-0{month}") for month in range(1, 7)],
    [Filters(genre=f"Genre {number}") for number in range(6)],
    [Filters(device=device) for device in ("tv", "computer", "phone", "tablet", "tv", "phone")],
    [Filters(f"2024-0{1 + c}", "2025-02", device="tv", country=f"C{c % 5}", kind="film") for c in range(6)],
)
"""Kinds of filters, each with values that are new every time, so that no result waits in a cache."""
CUBE, MEMORY, FIGURE = 1.3, 2_048, 0.1
"""Promised: times the query by hand, MiB, seconds."""
HOUR_WEEKDAY = cubes.CubeSpec("hour-weekday", ("hour", "weekday"))
FINE = cubes.CubeSpec("fine", ("hour", "weekday", "month", "genre", "device"))

BY_HAND = {
    "hour-weekday": """
        SELECT hour(started_local), isodow(started_local), count(*), sum(minutes), sum(completion), count(completion)
        FROM read_parquet($files) GROUP BY ALL""",
    "fine": """
        WITH tags AS (
            SELECT title_id, unnest(genres) AS genre, 1 / len(genres) AS weight FROM read_parquet($titles)
            UNION ALL SELECT title_id, '*', 1 FROM read_parquet($titles)
        )
        SELECT hour(started_local), isodow(started_local), year(started_local) * 100 + month(started_local), genre,
               device, count(*), sum(weight), sum(minutes), sum(minutes * weight), sum(completion), count(completion)
        FROM read_parquet($files) JOIN tags USING (title_id) GROUP BY ALL""",
}


def make(folder: Path, rows: int) -> Dataset:
    """Random plays of two years, in parts of days that follow each other."""
    viewers = max(rows // 100, 1000)
    parts = -(-rows // PART)
    with DatasetWriter(folder, name=f"{rows:,} plays", source="made by the benchmark") as writer:
        genres = [[f"Genre {(i * 7 + j * j) % GENRES}" for j in range(1 + i % 3)] for i in range(TITLES)]
        names, kinds = [f"Title {i}" for i in range(TITLES)], [("film", "series")[i % 2] for i in range(TITLES)]
        writer.add("titles", pa.table({"title_id": range(TITLES), "name": names, "kind": kinds, "genres": genres}))
        countries = [f"C{i % 5}" for i in range(viewers)]
        writer.add("viewers", pa.table({"viewer_id": range(viewers), "country": countries}))
        with duckdb.connect() as connection:
            connection.execute("SELECT setseed(0.5)")
            for part in range(parts):
                file, size = writer.part_path("views"), min(PART, rows - part * PART)
                connection.execute(
                    f"""COPY (
                        SELECT view_id, viewer_id, title_id, moment AS started_at,
                               moment + INTERVAL 1 HOUR * (viewer_id % 5) AS started_local,
                               round(random() * 120, 1) AS minutes, round(random(), 3) AS completion,
                               ['tv', 'tv', 'computer', 'phone', 'tablet'][1 + (random() * 4.99)::INT % 5] AS device
                        FROM (SELECT range + {part * PART} AS view_id,
                                     (random() ** 2 * {viewers - 1})::BIGINT AS viewer_id,
                                     (random() ** 2 * {TITLES - 1})::BIGINT AS title_id,
                                     TIMESTAMP '2024-01-01' + to_microseconds(
                                         (({part} + random()) / {parts} * {DAYS} * 86400e6)::BIGINT) AS moment
                              FROM range({size}))
                    ) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"""
                )
                writer.adopt("views", file)
    return Dataset.open(folder)


def median(work: Callable[[], object]) -> float:
    """Median seconds of five runs, after one that warms up."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def by_hand(dataset: Dataset, name: str) -> None:
    """Run the yardstick."""
    query = BY_HAND[name]
    for table, word in (("views", "$files"), ("titles", "$titles")):
        query = query.replace(word, str([str(file) for file in dataset.files(table)]))
    with engine.reading() as cursor:
        cursor.duckdb.sql(query).to_arrow_table()


def build(dataset: Dataset, spec: cubes.CubeSpec) -> None:
    """Build a cube from nothing."""
    with tempfile.TemporaryDirectory() as home:
        cubes.build(dataset, spec, events(dataset), workspace=Workspace(home))


def figures(dataset: Dataset, workspace: Workspace) -> dict[str, tuple[float, float]]:
    """Median seconds from parameters to a figure, by the clock and of the processor, of the slowest kind of filter."""
    kinds: dict[str, Callable[[Filters], object]] = {
        "hour × weekday": lambda f: charts.clock(clock(dataset, filters=f, workspace=workspace)),
        "month × genre": lambda f: charts.seasons(months(dataset, filters=f, workspace=workspace)),
        "daily trend": lambda f: charts.daily(daily(dataset, filters=f, workspace=workspace)),
    }
    return {name: max(timed(draw, some) for some in FILTERS) for name, draw in kinds.items()}


def timed(draw: Callable[[Filters], object], some: Sequence[Filters]) -> tuple[float, float]:
    """Median seconds by the clock, and of the processor, after the first which warms up."""
    draw(some[0])
    clocks, processors = [], []
    for filters in some[1:]:
        start, used = time.perf_counter(), time.process_time()
        draw(filters)
        clocks.append(time.perf_counter() - start)
        processors.append(time.process_time() - used)
    return statistics.median(clocks), statistics.median(processors)


def prepared(folder: Path, home: Path) -> None:
    """In a process of its own: build all that the page reads; print seconds by the clock and of the processor, and the
    largest memory in MiB.
    """
    start, used = time.perf_counter(), time.process_time()
    prepare(Dataset.open(folder), workspace=Workspace(home))
    seconds = [time.perf_counter() - start, time.process_time() - used]
    print(json.dumps([*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def measure(rows: int) -> list[Measured]:
    """The rows of one size."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, home = Path(temporary) / "data", Path(temporary) / "home"
        dataset = make(folder, rows)
        measured = []
        for name, spec in (("hour-weekday", HOUR_WEEKDAY), ("fine", FINE)):
            hand, ours = median(lambda n=name: by_hand(dataset, n)), median(lambda s=spec: build(dataset, s))
            what, ratio = " × ".join(spec.dimensions), ours / hand
            value = f"{ratio:.2f} × ({ours:.2f} s against {hand:.2f} s by hand)"
            measured.append(Measured(f"{rows:,} views: cube {what}", value, f"≤ {CUBE} ×", ratio <= CUBE))
        command = [sys.executable, "-m", "benchmarks.patterns", "--prepare", str(folder), str(home)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        seconds, used, memory = found
        value = f"{seconds:.1f} s, {used:.1f} s of a processor"
        measured.append(Measured(f"{rows:,} views: all cubes of the page, built once", value))
        what = f"{rows:,} views: memory of that process"
        measured.append(Measured(what, f"{memory:,.0f} MiB", f"≤ {MEMORY:,} MiB", memory <= MEMORY, budget=True))
        cubes_size = sum(file.stat().st_size for file in home.rglob("*.parquet")) / 2**20
        views_size = sum(file.stat().st_size for file in dataset.files("views")) / 2**20
        measured.append(Measured(f"{rows:,} views: cubes on disk", f"{cubes_size:,.0f} MiB of {views_size:,.0f} MiB"))
        for name, (seconds, used) in figures(dataset, Workspace(home)).items():
            what = f"{rows:,} views: {name}, parameters to figure, slowest filter"
            value = f"{seconds * 1000:.0f} ms, {used * 1000:.0f} ms of a processor"
            measured.append(Measured(what, value, f"≤ {FIGURE * 1000:.0f} ms", seconds <= FIGURE, budget=True))
        return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[PART], help="number of plays; several for the growth")
    parser.add_argument("--prepare", type=Path, nargs=2, metavar=("DATASET", "HOME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepared(*options.prepare)
        return
    report("Viewing patterns", [row for rows in options.rows for row in measure(rows)])


if __name__ == "__main__":
    main()
