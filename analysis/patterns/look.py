"""All of it at once: what the page shows and the command prints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.data import Dataset
from analysis.patterns import cubes
from analysis.patterns.appetite import knows_supply
from analysis.patterns.audience import audience, counted
from analysis.patterns.clock import Clock, clock
from analysis.patterns.counting import REASONS
from analysis.patterns.daily import A_MONTH, DailyTrend, daily
from analysis.patterns.events import NO_GENRE, UNKNOWN, events
from analysis.patterns.filters import EmptySelection, Filters
from analysis.patterns.seasons import MonthGenre, months
from analysis.patterns.selection import Measure
from analysis.patterns.words import MONTHS
from analysis.results import Progress, Result
from analysis.workspace import Workspace

AT_ONCE = 1_000_000
"""Rows that can be counted while a page waits, in ten seconds or so; more are work for a job."""


@dataclass(frozen=True)
class Patterns(Result):
    """When, what and whether it grows.

    Attributes:
        clock: Hour × weekday.
        months: Month × genre, or None where no title counted has a genre.
        daily: Day by day.
    """

    clock: Clock
    months: MonthGenre | None
    daily: DailyTrend

    def to_frame(self) -> pd.DataFrame:
        """One row a finding: what, value, the ends of its 95 % interval (NaN where there is none), unit.

        Of month × genre, the cells that differ beyond chance, the strongest first.
        """
        clock, noun = self.clock, self.clock.noun
        share = f"share of {noun}"
        rows: list[tuple[str, float, float, float, str]] = [
            ("Saturday and Sunday", clock.weekend.value, clock.weekend.low, clock.weekend.high, share),
            (f"{noun} a day", float(np.nanmean(self.daily.values)), np.nan, np.nan, noun),
        ]
        if clock.what.has_hours:
            rows[1:1] = [
                ("midnight to 6:00", clock.night.value, clock.night.low, clock.night.high, share),
                (f"busiest hour, {clock.peak_hour}:00", clock.peak_hour_share, np.nan, np.nan, share),
            ]
        if self.daily.trend is not None:
            rows.append((f"{noun} in {A_MONTH} days", *self.daily.trend.growth(A_MONTH), "relative change"))
        if (season := self.months) is not None:
            for m, g in season.claims():
                cell = float(season.lift[m, g]), float(season.low[m, g]), float(season.high[m, g])
                rows.append((f"{season.genres[g]} in {MONTHS[season.months[m] - 1]}", *cell, "lift"))
        return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "unit"]).assign(
            clock=clock.what.zone_label
        )

    def numbers(self) -> pd.DataFrame:
        """All numbers below each other; `part` says of which chart (clock, months, daily)."""
        parts = {"clock": self.clock, "months": self.months, "daily": self.daily}
        frames = [found.to_frame().assign(part=name) for name, found in parts.items() if found is not None]
        together = pd.concat(frames, ignore_index=True)
        return together[["part", *(name for name in together.columns if name != "part")]]

    def summary(self) -> str:
        """One sentence each."""
        return " ".join(found.summary() for found in (self.clock, self.months, self.daily) if found is not None)


@dataclass(frozen=True)
class Choices:
    """What a dataset's patterns can be filtered by; an empty tuple where there is no choice.

    Attributes:
        months: `2024-03`, in order, every one with data.
        genres: The largest first.
        devices: The largest first.
        countries: The largest first.
        kinds: The largest first.
        left_out: Rows that are not counted anywhere, by reason (of `counting.REASONS`).
    """

    months: tuple[str, ...]
    genres: tuple[str, ...]
    devices: tuple[str, ...]
    countries: tuple[str, ...]
    kinds: tuple[str, ...]
    left_out: dict[str, int]

    def caveat(self, noun: str) -> str:
        """How many rows are not counted, and why, in a sentence; empty where all are."""
        if not self.left_out:
            return ""
        reasons = [f"{rows:,} {REASONS[reason]}" for reason, rows in self.left_out.items()]
        return f"Not in the picture: {noun} of which {', '.join(reasons)}."


def look(
    dataset: Dataset,
    *,
    filters: Filters | None = None,
    zone: str | None = None,
    measure: Measure = "events",
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Patterns:
    """Clock, seasons and daily trend of one selection.

    Args:
        dataset: Any dataset with views, or with timed ratings.
        filters: What to count; all of it by default.
        zone: IANA zone for rating times; views have each viewer's own clock.
        measure: What shares and trends are of.
        workspace: Where cubes are kept; the default workspace if None.
        progress: Told about the building of cubes.

    Raises:
        EmptySelection: Nothing is left after the filters.
        ParameterError: Unknown zone or measure.
        DataError: The ratings carry no times.
    """
    filters = filters or Filters()
    prepare(dataset, zone=zone, workspace=workspace, progress=progress)
    week = clock(dataset, filters=filters, zone=zone, measure=measure, workspace=workspace)
    trend = daily(dataset, filters=filters, zone=zone, measure=measure, workspace=workspace)
    season: MonthGenre | None = None
    if "genre" in week.what.splits:
        try:
            season = months(dataset, filters=filters, zone=zone, measure=measure, workspace=workspace)
        except EmptySelection:
            # The selection holds no title with a genre; the other two still have something to show.
            season = None
    return Patterns(week, season, trend)


def prepare(
    dataset: Dataset,
    *,
    zone: str | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> None:
    """Build every cube that the page reads, where it is not there yet."""
    what = events(dataset, zone)
    steps = [cubes.CLOCK, cubes.RHYTHM, cubes.DAILY]
    if "genre" in what.splits:
        steps.append(cubes.RELEASES)
    steps += [cubes.PLAIN[spec] for spec in steps]
    if "genre" in what.splits and what.has_hours:
        steps += [cubes.GENRE_HOURS, cubes.TITLE_HOURS]
    if knows_supply(dataset):
        steps.append(cubes.TITLES)
    cubes.build_all(dataset, steps, what, workspace=workspace, progress=_part(progress, 0, 2))
    audience(dataset, what, workspace=workspace, progress=_part(progress, 1, 2))
    if progress:
        progress(1.0, "Counted")


def prepared(dataset: Dataset, *, zone: str | None = None, workspace: Workspace | None = None) -> bool:
    """Whether everything that the page reads has been counted already."""
    # Distinct viewers are counted last.
    return counted(dataset, events(dataset, zone), workspace)


def choices(dataset: Dataset, *, zone: str | None = None, workspace: Workspace | None = None) -> Choices:
    """What can be chosen on the page."""
    what = events(dataset, zone)
    specs = [cubes.DAILY, cubes.CLOCK_PLAIN]
    daily, plain = cubes.build_all(dataset, specs, what, workspace=workspace)
    months = plain.totals(["month"], measures=["events"], empty=True)["month"].tolist()
    if not months:
        noun, why = what.noun, Choices((), (), (), (), (), plain.left_out).caveat(what.noun)
        raise EmptySelection(f"None of the {noun} of {dataset.name} can be counted. {why}", "Look at its quality page.")
    found = {name: _by_size(plain if name == "genre" else daily, name) for name in what.splits}
    return Choices(
        months=tuple(f"{month // 100:04d}-{month % 100:02d}" for month in months),
        genres=found.get("genre", ()),
        devices=found.get("device", ()),
        countries=found.get("country", ()),
        kinds=found.get("kind", ()),
        left_out={reason: plain.left_out[reason] for reason in REASONS if reason in plain.left_out},
    )


def _by_size(cube: cubes.Cube, split: str) -> tuple[str, ...]:
    """The values of a split, the largest first; empty where there is nothing to choose between."""
    sizes = (
        cube.totals([split], measures=["events"]).sort_values("events", ascending=False, kind="stable")[split].tolist()
    )
    known = [value for value in sizes if value not in (UNKNOWN, NO_GENRE)]
    return tuple(sizes) if known and len(sizes) > 1 else ()


def _part(progress: Progress | None, number: int, of: int) -> Progress | None:
    """Progress of one step as progress of the whole."""
    if progress is None:
        return None
    return lambda share, text: progress((number + share) / of, text)
