"""How language, country and artwork move what is chosen: single numbers with intervals clustered by household."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import pyarrow as pa

from analysis import engine
from analysis.data import Dataset
from analysis.errors import DataError
from analysis.measures.households import with_bucket
from analysis.patterns.ratios import Finding, by_bucket
from analysis.stats import clustered, ratios

CONTINUE = "continue-watching"
"""Name of the policy that logs the row of the title under way."""


def own_language_share(dataset: Dataset) -> Finding:
    """Share of plays that are of titles in the viewer's own language, where both languages are known.

    Raises:
        DataError: The languages of viewers or titles are not known.
    """
    _need(dataset, views=(), viewers=("language",), titles=("language",))
    with dataset.read() as tables:
        frame = _with_languages(dataset, tables, tables["views"])
        own, known = _own(), ~nw.col("spoken").is_null() & ~nw.col("understood").is_null()
        sums = by_bucket(frame, {"own": _counted(own, nw.lit(1)), "known": _counted(known, nw.lit(1))})
    found = clustered.share(sums[:, 0], sums[:, 1])
    return Finding("plays in the viewer's own language", found, "share of plays", int(sums[:, 1].sum()))


def own_language_clicks(dataset: Dataset, *, policy: str = "uniform") -> Finding:
    """Click rate of titles in the viewer's own language, over that of titles in other languages.

    On pages that were filled uniformly at random all titles are shown equally often, wherever they stand and whoever
    looks; so nothing but the titles and the viewers makes the difference.

    Args:
        dataset: A dataset with impressions.
        policy: Policy that filled the pages counted.

    Raises:
        DataError: The dataset has no impressions of that policy, or languages are not known.
    """
    _need(dataset, impressions=("policy", "clicked"), viewers=("language",), titles=("language",))
    with dataset.read() as tables:
        frame = _with_languages(dataset, tables, tables["impressions"].filter(nw.col("policy") == policy))
        other = nw.col("spoken") != nw.col("understood")
        sums = by_bucket(frame, _click_rates(_own(), other))
    what = "click rate of titles in the viewer's own language, over that of others"
    return _ratio(dataset, what, sums)


def genre_by_country(dataset: Dataset, genre: str, country: str) -> Finding:
    """Share of the minutes that go to a genre in one country, over its share in all others.

    Args:
        dataset: A dataset with views, genres, and viewers with their country.
        genre: A title counts with any of its genres.
        country: Two-letter code.

    Raises:
        DataError: Genres or countries are not known.
    """
    _need(dataset, views=("minutes",), viewers=("country",), titles=("genres",))
    with dataset.read() as tables:
        frame = _with_genre_and_home(dataset, tables, genre, "country")
        sums = by_bucket(frame, _genre_shares(nw.col("home") == country, nw.col("home") != country))
    return _ratio(dataset, f"share of minutes of {genre} in {country}, over that elsewhere", sums)


def genre_in_school_holidays(dataset: Dataset, genre: str) -> Finding:
    """Share of the minutes that go to a genre while the viewer's schools are closed, over its share on other days.

    Days are those of the viewer's clock, and schools those of the viewer's region, or of the country where no region
    is known. Plays on days that the calendar does not hold are left out. It is the difference as it is seen: what else
    differs between these days (new titles, the season) is in it.

    Args:
        dataset: A dataset with views, genres, viewers with their region or country, and a calendar.
        genre: A title counts with any of its genres.

    Raises:
        DataError: Genres, regions or school holidays are not known, or all days are of one kind.
    """
    home = "region" if dataset.has("viewers") and "region" in dataset.columns("viewers") else "country"
    _need(
        dataset, views=("minutes", "started_local"), viewers=(home,), titles=("genres",),
        calendar=("date", "region", "is_school_holiday"),
    )  # fmt: skip
    with dataset.read() as tables:
        frame = _with_genre_and_home(dataset, tables, genre, home).with_columns(day=nw.col("started_local").dt.date())
        days = tables["calendar"].select(
            nw.col("date").alias("of_day"),
            nw.col("region").alias("of_home"),
            nw.col("is_school_holiday").alias("closed"),
        )
        frame = frame.join(days, left_on=["day", "home"], right_on=["of_day", "of_home"], how="inner")
        sums = by_bucket(frame, _genre_shares(nw.col("closed"), ~nw.col("closed")))
    return _ratio(dataset, f"share of minutes of {genre} in school holidays, over that on other days", sums)


def _with_genre_and_home(dataset: Dataset, tables: Any, genre: str, home: str) -> nw.LazyFrame[Any]:
    """Plays with whether the title has a genre, where the viewer is at home, and the bucket of the household."""
    titles = dataset.frame("titles", ["title_id", "genres"]).drop_duplicates("title_id")
    of_genre = [listed is not None and genre in list(listed) for listed in titles["genres"]]
    cursor = tables.cursor
    flags = pa.table({"of_title": titles["title_id"].to_numpy(), "of_genre": pa.array(of_genre, pa.bool_())})
    homes = cursor.arrow(_one_each(dataset, "viewers", home, "of_viewer", "home"))
    frame = tables["views"].join(cursor.arrow(flags), left_on="title_id", right_on="of_title", how="left")
    return with_bucket(dataset, tables, frame.join(homes, left_on="viewer_id", right_on="of_viewer", how="left"))


def _genre_shares(here: nw.Expr, there: nw.Expr) -> dict[str, nw.Expr]:
    """Minutes of the genre and of all titles on both sides."""
    minutes = nw.col("minutes")
    return {
        "genre_here": _counted(here & nw.col("of_genre"), minutes),
        "here": _counted(here, minutes),
        "genre_there": _counted(there & nw.col("of_genre"), minutes),
        "there": _counted(there, minutes),
    }


def artwork_clicks(dataset: Dataset) -> Finding:
    """Click rate of artwork that stresses the viewer's favourite genre, over that of the same titles' other artwork.

    The favourite is the most fitting genre of most of the viewer's plays before the first impression. Only titles with
    one artwork of that genre count. Which artwork is shown was drawn by chance, so both sides hold the same titles in
    the same places before the same viewers.

    Raises:
        DataError: The dataset has no impressions with artworks, or no plays before them.
    """
    _need(
        dataset, views=("started_at",), titles=("genres",), impressions=("artwork_id", "policy", "clicked"),
        artworks=("shows",),
    )  # fmt: skip
    with dataset.read() as tables:
        cursor = tables.cursor
        shown = tables["impressions"].filter(nw.col("policy") != CONTINUE)
        favourites = cursor.arrow(_favourites(dataset, tables))
        frame = shown.join(favourites, left_on="viewer_id", right_on="of_viewer", how="inner")
        frame = frame.join(
            cursor.arrow(_pictures(dataset)), left_on=["title_id", "favourite"], right_on=["of_title", "shows"],
            how="inner",
        )  # fmt: skip
        frame = with_bucket(dataset, tables, frame)
        fits = nw.col("artwork_id") == nw.col("picture")
        sums = by_bucket(frame, _click_rates(fits, ~fits))
    return _ratio(dataset, "click rate of artwork of the favourite genre, over that of the same titles' others", sums)


def _favourites(dataset: Dataset, tables: Any) -> pa.Table:
    """Each viewer's favourite genre before the first impression; of equal ones the first by name."""
    titles = dataset.frame("titles", ["title_id", "genres"]).drop_duplicates("title_id")
    names = [str(listed[0]) if listed is not None and len(listed) else None for listed in titles["genres"]]
    first = tables["impressions"].select(nw.col("shown_at").min()).collect().to_native()["shown_at"][0].as_py()
    genre = tables.cursor.arrow(pa.table({"of_title": titles["title_id"].to_numpy(), "genre": names}))
    plays = tables["views"].filter(nw.col("started_at") < first)
    plays = plays.join(genre, left_on="title_id", right_on="of_title", how="inner")
    counts = engine.to_pandas(plays.group_by("viewer_id", "genre").agg(nw.len().alias("plays")))
    counts = counts.dropna(subset="genre").sort_values(["viewer_id", "plays", "genre"], ascending=[True, False, True])
    best = counts.drop_duplicates("viewer_id")
    if best.empty:
        raise DataError(f"{dataset.name} has no plays before its first impression.", "Keep fewer days of impressions.")
    return pa.table(
        {"of_viewer": best["viewer_id"].to_numpy(), "favourite": pa.array(best["genre"].tolist(), pa.string())}
    )


def _pictures(dataset: Dataset) -> pa.Table:
    """The artwork of each title that alone stresses a genre."""
    pictures = dataset.frame("artworks", ["title_id", "artwork_id", "shows"]).dropna(subset="shows")
    alone = pictures.drop_duplicates(["title_id", "shows"], keep=False)
    return pa.table(
        {
            "of_title": alone["title_id"].to_numpy(),
            "shows": pa.array(alone["shows"].tolist(), pa.string()),
            "picture": alone["artwork_id"].to_numpy(),
        }
    )


def _with_languages(dataset: Dataset, tables: Any, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Events with the language of the title and of the viewer."""
    spoken = tables.cursor.arrow(_one_each(dataset, "titles", "language", "of_title", "spoken"))
    understood = tables.cursor.arrow(_one_each(dataset, "viewers", "language", "of_viewer", "understood"))
    frame = frame.join(spoken, left_on="title_id", right_on="of_title", how="left")
    frame = frame.join(understood, left_on="viewer_id", right_on="of_viewer", how="left")
    return with_bucket(dataset, tables, frame)


def _one_each(dataset: Dataset, table: str, column: str, key: str, name: str) -> pa.Table:
    """A column of the titles or viewers by their number."""
    own = "title_id" if table == "titles" else "viewer_id"
    frame = dataset.frame(table, [own, column]).drop_duplicates(own)
    values = [None if value != value else value for value in frame[column].tolist()]
    return pa.table({key: frame[own].to_numpy(), name: pa.array(values, pa.string())})


def _own() -> nw.Expr:
    return nw.col("spoken") == nw.col("understood")


def _counted(condition: nw.Expr, value: nw.Expr) -> nw.Expr:
    """The value where the condition holds, and nothing where it does not or is not known."""
    return nw.when(condition.fill_null(False)).then(value.cast(nw.Float64)).otherwise(nw.lit(0.0))


def _click_rates(here: nw.Expr, there: nw.Expr) -> dict[str, nw.Expr]:
    """Clicks and impressions on both sides."""
    clicks = nw.col("clicked").cast(nw.Float64)
    return {
        "clicks_here": _counted(here, clicks),
        "shown_here": _counted(here, nw.lit(1)),
        "clicks_there": _counted(there, clicks),
        "shown_there": _counted(there, nw.lit(1)),
    }


def _ratio(dataset: Dataset, what: str, sums: Any) -> Finding:
    """A ratio of two ratios from sums by bucket.

    Raises:
        DataError: There is nothing on one of its sides.
    """
    if not sums[:, [1, 3]].sum(axis=0).all():
        raise DataError(f"{dataset.name} holds nothing to compare for this: {what}.", "Choose another dataset.")
    return Finding(what, ratios.ratio(sums), "times", int(sums[:, [1, 3]].sum()))


def _need(dataset: Dataset, **tables: Sequence[str]) -> None:
    for table, columns in tables.items():
        if not dataset.has(table):
            raise DataError(f"{dataset.name} has no table {table}.", "Choose a dataset that has one.")
        if lacking := sorted(set(columns) - set(dataset.columns(table))):
            raise DataError(
                f"The {table} of {dataset.name} have no column {lacking[0]}.", "Choose a dataset that has it."
            )
