"""`truth`: what is true of a simulated dataset, and how near the estimates come."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.cli import common


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("truth")(truth)


def truth(
    data: common.DataOption = "sample",
    keep: Annotated[
        bool, typer.Option("--keep", help="Estimate anew, and keep the estimates beside the dataset for the page.")
    ] = False,
    as_json: common.JsonOption = False,
) -> None:
    """Hold every estimate to the known truth of a simulated dataset: truth, estimate, 95 % interval, covered."""
    from analysis import truth as known

    dataset = common.dataset(data)
    with common.progress() as progress:
        found = known.truth_table(dataset, fresh=keep, progress=progress)
    if keep:
        known.keep(dataset, found)
    common.emit(found, as_json)
