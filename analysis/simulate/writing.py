"""Running a world from its first day to its last and writing what happened as a dataset."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.data import Dataset, DatasetWriter
from analysis.errors import DataError
from analysis.results import Progress, Result
from analysis.simulate import calendars, expectations, tables, truth
from analysis.simulate.checks import check_whole, check_within
from analysis.simulate.config import SimulationConfig
from analysis.simulate.experiments import CONTROL, TREATMENT, Experiment
from analysis.simulate.log import Columns, join
from analysis.simulate.service import Service
from analysis.simulate.world import World, make_world

SEED = 2026
"""Seed of the sample."""

SAMPLE_NAME = "Primetime sample"

SAMPLE_TRUTH_VIEWERS = 45_000
"""Other viewers simulated for the sample's truth: fifteen times its own, so that the truth's error is small."""

CHUNK = 20_000
"""Viewers simulated side by side; memory grows with it, the result does not depend on it."""

NOTES = (
    "Simulated data with a known truth: stylised, with calibrated marginals.",
    "A resumed play counts its completion from the beginning of the title, and is no repeat.",
    "A viewer who left and came back has no day of leaving in viewers; the table memberships has every stay.",
    "The row of the title under way is row 5 of the page; it is logged by the policy continue-watching.",
)

_FARTHEST_ZONE = 14 * 3600
_STREAMED = ("views", "impressions")
_WATCHED = {"views": ("number", "day", "minutes", "completion"), "sessions": ("number", "day")}
_KEPT = ("ratings", "searches", "sessions", "leaves", "returns", "stars")


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

    @classmethod
    def read(cls, folder: Path, seed: int) -> SimulatedDataset:
        """What stands in a folder that was just written."""
        dataset = Dataset.open(folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        rows = {table: dataset.info.rows(table) for table in dataset.tables}
        return cls(folder, dataset.name, dataset.content_hash, seed, rows, size)

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
    service: int | None = None,
    truth_viewers: int = 0,
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
        service: Seed of the catalogue, by which other viewers come to the same service; `seed` by default.
        truth_viewers: Other viewers to simulate for what is expected of the service; without them the truth holds only
            what is known exactly.
        progress: Called with the share of the days done.

    Raises:
        DataError: The folder exists and may not be replaced, or it can't be written (a full disk).
        ParameterError: `truth_viewers` is no whole number of 0 or more.
    """
    config = config or SimulationConfig()
    check_whole("truth_viewers", truth_viewers)
    check_within("truth_viewers", truth_viewers, 0, 10_000_000)
    report = progress or (lambda share, words: None)
    source = f"simulated by analysis.simulate with seed {seed}"
    with written(target, name=name, source=source, kind=kind, replace=replace) as writer:
        writer.notes += NOTES
        report(0.0, "Making titles and viewers")
        service = seed if service is None else service
        world = make_world(config, seed, service=service)
        expected: dict[str, expectations.Expected] = {}
        share = 0.0
        if truth_viewers and not config.views_only:
            share = truth_viewers / (truth_viewers + config.viewers)
            expected = expectations.expect(
                config, service, truth_viewers, progress=lambda done, words: report(done * share, words)
            )
        _write_dataset(writer, world, expected, lambda done, words: report(share + done * (1 - share), words))
    return SimulatedDataset.read(Path(target), seed)


@contextmanager
def written(target: str | Path, *, name: str, source: str, kind: str, replace: bool) -> Iterator[DatasetWriter]:
    """A writer for simulated data, whose failures are told in words.

    Raises:
        DataError: The folder exists and may not be replaced, or it can't be written.
    """
    zone = calendars.PLACES[0].time_zone
    try:
        with DatasetWriter(
            target, name=name, source=source, licence="CC0-1.0", kind=kind, replace=replace, time_zone=zone
        ) as writer:
            yield writer
    except OSError as error:
        # Arrow puts a text of its own where the system's words belong.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(
            f"The dataset could not be written to {target}: {reason}.",
            "Nothing was kept. Make room or choose another folder, and run it again.",
        ) from error


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


def _write_dataset(
    writer: DatasetWriter, world: World, expected: dict[str, expectations.Expected], report: Progress
) -> None:
    config = world.config
    run = _Run(writer, world, expected)
    for day in _stops(config, run.running):
        for service in run.services:
            service.run_until(day)
        report(0.95 * day / config.days, f"Simulated to {config.date(day)}")
        run.collect(day)
        run.compute_truth(day)
    run.finish()
    report(1.0, "Written")


@dataclass
class _Watched:
    """An experiment that is running: what would happen in the other arms, and by table what happens."""

    experiment: Experiment
    other: truth.Happenings | None
    real: dict[str, list[Columns]] = field(default_factory=lambda: {table: [] for table in _WATCHED})


class _Run:
    """A world being run and written: what was collected so far, and what is still to come."""

    def __init__(self, writer: DatasetWriter, world: World, expected: dict[str, expectations.Expected]) -> None:
        config = world.config
        self.world, self.writer, self.expected = world, writer, expected
        self.keep_from = max(0, config.days - config.impressions_days)
        self.services = [
            Service(world, rows, impressions_from=self.keep_from) for rows in tables.batches(config.viewers, CHUNK)
        ]
        self.running = [] if config.views_only else experiments_within(config)
        self._streams = {name: tables.PartWriter(writer, name) for name in _STREAMED}
        self._held: dict[str, Columns] = {name: {} for name in _STREAMED}
        self._kept: dict[str, list[Columns]] = {name: [] for name in _KEPT}
        self._effects: dict[str, list[truth.Effect]] = {}
        self._watched: list[_Watched] = []
        self._values: dict[str, float] = {}

    def collect(self, day: int) -> None:
        """Take what happened up to `day` and write the views and impressions that nothing later can precede."""
        config = self.world.config
        for table, stream in self._streams.items():
            fresh = tables.with_instants(join([service.log.take(table) for service in self.services]), config)
            if table == "views":
                self._watch("views", fresh)
            self._held[table] = _release(stream, table, join([self._held.pop(table), fresh]), config, day)
        for table, kept in self._kept.items():
            fresh = join([service.log.take(table) for service in self.services])
            if table == "sessions":
                self._watch("sessions", fresh)
            kept.append(self._assigning(fresh) if table == "sessions" and fresh else fresh)

    def _assigning(self, sessions: Columns) -> Columns:
        """The sessions that may assign someone to an experiment; nothing else is made of them."""
        day, wanted = sessions["day"], np.zeros(len(sessions["day"]), dtype=bool)
        for experiment in self.running:
            first, last = (self.world.config.day(date) for date in (experiment.starts_on, experiment.ends_on))
            wanted |= (day >= first) & (day <= last)
        return tables.rows_of(sessions, wanted)

    def _watch(self, table: str, fresh: Columns) -> None:
        """Keep what happened to an experiment's viewers in its weeks."""
        for watched in self._watched if fresh else ():
            first, last = (self.world.config.day(d) for d in (watched.experiment.starts_on, watched.experiment.ends_on))
            inside = (fresh["day"] >= first) & (fresh["day"] <= last)
            own = {name: fresh[name] for name in _WATCHED[table]}
            watched.real[table].append(tables.rows_of(own, inside))

    def compute_truth(self, day: int) -> None:
        """Branch into what would have happened, where an experiment or the impressions begin on `day`."""
        config = self.world.config
        for watched in [w for w in self._watched if config.day(w.experiment.ends_on) < day]:
            self._watched.remove(watched)
            self._conclude(watched)
        for experiment in self.running:
            if config.day(experiment.starts_on) == day:
                # Where the treatment does nothing, both outcomes are what happens.
                other = truth.opposite(self.services, experiment) if experiment.changes_something else None
                self._watched.append(_Watched(experiment, other))
                self._effects[experiment.experiment_id] = []
        if day == self.keep_from < config.days and not config.views_only:
            self._values = truth.policy_values(self.services, config.days)

    def _conclude(self, watched: _Watched) -> None:
        """The true effects of an experiment that has ended, and how a peeked one splits the viewers."""
        world, experiment = self.world, watched.experiment
        real = truth.Happenings(join(watched.real["views"]), join(watched.real["sessions"]))
        branches = truth.branches(world, experiment, real, watched.other)
        self._effects[experiment.experiment_id] = truth.true_effects(world, experiment, branches)
        if experiment.peeked:
            salt = truth.peeking_salt(experiment, branches, world.seed, world.config.viewers)
            self.running[self.running.index(experiment)] = dataclasses.replace(experiment, salt=salt)

    def finish(self) -> None:
        """Write the rest of the tables and the truth."""
        writer, world, config = self.writer, self.world, self.world.config
        for stream in self._streams.values():
            stream.close()
        left = np.concatenate([np.where(s.state.subscribed, -1, s.state.left) for s in self.services])
        writer.add("titles", tables.titles_table(world))
        writer.add("title_links", tables.links_table(world.catalogue))
        writer.add("viewers", tables.viewers_table(config, world.viewers, left))
        writer.add("calendar", calendars.calendar_table(config.starts_on, config.ends_on))
        kept = {table: join(parts) for table, parts in self._kept.items()}
        if config.views_only:
            return
        writer.add("memberships", tables.memberships_table(config, world.viewers, kept["leaves"], kept["returns"]))
        writer.add("artworks", tables.artworks_table(world.catalogue))
        if ratings := tables.with_instants(kept["ratings"], config):
            writer.add("ratings", tables.ratings_table(ratings))
        if searches := tables.with_instants(kept["searches"], config):
            writer.add("searches", tables.searches_table(searches, world.catalogue))
        if self.running:
            writer.add("assignments", assignments_table(world, self.running, kept["sessions"]))
        tally = truth.Tally(
            kept["stars"].get("stars", np.zeros(0, dtype=np.int64)),
            self._values,
        )
        effects = [effect for found in self._effects.values() for effect in found]
        writer.truth(truth.truth_document(world, self.running, effects, tally, self.expected))


def experiments_within(config: SimulationConfig) -> list[Experiment]:
    """The configured experiments that lie within the period."""
    return [e for e in config.experiments if config.starts_on <= e.starts_on and e.ends_on <= config.ends_on]


def assignments_table(world: World, experiments: Sequence[Experiment], sessions: Columns) -> pa.Table:
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


def _stops(config: SimulationConfig, experiments: Sequence[Experiment]) -> list[int]:
    """Days at which the run pauses to write or to branch: firsts of months, starts of experiments, the end."""
    firsts = {day for day in range(1, config.days) if config.date(day).day == 1}
    starts = {config.day(e.starts_on) for e in experiments}
    # Impressions are many: they are written every few days.
    kept = set(range(max(0, config.days - config.impressions_days), config.days, 4))
    return sorted(firsts | starts | kept | {config.days})


def _release(stream: tables.PartWriter, table: str, fresh: Columns, config: SimulationConfig, day: int) -> Columns:
    """Write the rows that nothing later can precede; hand back the others."""
    if not fresh:
        return fresh
    fresh = _ordered(fresh)
    # A session of the last evening may run past midnight; the data ends with the last day.
    fresh = tables.rows_of(fresh, fresh["local"] < config.midnight(config.days))
    bound = config.midnight(day) - _FARTHEST_ZONE if day < config.days else np.iinfo(np.int64).max
    ready = int(np.searchsorted(fresh["utc"], bound))
    if ready:
        rows = tables.rows_of(fresh, slice(0, ready))
        stream.add(
            tables.impressions_table(rows) if table == "impressions" else tables.views_table(rows, stream.rows + 1)
        )
    return tables.rows_of(fresh, slice(ready, None))


def _ordered(log: Columns) -> Columns:
    """Rows by instant, then viewer; what is of the same viewer and second keeps its order."""
    return tables.rows_of(log, np.lexsort((log["number"], log["utc"]))) if log else log
