"""Files as they come: what they really are, their encoding, their first lines."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import DataError

HEAD = 256 * 1024
"""Bytes looked at to tell what a file is."""

SNIFFED_LINES = 200

# A value may be as long as what is looked at; Python's own bound is half of that.
csv.field_size_limit(max(csv.field_size_limit(), HEAD))

DELIMITERS = (",", ";", "\t", "|")

# First bytes of what people upload by mistake. A zip and a Parquet file are known too: they are right in other places.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x04", "a Python pickle"),
    (b"ARROW1", "an Arrow file"),
)

EXPECTED = "Expected a text table (CSV), a Parquet file, or a zip of them"


def kind_of(file: Path) -> str:
    """What a file's bytes say it is: `zip`, `parquet` or `text`.

    Raises:
        DataError: It is missing, empty, or something else.
    """
    if not file.is_file():
        raise DataError(f"There is no file {file}.", "Check the path.")
    head = read_head(file)
    if not head.strip(b"\0 \r\n\t\xef\xbb\xbf"):
        raise DataError(f"{file.name} is empty.", "Export or download it again.")
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return "zip"
    if head.startswith(b"PAR1"):
        return "parquet"
    for magic, words in _MAGIC:
        if head.startswith(magic):
            raise DataError(f"{file.name} is {words}.", f"{EXPECTED}.")
    start = head[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise DataError(f"{file.name} is a web page.", "Download the file itself, not the page that shows it.")
    if start.startswith((b"{", b"[{")):
        raise DataError(f"{file.name} is JSON.", f"{EXPECTED}.")
    # Looked for first: the mark of UTF-32 begins with that of UTF-16.
    utf32 = head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE))
    if utf32 or (b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))):
        raise DataError(
            f"{file.name} is not a text file that can be read: it holds zero bytes.",
            f"{EXPECTED}. If it is a table, save it again as UTF-8.",
        )
    return "text"


def check_extension(file: Path, kind: str) -> None:
    """Refuse a file whose name promises something else than its bytes hold.

    Raises:
        DataError: The name's ending and the content disagree.
    """
    suffix = file.suffix.lower()
    if kind == "zip" and suffix in (".xlsx", ".xlsm", ".ods", ".docx"):
        raise DataError(f"{file.name} is an Excel or office document.", "Save it as CSV and import that.")
    if kind == "zip" and suffix != ".zip":
        raise DataError(f"{file.name} is a zip archive by its content.", "Rename it so that it ends in .zip.")
    if kind == "parquet" and suffix not in (".parquet", ".pq"):
        raise DataError(f"{file.name} is a Parquet file by its content.", "Rename it so that it ends in .parquet.")
    if kind == "text" and suffix in (".zip", ".parquet", ".pq"):
        raise DataError(
            f"{file.name} ends in {suffix} but holds plain text.", "Rename it to .csv, or download it again."
        )


def read_head(file: Path, size: int = HEAD) -> bytes:
    """The first bytes of a file."""
    try:
        with file.open("rb") as handle:
            return handle.read(size)
    except OSError as error:
        raise DataError(f"{file} can't be read ({error.strerror}).", "Check its permissions and the disk.") from error


def lines_of(text: str) -> list[str]:
    """The lines of a text, parted at line ends only: `splitlines` parts at eight other characters too."""
    lines = re.split(r"\r\n|\r|\n", text)
    return lines[:-1] if lines[-1] == "" else lines


def head_lines(file: Path, count: int = SNIFFED_LINES) -> list[str]:
    """The first whole lines of a text file, decoded as well as can be."""
    head = read_head(file)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head.decode("utf-16", errors="replace")
    else:
        try:
            text = head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # A character may be cut in two where the head ends.
            cut = error.start >= len(head) - 3 and len(head) == HEAD
            text = head[: error.start].decode("utf-8-sig") if cut else head.decode("cp1252", errors="replace")
    lines = lines_of(text)
    if len(head) == HEAD and len(lines) > 1:
        lines = lines[:-1]
    return lines[:count]


def as_utf8(file: Path, scratch: Path) -> tuple[Path, str | None]:
    """The file itself where it is UTF-8 with line ends of one kind, otherwise a copy that is; and a note, or None.

    A line that is not UTF-8 is read as Windows-1252, of which Latin-1 text is a part; so a file may mix the two.
    """
    # Under its own name, which messages show.
    copy = scratch / "utf8" / file.name
    copy.parent.mkdir(exist_ok=True)
    if read_head(file, 4).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with (
            file.open(encoding="utf-16", errors="replace") as source,
            copy.open("w", encoding="utf-8", newline="") as sink,
        ):
            while text := source.read(1 << 20):
                sink.write(text)
        return copy, f"{file.name} was read as UTF-16."
    is_utf8, one_end = _look_through(file)
    if is_utf8 and one_end:
        return file, None
    with file.open("rb") as lines, copy.open("wb") as target:
        for line in lines:
            ended = line if one_end else _ended(line)
            if not is_utf8 and not _decodes(ended):
                ended = ended.decode("cp1252", errors="replace").encode("utf-8")
            target.write(ended)
    if is_utf8:
        return copy, f"{file.name} ends its lines in several ways."
    return copy, f"{file.name} is not all UTF-8: those lines were read as Windows-1252 (Latin-1)."


def _ended(line: bytes) -> bytes:
    """A line with one plain end; a lone carriage return within it is a space."""
    return line.rstrip(b"\r\n").replace(b"\r", b" ") + b"\n"


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _look_through(file: Path) -> tuple[bool, bool]:
    """Whether a file is UTF-8, and whether all its lines end in one way, as the reader of tables needs it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, pairs, returns, feeds, last = True, 0, 0, 0, b""
    with file.open("rb") as handle:
        while block := handle.read(1 << 20):
            pairs += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
            returns, feeds, last = returns + block.count(b"\r"), feeds + block.count(b"\n"), block[-1:]
            try:
                # Plain ASCII, by far the most common, is told faster than it is decoded.
                if is_utf8 and (not block.isascii() or decoder.getstate()[0]):
                    decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    kinds = (pairs, returns - pairs, feeds - pairs)
    return is_utf8, sum(count > 0 for count in kinds) <= 1


@dataclass(frozen=True)
class TextTable:
    """How a text file is cut into columns.

    Attributes:
        file: Path.
        columns: Column names, from the header or from the layout.
        delimiter: What stands between values.
        quote: The quotation mark, or empty where the layout has none.
        header: Whether the first line names the columns.
    """

    file: Path
    columns: tuple[str, ...]
    delimiter: str = ","
    quote: str = '"'
    header: bool = True


def sniff(file: Path) -> TextTable:
    """How an unknown text file with a header is cut: by what gives the same number of values on most lines.

    Raises:
        DataError: No delimiter cuts its lines into at least two columns, or it has no row below the header.
    """
    lines = [line for line in head_lines(file) if line.strip()]
    scores = {d: _regularity(lines, d) for d in DELIMITERS}
    delimiter = max(scores, key=lambda d: scores[d])
    if scores[delimiter] == 0:
        shown = lines[0][:80] if lines else ""
        raise DataError(
            f"{file.name} is not a table: its lines are not cut by commas, semicolons, tabs or bars. "
            f"It begins with {shown!r}.",
            f"{EXPECTED}.",
        )
    if len(lines) < 2:
        raise DataError(f"{file.name} has a header but no rows.", "Export it again, with its rows.")
    header = tuple(name.strip() for name in cut(lines[0], delimiter))
    # SQL takes names that differ only in case for the same.
    folded = [name.lower() for name in header]
    doubles = [name for name in header if folded.count(name.lower()) > 1]
    if doubles or "" in header:
        fault = "has a column without a name"
        if doubles and doubles[0]:
            other = next((name for name in doubles if name.lower() == doubles[0].lower() and name != doubles[0]), None)
            fault = f"names the column {doubles[0]!r} twice" + (f", once as {other!r}" if other else "")
        raise DataError(f"The header of {file.name} {fault}.", "Give every column a name of its own.")
    return TextTable(file, header, delimiter)


def cut(line: str, delimiter: str, quote: str = '"') -> list[str]:
    """The values of one line."""
    if len(delimiter) > 1 or not quote:
        return line.split(delimiter)
    return next(csv.reader(io.StringIO(line), delimiter=delimiter, quotechar=quote), [])


def _regularity(lines: Sequence[str], delimiter: str) -> float:
    """Share of lines with as many values as the header, plus a little for more columns; 0 for one column."""
    widths = [len(cut(line, delimiter)) for line in lines]
    if not widths or widths[0] < 2:
        return 0.0
    return sum(w == widths[0] for w in widths) / len(widths) + widths[0] / 1e6


def require_columns(table: TextTable, wanted: Sequence[str], layout: str) -> TextTable:
    """The table with the header's names spelled as in `wanted`, whatever their case or order.

    Raises:
        DataError: One is missing.
    """
    spelled = {name.lower(): name for name in wanted}
    columns = tuple(spelled.get(name.lower(), name) for name in table.columns)
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise DataError(
            f"{table.file.name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
            f"{layout} has {', '.join(wanted)}; found {', '.join(table.columns)}.",
        )
    return TextTable(table.file, columns, table.delimiter, table.quote, table.header)


def require_width(table: TextTable, layout: str) -> None:
    """Check on the first lines that a file without a header has the layout's columns.

    Raises:
        DataError: Most lines are cut into another number of values.
    """
    lines = [line for line in head_lines(table.file) if line.strip()]
    widths = [len(cut(line, table.delimiter, table.quote)) for line in lines]
    right = sum(w == len(table.columns) for w in widths)
    if right * 2 < len(widths) or not widths:
        shown = lines[0][:80] if lines else ""
        raise DataError(
            f"{table.file.name} does not have the {len(table.columns)} columns of {layout} "
            f"({table.delimiter.join(table.columns)}). It begins with {shown!r}.",
            "Check that this is the right file.",
        )
