"""`data import`, `data check`, `data list`: bring files in, and look at what a dataset holds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from analysis.cli import common


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(no_args_is_help=True)
    group.command("import")(import_files)
    group.command("check")(check)
    group.command("list")(list_datasets)
    app.add_typer(group, name="data", help="Datasets: bring files in, and look at what is there.")


def import_files(
    source: Annotated[Path, typer.Argument(help="A file, a folder or a zip archive.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the dataset; by default the file's.")] = None,
    target: Annotated[
        Path | None, typer.Option("--target", help="Folder to write to; by default one in the workspace.")
    ] = None,
    time_zone: Annotated[
        str, typer.Option("--time-zone", help="IANA zone of wall clocks, such as Europe/Berlin.")
    ] = "UTC",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Correct what is guessed of an unknown table, such as viewer=customer or time_format='day first'. "
            "Give it as often as needed; an empty column removes a role.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the dataset of that name once the new one is complete.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard-source", help="Delete the folder of the source afterwards.", hidden=True)
    ] = False,
    as_json: common.JsonOption = False,
) -> None:
    """Import MovieLens, MovieTweetings, a Netflix export, or any CSV or Parquet table."""
    from analysis.data.importers import import_data, propose_mapping

    try:
        with common.progress() as progress:
            report = import_data(
                source,
                target=target,
                name=name,
                mapping=propose_mapping(source).changed(columns) if columns else None,
                time_zone=time_zone,
                progress=progress,
                replace=replace,
            )
    finally:
        if discard:
            _discard(source)
    common.emit(report, as_json)
    if not as_json:
        for bad in report.bad_rows:
            column = f", column {bad.column}" if bad.column else ""
            print(f"{bad.file}, line {bad.line}{column}: {bad.reason}: {bad.value!r}")
        for note in report.notes:
            print(note)


def check(
    data: Annotated[
        str, typer.Argument(metavar="DATASET", help="`sample`, a name in the workspace, or a dataset's folder.")
    ] = "sample",
    as_json: common.JsonOption = False,
) -> None:
    """Look for what is missing, repeated, orphaned or implausible in a dataset."""
    from analysis.data.quality import check as check_quality

    common.emit(check_quality(common.dataset(data)), as_json)


def list_datasets(as_json: common.JsonOption = False) -> None:
    """List the sample and the datasets of the workspace."""
    from analysis.data.listing import list_datasets as listing
    from analysis.workspace import Workspace

    common.emit(listing(Workspace()), as_json)


def _discard(source: Path) -> None:
    """Remove an upload once it has been read; nothing outside of the workspace's uploads is touched."""
    from analysis.data.uploads import folder_of

    folder = folder_of(source)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
