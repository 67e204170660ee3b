"""`patterns`: when people watch, what, and whether it grows."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.cli import common


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
    genre: Annotated[str | None, typer.Option("--genre", help="Only this genre.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="Only this device.")] = None,
    country: Annotated[str | None, typer.Option("--country", help="Only viewers of this country.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only `film` or `series`.")] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Count the hours of the week, the genres of each month and the days; the first run builds the cubes."""
    from typing import cast

    from analysis.patterns import Filters, look
    from analysis.patterns.clock import Measure

    filters = Filters(first_month, last_month, genre, device, country, kind)
    with common.progress() as progress:
        found = look(
            common.dataset(data), filters=filters, zone=zone, measure=cast(Measure, measure), progress=progress
        )
    common.emit(found, as_json)
