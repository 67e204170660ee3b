"""Which layout a path, a folder or an archive has."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.data.dataset import MANIFEST
from analysis.data.importers import archive
from analysis.data.importers.files import as_utf8, check_extension, head_lines, kind_of, sniff
from analysis.data.importers.staging import Run
from analysis.errors import DataError

UPLOAD = re.compile(r"[0-9a-f]{32}")
"""The folder of an upload has a number for a name, which says nothing to anybody."""

DEPTH = 3
"""Folders below the given one that are looked into."""

ACTIVITY_COLUMNS = ("Profile Name", "Start Time", "Duration", "Title")
HISTORY_COLUMNS = ("Title", "Date")
HISTORY_WORDS = (
    {
        "title", "titel", "titre", "título", "titolo", "titulo", "tytuł", "tittel", "nimi", "cím", "název", "titlu",
        "başlık", "タイトル", "제목", "片名",
    },
    {"date", "datum", "fecha", "data", "dato", "päivämäärä", "dátum", "tarih", "dată", "日付", "날짜", "日期"},
)  # fmt: skip
"""The two words in the languages Netflix is in, in small letters."""
MOVIELENS_COLUMNS = ("userId", "movieId", "rating", "timestamp")

KNOWN = (
    "MovieLens (u.data; ratings.dat and movies.dat; or ratings.csv and movies.csv), MovieTweetings (ratings.dat and "
    "movies.dat), Netflix (ViewingActivity.csv or NetflixViewingHistory.csv), or one CSV or Parquet table"
)


@dataclass(frozen=True)
class Layout:
    """What was found.

    Attributes:
        key: `movielens-100k`, `movielens-dat`, `movielens-csv`, `movietweetings`, `netflix-activity`,
            `netflix-history` or `table`.
        title: The layout in words.
        source: Where such data comes from, for the dataset's own record.
        licence: Licence of such data.
        kind: `imported`, or `personal` for a person's own export.
        files: Role (ratings, movies, users, tags, links, table, …) to file; within the archive where there is one.
        archive: The zip that holds the files, or None.
    """

    key: str
    title: str
    source: str
    licence: str
    kind: str
    files: Mapping[str, Path]
    archive: Path | None = None

    def label(self, role: str) -> str:
        """Name of a role's file in messages."""
        return self.files[role].name

    def text(self, role: str, run: Run) -> Path:
        """A role's file as UTF-8; says in the notes where it had to be decoded otherwise."""
        file, note = as_utf8(self.files[role], run.scratch)
        if note:
            run.note(note)
        return file

    def offers(self, role: str, run: Run, *, header: bool = True) -> bool:
        """Whether a file that the import can do without is there and has rows; says in the notes where it has none."""
        if role not in self.files:
            return False
        if sum(bool(line.strip()) for line in head_lines(self.text(role, run))) > header:
            return True
        run.note(f"{self.label(role)} has no rows, so nothing was taken from it.")
        return False

    def unpacked(self, run: Run) -> Layout:
        """The same layout with its files on disk, unpacked from the archive where there is one."""
        if self.archive is None:
            return self
        into = run.scratch / "unpacked"
        into.mkdir()
        names = [file.as_posix() for file in self.files.values()]
        archive.unpack(self.archive, names, into, lambda share, words: run.report(share * 0.05, words))
        return replace(self, files={role: into / file for role, file in self.files.items()}, archive=None)


_GROUPLENS = ("GroupLens Research, University of Minnesota", "GroupLens terms: research use, no redistribution")

_MOVIELENS_100K = Layout("movielens-100k", "MovieLens 100k", *_GROUPLENS, "imported", {})
_MOVIELENS_DAT = Layout("movielens-dat", "MovieLens 1M or 10M", *_GROUPLENS, "imported", {})
_MOVIELENS_CSV = Layout("movielens-csv", "MovieLens CSV", *_GROUPLENS, "imported", {})
_MOVIETWEETINGS = Layout(
    "movietweetings", "MovieTweetings", "MovieTweetings (Dooms et al., 2013)", "MIT", "imported", {}
)
_ACTIVITY = Layout(
    "netflix-activity", "Netflix viewing activity", "A person's own Netflix export", "personal data", "personal", {}
)
_HISTORY = Layout(
    "netflix-history", "Netflix viewing history", "A person's own Netflix export", "personal data", "personal", {}
)
_TABLE = Layout("table", "table with a column mapping", "An imported table", "", "imported", {})


def detect(path: str | Path) -> Layout:
    """Say which layout a file, a folder or a zip archive has; only the beginnings of files are read.

    Raises:
        DataError: It is missing, empty, unsafe, or of no known layout; the message says what was expected and found.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _detect_folder(path, "The upload" if UPLOAD.fullmatch(path.name) else path.name)
    kind = kind_of(path)
    check_extension(path, kind)
    if kind != "zip":
        return _detect_file(path, kind)
    with tempfile.TemporaryDirectory(prefix="primetime-") as folder:
        archive.unpack_heads(path, Path(folder))
        found = _detect_folder(Path(folder), path.name)
        # Real paths on both sides: a temporary folder may be reached through a link.
        inside = {role: file.resolve().relative_to(Path(folder).resolve()) for role, file in found.files.items()}
        return replace(found, files=inside, archive=path)


def _detect_folder(folder: Path, shown: str) -> Layout:
    if (folder / MANIFEST).is_file():
        raise DataError(f"{shown} is a dataset already.", "Open it by its folder; it needs no import.")
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and file.suffix.lower() in archive.READABLE
        and len(file.relative_to(folder).parts) <= DEPTH
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
    for matches in (_is_100k, _is_dat, _is_movielens_csv, _is_activity, _is_history):
        chosen = [file for file in files if _quietly(matches, file)]
        if chosen:
            shallow = min(len(file.parts) for file in chosen)
            first = [file for file in chosen if len(file.parts) == shallow]
            if len(first) > 1:
                names = " and ".join(str(file.relative_to(folder)) for file in first[:2])
                raise DataError(f"{shown} holds several files to import: {names}.", "Import one of them by its path.")
            return _detect_file(first[0], "text")
    tables = [file for file in files if file.suffix.lower() in (".csv", ".tsv", ".parquet", ".pq")]
    if len(tables) == 1:
        return _detect_file(tables[0], kind_of(tables[0]))
    names = ", ".join(str(file.relative_to(folder)) for file in files[:8]) or "no table"
    more = f" and {len(files) - 8} more" if len(files) > 8 else ""
    raise DataError(
        f"{shown} has none of the layouts that can be imported. Expected {KNOWN}. Found: {names}{more}.",
        "Choose the folder that holds the ratings, or import one table at a time.",
    )


def _detect_file(file: Path, kind: str) -> Layout:
    if kind == "parquet":
        return replace(_TABLE, files={"table": file})
    if _is_100k(file):
        beside = _beside(file, items="u.item", users="u.user", genres="u.genre")
        return replace(_MOVIELENS_100K, files={"ratings": file, **beside})
    if _is_dat(file):
        tweets = _has_imdb_ids(file)
        beside = _beside(file, movies="movies.dat", users="users.dat")
        return replace(_MOVIETWEETINGS if tweets else _MOVIELENS_DAT, files={"ratings": file, **beside})
    if _is_movielens_csv(file):
        beside = _beside(file, movies="movies.csv", tags="tags.csv", links="links.csv")
        return replace(_MOVIELENS_CSV, files={"ratings": file, **beside})
    if _is_activity(file):
        return replace(_ACTIVITY, files={"activity": file})
    if _is_history(file):
        return replace(_HISTORY, files={"history": file})
    first = next(iter(head_lines(file, 1)), "")
    if "::" in first or file.name.lower() in ("u.item", "u.user", "u.genre"):
        raise DataError(
            f"{file.name} holds no ratings. Expected lines like user::movie::rating::time; found {first[:80]!r}.",
            "Import the file with the ratings (ratings.dat or u.data), with this one beside it, or their folder.",
        )
    sniff(file)
    return replace(_TABLE, files={"table": file})


def _beside(file: Path, **roles: str) -> dict[str, Path]:
    """Files of these names in the same folder, whatever the case of the names."""
    names = {other.name.lower(): other for other in file.parent.iterdir() if other.is_file()}
    return {role: names[name] for role, name in roles.items() if name in names and names[name] != file}


def _is_100k(file: Path) -> bool:
    return _most_lines(file, r"\d+\t\d+\t[1-5]\t\d{8,10}")


def _is_dat(file: Path) -> bool:
    return _most_lines(file, r"\d+::\d+::\d+(\.\d+)?::\d+")


def _has_imdb_ids(file: Path) -> bool:
    """MovieTweetings numbers films as IMDb does, with at least seven digits; MovieLens with at most six."""
    films = [line.split("::")[1] for line in head_lines(file) if line.count("::") == 3]
    return sum(len(film) >= 7 for film in films) * 2 > len(films)


def _is_movielens_csv(file: Path) -> bool:
    return _header(file) == MOVIELENS_COLUMNS


def _is_activity(file: Path) -> bool:
    return set(ACTIVITY_COLUMNS) <= set(_header(file))


def _is_history(file: Path) -> bool:
    names = _header(file)
    return len(names) == 2 and all(name.lower() in words for name, words in zip(names, HISTORY_WORDS, strict=True))


def _header(file: Path) -> tuple[str, ...]:
    """Names in the first line of a comma-separated file, without spaces and quotation marks."""
    if file.suffix.lower() in (".parquet", ".pq"):
        return ()
    first = next(iter(head_lines(file, 1)), "")
    # Some years of Netflix' export say "Start Time (UTC)".
    return tuple(name.strip().strip('"').removesuffix(" (UTC)") for name in first.split(","))


def _most_lines(file: Path, pattern: str) -> bool:
    if file.suffix.lower() in (".parquet", ".pq", ".csv", ".tsv"):
        return False
    lines = [line for line in head_lines(file, 50) if line.strip()]
    return bool(lines) and sum(bool(re.fullmatch(pattern, line.strip())) for line in lines) * 2 > len(lines)


def _quietly(matches: Callable[[Path], bool], file: Path) -> bool:
    """Whether a file of a folder matches; files that hold something else altogether don't."""
    try:
        return kind_of(file) == "text" and matches(file)
    except DataError:
        return False
