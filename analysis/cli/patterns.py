"""`patterns`: when people watch, what, and whether it grows."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from analysis.cli import common


class Part(StrEnum):
    """The charts of the page."""

    clock = "clock"
    months = "months"
    daily = "daily"


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("patterns")(patterns)


def patterns(
    data: common.DataOption = "sample",
    zone: Annotated[
        str | None, typer.Option("--zone", help="IANA time zone for rating times; views have each viewer's own clock.")
    ] = None,
    measure: Annotated[str, typer.Option("--measure", help="`events` (plays or ratings) or `minutes`.")] = "events",
    first_month: Annotated[str | None, typer.Option("--from", help="First month, as 2024-03.")] = None,
    last_month: Annotated[str | None, typer.Option("--to", help="Last month, included.")] = None,
    genre: common.GenreOption = None,
    device: common.DeviceOption = None,
    country: common.CountryOption = None,
    kind: common.KindOption = None,
    part: Annotated[
        Part | None, typer.Option("--part", help="All numbers of one chart instead of the findings.")
    ] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Count the hours of the week, the genres of each month and the days; the first run builds the cubes."""
    from typing import cast

    from analysis.errors import ParameterError
    from analysis.patterns import Filters, look
    from analysis.patterns.selection import Measure

    filters = Filters(first_month, last_month, genre, device, country, kind)
    with common.progress() as progress:
        found = look(
            common.dataset(data), filters=filters, zone=zone, measure=cast(Measure, measure), progress=progress
        )
    if part is None:
        common.emit(found, as_json)
        return
    shown = getattr(found, part.value)
    if shown is None:
        raise ParameterError("None of the titles counted here has a genre.", "Look at the clock or the days.")
    common.emit(shown, as_json)
