"""What is wrong with a dataset, and how much of it: counted by lazy queries, nothing is loaded whole."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

import narwhals as nw
import pandas as pd
import pyarrow as pa

from analysis import engine
from analysis.data import schema
from analysis.data.dataset import Dataset, Tables
from analysis.results import Result, counted

Severity = Literal["fine", "look", "wrong"]

TIMES = {"views": "started_at", "ratings": "rated_at", "impressions": "shown_at", "searches": "searched_at"}
"""The time of each table that has one, in UTC."""

REFERENCES = ("title_id", "viewer_id")
CATALOGUES = {"title_id": "titles", "viewer_id": "viewers"}

REPEATS = {
    "views": ("viewer_id", "title_id", "started_at"),
    "ratings": ("viewer_id", "title_id", "rated_at"),
    "assignments": ("experiment_id", "viewer_id"),
}
"""Columns that together should name a row once, beside a table's own key."""

KEYS_AT_ONCE = 8_000_000
"""Repeats are counted in hash buckets of about this many rows, which bounds memory."""

BUSY_RANGES = 3.0
"""A viewer is implausibly busy beyond this many interquartile ranges above the third quartile, of log counts: what
Tukey (1977) calls far out."""

MAX_MINUTES = 24 * 60


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        table: Table.
        column: Column or columns, or empty for the whole table.
        check: What was looked at.
        rows: Rows concerned.
        share: Share of the table's rows, 0–1.
        severity: `fine`, `look` (may be right) or `wrong`.
        detail: In words.
    """

    table: str
    column: str
    check: str
    rows: int
    share: float
    severity: Severity
    detail: str


@dataclass(frozen=True)
class QualityReport(Result):
    """What `check` found.

    Attributes:
        name: Name of the dataset.
        rows: Rows of each table.
        first: First view on its viewer's wall clock, or where there are none, first rating on that of `time_zone`.
        last: The last, on the same clock.
        time_zone: Zone of wall clocks where viewers have none of their own.
        findings: All that was looked at, worst first.
        dropped: Rows left out at import, as (file, reason, rows).
        notes: The dataset's own notes.
    """

    name: str
    rows: dict[str, int]
    first: dt.datetime | None
    last: dt.datetime | None
    time_zone: str
    findings: tuple[Finding, ...]
    dropped: tuple[tuple[str, str, int], ...]
    notes: tuple[str, ...]

    @property
    def days(self) -> int:
        """Calendar days from the first time to the last, both counted; 0 where nothing carries a time."""
        return (self.last.date() - self.first.date()).days + 1 if self.first and self.last else 0

    @property
    def problems(self) -> tuple[Finding, ...]:
        """Findings that are not fine."""
        return tuple(f for f in self.findings if f.severity != "fine")

    def summary(self) -> str:
        """How large the dataset is, which time it covers, and how much is wrong with it."""
        rows = " and ".join(counted(self.rows[t], t) for t in ("views", "ratings") if self.rows.get(t))
        when = f" from {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}" if self.first and self.last else ""
        wrong = [f for f in self.findings if f.severity == "wrong"]
        look = [f for f in self.findings if f.severity == "look"]
        verdict = "nothing is wrong with it"
        if wrong:
            verdict = f"{len(wrong)} thing{'s are' if len(wrong) > 1 else ' is'} wrong, the first: {wrong[0].detail}"
        elif look:
            verdict = f"nothing is wrong, {counted(len(look), 'things')} to look at"
        lost = sum(rows for _, _, rows in self.dropped)
        left_out = f" {counted(lost, 'rows')} {'was' if lost == 1 else 'were'} left out at import." if lost else ""
        return f"{self.name} holds {rows}{when}; {verdict.rstrip('.')}.{left_out}"

    def to_frame(self) -> pd.DataFrame:
        """One row a finding: severity, table, column, check, rows, share, detail."""
        return _frame(self.findings)

    def problems_frame(self) -> pd.DataFrame:
        """The same, of the findings that are not fine."""
        return _frame(self.problems)

    def dropped_frame(self) -> pd.DataFrame:
        """One row a file and reason: what was left out at import."""
        return pd.DataFrame(list(self.dropped), columns=["file", "reason", "rows"])


def _frame(findings: tuple[Finding, ...]) -> pd.DataFrame:
    columns = ["severity", "table", "column", "check", "rows", "share", "detail"]
    return pd.DataFrame([[getattr(f, c) for c in columns] for f in findings], columns=columns)


def check(dataset: Dataset, *, now: dt.datetime | None = None) -> QualityReport:
    """Look for what is missing, repeated, orphaned or implausible.

    Args:
        dataset: The dataset.
        now: Time in UTC, without a zone, after which a time lies in the future; the clock's by default.
    """
    now = now or dt.datetime.now(dt.UTC).replace(tzinfo=None)
    findings: list[Finding] = []
    first: dt.datetime | None = None
    last: dt.datetime | None = None
    with dataset.read() as tables:
        for table in tables:
            facts = _facts(tables[table], table, now)
            findings += _missing(table, facts) + _outliers(table, facts)
            # Only of what the pages count: ratings don't know their viewer's clock, and would add days at both ends.
            if table == ("views" if "views" in tables else "ratings") and facts.get("first") is not None:
                first, last = _on_the_clock(table, (facts["first"], facts["last"]), dataset.info.time_zone)
            findings += _repeats(tables, table, facts["rows"])
            findings += _orphans(tables, table, facts["rows"])
        for table in ("views", "ratings"):
            if table in tables:
                findings.append(_busiest(tables[table], table, dataset.info.rows(table)))
    findings += _altered(dataset)
    stored = dataset.info.import_report.get("dropped", [])
    order = {"wrong": 0, "look": 1, "fine": 2}
    return QualityReport(
        name=dataset.name,
        rows={table: dataset.info.rows(table) for table in dataset.tables},
        first=first,
        last=last,
        time_zone=dataset.info.time_zone,
        findings=tuple(sorted(findings, key=lambda f: (order[f.severity], -f.rows))),
        dropped=tuple((str(d.get("file")), str(d.get("reason")), int(d.get("rows", 0))) for d in stored),
        notes=dataset.info.notes,
    )


def _facts(frame: nw.LazyFrame[Any], table: str, now: dt.datetime) -> dict[str, Any]:
    """Everything one scan of a table can tell: nulls, limits broken, first and last time."""
    have = frame.collect_schema().names()
    wanted = schema.table(table)
    asks: dict[str, nw.Expr] = {"rows": nw.len()}
    for column in wanted.columns:
        if column.name not in have:
            continue
        value = nw.col(column.name)
        asks[f"null {column.name}"] = value.is_null().sum()
        if pa.types.is_floating(column.type):
            asks[f"nan {column.name}"] = value.is_nan().sum()
        if column.low is not None:
            asks[f"low {column.name}"] = (value < column.low).sum()
        if column.high is not None:
            # NaN compares above every number; it is counted on its own.
            above = value > column.high
            asks[f"high {column.name}"] = (
                above & ~value.is_nan() if pa.types.is_floating(column.type) else above
            ).sum()
        if column.choices:
            asks[f"words {column.name}"] = (~value.is_in(column.choices)).sum()
    if (time := TIMES.get(table)) in have and time is not None:
        clock = "started_local" if "started_local" in have else time
        asks["first"], asks["last"] = nw.col(clock).min(), nw.col(clock).max()
        asks["future"] = (nw.col(time) > now).sum()
        asks["ancient"] = (nw.col(time) < dt.datetime(1990, 1, 1)).sum()
    row = engine.to_arrow(frame.select(**asks)).to_pylist()[0]
    # DuckDB sums to decimals.
    return {name: value if name in ("first", "last") else int(value or 0) for name, value in row.items()}


def _on_the_clock(table: str, span: tuple[dt.datetime, dt.datetime], zone: str) -> tuple[dt.datetime, dt.datetime]:
    """First and last time on the wall clock, which views carry and ratings don't: the days that every page counts."""
    if table == "views":
        return span
    first, last = (at.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in span)
    return first, last


def _altered(dataset: Dataset) -> list[Finding]:
    """Part files that were changed after they had been written: what is shown is not what was imported."""
    found = []
    for file in dataset.altered():
        table = file.split("/")[0]
        detail = f"the file {file} was changed after it had been written; import the data again"
        rows = dataset.info.rows(table)
        found.append(Finding(table, "", "altered", rows, 1.0, "wrong", detail))
    return found


def _missing(table: str, facts: dict[str, Any]) -> list[Finding]:
    found = []
    for column in schema.table(table).columns:
        empty = facts.get(f"null {column.name}", 0) + facts.get(f"nan {column.name}", 0)
        if f"null {column.name}" not in facts:
            continue
        # An optional value may be missing by nature: a film has no episode, a viewer has not left.
        severity: Severity = "fine" if not empty else "wrong" if column.required else "look"
        if not column.required and (empty == facts["rows"] or column.name in _MAY_BE_EMPTY):
            severity = "fine"
        share = empty / max(1, facts["rows"])
        detail = f"{table}.{column.name} is empty in {counted(empty, 'rows')} ({share:.1%})"
        found.append(Finding(table, column.name, "missing", empty, share, severity, detail))
    return found


_MAY_BE_EMPTY = frozenset(
    {"season", "episode", "episode_name", "left_on", "holiday", "title_id", "session_id", "surface"}
)


def _outliers(table: str, facts: dict[str, Any]) -> list[Finding]:
    found = []
    rows = max(1, facts["rows"])

    def add(column: str, check: str, count: int, words: str, severity: Severity = "wrong") -> None:
        level: Severity = severity if count else "fine"
        detail = f"{column} {words} in {counted(count, table)}"
        found.append(Finding(table, column, check, count, count / rows, level, detail))

    for column in schema.table(table).columns:
        name = column.name
        if f"low {name}" in facts:
            add(name, "too low", facts[f"low {name}"], f"is below {column.low:g}")
        if f"high {name}" in facts:
            top = "24 hours" if column.high == MAX_MINUTES and name == "minutes" else f"{column.high:g}"
            add(name, "too high", facts[f"high {name}"], f"is above {top}")
        if f"words {name}" in facts:
            add(name, "unknown word", facts[f"words {name}"], f"is none of {', '.join(column.choices)}")
    if "future" in facts:
        add(TIMES[table], "future", facts["future"], "lies in the future")
        add(TIMES[table], "before 1990", facts["ancient"], "lies before 1990", "look")
    return found


def _repeats(tables: Tables, table: str, rows: int) -> list[Finding]:
    """Rows whose key an earlier row has, counted bucket by bucket."""
    have = tables[table].collect_schema().names()
    buckets = 1 + rows // KEYS_AT_ONCE
    found = []
    for key, severity in ((schema.table(table).key, "wrong"), (REPEATS.get(table, ()), "look")):
        if not key or not set(key) <= set(have):
            continue
        columns = ", ".join(f'"{name}"' for name in key)
        relation = tables[table].to_native()
        extra = 0
        for bucket in range(buckets):
            part = f"SELECT {columns} FROM rows_of_table WHERE hash({columns}) % {buckets} = {bucket}"
            sql = f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM ({part}) GROUP BY {columns})"
            extra += int(relation.query("rows_of_table", sql).fetchall()[0][0])
        level: Severity = "fine" if not extra else "wrong" if severity == "wrong" else "look"
        words = f"{' and '.join(key)} {'are those' if len(key) > 1 else 'is that'}"
        detail = f"{words} of an earlier row in {counted(extra, table)}"
        found.append(Finding(table, ", ".join(key), "repeated", extra, extra / max(1, rows), level, detail))
    return found


def _orphans(tables: Tables, table: str, rows: int) -> list[Finding]:
    """Rows whose title or viewer is in no catalogue."""
    found = []
    have = tables[table].collect_schema().names()
    for column in REFERENCES:
        catalogue = CATALOGUES[column]
        if table == catalogue or column not in have or catalogue not in tables:
            continue
        known = tables[catalogue].select(column).unique()
        lost = tables[table].filter(~nw.col(column).is_null()).join(known, on=column, how="anti")
        answer = engine.to_arrow(lost.select(rows=nw.len(), ids=nw.col(column).n_unique())).to_pylist()[0]
        count, ids = int(answer["rows"] or 0), counted(int(answer["ids"] or 0), catalogue)
        detail = f"{column} names {ids} that the catalogue does not list, in {counted(count, table)}"
        level: Severity = "look" if count else "fine"
        found.append(Finding(table, column, "orphaned", count, count / max(1, rows), level, detail))
    return found


def _busiest(frame: nw.LazyFrame[Any], table: str, rows: int) -> Finding:
    """Viewers with implausibly many rows, by Tukey's fences on the logarithm of the counts, which are skewed."""
    counts = frame.group_by("viewer_id").agg(n=nw.len()).with_columns(log=nw.col("n").log())
    quartiles = engine.to_arrow(
        counts.select(
            low=nw.col("log").quantile(0.25, interpolation="linear"),
            high=nw.col("log").quantile(0.75, interpolation="linear"),
        )
    ).to_pylist()[0]
    fence = quartiles["high"] + BUSY_RANGES * max(quartiles["high"] - quartiles["low"], 0.1)
    busy = counts.filter(nw.col("log") > fence)
    answer = engine.to_arrow(busy.select(viewers=nw.len(), rows=nw.col("n").sum(), most=nw.col("n").max())).to_pylist()[
        0
    ]
    viewers, concerned = int(answer["viewers"]), int(answer["rows"] or 0)
    level: Severity = "look" if viewers else "fine"
    most = f" (up to {answer['most']:,})" if viewers else ""
    detail = f"implausibly many {table} for {counted(viewers, 'viewers')}{most}"
    return Finding(table, "viewer_id", "implausibly many", concerned, concerned / max(1, rows), level, detail)
