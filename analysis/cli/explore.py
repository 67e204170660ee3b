"""What the explore pages answer beside `patterns`: hours, seasons, calendar, who comes back, the forecast."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated

import typer

from analysis.cli import common

ZoneOption = Annotated[
    str | None, typer.Option("--zone", help="IANA time zone for rating times; views have each viewer's own clock.")
]
MeasureOption = Annotated[
    str | None, typer.Option("--measure", help="`minutes` (where they are known, by default) or `events`.")
]


class Shown(StrEnum):
    """What `calendar` prints."""

    days = "days"
    special = "special"
    parts = "parts"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("hours")(hours)
    app.command("hour-titles")(hour_titles)
    app.command("seasons")(seasons)
    app.command("calendar")(calendar)
    app.command("retention")(retention)
    app.command("forecast")(forecast)


def hours(
    data: common.DataOption = "sample",
    genre: Annotated[str | None, typer.Option("--genre", help="One genre, by hour of the week.")] = None,
    zone: ZoneOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Which genres are watched at which hour, against their usual share."""
    from analysis.patterns import hours as count

    with common.progress() as progress:
        found = count(common.dataset(data), genre=genre, zone=zone, progress=progress)
    common.emit(found, as_json)


def hour_titles(
    weekday: Annotated[int, typer.Argument(min=0, max=6, help="0 is Monday.")],
    hour: Annotated[int, typer.Argument(min=0, max=23, help="Hour of the day.")],
    data: common.DataOption = "sample",
    zone: ZoneOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """What is watched in one hour of the week."""
    from analysis.patterns import hour_titles as count

    with common.progress() as progress:
        found = count(common.dataset(data), weekday, hour, zone=zone, progress=progress)
    common.emit(found, as_json)


def seasons(data: common.DataOption = "sample", as_json: common.JsonOption = False) -> None:
    """Which genres are wanted more in a season, what was released set apart."""
    from analysis.patterns import appetite

    with common.progress() as progress:
        found = appetite(common.dataset(data), progress=progress)
    common.emit(found, as_json)


def calendar(
    data: common.DataOption = "sample",
    show: Annotated[
        Shown,
        typer.Option(
            "--show",
            help="`days` (every day, and growth over a year), `special` (holidays and days that stand out, with their "
            "likely reason) or `parts` (trend, week and year).",
        ),
    ] = Shown.days,
    day: Annotated[
        dt.datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="The titles of one day instead.")
    ] = None,
    measure: MeasureOption = None,
    zone: ZoneOption = None,
    genre: common.GenreOption = None,
    device: common.DeviceOption = None,
    country: common.CountryOption = None,
    kind: common.KindOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Every day by year, growth over a year, days that stand out, what days are made of, and the titles of a day."""
    from typing import cast

    from analysis.patterns import Filters, calendar_map, decompose, events, special_days, titles_of_day
    from analysis.patterns.selection import Measure
    from analysis.results import Result

    with common.progress() as progress:
        dataset = common.dataset(data)
        filters = Filters(None, None, genre, device, country, kind)
        # As on the page: minutes where they are known.
        counted = cast("Measure", measure or ("minutes" if events(dataset, zone).has_minutes else "events"))
        found = calendar_map(dataset, filters=filters, zone=zone, measure=counted, progress=progress)
        shown: Result = found
        if day is not None:
            shown = titles_of_day(dataset, found, day.date())
        elif show is Shown.special:
            shown = special_days(dataset, found, progress=progress)
        elif show is Shown.parts:
            shown = decompose(found.trend)
    common.emit(shown, as_json)


def retention(
    data: common.DataOption = "sample",
    segment: Annotated[str | None, typer.Option("--segment", help="Curves by `plan`, `age_band` or `country`.")] = None,
    as_json: common.JsonOption = False,
) -> None:
    """How long viewers stay, and which newcomers still watch."""
    from analysis.patterns import retention as count

    with common.progress() as progress:
        found = count(common.dataset(data), segment=segment, progress=progress)
    common.emit(found, as_json)


def forecast(
    data: common.DataOption = "sample",
    genres: Annotated[bool, typer.Option("--genres", help="Genre shares by week instead of days.")] = False,
    measure: MeasureOption = None,
    zone: ZoneOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Forecast the next eight weeks, with the record of such forecasts on the past."""
    from typing import cast

    from analysis.patterns import forecast as days
    from analysis.patterns import forecast_genres
    from analysis.patterns.selection import Measure

    chosen = cast("Measure | None", measure)
    with common.progress() as progress:
        dataset = common.dataset(data)
        found = (
            forecast_genres(dataset, measure=chosen, zone=zone, progress=progress)
            if genres
            else days(dataset, measure=chosen, zone=zone, progress=progress)
        )
    common.emit(found, as_json)
