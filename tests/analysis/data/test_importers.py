"""Every known layout, from tiny invented files that are written as the real ones are."""

import datetime as dt
import zipfile

import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.data.importers import detect, import_data
from analysis.data.importers.netflix import date_order, parse_title
from analysis.errors import DataError, ParameterError

LAYOUTS = {
    "movielens_100k": "movielens-100k",
    "movielens_1m": "movielens-dat",
    "movielens_10m": "movielens-dat",
    "movielens_latest": "movielens-csv",
    "movietweetings": "movietweetings",
    "netflix_activity": "netflix-activity",
    "netflix_history": "netflix-history",
}


def zipped(source, target):
    """The folder, or the file, as people zip it: with a folder around it and a reader's note beside it."""
    files = [source] if source.is_file() else sorted(source.iterdir())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, f"export/{file.name}")
        archive.writestr("export/README.txt", "Read me.")
        archive.writestr("__MACOSX/export/._ratings.csv", "junk")
    return target


@pytest.mark.parametrize("fixture", LAYOUTS)
def test_every_layout_is_told_from_its_files(fixture, request, tmp_path):
    source = request.getfixturevalue(fixture)
    assert detect(source).key == LAYOUTS[fixture]
    assert detect(zipped(source, tmp_path / "all.zip")).key == LAYOUTS[fixture]


@pytest.mark.parametrize("fixture", LAYOUTS)
def test_path_and_zip_give_the_same_dataset_every_time(fixture, request, tmp_path, workspace):
    source = request.getfixturevalue(fixture)
    first = import_data(source)
    again = import_data(source)
    from_zip = import_data(zipped(source, tmp_path / "all.zip"))
    assert first.content_hash == again.content_hash == from_zip.content_hash
    assert first.folder != again.folder
    assert first.rows == from_zip.rows
    assert not [f.name for f in workspace.datasets.iterdir() if f.name.startswith(".")]
    assert not list(first.folder.glob(".*"))


def test_movielens_100k(movielens_100k, workspace):
    report = import_data(movielens_100k, name="Hundred")
    data = report.open()
    assert report.rows == {"titles": 2, "title_links": 4, "viewers": 2, "ratings": 3}
    titles = data.frame("titles").set_index("title_id")
    assert titles.loc[1, "name"] == "Die Verlorene Ähre"
    assert list(titles.loc[1, "genres"]) == ["Comedy", "Crime"]
    assert titles.loc[2, "released_on"] == dt.date(1994, 2, 14)
    assert data.frame("viewers").set_index("viewer_id")["age_band"].to_dict() == {196: "18–24", 22: "56 and more"}
    ratings = data.frame("ratings")
    assert ratings.loc[0].to_dict() == {
        "viewer_id": 22, "title_id": 2, "rated_at": pd.Timestamp("1997-11-07 07:18:36"), "stars": 1.0,
    }  # fmt: skip
    assert any("Windows-1252" in note for note in report.notes)
    assert "Times say when people rated, not when they watched." in data.info.notes


def test_movielens_1m_reads_age_bands_and_latin_1(movielens_1m, workspace):
    data = import_data(movielens_1m).open()
    assert data.frame("titles")["name"].to_list() == ["Café Noir", "Long Road, The"]
    assert data.frame("viewers")["age_band"].to_list() == ["under 18", "56 and more"]
    assert data.info.name == "ml-1m"


def test_movielens_10m_has_half_stars_and_no_people(movielens_10m, workspace):
    report = import_data(movielens_10m)
    data = report.open()
    assert data.frame("ratings")["stars"].to_list() == [4.5, 0.5]
    assert data.frame("titles")["genres"].map(list).to_list() == [["Drama"], []]
    assert "Ratings run from 0.5 to 4.5 (2 different values)." in report.notes


def test_movielens_csv_with_tags_and_links(movielens_latest, workspace):
    data = import_data(movielens_latest).open()
    assert data.frame("titles")["name"].to_list() == ['Quiet, "The"', "Night Train"]
    links = data.frame("title_links").groupby("relation")["entity"].apply(sorted).to_dict()
    assert links == {
        "about": ["slow burn", "trains, at night"],
        "has_genre": ["Crime", "Drama"],
        "imdb": ["tt0113497", "tt0114709"],
        "tmdb": ["862"],
    }


@pytest.mark.parametrize("content", ["", "userId,movieId,tag,timestamp\n", "\n\n"])
def test_files_that_are_not_needed_may_be_empty(movielens_latest, workspace, content):
    (movielens_latest / "tags.csv").write_text(content)
    report = import_data(movielens_latest)
    assert "tags.csv has no rows, so nothing was taken from it." in report.notes
    assert set(report.open().frame("title_links")["relation"]) == {"has_genre", "imdb", "tmdb"}


def test_a_lone_ratings_file_names_titles_by_number(movielens_latest, workspace):
    (movielens_latest / "movies.csv").unlink()
    report = import_data(movielens_latest / "ratings.csv")
    assert report.open().frame("titles")["name"].to_list() == ["Title 10", "Title 20"]
    assert any("no names" in note for note in report.notes)


def test_names_keep_the_year_only_where_two_films_share_them(movietweetings, workspace):
    (movietweetings / "movies.dat").write_text(
        "0114508::Kong (1933)::\n0499549::Kong (1976)::\n0000001::Alone (1950)::\n"
    )
    names = import_data(movietweetings).open().frame("titles")["name"].to_list()
    assert sorted(names) == ["Alone", "Kong (1933)", "Kong (1976)"]


def test_movietweetings(movietweetings, workspace):
    data = import_data(movietweetings).open()
    assert data.frame("titles").set_index("title_id")["source_id"].to_dict() == {114508: "0114508", 499549: "0499549"}
    # By viewer, time and title.
    assert data.frame("ratings")["stars"].to_list() == [8.0, 9.0, 0.0]


def test_real_movietweetings(real_data, workspace):
    report = import_data(real_data / "movietweetings-100k")
    assert report.rows["ratings"] == 100_000
    assert report.rows["viewers"] == 16_554
    assert report.rows["titles"] == 10_506
    assert report.rows_dropped == 0
    data = report.open()
    source = pd.read_csv(
        real_data / "movietweetings-100k" / "ratings.dat", sep="::", engine="python", names=["v", "t", "s", "at"]
    )
    ours = data.frame("ratings")
    assert ours["stars"].sum() == source["s"].sum()
    assert (ours["rated_at"] - pd.Timestamp("1970-01-01")).dt.total_seconds().sum() == source["at"].sum()
    weekend = ours["rated_at"].dt.day_of_week >= 5
    assert round(weekend.mean(), 3) == 0.391
    local = ours["rated_at"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    assert round((local.dt.day_of_week >= 5).mean(), 3) == 0.394


def test_netflix_activity(netflix_activity, workspace):
    report = import_data(netflix_activity, time_zone="Europe/Berlin")
    data = report.open()
    assert {(d.reason, d.rows) for d in report.dropped} == {("a trailer, hook or preview", 2)}
    assert report.bad_rows == ()
    assert data.info.kind == "personal"
    views = data.frame("views").merge(data.frame("titles")[["title_id", "name", "kind"]], on="title_id")
    views = views.merge(data.frame("viewers")[["viewer_id", "name"]], on="viewer_id", suffixes=("", "_of"))
    mia = views[views["name_of"] == "Mia"]
    assert mia["name"].to_list() == ["Heat, again", "Harbour", "Harbour"]
    assert mia["kind"].to_list() == ["film", "series", "series"]
    assert mia["device"].to_list() == ["phone", "tv", "tablet"]
    assert mia["minutes"].to_list() == [105.0, 45.5, 45.5]
    assert mia["is_repeat"].to_list() == [False, False, True]
    assert mia["season"].to_list()[1:] == [2, 2]
    assert mia["episode"].to_list()[1:] == [3, 3]
    # 31 March 2024 is the first day of summer time in Berlin.
    assert mia["started_local"].to_list()[:2] == [pd.Timestamp("2024-01-02 00:30"), pd.Timestamp("2024-03-31 21:15")]
    tom = views[views["name_of"] == "Tom"]
    assert tom["name"].to_list() == ["Bill: Volume 2", "Harbour"]
    assert tom["device"].isna().to_list() == [False, True]
    assert set(data.frame("viewers")["country"]) == {"DE"}


def test_netflix_activity_with_utc_in_the_header(netflix_activity, workspace):
    text = netflix_activity.read_text().replace("Start Time,", "Start Time (UTC),")
    netflix_activity.write_text(text)
    assert import_data(netflix_activity).rows["views"] == 5


def test_netflix_history(netflix_history, workspace):
    report = import_data(netflix_history, time_zone="America/New_York")
    views = report.open().frame("views")
    assert [str(t.date()) for t in views["started_local"]] == ["2024-02-01", "2024-02-03", "2024-02-28"]
    assert views["started_at"][0] == pd.Timestamp("2024-02-01 05:00")
    assert report.open().info.import_report["time_precision"] == "day"
    assert any("without times of day" in note for note in report.notes)


@pytest.mark.parametrize(
    ("dates", "order", "doubtful"),
    [
        (["28/2/24", "3/2/24"], "day first", False),
        (["2/28/24", "2/3/24"], "month first", False),
        # Newest first: read day first it goes from April to March to February, read month first it jumps.
        (["4/4/24", "5/3/24", "9/2/24"], "day first", False),
        (["9/2/24", "5/3/24", "4/4/24"], "month first", False),
        (["3/3/24", "2/2/24"], "month first", True),
        (["3.3.24", "2.2.24"], "day first", False),
        (["2024-03-01", "2024-02-28"], "year first", False),
    ],
)
def test_day_and_month_are_told_apart_by_the_dates(dates, order, doubtful):
    assert date_order(dates)[0] == order
    assert bool(date_order(dates)[1]) == doubtful


@pytest.mark.parametrize(
    ("text", "name", "kind", "season", "episode", "episode_name"),
    [
        ("Harbour: Season 2: Ghosts (Episode 3)", "Harbour", "series", 2, 3, "Ghosts"),
        ("Hafen: Staffel 1: Salz (Folge 10)", "Hafen", "series", 1, 10, "Salz"),
        ("El puerto: Temporada 3: La red", "El puerto", "series", 3, None, "La red"),
        ("Harbour: Limited Series: Salt", "Harbour", "series", 1, None, "Salt"),
        ("Money: Part 3: The Plan (Episode 1)", "Money", "series", 3, 1, "The Plan"),
        ("Harbour: The Sea: Season 1: One: Two (Episode 4)", "Harbour: The Sea", "series", 1, 4, "One: Two"),
        ("Bill: Volume 2", "Bill: Volume 2", "film", None, None, None),
        ("Games: Jay: Part 1", "Games: Jay: Part 1", "film", None, None, None),
        ("Mission: Impossible", "Mission: Impossible", "film", None, None, None),
        ("Season of the Wolf", "Season of the Wolf", "film", None, None, None),
        ("Planet (Episode 5)", "Planet", "series", None, 5, None),
    ],
)
def test_titles_are_parted(text, name, kind, season, episode, episode_name):
    found = parse_title(text)
    assert (found.name, found.kind, found.season, found.episode, found.episode_name) == (
        name, kind, season, episode, episode_name,
    )  # fmt: skip


def test_an_unknown_time_zone_is_refused(movietweetings, workspace):
    with pytest.raises(ParameterError, match="Mars/Base"):
        import_data(movietweetings, time_zone="Mars/Base")


def test_a_target_is_not_overwritten_unless_asked(movietweetings, movielens_10m, tmp_path):
    target = tmp_path / "out" / "mine"
    import_data(movietweetings, target=target)
    with pytest.raises(DataError, match="exists already"):
        import_data(movielens_10m, target=target)
    assert Dataset.open(target).info.rows("ratings") == 3
    opened = Dataset.open(target)
    import_data(movielens_10m, target=target, replace=True)
    assert Dataset.open(target).info.rows("ratings") == 2
    # What was opened before can't read the new rows under the old hash.
    with pytest.raises(DataError, match="replaced or deleted"):
        opened.frame("ratings")


def test_progress_rises_to_one(movietweetings, workspace):
    told = []
    import_data(movietweetings, progress=lambda share, words: told.append((share, words)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert all(words for _, words in told)
