"""Files that came through the browser: kept in the workspace until they have been imported, and no longer."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from analysis.errors import DataError
from analysis.workspace import Workspace

KEPT_SECONDS = 24 * 3600
"""Uploads that were never imported go after a day."""


def save(workspace: Workspace, files: Iterable[tuple[str, IO[bytes]]], *, limit: int) -> Path:
    """Write uploaded files into a folder of their own.

    Args:
        workspace: The workspace.
        files: Name and content of each.
        limit: Bytes that all of them may have together.

    Returns:
        The file where there is one, the folder where there are several.

    Raises:
        DataError: They are larger than the limit, two have the same name, or there is none.
    """
    sweep(workspace)
    folder = _uploads(workspace) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        saved = []
        left = limit
        for name, content in files:
            # A browser sends only a name, but a hand-made request may send a path.
            plain = Path(name.replace("\\", "/")).name
            if plain in ("", ".", ".."):
                raise DataError(f"{name!r} is no name of a file.", "Rename it and choose it again.")
            if (folder / plain).exists():
                raise DataError(f"Two files are called {plain}.", "Choose each file once.")
            left -= _copy(content, folder / plain, left, limit)
            saved.append(folder / plain)
        if not saved:
            raise DataError("No file was chosen.", "Choose one.")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return saved[0] if len(saved) == 1 else folder


def folder_of(source: Path) -> Path | None:
    """The folder that was made for an upload, or None where `source` is none."""
    for folder in (source.absolute(), *source.absolute().parents):
        if folder.parent == _uploads(Workspace()):
            return folder
    return None


def sweep(workspace: Workspace) -> None:
    """Remove uploads that nobody imported within a day."""
    for folder in _uploads(workspace).glob("*"):
        if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _uploads(workspace: Workspace) -> Path:
    return workspace.home / "uploads"


def _copy(content: IO[bytes], target: Path, left: int, limit: int) -> int:
    written = 0
    with target.open("wb") as sink:
        while block := content.read(1 << 20):
            written += len(block)
            if written > left:
                raise DataError(
                    f"The upload is larger than {limit / 1024**2:,.0f} MB.",
                    "Import it by its path on the machine, with `python -m analysis data import PATH`.",
                )
            sink.write(block)
    return written
