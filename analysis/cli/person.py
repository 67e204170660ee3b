"""`person`: one viewer's year."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.cli import common


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("person")(person)


def person(
    viewer: Annotated[
        int | None, typer.Option("--viewer", help="The viewer's number; the most active one by default.")
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="A year with plays; the last one by default.")] = None,
    data: common.DataOption = "sample",
    as_json: common.JsonOption = False,
) -> None:
    """Tell one viewer's year: how much, when, what, in which binges and on what."""
    from analysis.patterns.personal import my_year, people

    dataset = common.dataset(data)
    chosen = next(iter(people(dataset))) if viewer is None else viewer
    common.emit(my_year(dataset, chosen, year)[0], as_json)
