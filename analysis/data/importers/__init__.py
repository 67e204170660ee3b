"""Bringing data in: `import_data` turns files of a known layout, or any table with a mapping, into a dataset."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from analysis.data.importers.layouts import UPLOAD, Layout, detect
from analysis.data.importers.mapping import ColumnMapping, propose_mapping
from analysis.data.importers.report import BadRow, Dropped, ImportReport, Tally
from analysis.data.importers.staging import Run, connected
from analysis.data.writer import DatasetWriter
from analysis.errors import DataError, ParameterError
from analysis.results import Progress, plain
from analysis.workspace import Workspace

__all__ = [
    "BadRow",
    "ColumnMapping",
    "Dropped",
    "ImportReport",
    "Layout",
    "detect",
    "import_data",
    "propose_mapping",
    "suggest_name",
]

LONGEST_NAME = 200
"""Characters of a dataset's name; no list could show more."""

_IMPORTERS = {
    "movielens-100k": "movielens:import_100k",
    "movielens-dat": "movielens:import_dat",
    "movielens-csv": "movielens:import_csv",
    "movietweetings": "movietweetings:run_import",
    "netflix-activity": "netflix:import_activity",
    "netflix-history": "netflix:import_history",
}


def import_data(
    source: str | Path,
    *,
    target: str | Path | None = None,
    name: str | None = None,
    mapping: ColumnMapping | None = None,
    time_zone: str = "UTC",
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    replace: bool = False,
) -> ImportReport:
    """Read files once, in bounded memory, and write them as a dataset; a kill leaves no half one.

    Args:
        source: A file, a folder or a zip archive; see `detect` for the layouts known.
        target: Folder of the dataset; by default one in the workspace, called after `name`.
        name: Name of the dataset; by default the file's.
        mapping: Columns of a table of no known layout; by default what `propose_mapping` guesses. Giving one reads
            any single file as such a table.
        time_zone: IANA zone of wall clocks (times are stored in UTC as well).
        workspace: Workspace to write to; by default the one `PRIMETIME_HOME` names.
        progress: Called with the share done and a few words.
        replace: Whether an existing dataset of that folder or name is replaced once the new one is complete.

    Returns:
        What was read, kept and left out.

    Raises:
        DataError: The source is missing, unsafe, of no known layout, or most of its rows can't be used.
        ParameterError: The time zone is unknown.
    """
    began = time.monotonic()
    source = Path(source).expanduser()
    check_time_zone(time_zone)
    report = progress or (lambda _share, _words: None)
    report(0.0, "Looking at the files")
    layout = detect(source)
    if mapping is not None and layout.key != "table":
        if len(layout.files) > 1:
            raise DataError(
                f"{source.name} is {layout.title} and needs no column mapping.", "Import it without a mapping."
            )
        layout = Layout("table", "table with a column mapping", "An imported table", "", "imported",
                        {"table": next(iter(layout.files.values()))}, layout.archive)  # fmt: skip
    name = _one_line(name or suggest_name(source, layout))
    folder = _folder(target, name, workspace or Workspace(), replace)
    writer = DatasetWriter(
        folder,
        name=name,
        source=layout.source,
        licence=layout.licence,
        time_zone=time_zone,
        kind=layout.kind,
        replace=replace,
        numbered=target is None and not replace,
    )
    with writer, connected(writer.scratch) as connection:
        run = Run(writer, connection, writer.scratch, time_zone, report)
        layout = layout.unpacked(run)
        if layout.key == "table":
            from analysis.data.importers import tabular

            mapping = mapping or propose_mapping(layout.files["table"])
            tabular.run_import(run, layout, mapping)
        else:
            _importer(layout.key)(run, layout)
        report(0.97, "Finishing")
        writer.import_report = {
            "layout": layout.key,
            "time_precision": run.time_precision,
            "mapping": plain(mapping) if layout.key == "table" else None,
            **run.tally.stored(),
        }
        notes = tuple(writer.notes)
    report(1.0, "Done")
    return _report(writer, layout, name, time_zone, run.tally, notes, time.monotonic() - began)


def check_time_zone(time_zone: str) -> None:
    """Refuse a zone that is not in the IANA database.

    Raises:
        ParameterError: It is unknown.
    """
    try:
        ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise ParameterError(
            f"There is no time zone {time_zone!r}.", "Use an IANA name such as Europe/Berlin or America/New_York."
        ) from error


def _one_line(name: str) -> str:
    """A name without line ends and control characters.

    Raises:
        ParameterError: It is longer than any list could show.
    """
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split()) or "dataset"
    if len(name) > LONGEST_NAME:
        raise ParameterError(
            f"The name {name[:30]}… has {len(name):,} characters; at most {LONGEST_NAME} are kept.",
            "Choose a shorter one.",
        )
    return name


def _importer(key: str) -> Callable[[Run, Layout], None]:
    module, function = _IMPORTERS[key].split(":")
    found: Callable[[Run, Layout], None] = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return found


def suggest_name(source: Path, layout: Layout) -> str:
    """A name for a dataset: the folder's or file's name, made readable; the layout's own where that says nothing."""
    stem = source.resolve().name if source.is_dir() else source.stem
    words = re.sub(r"[_\s]+", " ", stem).strip()
    nameless = words.lower() in ("", "u", "ratings", "data") or UPLOAD.fullmatch(words)
    return layout.title if nameless else words


def _folder(target: str | Path | None, name: str, workspace: Workspace, replace: bool) -> Path:
    if target is not None:
        return Path(target).expanduser()
    workspace.datasets.mkdir(parents=True, exist_ok=True)
    return workspace.dataset_folder(name) if replace else workspace.new_dataset_folder(name)


def _report(
    writer: DatasetWriter,
    layout: Layout,
    name: str,
    time_zone: str,
    tally: Tally,
    notes: tuple[str, ...],
    seconds: float,
) -> ImportReport:
    from analysis.data.dataset import Dataset

    written = Dataset.open(writer.target)
    return ImportReport(
        name=name,
        folder=writer.target,
        layout=layout.title,
        time_zone=time_zone,
        rows={table: written.info.rows(table) for table in written.tables},
        rows_read=dict(tally.rows_read),
        dropped=tally.by_reason(),
        bad_rows=tally.first_bad_rows(),
        notes=notes,
        seconds=seconds,
        content_hash=written.content_hash,
    )
