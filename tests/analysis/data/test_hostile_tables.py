"""Tables as careless hands and odd programs write them: read rightly, or refused with the reason."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.data.importers import detect, import_data, propose_mapping
from analysis.data.importers.files import as_utf8
from analysis.data.importers.mapping import read_sample
from analysis.data.importers.netflix import date_order
from analysis.errors import DataError, ParameterError


def table(folder, lines, header="user,title,time,minutes", name="plays.csv"):
    file = folder / name
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


def starts(report):
    return report.open().frame("views")["started_at"].dt.strftime("%Y-%m-%d %H:%M").to_list()


def test_every_way_to_write_a_zone_is_read_or_refused(tmp_path, workspace):
    times = [
        "2024-01-01 10:00:00+05:30", "2024-01-02T10:00:00-08", "2024-01-03 10:00:00 GMT", "2024-01-04 10:00:00 +02:00",
        "20240105T100000Z", "2024-01-06 10:00 PM", "2024/01/07 10:00", "20240108",
        "2024-01-09 10:00:00 Europe/Berlin", "2024-01-10 10:00:00 PST",
    ]  # fmt: skip
    report = import_data(table(tmp_path, [f"a,T,{time},30" for time in times]))
    assert starts(report) == [
        "2024-01-01 04:30", "2024-01-02 18:00", "2024-01-03 10:00", "2024-01-04 08:00", "2024-01-05 10:00",
        "2024-01-06 22:00", "2024-01-07 10:00", "2024-01-08 00:00",
    ]  # fmt: skip
    # A zone's name was once cut off, and the clock taken for UTC.
    assert [(bad.line, bad.reason) for bad in report.bad_rows] == [
        (10, "the time can't be read"),
        (11, "the time can't be read"),
    ]


def test_days_without_dashes_are_no_seconds_since_1970(tmp_path, workspace):
    report = import_data(table(tmp_path, ["a,T,20240131,30", "a,T,20240201,30"]))
    assert starts(report) == ["2024-01-31 00:00", "2024-02-01 00:00"]


def test_lengths_that_cannot_be_are_listed(tmp_path, workspace):
    lengths = [
        "1:30:00",
        "26:00:00",
        '"1 day, 02:00:00"',
        "-0:30:00",
        "inf",
        "nan",
        "0:20:00",
        "0:30",
        "0:01:30",
        "0:2:0",
    ]
    lines = [f"a,T,2024-01-{day:02d} 10:00,{length}" for day, length in enumerate(lengths, start=1)]
    report = import_data(table(tmp_path, lines))
    assert report.open().frame("views")["minutes"].to_list() == [90.0, 20.0, 0.5, 1.5, 2.0]
    assert [(bad.line, bad.column, bad.value) for bad in report.bad_rows] == [
        (3, "minutes", "26:00:00"), (4, "minutes", "1 day, 02:00:00"), (5, "minutes", "-0:30:00"),
        (6, "minutes", "inf"), (7, "minutes", "nan"),
    ]  # fmt: skip


def test_dates_that_the_first_rows_do_not_tell_are_refused_when_later_ones_do(tmp_path, workspace):
    lines = [f"a,T{row},{1 + row // 200:02d}/01/2024,30" for row in range(200 * 15)]
    file = table(tmp_path, lines)
    with pytest.raises(
        DataError, match=r"600 dates in the column time .* such as '13/01/2024', can only be read day fi"
    ):
        import_data(file)
    report = import_data(file, mapping=propose_mapping(file).changed(["time_format=day first"]))
    assert report.rows["views"] == 3000


def test_decimal_commas_are_read_and_doubtful_ones_are_not(tmp_path, workspace):
    lines = ["a;T;3,5", "a;U;4,25", "a;V;1,234", "b;T;2"]
    report = import_data(table(tmp_path, lines, "user;title;rating"))
    assert report.open().frame("ratings")["stars"].to_list() == [3.5, 4.25, 2.0]
    assert [(bad.line, bad.value) for bad in report.bad_rows] == [(4, "1,234")]


def test_a_rating_in_words_is_not_dropped_in_silence(tmp_path, workspace):
    report = import_data(table(tmp_path, ["a,T,2024-01-01,good"] * 2, "user,title,time,rating"))
    assert "The column 'rating' was not read as a rating." in report.notes


def test_ratings_up_to_a_hundred_are_not_called_wrong(tmp_path, workspace):
    from analysis.data.quality import check

    report = import_data(table(tmp_path, ["a,T,2024-01-01,95", "b,T,2024-01-02,40"], "user,title,time,rating"))
    assert not [finding for finding in check(report.open()).findings if finding.severity == "wrong"]


def test_empty_cells_of_other_programs_are_no_viewers(tmp_path, workspace):
    lines = ["nan,T,2024-01-01,30", "NULL,T,2024-01-02,30", "anna,T,2024-01-03,30", "Nanette,T,2024-01-04,30"]
    report = import_data(table(tmp_path, lines))
    assert report.open().frame("viewers")["source_id"].to_list() == ["Nanette", "anna"]
    assert [(bad.line, bad.reason) for bad in report.bad_rows] == [
        (2, "the viewer is empty"),
        (3, "the viewer is empty"),
    ]


def test_parquet_columns_keep_their_meaning(tmp_path, workspace):
    file = tmp_path / "a[1] 'x'.parquet"
    columns = {
        "user": pa.array([1.0, float("nan"), 2.0]),
        "title": pa.array(["T", "T", "U"]),
        "time": pa.array([dt.datetime(2024, 1, day, 20) for day in (1, 2, 3)]),
        "minutes": pa.array([dt.timedelta(minutes=5)] * 3),
    }
    pq.write_table(pa.table(columns), file)
    report = import_data(file, target=tmp_path / "out[1]*")
    assert report.open().frame("viewers")["source_id"].to_list() == ["1", "2"]
    assert report.open().frame("views")["minutes"].to_list() == [5.0, 5.0]
    assert [(bad.line, bad.reason) for bad in report.bad_rows] == [(2, "the viewer is empty")]


def test_a_parquet_file_that_is_broken_inside_is_named(tmp_path, workspace):
    file = tmp_path / "plays.parquet"
    pq.write_table(pa.table({"user": ["a"] * 9, "title": ["T"] * 9, "time": ["2024-01-01"] * 9}), file)
    content = bytearray(file.read_bytes())
    content[10:60] = b"\xff" * 50
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"plays.parquet is a damaged Parquet file"):
        import_data(file)
    pq.write_table(pa.table({"user": [["a"]]}), file)
    with pytest.raises(DataError, match=r"plays.parquet has no column with one value a row"):
        import_data(file)


def test_headers_that_differ_in_case_only_are_refused(tmp_path):
    with pytest.raises(DataError, match="names the column 'user' twice, once as 'User'"):
        propose_mapping(table(tmp_path, ["1,2,A,2024-01-01"], "user,User,title,time"))


def test_a_very_long_line_is_one_bad_row(tmp_path, workspace):
    good = [f"a,T{n},2024-01-01 10:{n:02d},30" for n in range(5)]
    file = table(tmp_path, [*good, "a," + "x" * 3_000_000 + ",2024-01-01,30"])
    assert [(bad.line, bad.reason) for bad in import_data(file).bad_rows] == [(7, "a line longer than 2 MB")]


def test_odd_separators_in_values_part_no_line(tmp_path):
    file = table(tmp_path, ["a,One\u2028Two\x0cThree,2024-01-01,30"])
    assert read_sample(file)["title"].to_list() == ["One\u2028Two\x0cThree"]


def test_utf_32_is_told_from_utf_16(tmp_path):
    file = tmp_path / "plays.csv"
    file.write_bytes("user,title,time\na,T,2024-01-01\n".encode("utf-32"))
    with pytest.raises(DataError, match=r"holds zero bytes.*save it again as UTF-8"):
        detect(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    file = table(tmp_path, ["a,T,2024-01-01,30"])

    def refused(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr("pathlib.Path.open", refused)
    with pytest.raises(DataError, match=r"plays.csv can't be read \(Permission denied\)"):
        detect(file)


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["28/01/2024", "3/01/2024"], "day first"),
        (["1/28/24", "1/3/24"], "month first"),
        (["2024. 1. 28.", "2024. 1. 3."], "year first"),
        (["24. 1. 28.", "24. 1. 3."], "year first"),
        (["24/01/28", "24/01/03", "23/12/30"], "year first"),
        (["2024/1/28"], "year first"),
        (["5.1.24", "4.1.24"], "day first"),
        (["05/01/2024", "04/01/2024"], "day first"),
        (["1/5/24", "1/4/24"], "month first"),
    ],
)
def test_the_order_of_dates_in_a_netflix_history(dates, order):
    assert date_order(dates)[0] == order


def test_a_netflix_history_in_german_and_one_in_korean(tmp_path, workspace):
    titles = ["Dark: Staffel 1: Geheimnisse", "Heat"]
    german = table(tmp_path, [f"{t},{d}" for t, d in zip(titles, ("28.01.24", "03.01.24"), strict=True)], "Titel,Datum")
    assert starts(import_data(german)) == ["2024-01-03 00:00", "2024-01-28 00:00"]
    korean = table(
        tmp_path, [f"{t},{d}" for t, d in zip(titles, ("24. 1. 28.", "24. 1. 3."), strict=True)], "제목,날짜"
    )
    report = import_data(korean)
    assert starts(report) == ["2024-01-03 00:00", "2024-01-28 00:00"]
    assert report.layout == "Netflix viewing history"


def test_an_export_of_trailers_only_says_so(tmp_path, workspace):
    header = "Profile Name,Start Time,Duration,Title,Supplemental Video Type"
    file = table(tmp_path, ["Anna,2024-01-01 20:00:00,0:00:30,Heat,TRAILER"] * 3, header, "ViewingActivity.csv")
    with pytest.raises(DataError, match=r"Nothing of ViewingActivity.csv is left .* a trailer, hook or preview \(3\)"):
        import_data(file)


def test_names_are_kept_to_one_short_line(tmp_path, workspace):
    file = table(tmp_path, ["a,T,2024-01-01,30"])
    assert import_data(file, name=" a\nb\t\x07c ").name == "a b c"
    with pytest.raises(ParameterError, match="has 3,000 characters"):
        import_data(file, name="x" * 3000)
    assert import_data(file, name="Sample").folder == workspace.datasets / "my-sample"
    assert not [f for f in workspace.datasets.iterdir() if f.name.startswith(".")]


def test_a_scale_without_an_end_is_refused(tmp_path):
    file = table(tmp_path, ["a,T,2024-01-01,3"], "user,title,time,rating")
    with pytest.raises(DataError, match="highest_rating can't be 'inf'"):
        propose_mapping(file).changed(["highest_rating=inf"])


@pytest.mark.parametrize("ends", [("\r\n", "\n"), ("\n", "\r\n")])
def test_line_ends_of_several_kinds(tmp_path, workspace, ends):
    lines = ["user,title,time", "a,T,2024-01-01", 'b,"Two\nlines",2024-01-02', "c,Car\rriage,2024-01-03", "", ""]
    file = tmp_path / "plays.csv"
    file.write_bytes("".join(line + ends[n % 2] for n, line in enumerate(lines)).encode())
    report = import_data(file)
    assert report.open().frame("titles")["name"].to_list() == ["Car riage", "T", "Two\nlines"]
    assert "plays.csv ends its lines in several ways." in report.notes


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_one_kind_need_no_copy(tmp_path, end):
    file = tmp_path / "plays.csv"
    file.write_bytes(end.join(["user,title,time", "a,T,2024-01-01", ""]).encode())
    assert as_utf8(file, tmp_path) == (file, None)


def test_a_parquet_file_that_is_broken_far_inside_is_named(tmp_path, workspace):
    file = tmp_path / "plays.parquet"
    rows = pa.table({"user": [f"u{n}" for n in range(6000)], "title": ["T"] * 6000, "time": ["2024-01-01"] * 6000})
    pq.write_table(rows, file, row_group_size=2000, compression="zstd")
    content = bytearray(file.read_bytes())
    middle = len(content) * 2 // 3
    content[middle : middle + 1500] = b"\xff" * 1500
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"plays\.parquet can't be read to its end"):
        import_data(file)
