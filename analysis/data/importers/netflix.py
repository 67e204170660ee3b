"""A person's own Netflix export: `ViewingActivity.csv`, and the short `NetflixViewingHistory.csv`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pyarrow as pa

from analysis.data.importers.devices import device_sql
from analysis.data.importers.files import require_columns, sniff
from analysis.data.importers.layouts import ACTIVITY_COLUMNS, HISTORY_COLUMNS, Layout
from analysis.data.importers.staging import Check, Run, literal, missing, name_of, raw, reader, stage, time_checks
from analysis.data.importers.tabular import (
    DAY_FIRST,
    MONTH_FIRST,
    ONE_PERSON,
    from_wall_clock,
    iso_utc,
    length_checks,
    minutes_sql,
    wall_clock,
    write_views,
)

DEVICE, SUPPLEMENT, COUNTRY = "Device Type", "Supplemental Video Type", "Country"

# The word for a season in the languages Netflix writes titles in. The weak ones also end films' names ("Kill Bill:
# Volume 2"), so they count only where an episode follows.
_SEASON = (
    "season|series|staffel|saison|temporada|stagione|seizoen|säsong|sæson|sesong|kausi|sezon|sezonul|évad|série|řada"
)
_WEAK = "part|teil|partie|parte|volume|vol\\.|book|buch|chapter|collection|deel|del"
_SEASON_MARK = re.compile(rf"(?:{_SEASON})\s+(\d+)\b.*|(\d+)\.\s*(?:{_SEASON}|évad)", re.IGNORECASE)
_WEAK_MARK = re.compile(rf"(?:{_WEAK})\s*(\d+)", re.IGNORECASE)
_ONLY_SEASON = re.compile(
    r"limited series|miniseries|mini-series|miniserie|mini-serie|miniserien|série limitée|serie limitada", re.IGNORECASE
)
_EPISODE = re.compile(
    r"\s*\((?:episode|folge|épisode|episodio|episódio|aflevering|avsnitt|afsnit|odcinek)\s+(\d+)\)\s*$", re.IGNORECASE
)


@dataclass(frozen=True)
class Programme:
    """What a title in an export names.

    Attributes:
        name: Name of the film or series.
        kind: `film` or `series`.
        season: Season, counted from 1, or None.
        episode: Episode within the season, counted from 1, or None where only its name is known.
        episode_name: Name of the episode, or None.
    """

    name: str
    kind: str
    season: int | None = None
    episode: int | None = None
    episode_name: str | None = None


def parse_title(text: str) -> Programme:
    """Part a title into series, season and episode.

    >>> parse_title("Dark: Season 2: Ghosts (Episode 3)")
    Programme(name='Dark', kind='series', season=2, episode=3, episode_name='Ghosts')
    >>> parse_title("Mission: Impossible").kind
    'film'
    """
    text = text.strip()
    numbered = _EPISODE.search(text)
    episode = int(numbered[1]) if numbered else None
    parts = re.split(r":\s+", text[: numbered.start()] if numbered else text)
    for place in range(1, len(parts)):
        part, last = parts[place].strip(), place == len(parts) - 1
        strong, weak = _SEASON_MARK.fullmatch(part), _WEAK_MARK.fullmatch(part)
        if strong or _ONLY_SEASON.fullmatch(part) or (weak and not last):
            found = strong or weak
            season = next((int(g) for g in found.groups() if g), None) if found else 1
            name = ": ".join(parts[:place]).strip()
            rest = ": ".join(parts[place + 1 :]).strip().strip('"')
            return Programme(name, "series", season or None, episode or None, rest or None)
    if numbered:
        name, _, rest = text[: numbered.start()].partition(": ")
        return Programme(name, "series", None, episode or None, rest.strip() or None)
    return Programme(text, "film")


def import_activity(run: Run, layout: Layout) -> None:
    """Write views of all profiles; trailers, hooks and previews are left out and counted."""
    label = layout.label("activity")
    table = sniff(layout.text("activity", run))
    # The header says "Start Time (UTC)" in some years.
    table = replace(table, columns=tuple(re.sub(r"\s*\(UTC\)$", "", column) for column in table.columns))
    source = require_columns(table, ACTIVITY_COLUMNS, "Netflix' ViewingActivity.csv")
    start = iso_utc("Start Time")
    values = {
        "viewer_key": f"nullif(trim({raw('Profile Name')}), '')",
        "title_key": f"nullif(trim({raw('Title')}), '')",
        "started_at": start,
        "started_local": wall_clock(start, run.time_zone),
        "minutes": minutes_sql("Duration", "h:mm:ss"),
    }
    if DEVICE in source.columns:
        values["device"] = device_sql(raw(DEVICE))
    if COUNTRY in source.columns:
        values["country"] = f"nullif(regexp_extract({raw(COUNTRY)}, '^\\s*([A-Z]{{2}})\\b', 1), '')"
    checks = []
    if SUPPLEMENT in source.columns:
        checks.append(Check(f"NOT {missing(SUPPLEMENT)}", SUPPLEMENT, "a trailer, hook or preview", expected=True))
    checks += [
        Check("viewer_key IS NULL", "Profile Name", "the profile is empty"),
        Check("title_key IS NULL", "Title", "the title is empty"),
        *time_checks("started_at", "Start Time"),
        Check("minutes IS NULL", "Duration", "the duration is not h:mm:ss"),
        *length_checks("Duration"),
    ]
    good = stage(run, source, label, values, checks, (0.05, 0.5))
    _write(run, good, label, COUNTRY in source.columns)
    run.note(f"Netflix gives times in UTC; the wall clock is that of {run.time_zone}.")
    if DEVICE in source.columns:
        ((unknown,),) = run.query(f"SELECT count(*) FROM {run.part('views')} WHERE device IS NULL")
        if unknown:
            run.note(f"The device of {unknown:,} views is of no known kind.")


def import_history(run: Run, layout: Layout) -> None:
    """Write views of one profile from titles and dates."""
    label = layout.label("history")
    table = sniff(layout.text("history", run))
    # The header is in the language of the account.
    source = require_columns(replace(table, columns=HISTORY_COLUMNS), HISTORY_COLUMNS, "NetflixViewingHistory.csv")
    order, doubt = date_order([str(date) for (date,) in run.query(f"SELECT {name_of('Date')} FROM {reader(source)}")])
    if doubt:
        run.note(doubt)
    date = _day(order)
    values = {
        "viewer_key": literal(ONE_PERSON),
        "title_key": f"nullif(trim({raw('Title')}), '')",
        "started_local": date,
        "started_at": from_wall_clock(date, run.time_zone),
    }
    checks = [Check("title_key IS NULL", "Title", "the title is empty"), *time_checks("started_local", "Date")]
    _write(run, stage(run, source, label, values, checks, (0.05, 0.5)), label, has_country=False)


def _day(order: str) -> str:
    """SQL for the day in dates like 28/1/24, 2024-01-28 or `2024. 1. 28.`, with its numbers in that order."""
    formats = {
        "year first": ("%y/%m/%d", "%Y/%m/%d"),
        "day first": DAY_FIRST,
        "month first": MONTH_FIRST,
    }[order]
    slashed = f"regexp_replace({raw('Date')}, '\\D+', '/', 'g')"
    return f"try_strptime(trim({slashed}, '/'), [{', '.join(map(literal, formats))}])"


def date_order(dates: Sequence[str]) -> tuple[str, str]:
    """Whether the year, the day or the month comes first in dates, newest first; and what is doubtful about it.

    Four digits and numbers that can be no month tell. Where they don't, the reading is taken that keeps the file's
    order, newest first, and then the one usual for how the numbers are written.

    >>> date_order(["3/2/24", "28/1/24"])
    ('day first', '')
    """
    found = [tuple(re.findall(r"\d+", date)) for date in dates]
    found = [numbers for numbers in found if len(numbers) == 3]
    if sum(len(numbers[0]) == 4 for numbers in found) * 2 > len(found) or not found:
        return "year first", ""
    padded = any(number.startswith("0") for numbers in found for number in numbers[:2])
    dotted = all(re.fullmatch(r"[\d.\s]+", date) for date in dates)
    # Where nothing else tells: Netflix writes 1/5/24 in the USA, 05/01/2024 and 5.1.24 elsewhere, and `24. 1. 5.` in
    # Korea.
    usual = ["day first", "month first"] if padded or dotted else ["month first", "day first"]
    likely = ["year first", *usual] if dates[0].strip().endswith(".") and dotted else [*usual, "year first"]
    faults = {order: _order_faults(found, order) for order in likely}
    best = min(likely, key=lambda order: faults[order])
    doubtful = faults["day first"] == faults["month first"] and best != "year first" and not dotted
    return best, (
        f"The dates can be read with the day or the month first (no number is above 12): they were read {best}."
    ) if doubtful else ""


def _order_faults(dates: Sequence[tuple[str, ...]], order: str) -> tuple[int, int]:
    """How many dates are no days up to tomorrow when read in an order, and how often a later one follows."""
    places = {"year first": (0, 1, 2), "day first": (2, 1, 0), "month first": (2, 0, 1)}[order]
    latest = dt.date.today() + dt.timedelta(days=1)
    days: list[dt.date] = []
    for numbers in dates:
        year, month, day = (int(numbers[place]) for place in places)
        try:
            days.append(dt.date(year + 2000 if year < 100 else year, month, day))
        except ValueError:
            continue
    wrong = len(dates) - len(days) + sum(day > latest for day in days)
    return wrong, sum(later < earlier for later, earlier in pairwise(days))


def _write(run: Run, good: str, label: str, has_country: bool) -> None:
    """Write views, titles and viewers; every title is parted into series, season and episode."""
    texts = [str(text) for (text,) in run.query(f"SELECT DISTINCT title_key FROM {good} ORDER BY title_key")]
    programmes = [parse_title(text) for text in texts]
    numbers = {pair: i + 1 for i, pair in enumerate(sorted({(p.name, p.kind) for p in programmes}))}
    parted = pa.table(
        {
            "title_key": pa.array(texts, pa.string()),
            "title_id": pa.array([numbers[p.name, p.kind] for p in programmes], pa.int64()),
            "name": pa.array([p.name for p in programmes], pa.string()),
            "kind": pa.array([p.kind for p in programmes], pa.string()),
            "season": pa.array([p.season for p in programmes], pa.int64()),
            "episode": pa.array([p.episode for p in programmes], pa.int64()),
            "episode_name": pa.array([p.episode_name for p in programmes], pa.string()),
        }
    )
    run.connection.register("programmes", parted)
    run.connection.execute(
        "CREATE OR REPLACE TEMP TABLE viewer_ids AS SELECT viewer_key, row_number() OVER (ORDER BY viewer_key) "
        f"AS viewer_id FROM (SELECT DISTINCT viewer_key FROM {good})"
    )
    joined = f"(SELECT * FROM {good} JOIN programmes USING (title_key) JOIN viewer_ids USING (viewer_key))"
    again = (
        "row_number() OVER (PARTITION BY viewer_id, title_id, season, episode, episode_name ORDER BY started_at) > 1"
    )
    write_views(run, joined, label, (0.5, 0.85), is_repeat=again)
    titles = "SELECT DISTINCT title_id, name, kind, name AS source_id FROM programmes ORDER BY title_id"
    run.write("titles", titles, 0.85, 0.9, "Writing titles")
    # A profile that has travelled keeps the country it was most in.
    country = "mode(country ORDER BY country)" if has_country else "CAST(NULL AS VARCHAR)"
    run.write(
        "viewers",
        f"SELECT viewer_id, viewer_key AS name, {country} AS country, {literal(run.time_zone)} AS time_zone, "
        f"viewer_key AS source_id FROM {joined} GROUP BY viewer_id, viewer_key ORDER BY viewer_id",
    )
