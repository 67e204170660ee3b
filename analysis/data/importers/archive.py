"""Zip archives from strangers: looked at before anything is written, and never believed."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from analysis.data.importers.files import HEAD
from analysis.errors import DataError
from analysis.results import Progress

MAX_MEMBERS = 2_000
MAX_BYTES = 20 * 1024**3
"""Unpacked size of all that is read; the largest public rating set is well under 5 GB."""

MAX_RATIO = 200
"""Unpacked to packed size. Text tables pack 3 to 15 times; above this it is made to fill a disk."""

RATIO_FROM = 10 * 1024**2
"""Members smaller than this are not judged by their ratio: a short file of one repeated value packs very well."""

READABLE = frozenset(
    {".csv", ".tsv", ".txt", ".dat", ".data", ".item", ".user", ".genre", ".occupation", ".parquet", ".pq"}
)
_UNPACK_YOURSELF = "Unpack the archive yourself, look at it, and import the folder."


@contextmanager
def opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """An archive that has passed every check of its directory.

    Raises:
        DataError: It is damaged, encrypted, too large, or has members that no honest archive has.
    """
    try:
        with zipfile.ZipFile(archive) as opened_archive:
            _check(archive, opened_archive.infolist())
            yield opened_archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError(f"{archive.name} is a damaged or unusual zip ({error}).", "Download it again.") from error


def members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members that may hold data: no folders, no operating system's leavings, no other kinds of files."""
    return [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and PurePosixPath(info.filename).suffix.lower() in READABLE
        and not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(info.filename).parts)
    ]


def unpack_heads(archive: Path, into: Path) -> None:
    """Write the first bytes of every readable member below `into`, enough to tell which layout it is."""
    with opened(archive) as zipped:
        found = members(zipped)
        if not found:
            nested = [i.filename for i in zipped.infolist() if i.filename.lower().endswith(".zip")]
            held = ", ".join(i.filename for i in zipped.infolist()[:5]) or "nothing"
            if nested:
                raise DataError(f"{archive.name} holds a zip ({nested[0]}).", "Unpack it once and import that zip.")
            raise DataError(f"{archive.name} holds no table. It holds: {held}.", "Expected CSV, .dat or Parquet files.")
        for info in found:
            # Parquet keeps its directory at the end, so its head says nothing.
            whole = info.filename.lower().endswith((".parquet", ".pq"))
            _write(zipped, info, into, info.file_size if whole else HEAD)


def unpack(archive: Path, names: Sequence[str], into: Path, progress: Progress | None = None) -> None:
    """Write the named members below `into`.

    Raises:
        DataError: A member is larger than the archive says, or the disk has no room for it.
    """
    with opened(archive) as zipped:
        chosen = [zipped.getinfo(name) for name in names]
        needed = sum(info.file_size for info in chosen)
        free = shutil.disk_usage(into).free
        if needed > free * 0.9:
            raise DataError(
                f"{archive.name} unpacks to {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB left.",
                "Make room, or set PRIMETIME_HOME to a larger disk.",
            )
        for done, info in enumerate(chosen):
            if progress:
                progress(done / len(chosen), f"Unpacking {info.filename}")
            _write(zipped, info, into, info.file_size)


def _check(archive: Path, infos: Sequence[zipfile.ZipInfo]) -> None:
    name = archive.name
    if len(infos) > MAX_MEMBERS:
        raise DataError(f"{name} has {len(infos):,} members; at most {MAX_MEMBERS:,} are read.", _UNPACK_YOURSELF)
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
            raise DataError(f"{name} has a member that climbs out of it: {info.filename!r}.", "Nothing was unpacked.")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(f"{name} has a symbolic link: {info.filename!r}.", "Nothing was unpacked.")
        if info.flag_bits & 0x1:
            raise DataError(f"{name} is encrypted ({info.filename!r}).", _UNPACK_YOURSELF)
        if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(1, info.compress_size):
            raise DataError(
                f"{info.filename!r} in {name} unpacks to {info.file_size / max(1, info.compress_size):,.0f} times its "
                f"size; at most {MAX_RATIO} times is read (a zip bomb).",
                _UNPACK_YOURSELF,
            )
    total = sum(info.file_size for info in infos)
    packed = archive.stat().st_size
    if total > RATIO_FROM and total > MAX_RATIO * packed:
        raise DataError(
            f"{name} unpacks to {total / packed:,.0f} times its size; at most {MAX_RATIO} times is read (a zip bomb).",
            _UNPACK_YOURSELF,
        )
    if total > MAX_BYTES:
        raise DataError(
            f"{name} unpacks to {total / 1e9:,.1f} GB; at most {MAX_BYTES / 1e9:,.0f} GB is read.", _UNPACK_YOURSELF
        )


def _write(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, into: Path, limit: int) -> None:
    target = into.joinpath(*PurePosixPath(info.filename.replace("\\", "/")).parts)
    if not target.resolve().is_relative_to(into.resolve()):
        raise DataError(f"A member climbs out of the archive: {info.filename!r}.", "Nothing was unpacked.")
    target.parent.mkdir(parents=True, exist_ok=True)
    left = limit
    with zipped.open(info) as source, target.open("wb") as sink:
        while left > 0 and (block := source.read(min(left, 1 << 20))):
            sink.write(block)
            left -= len(block)
        # zipfile checks the size that the directory states; this holds even where it lies.
        if limit == info.file_size and source.read(1):
            raise DataError(f"{info.filename!r} is larger than the archive says.", _UNPACK_YOURSELF)
