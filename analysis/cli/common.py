"""What all commands share: their options, how a result and an error are printed, and progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TextIO

import typer

if TYPE_CHECKING:
    from analysis.data import Dataset
    from analysis.errors import PrimetimeError
    from analysis.results import Progress, Result

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
DataOption = Annotated[
    str, typer.Option("--data", help="The dataset: `sample`, a name in the workspace, or a dataset's folder.")
]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, help="Seed of the random numbers; the same seed, the same result.")
]

GenreOption = Annotated[str | None, typer.Option("--genre", help="Only this genre.")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Only this device.")]
CountryOption = Annotated[str | None, typer.Option("--country", help="Only viewers of this country.")]
KindOption = Annotated[str | None, typer.Option("--kind", help="Only `film` or `series`.")]

SHOWN_ROWS = 50
"""Rows of a table that are printed; `--json` gives all of them."""

debug = False
"""Whether `--debug` was given."""

_reporter: Progress | None = None
_stdout: TextIO | None = None


class Ending(Protocol):
    """What is told how the command ended (a job's record)."""

    def end(self, problem: PrimetimeError | None) -> None:
        """Called once, with the problem or with None when all went well."""


def dataset(name: str) -> Dataset:
    """Open the dataset that `--data` names."""
    from analysis.workspace import Workspace

    return Workspace().dataset(name)


def emit(result: Result, as_json: bool) -> None:
    """Print a command's result on standard output: one JSON document, or the summary and the table.

    Call it once, at the end of the command.
    """
    if as_json:
        print(json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False), file=_stdout, flush=True)
        return
    print(result.summary())
    _print_table(result)


def show_error(error: PrimetimeError, as_json: bool) -> None:
    """Print what went wrong and what to do: on standard error, and with `--json` also as the JSON document."""
    print(f"Error: {error.problem}\n{error.remedy}", file=sys.stderr)
    if as_json:
        print(
            json.dumps({"error": {"problem": error.problem, "remedy": error.remedy}}, ensure_ascii=False), file=_stdout
        )


@contextmanager
def only_json(as_json: bool) -> Iterator[None]:
    """With `--json`, keep standard output for the one document: what a library prints goes to standard error."""
    global _stdout
    if not as_json:
        yield
        return
    _stdout = sys.stdout
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _stdout = None


def report_to(reporter: Progress) -> None:
    """Send progress to `reporter` (a job's record) instead of the terminal."""
    global _reporter
    _reporter = reporter


@contextmanager
def progress() -> Iterator[Progress]:
    """A callable for `progress=`: the job's record, a bar on a terminal's standard error, or silence."""
    if _reporter is not None:
        yield _reporter
        return
    if not sys.stderr.isatty():
        yield lambda share, message: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share, message: bar.update(task, completed=min(max(share, 0.0), 1.0), description=message)


def _print_table(result: Result) -> None:
    frame = result.to_frame()
    if not len(frame):
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in frame.columns:
        number = frame[name].dtype.kind in "iuf"
        table.add_column(str(name), justify="right" if number else "left", overflow="fold")
    for row in frame.head(SHOWN_ROWS).itertuples(index=False):
        table.add_row(*(cell(value) for value in row))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        # Nothing is lost to a pipe's assumed 80 columns.
        console.width = 200
    console.print()
    console.print(table)
    if len(frame) > SHOWN_ROWS:
        print(f"… and {len(frame) - SHOWN_ROWS:,} rows more; --json gives all of them.")


def cell(value: Any) -> str:
    """A value as a person reads it: four digits that matter, thousands parted, a dash where there is none.

    >>> [cell(v) for v in (0.0312345, 12345.678, 3.0, None, float("nan"), True, ["Drama", "Crime"])]
    ['0.03123', '12,346', '3', '–', '–', 'yes', 'Drama, Crime']
    """
    if value is None or value != value:
        return "–"
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset) or type(value).__name__ == "ndarray":
        return ", ".join(cell(item) for item in value)
    if isinstance(value, int | float):
        # Below ten thousand it may be a year; without parting it reads well either way.
        if abs(value) >= 10_000:
            return f"{value:,.0f}"
        return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:.6g}"
    return str(value)
