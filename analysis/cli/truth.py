"""`truth`: what is true of a simulated dataset, and how near the estimates come."""

from __future__ import annotations

import typer

from analysis.cli import common


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("truth")(truth)


def truth(data: common.DataOption = "sample", as_json: common.JsonOption = False) -> None:
    """Hold every estimate to the known truth of a simulated dataset: truth, estimate, 95 % interval, covered."""
    from analysis.truth import truth_table

    with common.progress() as progress:
        found = truth_table(common.dataset(data), progress=progress)
    common.emit(found, as_json)
