"""The tables of a dataset and their columns: the one place where names, types and limits are written down."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from analysis.errors import DataError

TIME = pa.timestamp("us")
"""Every time is stored without a zone: `…_at` columns in UTC, `…_local` columns as the viewer's wall clock."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Column name.
        type: Arrow type.
        doc: What a value says, with its unit.
        required: Whether a table without it is refused; its values may not be null.
        low: Smallest value that makes sense, or None.
        high: Largest value that makes sense, or None.
        choices: The words allowed, or empty for any.
    """

    name: str
    type: pa.DataType
    doc: str
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: Table name.
        row: What one row stands for.
        columns: Its columns, in their stored order.
        key: Columns that together name a row once; empty where repeats are meaningful.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema with all columns."""
        return pa.schema([pa.field(c.name, c.type, nullable=not c.required) for c in self.columns])

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which the table is refused."""
        return tuple(c.name for c in self.columns if c.required)

    def column(self, name: str) -> Column:
        """The column called `name`."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(c.name for c in self.columns)
        raise DataError(f"Table {self.name} has no column {name!r}.", f"Its columns are: {known}.")


KINDS = ("film", "series")
DEVICES = ("tv", "computer", "phone", "tablet")
SURFACES = ("row", "search", "continue", "notification")

_INT, _TEXT, _REAL, _FLAG, _DATE = pa.int64(), pa.string(), pa.float64(), pa.bool_(), pa.date32()

TITLES = Table(
    "titles",
    "one film or series",
    (
        Column("title_id", _INT, "number of the title", required=True),
        Column("name", _TEXT, "name as shown", required=True),
        Column("kind", _TEXT, "film or series", choices=KINDS),
        Column("genres", pa.list_(_TEXT), "genres, most fitting first"),
        Column("released_on", _DATE, "first day it can be watched"),
        Column("minutes", _REAL, "running time of the film or of one episode, in minutes", low=0),
        Column("episodes", _INT, "episodes of a series, 1 for a film", low=1),
        Column("language", _TEXT, "two-letter code of the language it is in"),
        Column("source_id", _TEXT, "the title's id in the file it came from"),
    ),
    key=("title_id",),
)

TITLE_LINKS = Table(
    "title_links",
    "one edge of the knowledge graph",
    (
        Column("title_id", _INT, "number of the title", required=True),
        Column("relation", _TEXT, "has_genre, stars, directed_by, about or another relation", required=True),
        Column("entity", _TEXT, "what it is linked to", required=True),
    ),
)

VIEWERS = Table(
    "viewers",
    "one profile",
    (
        Column("viewer_id", _INT, "number of the viewer", required=True),
        Column("name", _TEXT, "profile name, where the source has one"),
        Column("joined_on", _DATE, "first day"),
        Column("left_on", _DATE, "last day, or null"),
        Column("country", _TEXT, "two-letter country code"),
        Column("region", _TEXT, "region of the country, as in the calendar"),
        Column("time_zone", _TEXT, "IANA time zone"),
        Column("language", _TEXT, "two-letter code of the language of the profile"),
        Column("age_band", _TEXT, "age band"),
        Column("plan", _TEXT, "plan paid for"),
        Column("household_id", _INT, "number of the household"),
        Column("source_id", _TEXT, "the viewer's id in the file it came from"),
    ),
    key=("viewer_id",),
)

MEMBERSHIPS = Table(
    "memberships",
    "one time that a viewer was subscribed",
    (
        Column("viewer_id", _INT, "who was subscribed", required=True),
        Column("joined_on", _DATE, "first day, of joining or of coming back", required=True),
        Column("left_on", _DATE, "day from which it had ended, or null"),
    ),
    key=("viewer_id", "joined_on"),
)

ARTWORKS = Table(
    "artworks",
    "one picture that a title is shown with",
    (
        Column("title_id", _INT, "number of the title", required=True),
        Column("artwork_id", _INT, "artwork variant", required=True),
        Column("shows", _TEXT, "genre that the picture stresses"),
    ),
    key=("title_id", "artwork_id"),
)

VIEWS = Table(
    "views",
    "one play",
    (
        Column("view_id", _INT, "number of the play", required=True),
        Column("viewer_id", _INT, "who watched", required=True),
        Column("title_id", _INT, "what was watched", required=True),
        Column("season", _INT, "season of the series, counted from 1", low=1),
        Column("episode", _INT, "episode of the series, or of its season where that is known, counted from 1", low=1),
        Column("episode_name", _TEXT, "name of the episode"),
        Column("started_at", TIME, "start in UTC", required=True),
        Column("started_local", TIME, "start on the viewer's wall clock", required=True),
        Column("minutes", _REAL, "minutes watched", low=0, high=1440),
        Column("completion", _REAL, "share of the running time watched", low=0, high=1),
        Column("device", _TEXT, "device", choices=DEVICES),
        Column("surface", _TEXT, "where on the page the play began", choices=SURFACES),
        Column("pauses", _INT, "number of pauses", low=0),
        Column("skips", _INT, "number of skips", low=0),
        Column("is_repeat", _FLAG, "whether this viewer had watched this title (this episode) before"),
        Column("session_id", _INT, "number of the session"),
    ),
    key=("view_id",),
)

IMPRESSIONS = Table(
    "impressions",
    "one title shown in one place",
    (
        Column("session_id", _INT, "number of the session", required=True),
        Column("viewer_id", _INT, "who saw the page", required=True),
        Column("shown_at", TIME, "time in UTC", required=True),
        Column("title_id", _INT, "title shown", required=True),
        Column("row", _INT, "row of the page, counted from 0", low=0),
        Column("column", _INT, "place in the row, counted from 0", low=0),
        Column("artwork_id", _INT, "artwork variant"),
        Column("policy", _TEXT, "name of the policy that placed it"),
        Column("propensity", _REAL, "probability with which the policy placed this title here", low=0, high=1),
        Column("clicked", _FLAG, "whether it was clicked"),
        Column("minutes", _REAL, "minutes watched after the click", low=0),
    ),
)

RATINGS = Table(
    "ratings",
    "one explicit rating",
    (
        Column("viewer_id", _INT, "who rated", required=True),
        Column("title_id", _INT, "what was rated", required=True),
        Column("rated_at", TIME, "time in UTC, or null where the source has none"),
        Column("stars", _REAL, "the rating on the source's own scale", required=True, low=0, high=100),
    ),
)

SEARCHES = Table(
    "searches",
    "one query",
    (
        Column("viewer_id", _INT, "who searched", required=True),
        Column("session_id", _INT, "number of the session"),
        Column("searched_at", TIME, "time in UTC", required=True),
        Column("query", _TEXT, "what was typed", required=True),
        Column("title_id", _INT, "title chosen, or null"),
    ),
)

ASSIGNMENTS = Table(
    "assignments",
    "one viewer in one experiment",
    (
        Column("experiment_id", _TEXT, "name of the experiment", required=True),
        Column("viewer_id", _INT, "who was assigned", required=True),
        Column("variant", _TEXT, "variant", required=True),
        Column("assigned_at", TIME, "time in UTC", required=True),
    ),
)

CALENDAR = Table(
    "calendar",
    "one day in one region",
    (
        Column("date", _DATE, "day", required=True),
        Column("region", _TEXT, "two-letter country code, or a region of a country", required=True),
        Column("holiday", _TEXT, "name of the public holiday, or null"),
        Column("is_school_holiday", _FLAG, "whether schools are closed", required=True),
        Column("school_share", _REAL, "share of the schools that are closed", low=0, high=1),
    ),
    key=("date", "region"),
)

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        TITLES,
        TITLE_LINKS,
        VIEWERS,
        MEMBERSHIPS,
        VIEWS,
        IMPRESSIONS,
        ARTWORKS,
        RATINGS,
        SEARCHES,
        ASSIGNMENTS,
        CALENDAR,
    )
}
"""All tables by name."""


def table(name: str) -> Table:
    """The table called `name`."""
    if name not in TABLES:
        raise DataError(f"There is no table {name!r}.", f"The tables of a dataset are: {', '.join(TABLES)}.")
    return TABLES[name]


def conform(name: str, data: pa.Table) -> pa.Table:
    """Cast `data` to the table's stored columns and order; absent optional columns stay absent.

    Raises:
        DataError: A required column is missing or holds nulls, a column is unknown, or a value can't be cast.
    """
    wanted = table(name)
    known = {c.name for c in wanted.columns}
    unknown = [c for c in data.column_names if c not in known]
    if unknown:
        raise DataError(
            f"Table {name} has unknown column{'s' if len(unknown) > 1 else ''} {', '.join(map(repr, unknown))}.",
            f"Its columns are: {', '.join(c.name for c in wanted.columns)}.",
        )
    missing = [c for c in wanted.required if c not in data.column_names]
    if missing:
        raise DataError(
            f"Table {name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))}.",
            f"It has: {', '.join(data.column_names) or 'no columns'}. Add or rename them.",
        )
    arrays: list[pa.ChunkedArray] = []
    fields: list[pa.Field] = []
    for column in wanted.columns:
        if column.name not in data.column_names:
            continue
        array = data[column.name]
        try:
            array = array.cast(column.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"Column {name}.{column.name} can't be read as {column.type}: {error}.",
                f"It should hold {column.doc}.",
            ) from error
        if column.required and array.null_count:
            raise DataError(
                f"Column {name}.{column.name} is empty in {array.null_count:,} of {len(array):,} rows.",
                "Fill those rows or leave them out.",
            )
        arrays.append(array)
        fields.append(pa.field(column.name, column.type, nullable=not column.required))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
