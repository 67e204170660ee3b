"""Views by the million: who watches what and when follows the world, without pages, sessions or satisfaction."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis.data import schema
from analysis.data.writer import ROW_GROUP
from analysis.errors import ParameterError
from analysis.results import Progress
from analysis.simulate import calendars, clock, tables
from analysis.simulate.config import SimulationConfig
from analysis.simulate.keyed import Floats, Ints, Stream, cumulate, pick
from analysis.simulate.world import World, make_world
from analysis.simulate.writing import NOTES, SEED, SimulatedDataset, written

_PIECE = 4 * ROW_GROUP
_PLACES = calendars.PLACES
_SURFACES = np.array([0.42, 0.56, 0.98])
_FLATTEN = 0.75
"""Weight of appeal: without pages of few places, all of it would gather too many hours on too few titles."""


@dataclass(frozen=True)
class _Plan:
    """What the rows are drawn from: for each hour and place the rows to come, and cumulative shares of the rest."""

    world: World
    first_hour: int
    rows: Ints
    viewers: Sequence[Ints]
    activity: Sequence[Floats]
    titles: Floats
    devices: Floats
    bails: Floats


def write_views(
    target: str | Path,
    *,
    rows: int,
    seed: int = SEED,
    viewers: int = 50_000,
    titles: int = 700,
    starts_on: dt.date = dt.date(2024, 7, 1),
    ends_on: dt.date = dt.date(2026, 8, 31),
    rhythm: clock.Rhythm | None = None,
    replace: bool = False,
    name: str = "Simulated views",
    progress: Progress | None = None,
) -> SimulatedDataset:
    """Write a dataset with `rows` views, for measuring speed: minutes for tens of millions, in bounded memory.

    Hours, weekdays, months, seasons, genres, devices and the concentration on few titles and viewers are those of the
    simulated service; plays are drawn one by one and don't follow from each other, so there are no sessions, repeats,
    pages or ratings, and no truth.

    Args:
        target: Folder of the dataset.
        rows: Number of views.
        seed: The same arguments and seed give the same content hash.
        viewers: Number of viewers.
        titles: Number of titles.
        starts_on: First day.
        ends_on: Last day, included.
        rhythm: How strongly hour, weekday and season move viewing; as calibrated by default.
        replace: Whether an existing dataset may be replaced.
        name: Name of the dataset.
        progress: Called with the share of the rows done.

    Raises:
        ParameterError: There are fewer rows than one, or a setting is outside of what it may be.
        DataError: The folder exists and may not be replaced, or it can't be written.
    """
    if rows < 1:
        raise ParameterError(f"rows is {rows}.", "Ask for at least one view.")
    config = SimulationConfig(
        viewers=viewers,
        titles=titles,
        starts_on=starts_on,
        ends_on=ends_on,
        experiments=(),
        views_only=True,
        rhythm=rhythm or clock.Rhythm(),
    )
    source = f"simulated by analysis.simulate.write_views with seed {seed}"
    with written(target, name=name, source=source, kind="simulated", replace=replace) as writer:
        writer.notes.append(NOTES[0])
        world = make_world(config, seed)
        plan = _plan(world, rows)
        views = tables.PartWriter(writer, "views")
        for piece in _pieces(plan):
            if progress is not None:
                progress(views.rows / rows, f"{views.rows:,} of {rows:,} views")
            views.add(piece)
        views.close()
        writer.add("titles", tables.titles_table(world))
        everybody = dataclasses.replace(world.viewers, joined=np.minimum(world.viewers.joined, -1))
        writer.add("viewers", tables.viewers_table(config, everybody, np.full(viewers, -1)))
        writer.add("calendar", calendars.calendar_table(starts_on, ends_on))
    if progress is not None:
        progress(1.0, "Written")
    return SimulatedDataset.read(Path(target), seed)


def _plan(world: World, rows: int) -> _Plan:
    config, viewers = world.config, world.viewers
    first_hour = config.midnight(0) // 3600
    hours = first_hour + np.arange(config.days * 24)
    expected = np.zeros((len(hours), len(_PLACES)))
    rhythm = config.rhythm
    curve = clock.raised(clock.HOURS, rhythm.hours)
    curve = curve / curve.sum(axis=1, keepdims=True)
    years = (config.starts_on.year, config.ends_on.year)
    for number, place in enumerate(_PLACES):
        local = calendars.to_local(hours * 3600, place.time_zone, years) // 3600
        day = np.clip(local // 24 - first_hour // 24, 0, config.days - 1)
        month = np.array([config.date(d).month for d in range(config.days)])[day]
        weekday = (local // 24 + 3) % 7
        expected[:, number] = (
            viewers.activity[viewers.place == number].sum()
            * clock.raised(clock.MONTHS, rhythm.months)[month - 1]
            * clock.raised(clock.WEEKDAYS, rhythm.weekdays)[weekday]
            * curve[weekday, local % 24]
        )
    # Rounding the running total gives whole rows that add up to exactly what was asked for.
    running = np.rint(np.cumsum(expected) / expected.sum() * rows).astype(np.int64)
    count = np.diff(running, prepend=0).reshape(expected.shape)
    here = [np.flatnonzero(viewers.place == number) for number in range(len(_PLACES))]
    activity = [cumulate(viewers.activity[rows_]) if len(rows_) else np.ones(1) for rows_ in here]
    quality = world.catalogue.quality / 64
    return _Plan(
        world,
        first_hour,
        count,
        here,
        activity,
        _title_shares(world),
        world.device_shares,
        np.round(1 / (1 + np.exp(quality)), 6),
    )


def _title_shares(world: World) -> Floats:
    """Cumulative shares of titles, (month × school holiday × weekday × hour) × titles."""
    config, catalogue = world.config, world.catalogue
    context = clock.hour_weekday_genre(config.rhythm).reshape(168, -1)
    tables_ = []
    for month in _months(config):
        released = catalogue.released <= config.day(month)
        for holiday in (False, True):
            season = clock.season_genre(config.rhythm, month, "US", holiday)
            log = (context + season) @ catalogue.genre_weights.T + _FLATTEN * catalogue.appeal / 64
            late = month.replace(day=min(month.day + 20, 26))
            log = log + catalogue.is_christmas * clock.christmas(config.rhythm, late)
            log = log + world.freshness(month) / 64
            # A title that is not out yet keeps a vanishing share, so that every row of the table is a distribution.
            tables_.append(np.where(released, np.exp(np.round(log, 6)), 1e-12))
    return cumulate(np.concatenate(tables_))


def _months(config: SimulationConfig) -> list[dt.date]:
    """A day in each month of the period: its first, or the period's first."""
    days = [config.date(day) for day in range(config.days)]
    return [day for number, day in enumerate(days) if number == 0 or day.day == 1]


def _pieces(plan: _Plan) -> Iterator[pa.Table]:
    """The views in the order of time, some hundred thousand at once, cut between hours."""
    per_hour = plan.rows.sum(axis=1)
    total = np.cumsum(per_hour)
    start, done = 0, 0
    while start < len(per_hour):
        stop = max(start + 1, int(np.searchsorted(total, done + _PIECE, side="right")))
        if total[stop - 1] > done:
            yield _piece(plan, start, stop, done)
        start, done = stop, int(total[stop - 1])


def _piece(plan: _Plan, start: int, stop: int, first_row: int) -> pa.Table:
    world, config = plan.world, plan.world.config
    cells = np.repeat(np.arange((stop - start) * len(_PLACES)), plan.rows[start:stop].ravel())
    row = first_row + np.arange(len(cells))
    luck = Stream(world.seed, "bulk").uniform(np.arange(8)[:, None], row)
    hour, place = start + cells // len(_PLACES), cells % len(_PLACES)
    utc = (plan.first_hour + hour) * 3600 + (luck[0] * 3600).astype(np.int64)
    order = np.argsort(utc, kind="stable")
    utc, place, luck = utc[order], place[order], luck[:, order]
    local = utc.copy()
    viewer = np.zeros(len(utc), dtype=np.int64)
    years = (config.starts_on.year, config.ends_on.year)
    shut = np.zeros(len(utc), dtype=bool)
    day = np.zeros(len(utc), dtype=np.int64)
    for number, where in enumerate(_PLACES):
        ours = np.flatnonzero(place == number)
        if not len(ours):
            continue
        local[ours] = calendars.to_local(utc[ours], where.time_zone, years)
        found = np.searchsorted(plan.activity[number], luck[1, ours], side="right")
        viewer[ours] = plan.viewers[number][np.minimum(found, len(plan.viewers[number]) - 1)]
        day[ours] = np.clip(local[ours] // 86_400 - config.midnight(0) // 86_400, 0, config.days - 1)
        seen = np.unique(day[ours])
        closed = np.zeros(config.days, dtype=bool)
        closed[seen] = [calendars.school_holiday(where.region, config.date(int(d))) for d in seen]
        shut[ours] = closed[day[ours]]
    months = _months(config)
    month = np.searchsorted([config.day(m) for m in months], day, side="right") - 1
    of_day = local // 3600 % 24
    moment = (local // 86_400 + 3) % 7 * 24 + of_day
    title = pick(plan.titles, (month * 2 + shut) * 168 + moment, luck[2])
    device = pick(plan.devices, world.viewers.habit[viewer] * 24 + of_day, luck[3])
    return _columns(plan, row, utc, local, viewer, title, device, luck)


def _columns(
    plan: _Plan, row: Ints, utc: Ints, local: Ints, viewer: Ints, title: Ints, device: Ints, luck: Floats
) -> pa.Table:
    catalogue = plan.world.catalogue
    bails = luck[4] < plan.bails[title]
    ends = ~bails & (luck[5] < 0.4)
    completion = np.round(np.where(bails, 0.25 * luck[6] ** 2, np.where(ends, 0.93 + 0.07 * luck[6], luck[6] * 0.9)), 3)
    episode = 1 + (luck[5] * catalogue.episodes[title]).astype(np.int64)
    return pa.table(
        {
            "view_id": row + 1,
            "viewer_id": viewer + 1,
            "title_id": title + 1,
            "episode": pa.array(episode, pa.int64(), mask=~catalogue.is_series[title]),
            "started_at": tables.moments(utc),
            "started_local": tables.moments(local),
            "minutes": np.round(completion * catalogue.minutes[title], 1),
            "completion": completion,
            "device": tables.words(schema.DEVICES, device),
            "surface": tables.words(schema.SURFACES, np.searchsorted(_SURFACES, luck[7], side="right")),
        }
    )
