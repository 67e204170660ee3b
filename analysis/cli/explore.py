"""What the explore pages answer beside `patterns`: hours, seasons, calendar, who comes back, the forecast."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.cli import common

ZoneOption = Annotated[
    str | None, typer.Option("--zone", help="IANA time zone for rating times; views have each viewer's own clock.")
]
MeasureOption = Annotated[
    str | None, typer.Option("--measure", help="`minutes` (where they are known, by default) or `events`.")
]


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
    zone: ZoneOption = None,
    special: Annotated[bool, typer.Option("--special", help="The days that stand out, with their reason.")] = False,
    as_json: common.JsonOption = False,
) -> None:
    """Every day by year, growth over a year, and the days that stand out."""
    from analysis.patterns import calendar_map, special_days

    with common.progress() as progress:
        dataset = common.dataset(data)
        found = calendar_map(dataset, zone=zone, progress=progress)
        shown = special_days(dataset, found) if special else found
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
    from analysis.patterns.clock import Measure

    chosen = cast("Measure | None", measure)
    with common.progress() as progress:
        dataset = common.dataset(data)
        found = (
            forecast_genres(dataset, measure=chosen, zone=zone, progress=progress)
            if genres
            else days(dataset, measure=chosen, zone=zone, progress=progress)
        )
    common.emit(found, as_json)
