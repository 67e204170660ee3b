"""Any table with a column mapping: what is proposed, what is corrected, and that values survive the way."""

import datetime as dt
import re

import hypothesis.strategies as st
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from analysis.data.importers import ColumnMapping, import_data, propose_mapping
from analysis.data.importers.mapping import guess_time_format, read_sample
from analysis.errors import DataError


def table(file, text):
    file.write_text(text, encoding="utf-8")
    return file


VIEWS = """customer;show title;started at;watch seconds;device type;genre;season;episode
anna;Dark;2024-03-01 20:15:00+01:00;3600;Android Phone;Drama|Crime;S2;3
bob;Dark;2024-03-02 20:15:00Z;1800;Apple TV 4K;Drama;2;Episode 4
bob;Heat;2024-03-02T21:15:00;1200;Chrome PC;Crime;;
carl;Alien;2024-03-03 21:15:00.500;90;iPad;;;
"""


def test_views_from_an_unknown_table(tmp_path, workspace):
    file = table(tmp_path / "plays.csv", VIEWS)
    mapping = propose_mapping(file)
    assert mapping.chosen == {
        "viewer": "customer", "title": "show title", "time": "started at", "minutes": "watch seconds",
        "device": "device type", "season": "season", "episode": "episode", "genres": "genre",
    }  # fmt: skip
    assert (mapping.minutes_unit, mapping.time_format) == ("seconds", "iso")
    data = import_data(file, time_zone="Europe/Berlin").open()
    views = data.frame("views")
    assert views["started_at"].to_list() == [
        pd.Timestamp("2024-03-01 19:15"), pd.Timestamp("2024-03-02 20:15"), pd.Timestamp("2024-03-02 21:15"),
        pd.Timestamp("2024-03-03 21:15:00.5"),
    ]  # fmt: skip
    assert views["started_local"][0] == pd.Timestamp("2024-03-01 20:15")
    assert views["minutes"].to_list() == [60.0, 30.0, 20.0, 1.5]
    assert views["device"].to_list() == ["phone", "tv", "computer", "tablet"]
    assert views["episode"].to_list()[:2] == [3, 4]
    assert views["season"].to_list()[:2] == [2, 2]
    titles = data.frame("titles").set_index("name")
    assert list(titles.loc["Dark", "genres"]) == ["Drama"]
    assert list(titles.loc["Heat", "genres"]) == ["Crime"]
    assert titles.loc["Dark", "kind"] == "series"
    assert data.frame("viewers")["source_id"].to_list() == ["anna", "bob", "carl"]


@pytest.mark.parametrize(
    ("header", "row", "time"),
    [
        ("user,show,seen", "1,Salt,2024-05-01 20:00", "seen"),
        ("user,show,added,seen", "1,Salt,7,31/12/2024", "seen"),
        ("user,show,ts,seen", "1,Salt,1714593600,2024-05-01", "ts"),
        # With a rating there is something to import, and a date may be anything: the release, say.
        ("user,show,stars,out", "1,Salt,4,2024-05-01", None),
        ("user,show,version", "1,Salt,1.2.3", None),
    ],
)
def test_a_time_is_told_by_its_values_where_no_name_tells(tmp_path, header, row, time):
    assert propose_mapping(table(tmp_path / "x.csv", f"{header}\n{row}\n")).time == time


def test_wall_clock_times_become_utc(tmp_path, workspace):
    file = table(tmp_path / "plays.csv", VIEWS)
    mapping = propose_mapping(file).changed(["time_is_local=yes"])
    views = import_data(file, mapping=mapping, time_zone="Europe/Berlin").open().frame("views")
    # A time with an offset keeps it; one without is the clock on the wall.
    assert views["started_at"].to_list()[:3] == [
        pd.Timestamp("2024-03-01 19:15"), pd.Timestamp("2024-03-02 20:15"), pd.Timestamp("2024-03-02 20:15"),
    ]  # fmt: skip
    assert views["started_local"][2] == pd.Timestamp("2024-03-02 21:15")


def test_parquet_with_its_own_types_and_named_ratings(tmp_path, workspace):
    file = tmp_path / "ratings.parquet"
    moment = dt.datetime(2024, 5, 1, 12, 30)
    pq.write_table(
        pa.table(
            {
                "user_id": pa.array([7, 7, 9]),
                "item_id": pa.array([1, 2, 1]),
                "movie_title": pa.array(["Salt", "Tide", "Salt"]),
                "rating": pa.array([80, 100, 20], pa.int32()),
                "created_at": pa.array([moment, None, moment], pa.timestamp("ns", "UTC")),
                "tags": pa.array([["a"], [], None]),
            }
        ),
        file,
    )
    mapping = propose_mapping(file)
    assert mapping.chosen == {
        "viewer": "user_id", "title": "item_id", "time": "created_at", "rating": "rating", "title_name": "movie_title",
    }  # fmt: skip
    assert mapping.highest_rating == 100
    report = import_data(file)
    data = report.open()
    assert data.frame("ratings")[["viewer_id", "title_id", "stars"]].to_numpy().tolist() == [
        [7, 2, 100.0], [7, 1, 80.0], [9, 1, 20.0],
    ]  # fmt: skip
    assert data.frame("ratings")["rated_at"].to_list()[1:] == [pd.Timestamp(moment)] * 2
    assert data.frame("titles")["name"].to_list() == ["Salt", "Tide"]


def test_text_ids_that_look_alike_stay_apart(tmp_path, workspace):
    file = table(tmp_path / "r.csv", "user,item,rating\n007,a,3\n7,a,4\n07,b,5\n")
    data = import_data(file).open()
    assert sorted(data.frame("viewers")["source_id"]) == ["007", "07", "7"]
    assert len(data.frame("ratings")) == 3
    assert data.frame("ratings")["rated_at"].isna().all()


def test_one_persons_diary_without_a_viewer_column(tmp_path, workspace):
    file = table(tmp_path / "diary.csv", "Date,Name,Year,Rating\n2024-01-05,Salt,1999,4.5\n2024-01-06,Tide,2001,\n")
    mapping = propose_mapping(file)
    assert (mapping.viewer, mapping.title, mapping.rating) == (None, "Name", "Rating")
    report = import_data(file)
    assert report.rows["ratings"] == 1
    assert "The file names no viewers: all rows are one person's." in report.notes
    assert [(b.line, b.reason) for b in report.bad_rows] == [(3, "the rating is not a number")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["964982703", "964982704"], "unix seconds"),
        (["964982703000"], "unix milliseconds"),
        (["2024-01-31", "2024-02-01 10:00"], "iso"),
        (["31/01/2024", "1/2/2024 10:00"], "day first"),
        (["1/31/24 10:00 PM"], "month first"),
        (["1/2/24"], "month first"),
        (["1.2.24"], "day first"),
        ([], "iso"),
    ],
)
def test_time_formats_are_told_from_values(values, expected):
    assert guess_time_format(values) == expected


@pytest.mark.parametrize(
    ("written", "format_", "expected"),
    [
        ("31/01/2024 20:15", "day first", "2024-01-31 20:15"),
        ("31.1.24", "day first", "2024-01-31"),
        ("1/31/24 8:15 PM", "month first", "2024-01-31 20:15"),
        ("1-31-2024 20:15:30", "month first", "2024-01-31 20:15:30"),
        ("1700000000.25", "unix seconds", "2023-11-14 22:13:20.25"),
        ("1700000000250", "unix milliseconds", "2023-11-14 22:13:20.25"),
        ("2024-02-29T23:59:59-05:00", "iso", "2024-03-01 04:59:59"),
        ("2024-02-29", "iso", "2024-02-29"),
    ],
)
def test_times_are_read(written, format_, expected, tmp_path, workspace):
    file = table(tmp_path / "v.csv", f"user,title,time\n1,Salt,{written}\n")
    mapping = propose_mapping(file).changed([f"time_format={format_}"])
    assert import_data(file, mapping=mapping).open().frame("views")["started_at"][0] == pd.Timestamp(expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["viewer=nobody"], "no column 'nobody' for viewer"),
        (["viewer=title"], "'title' is mapped to viewer and title"),
        (["title="], "mapped to the title"),
        (["time="], "a time or a rating"),
        (["speed=fast"], "'speed=fast' is no column mapping"),
        (["time_format=soon"], "time_format can't be 'soon'"),
        (["time_is_local=perhaps"], "time_is_local can't be 'perhaps'"),
        (["highest_rating=many"], "highest_rating can't be 'many'"),
    ],
)
def test_a_wrong_mapping_names_the_column(changes, words, tmp_path, workspace):
    file = table(tmp_path / "v.csv", "user,title,time\n1,Salt,2024-01-01\n")
    with pytest.raises(DataError, match=words):
        import_data(file, mapping=propose_mapping(file).changed(changes))
    assert not list(workspace.datasets.glob("*"))


def test_a_rating_scale_upside_down(tmp_path, workspace):
    file = table(tmp_path / "r.csv", "user,title,rating\n1,Salt,3\n")
    with pytest.raises(DataError, match="scale runs from 5 to 1"):
        import_data(file, mapping=ColumnMapping("title", "user", rating="rating", lowest_rating=5, highest_rating=1))


def test_the_sample_is_the_file_as_it_stands(tmp_path):
    file = table(tmp_path / "v.csv", 'user,title,time\n1,"Salt, and ""pepper""",2024-01-01\n2,,x\n3,Tide\n')
    sample = read_sample(file, 5)
    assert sample.to_dict("list") == {
        "user": ["1", "2", "3"], "title": ['Salt, and "pepper"', None, "Tide"], "time": ["2024-01-01", "x", None],
    }  # fmt: skip


NAMES = (
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
)
ROWS = st.lists(
    st.tuples(
        NAMES,
        NAMES,
        st.integers(0, 20).map(lambda n: n / 2),
        st.datetimes(dt.datetime(1995, 1, 1), dt.datetime(2024, 12, 31)),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: (row[0], row[1], row[3]),
)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_goes_in_comes_out(rows, form, tmp_path, workspace):
    frame = pd.DataFrame(rows, columns=["user", "title", "rating", "time"])
    file = tmp_path / f"r.{form}"
    if form == "csv":
        frame.to_csv(file, index=False)
    else:
        pq.write_table(pa.table({c: pa.array(frame[c].to_list()) for c in frame}), file)
    mapping = ColumnMapping("title", "user", "time", "rating")
    report = import_data(file, mapping=mapping, target=tmp_path / "out", replace=True)
    data = report.open()
    back = data.frame("ratings")
    viewers = data.frame("viewers").set_index("viewer_id")["source_id"]
    titles = data.frame("titles").set_index("title_id")["source_id"]
    out = {
        (viewers[v], titles[t], s, at.to_pydatetime())
        for v, t, s, at in back[["viewer_id", "title_id", "stars", "rated_at"]].itertuples(index=False)
    }
    assert out == set(rows)
    assert report.rows_dropped == 0


def test_the_report_of_an_import_names_the_columns(tmp_path, workspace):
    report = import_data(table(tmp_path / "plays.csv", VIEWS))
    stored = report.open().info.import_report
    assert stored["mapping"]["viewer"] == "customer"
    assert re.fullmatch(r"Imported plays \(table with a column mapping\): .* no row lost\.", report.summary())
