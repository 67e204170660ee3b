"""Reading what spreadsheets write: decimal commas, currency signs, yes and no, dates of other countries, epoch seconds.

A column is turned only where every one of its values fits one way of writing; what could be read in two ways stays as
it is, and the reader is asked to decide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

VARIANT_NAME = re.compile(
    r"variant|variation|^groupe?$|[_ ]groupe?$|^gruppe$|^arm$|bucket|treatment|condition|cell", re.IGNORECASE
)
_TIME_NAME = re.compile(r"time|date|stamp|(^|_)ts$|_at$|_on$|seen|when|datum", re.IGNORECASE)

_YES, _NO = ("yes", "ja", "oui", "si", "sí", "y"), ("no", "nein", "non", "n")

_SIGN = r"[-+−]?\s?(?:[$€£¥]|EUR|USD|GBP|CHF)?\s?"
_UNIT = r"\s?(?:[$€£¥%]|EUR|USD|GBP|CHF)?"
_COMMA = rf"{_SIGN}(?:\d{{1,3}}(?:[.’' ]\d{{3}})+|\d+)(?:,\d+)?{_UNIT}"
"""1.234,50 and 12,5 and 7."""
_POINT = rf"{_SIGN}(?:\d{{1,3}}(?:[,’' ]\d{{3}})+|\d+)(?:\.\d+)?{_UNIT}"
"""1,234.50 and 12.5 and 7."""
_CLOCK = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", "T%H:%M", ", %H:%M", ", %H:%M:%S")
_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y")

_SAMPLE = 100
"""Rows looked at first, so that only columns that may be turned are looked at in full."""


def tidied(relation: duckdb.DuckDBPyRelation) -> tuple[duckdb.DuckDBPyRelation, tuple[str, ...]]:
    """A table with numbers and times where text can only mean such, and one sentence a column of note."""
    may: list[tuple[str, Turn]] = []
    texts = []
    for name, dtype in zip(relation.columns, relation.types, strict=True):
        if str(dtype) == "VARCHAR":
            texts.append(name)
            may += [(name, turn) for turn in _text(name, _quoted(name))]
        elif _TIME_NAME.search(name) and str(dtype) in ("BIGINT", "DOUBLE", "INTEGER"):
            may += [(name, turn) for turn in _epochs(_quoted(name))]
    # Few rows rule out almost everything; what is left is held against all rows.
    for rows in (relation.limit(_SAMPLE), relation):
        may = [each for each, good in zip(may, _hold(rows, may, rows is relation), strict=True) if good]
    turns: dict[str, Turn] = {}
    for name, turn in may:
        turns.setdefault(name, turn)
    notes = [f"{name} was read as {turn[2]}." for name, turn in turns.items()]
    notes += [
        f"{name} is not read as times: they are written in different ways, or could be read in two."
        for name in texts
        if name not in turns and _TIME_NAME.search(name)
    ]
    if not turns:
        return relation, tuple(notes)
    chosen = [f"{turns[c][1]} AS {_quoted(c)}" if c in turns else _quoted(c) for c in relation.columns]
    return relation.project(", ".join(chosen)), tuple(notes)


Turn = tuple[str, str, str]
"""What all values must meet, the column turned, and how that is said."""


def _text(name: str, column: str) -> list[Turn]:
    value = f"trim({column})"
    found: list[Turn] = []
    if not VARIANT_NAME.search(name):
        words = ", ".join(_literal(w) for w in (*_YES, *_NO))
        yes = ", ".join(_literal(w) for w in _YES)
        found.append((f"lower({value}) IN ({words})", f"(lower({value}) IN ({yes}))::INTEGER", "yes and no"))
        for shape, other, point, groups, said in (
            (_POINT, _COMMA, ".", r"[^0-9.eE+\-]", "numbers with a decimal point"),
            (_COMMA, _POINT, ",", r"[^0-9,eE+\-]", "numbers with a decimal comma"),
        ):
            plain = f"regexp_replace(replace({value}, '−', '-'), {_literal(groups)}, '', 'g')"
            fits = f"regexp_full_match({value}, {_literal(shape)})"
            # A column of values that both ways of writing allow is nobody's to decide but its owner's.
            sure = f"NOT regexp_full_match({value}, {_literal(other)})"
            found.append((f"{fits}#{sure}", f"replace({plain}, {_literal(point)}, '.')::DOUBLE", said))
        whole = f"regexp_full_match({value}, {_literal(_SIGN + r'[0-9]+' + _UNIT)})"
        digits = f"regexp_replace(replace({value}, '−', '-'), {_literal(r'[^0-9-]')}, '', 'g')::DOUBLE"
        signed = f"NOT regexp_full_match({value}, '[0-9]+')"
        found.append((f"{whole}#{signed}", digits, "numbers beside a sign"))
    for day in _DATES:
        formats = "[" + ", ".join(_literal(day + clock) for clock in _CLOCK) + "]"
        parsed = f"try_strptime({value}, {formats})"
        turned = {"%d/%m/%Y": "%m/%d/%Y", "%m/%d/%Y": "%d/%m/%Y"}.get(day)
        condition = f"{parsed} IS NOT NULL"
        if turned:
            swapped = "[" + ", ".join(_literal(turned + clock) for clock in _CLOCK) + "]"
            condition += f"#try_strptime({value}, {swapped}) IS NULL"
        found.append((condition, parsed, f"times written as {_spelled(day)}"))
    return found


def _epochs(column: str) -> list[Turn]:
    return [
        (f"{column} BETWEEN {low} AND {high}", f"epoch_ms(({column} * {scale})::BIGINT)", said)
        for low, high, scale, said in (
            (9e8, 2.5e9, 1000, "seconds since 1970"),
            (9e11, 2.5e12, 1, "milliseconds since 1970"),
        )
    ]


def _hold(relation: duckdb.DuckDBPyRelation, may: list[tuple[str, Turn]], whole: bool) -> list[bool]:
    """Whether all values of each column meet its condition, by one query.

    Behind a `#` stands what at least one must meet besides; that is asked of all rows only.
    """
    if not may:
        return []
    spec = []
    for name, (condition, _, _) in may:
        every, _, some = condition.partition("#")
        filled = f"{_quoted(name)} IS NOT NULL AND trim({_quoted(name)}::VARCHAR) <> ''"
        spec.append(f"count(*) FILTER ({filled}) = count(*) FILTER ({filled} AND ({every}))")
        if whole:
            spec.append(f"count(*) FILTER ({filled} AND ({some or every})) > 0")
        else:
            spec.append("true")
    row = relation.aggregate(", ".join(spec)).fetchall()[0]
    return [bool(row[2 * i] and row[2 * i + 1]) for i in range(len(may))]


def _spelled(day: str) -> str:
    names = {"%d": "day", "%m": "month", "%Y": "year", "%b": "month’s name"}
    for code, word in names.items():
        day = day.replace(code, word)
    return day


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
