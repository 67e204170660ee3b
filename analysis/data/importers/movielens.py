"""MovieLens (Harper and Konstan, 2015) in its layouts: 100k (`u.data`), 1M and 10M (`::`), latest to 32M (CSV)."""

from __future__ import annotations

from dataclasses import replace

from analysis.data.importers.catalogue import (
    genre_list,
    name_unknown_films,
    stage_films,
    write_films,
    write_links,
    write_people,
)
from analysis.data.importers.files import TextTable, require_columns, require_width, sniff
from analysis.data.importers.layouts import MOVIELENS_COLUMNS, Layout
from analysis.data.importers.staging import (
    Check,
    Run,
    integer,
    missing,
    name_of,
    number,
    rating_checks,
    raw,
    stage,
    time_checks,
    unix_seconds,
    write_ratings,
)

SCALE = (0.5, 5.0)

GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""Meaning of the 19 flags of `u.item`, in their order."""

AGE_BANDS = ((18, "under 18"), (25, "18–24"), (35, "25–34"), (45, "35–44"), (50, "45–49"), (56, "50–55"))
"""The bands of MovieLens 1M: each ends below its first number; 56 and more come last."""


def import_100k(run: Run, layout: Layout) -> None:
    """Write ratings, films with exact release dates, and people with their age."""
    table = TextTable(layout.text("ratings", run), ("user id", "item id", "rating", "timestamp"), "\t", "", False)
    _ratings(run, table, layout.label("ratings"), SCALE)
    if "items" in layout.files:
        label = layout.label("items")
        flags = tuple(f"genre {name}" for name in GENRES_100K)
        columns = ("movie id", "movie title", "release date", "video release date", "IMDb URL", *flags)
        items = TextTable(layout.text("items", run), columns, "|", "", header=False)
        require_width(items, "MovieLens 100k's u.item")
        chosen = ", ".join(f"CASE WHEN {raw(f)} = '1' THEN '{n.replace(chr(39), chr(39) * 2)}' END" for f, n in
                           zip(flags[1:], GENRES_100K[1:], strict=True))  # fmt: skip
        genres = f"list_filter([{chosen}], lambda g: g IS NOT NULL)"
        dated = f"CAST(try_strptime({raw('release date')}, '%d-%b-%Y') AS DATE)"
        films = stage_films(run, items, label, "movie id", "movie title", genres, released_on=dated)
        write_films(run, films, label)
    else:
        name_unknown_films(run)
    _people(run, layout, ("user id", "age", "gender", "occupation", "zip code"), "|", "user id", "age")


def import_dat(run: Run, layout: Layout, scale: tuple[float, float] = SCALE, has_people: bool = True) -> None:
    """Write ratings, films and, from 1M's `users.dat`, people with their age band."""
    table = TextTable(layout.text("ratings", run), ("user", "movie", "rating", "time"), "::", "", header=False)
    _ratings(run, table, layout.label("ratings"), scale)
    if "movies" in layout.files:
        label = layout.label("movies")
        movies = TextTable(layout.text("movies", run), ("movie", "title", "genres"), "::", "", header=False)
        require_width(movies, f"{layout.title}'s movies.dat")
        movies = _with_colons(run, movies)
        write_films(run, stage_films(run, movies, label, "movie", "title", genre_list("genres")), label)
    else:
        name_unknown_films(run)
    if has_people:
        _people(run, layout, ("user", "gender", "age", "occupation", "zip code"), "::", "user", "age")
    else:
        write_people(run)


def _with_colons(run: Run, movies: TextTable) -> TextTable:
    """The list of films parted so that a title may hold `::` itself: the first and the last of them part the line."""
    parted = replace(movies, file=run.scratch / "parted-movies", delimiter="\t")
    with (
        movies.file.open(encoding="utf-8-sig", newline="") as lines,
        parted.file.open("w", encoding="utf-8", newline="") as sink,
    ):
        for line in lines:
            first, colons, rest = line.replace("\t", " ").partition("::")
            title, more, last = rest.rpartition("::")
            sink.write("\t".join((first, title, last)) if colons and more else line)
    return parted


def import_csv(run: Run, layout: Layout) -> None:
    """Write ratings and films, and tags and links to other catalogues where their files are there."""
    table = sniff(layout.text("ratings", run))
    _ratings(run, require_columns(table, MOVIELENS_COLUMNS, "MovieLens' ratings.csv"), layout.label("ratings"), SCALE)
    if "movies" in layout.files:
        label = layout.label("movies")
        movies = require_columns(
            sniff(layout.text("movies", run)), ("movieId", "title", "genres"), "MovieLens' movies.csv"
        )
        write_films(run, stage_films(run, movies, label, "movieId", "title", genre_list("genres")), label)
    else:
        name_unknown_films(run)
    write_people(run)
    _tags(run, layout)
    _links(run, layout)


def _ratings(run: Run, table: TextTable, label: str, scale: tuple[float, float]) -> None:
    """Read and write ratings; the columns are, in order, the user, the film, the rating and the time."""
    if not table.header:
        require_width(table, label)
        user, film, rating, time = table.columns
    else:
        user, film, rating, time = MOVIELENS_COLUMNS
    values = {
        "viewer_id": integer(user),
        "title_id": integer(film),
        "rated_at": unix_seconds(time),
        "stars": number(rating),
    }
    checks = [
        Check("viewer_id IS NULL", user, "the user is not a whole number"),
        Check("title_id IS NULL", film, "the film is not a whole number"),
        *rating_checks("stars", rating, *scale),
        *time_checks("rated_at", time),
    ]
    good = stage(run, table, label, values, checks, (0.05, 0.5))
    write_ratings(run, good, label, (0.5, 0.85))


def _people(run: Run, layout: Layout, columns: tuple[str, ...], delimiter: str, user: str, age: str) -> None:
    if not layout.offers("users", run, header=False):
        write_people(run)
        return
    label = layout.label("users")
    table = TextTable(layout.text("users", run), columns, delimiter, "", header=False)
    require_width(table, f"{layout.title}'s {label}")
    years = f"try_cast({raw(age)} AS INTEGER)"
    bands = " ".join(f"WHEN {years} < {end} THEN '{name}'" for end, name in AGE_BANDS)
    values = {"viewer_id": integer(user), "age_band": f"CASE {bands} WHEN {years} >= 56 THEN '56 and more' END"}
    checks = [Check("viewer_id IS NULL", user, "the user is not a whole number")]
    write_people(run, stage(run, table, label, values, checks), ("age_band",))


def _tags(run: Run, layout: Layout) -> None:
    if not layout.offers("tags", run):
        return
    label = layout.label("tags")
    table = require_columns(sniff(layout.text("tags", run)), ("movieId", "tag"), "MovieLens' tags.csv")
    values = {"title_id": integer("movieId"), "entity": f"lower(trim({raw('tag')}))"}
    checks = [
        Check("title_id IS NULL", "movieId", "the film is not a whole number"),
        Check(missing("tag"), "tag", "the tag is empty"),
    ]
    good = stage(run, table, label, values, checks)
    write_links(run, [f"SELECT title_id, 'about' AS relation, entity FROM {good}"])


def _links(run: Run, layout: Layout) -> None:
    if not layout.offers("links", run):
        return
    label = layout.label("links")
    table = require_columns(sniff(layout.text("links", run)), ("movieId", "imdbId", "tmdbId"), "MovieLens' links.csv")
    imdb = f"CASE WHEN NOT {missing('imdbId')} THEN 'tt' || lpad({raw('imdbId')}, 7, '0') END"
    values = {"title_id": integer("movieId"), "imdb": imdb, "tmdb": f"nullif(trim({raw('tmdbId')}), '')"}
    good = stage(run, table, label, values, [Check("title_id IS NULL", "movieId", "the film is not a whole number")])
    write_links(
        run,
        [f"SELECT title_id, {relation!r} AS relation, {name_of(relation)} AS entity FROM {good}" for relation in
         ("imdb", "tmdb")],
    )  # fmt: skip
