"""The tables beside the ratings: films with their years and genres, people, tags and links."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.data.importers.files import TextTable
from analysis.data.importers.staging import Check, Run, integer, name_of, raw, stage

NO_GENRES = "(no genres listed)"


def stage_films(
    run: Run, table: TextTable, label: str, id_column: str, name_column: str, genres: str, released_on: str = "NULL"
) -> str:
    """Read a list of films, `Name (year)`; gives a relation with `title_id`, `full_name`, `genres`, `source_id`.

    Args:
        run: The import.
        table: The file.
        label: Its name in messages.
        id_column: Column of the film's number.
        name_column: Column of the name.
        genres: SQL over raw columns that gives the list of genres.
        released_on: SQL over raw columns that gives the exact date where the source has one.
    """
    values = {
        "title_id": integer(id_column),
        "full_name": f"nullif(trim({raw(name_column)}), '')",
        "genres": genres,
        "source_id": raw(id_column),
        "dated": f"CAST({released_on} AS DATE)",
    }
    checks = [
        Check("title_id IS NULL", id_column, "the film is not a whole number"),
        Check("full_name IS NULL", name_column, "the film has no name"),
    ]
    return stage(run, table, label, values, checks)


def genre_list(column: str) -> str:
    """SQL for the genres in a text like `Drama|Crime`."""
    return f"list_filter(string_split({raw(column)}, '|'), lambda g: g <> '' AND g <> '{NO_GENRES}')"


def write_films(run: Run, films: str, label: str) -> None:
    """Write films as titles, and their genres as links.

    A name keeps its year only where another film of the same name would be taken for it.

    Args:
        run: The import.
        films: Relation of `stage_films`.
        label: Name of the file in messages.
    """
    # `M*A*S*H (a.k.a. MASH) (1970)`: the year is the last four digits in brackets.
    sql = f"""
        SELECT title_id, 'film' AS kind, genres, source_id,
               CASE WHEN count(*) OVER (PARTITION BY plain) > 1 THEN full_name ELSE plain END AS name,
               coalesce(dated, CASE WHEN year BETWEEN 1870 AND 2100 THEN make_date(year, 1, 1) END) AS released_on
        FROM (
            SELECT *, try_cast(regexp_extract(full_name, '\\((\\d{{4}})\\)\\s*$', 1) AS INTEGER) AS year,
                   coalesce(nullif(regexp_replace(full_name, '\\s*\\(\\d{{4}}\\)\\s*$', ''), ''), full_name) AS plain
            FROM {films}
            QUALIFY row_number() OVER (PARTITION BY title_id ORDER BY line) = 1)
        ORDER BY title_id"""
    rows = run.write("titles", sql, 0.85, 0.9, f"Reading {label}")
    ((staged,),) = run.query(f"SELECT count(*) FROM {films}")
    run.tally.drop(label, "the same film as an earlier row", staged - rows)
    ((exact,),) = run.query(f"SELECT count(dated) FROM {films}")
    if not exact:
        run.note("Release dates are known by year only: 1 January stands for the year.")
    genres = f"SELECT title_id, unnest(genres) AS entity FROM {films}"
    write_links(run, [f"SELECT title_id, 'has_genre' AS relation, entity FROM ({genres})"])


def name_unknown_films(run: Run) -> None:
    """Where a source lists no films, name them by their number, so that every page can show them."""
    rated = f"SELECT DISTINCT title_id FROM {run.part('ratings')}"
    run.write(
        "titles",
        f"SELECT title_id, 'Title ' || title_id AS name, 'film' AS kind, CAST(title_id AS VARCHAR) AS source_id "
        f"FROM ({rated}) ORDER BY title_id",
    )
    run.note("The files have no names of titles, only their numbers.")


def write_links(run: Run, relations: Sequence[str]) -> None:
    """Write edges (`title_id`, `relation`, `entity`), each once."""
    union = " UNION ALL ".join(f"({sql})" for sql in relations)
    run.write(
        "title_links",
        f"SELECT DISTINCT title_id, relation, entity FROM ({union}) WHERE entity IS NOT NULL "
        "ORDER BY title_id, relation, entity",
    )


def write_people(run: Run, people: str | None = None, columns: Sequence[str] = ()) -> None:
    """Write everybody who rated as a viewer, with what a list of people (`viewer_id` and `columns`) says of them."""
    rated = f"SELECT viewer_id, CAST(viewer_id AS VARCHAR) AS source_id FROM {run.part('ratings')} GROUP BY viewer_id"
    if people is None:
        run.write("viewers", f"SELECT * FROM ({rated}) ORDER BY viewer_id", 0.9, 0.95, "Writing viewers")
        return
    extra = ", ".join(f"any_value({name_of(c)}) AS {name_of(c)}" for c in columns)
    known = f"SELECT viewer_id, {extra} FROM {people} GROUP BY viewer_id"
    run.write(
        "viewers",
        f"SELECT rated.*, known.* EXCLUDE (viewer_id) FROM ({rated}) rated LEFT JOIN ({known}) known "
        "USING (viewer_id) ORDER BY viewer_id",
        0.9,
        0.95,
        "Writing viewers",
    )
