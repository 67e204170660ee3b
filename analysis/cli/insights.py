"""`insights`: sessions, devices, completion and what else is counted from plays in order."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.cli import common


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("insights")(insights)


def insights(
    question: Annotated[
        str,
        typer.Argument(
            help="`sessions`, `devices`, `personal clocks`, `completion`, `binges`, `surfaces`, `concentration`, "
            "`release decay`, `rising and fading`, `what follows what`, `watched together`, `silence and return` or "
            "`first week`."
        ),
    ],
    data: common.DataOption = "sample",
    as_json: common.JsonOption = False,
) -> None:
    """Answer one question of the explore pages; the first run counts, later ones read what was counted."""
    from analysis.patterns.insights import ask

    with common.progress() as progress:
        found = ask(common.dataset(data), question, progress=progress)
    common.emit(found, as_json)
