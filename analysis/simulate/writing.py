"""Running a world from its first day to its last and writing what happened as a dataset."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.data import Dataset, DatasetWriter
from analysis.errors import DataError
from analysis.results import Progress, Result
from analysis.simulate import tables, truth
from analysis.simulate.calendars import calendar_table
from analysis.simulate.config import SimulationConfig
from analysis.simulate.experiments import CONTROL, TREATMENT, Experiment
from analysis.simulate.log import Columns, join
from analysis.simulate.service import Service
from analysis.simulate.world import World, make_world

SEED = 2026
"""Seed of the sample."""

SAMPLE_NAME = "Primetime sample"

CHUNK = 20_000
"""Viewers simulated side by side; memory grows with it, the result does not depend on it."""

NOTES = (
    "Simulated data with a known truth: stylised, with calibrated marginals.",
    "A resumed play counts its completion from the beginning of the title, and is no repeat.",
    "A viewer who left and came back has no day of leaving; the gap shows in the views.",
)

_FARTHEST_ZONE = 14 * 3600


@dataclass(frozen=True)
class SimulatedDataset(Result):
    """What was written.

    Attributes:
        folder: The dataset's folder.
        name: Its name.
        content_hash: Its content hash: the same for the same configuration and seed.
        seed: The seed.
        rows: Rows of each table.
        size_bytes: Size on disk.
    """

    folder: Path
    name: str
    content_hash: str
    seed: int
    rows: dict[str, int]
    size_bytes: int

    def to_frame(self) -> pd.DataFrame:
        """Rows of each table."""
        return pd.DataFrame({"table": list(self.rows), "rows": list(self.rows.values())})

    def summary(self) -> str:
        """What was written, in a sentence."""
        return (
            f"Simulated {self.rows.get('views', 0):,} views of {self.rows['viewers']:,} viewers and "
            f"{self.rows['titles']:,} titles with seed {self.seed} ({self.size_bytes / 1e6:.1f} MB)."
        )


def simulate(
    target: str | Path,
    *,
    config: SimulationConfig | None = None,
    seed: int = SEED,
    replace: bool = False,
    name: str = "Simulated service",
    kind: str = "simulated",
    progress: Progress | None = None,
) -> SimulatedDataset:
    """Simulate a streaming service and write what happened, with its truth, as a dataset.

    Args:
        target: Folder of the dataset.
        config: Size, period and behaviour; the sample's by default.
        seed: The same configuration and seed give the same content hash.
        replace: Whether an existing dataset may be replaced.
        name: Name of the dataset as shown.
        kind: `sample` for the data shipped with the project, else `simulated`.
        progress: Called with the share of the days done.

    Raises:
        DataError: The folder exists and may not be replaced, or it can't be written (a full disk).
    """
    config = config or SimulationConfig()
    report = progress or (lambda share, words: None)
    source = f"simulated by analysis.simulate with seed {seed}"
    try:
        with DatasetWriter(
            target,
            name=name,
            source=source,
            licence="CC0-1.0",
            kind=kind,
            replace=replace,
            time_zone="America/New_York",
        ) as writer:
            writer.notes += NOTES
            report(0.0, "Making titles and viewers")
            _write_dataset(writer, make_world(config, seed), report)
    except OSError as error:
        raise DataError(
            f"The dataset could not be written to {target}: {error.strerror or error}.",
            "Nothing was kept. Make room or choose another folder, and run it again.",
        ) from error
    dataset = Dataset.open(target)
    size = sum(file.stat().st_size for file in Path(target).rglob("*") if file.is_file())
    rows = {table: dataset.info.rows(table) for table in dataset.tables}
    return SimulatedDataset(Path(target), name, dataset.content_hash, seed, rows, size)


def check_sample(folder: Path, *, progress: Progress | None = None) -> SimulatedDataset:
    """Simulate the sample anew, beside and not in its place.

    Raises:
        DataError: Another content hash comes out than that of the sample in `folder`.
    """
    wanted = Dataset.open(folder).content_hash
    with tempfile.TemporaryDirectory() as scratch:
        found = simulate(Path(scratch) / "sample", name=SAMPLE_NAME, kind="sample", progress=progress)
    if found.content_hash != wanted:
        raise DataError(
            f"The sample's content hash is {wanted[:12]}…, simulating it anew gives {found.content_hash[:12]}….",
            "Either the simulator or the sample was changed alone: run `make sample` and commit both.",
        )
    return found


def _write_dataset(writer: DatasetWriter, world: World, report: Progress) -> None:
    config = world.config
    running = () if config.views_only else experiments_within(config)
    keep_from = config.days - config.impressions_days
    services = [Service(world, rows, impressions_from=keep_from) for rows in tables.batches(config.viewers, CHUNK)]
    views, impressions = tables.PartWriter(writer, "views"), tables.PartWriter(writer, "impressions")
    rest: dict[str, list[Columns]] = {"ratings": [], "searches": [], "sessions": []}
    effects: list[truth.Effect] = []
    held: Columns = {}
    for day in _stops(config, running):
        for service in services:
            service.run_until(day)
        report(0.95 * day / config.days, f"Simulated to {config.date(day - 1)}")
        fresh = join([held, tables.with_instants(join([s.log.take("views") for s in services]), config)])
        held = _release(views, fresh, config, day)
        shown = tables.with_instants(join([s.log.take("impressions") for s in services]), config)
        if shown:
            rest.setdefault("impressions", []).append(shown)
        for table in ("ratings", "searches", "sessions"):
            rest[table].append(join([s.log.take(table) for s in services]))
        for experiment in running:
            if config.day(experiment.starts_on) == day:
                effects += truth.true_effects(services, experiment)
    views.close()
    if shown := _ordered(join(rest.pop("impressions", []))):
        impressions.add(tables.impressions_table(shown))
    impressions.close()
    _write_small_tables(writer, world, services, rest, running)
    writer.truth(truth.truth_document(world, running, effects))
    report(1.0, "Written")


def _write_small_tables(
    writer: DatasetWriter,
    world: World,
    services: list[Service],
    rest: dict[str, list[Columns]],
    running: tuple[Experiment, ...],
) -> None:
    config = world.config
    left = np.concatenate([np.where(s.state.subscribed, -1, s.state.left) for s in services])
    writer.add("titles", tables.titles_table(world))
    writer.add("title_links", tables.links_table(world.catalogue))
    writer.add("viewers", tables.viewers_table(config, world.viewers, left))
    writer.add("calendar", calendar_table(config.starts_on, config.ends_on))
    if config.views_only:
        return
    ratings = tables.with_instants(join(rest["ratings"]), config)
    searches = tables.with_instants(join(rest["searches"]), config)
    if ratings:
        writer.add("ratings", tables.ratings_table(ratings))
    if searches:
        writer.add("searches", tables.searches_table(searches, world.catalogue))
    if running:
        writer.add("assignments", assignments_table(world, running, join(rest["sessions"])))


def experiments_within(config: SimulationConfig) -> tuple[Experiment, ...]:
    """The configured experiments that lie within the period."""
    return tuple(e for e in config.experiments if config.starts_on <= e.starts_on and e.ends_on <= config.ends_on)


def assignments_table(world: World, experiments: tuple[Experiment, ...], sessions: Columns) -> pa.Table:
    """The `assignments` table: a viewer is assigned with the first session of the experiment's time."""
    config, parts = world.config, []
    for experiment in experiments:
        first, last = config.day(experiment.starts_on), config.day(experiment.ends_on)
        here = tables.with_instants(
            tables.rows_of(sessions, (sessions["day"] >= first) & (sessions["day"] <= last)), config
        )
        number, at = np.unique(here["number"], return_index=True)
        logged = experiment.logged(world.seed, number) == 1
        number, at = number[logged], here["utc"][at[logged]]
        order = np.lexsort((number, at))
        variant = experiment.treated(world.seed, number).astype(np.int64)
        parts.append(
            pa.table(
                {
                    "experiment_id": [experiment.experiment_id] * len(number),
                    "viewer_id": number[order] + 1,
                    "variant": tables.words((CONTROL, TREATMENT), variant[order]),
                    "assigned_at": tables.moments(at[order]),
                }
            )
        )
    return pa.concat_tables(parts)


def _stops(config: SimulationConfig, experiments: tuple[Experiment, ...]) -> list[int]:
    """Days at which the run pauses to write or to branch: firsts of months, starts of experiments, the end."""
    firsts = {day for day in range(1, config.days) if config.date(day).day == 1}
    starts = {config.day(e.starts_on) for e in experiments}
    return sorted(firsts | starts | {config.days})


def _release(writer: tables.PartWriter, fresh: Columns, config: SimulationConfig, day: int) -> Columns:
    """Write the views that nothing later can precede; hand back the others."""
    if not fresh:
        return fresh
    fresh = _ordered(fresh)
    # A session of the last evening may run past midnight; the data ends with the last day.
    fresh = tables.rows_of(fresh, fresh["local"] < config.midnight(config.days))
    bound = config.midnight(day) - _FARTHEST_ZONE if day < config.days else np.iinfo(np.int64).max
    ready = int(np.searchsorted(fresh["utc"], bound))
    if ready:
        writer.add(tables.views_table(tables.rows_of(fresh, slice(0, ready)), writer.rows + 1))
    return tables.rows_of(fresh, slice(ready, None))


def _ordered(log: Columns) -> Columns:
    """Rows by instant, then viewer; what is of the same viewer and second keeps its order."""
    return tables.rows_of(log, np.lexsort((log["number"], log["utc"]))) if log else log
