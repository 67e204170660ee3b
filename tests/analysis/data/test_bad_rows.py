"""Rows that can't be used: counted, listed with their line, and never in the dataset."""

import pytest

from analysis.data.importers import import_data
from analysis.errors import DataError

HEADER = "userId,movieId,rating,timestamp"
GOOD = [f"{user},{film},3.5,{978300000 + 60 * user + film}" for user in range(1, 11) for film in (1, 2, 3)]


def import_lines(folder, lines, newline="\n", encoding="utf-8", start=b""):
    folder.mkdir(exist_ok=True)
    (folder / "ratings.csv").write_bytes(start + newline.join([HEADER, *lines, ""]).encode(encoding))
    return import_data(folder / "ratings.csv")


def test_every_fault_is_counted_and_listed_with_its_line(tmp_path, workspace):
    bad = {
        "x1,1,3.5,978300000": ("userId", "x1", "the user is not a whole number"),
        "1.5,1,3.5,978300000": ("userId", "1.5", "the user is not a whole number"),
        "1,,3.5,978300000": ("movieId", "", "the film is not a whole number"),
        "1,4,NaN,978300000": ("rating", "NaN", "the rating is not a number"),
        "1,4,inf,978300000": ("rating", "inf", "the rating is not a number"),
        "1,4,-1,978300000": ("rating", "-1", "the rating is outside 0.5 to 5"),
        "1,4,5.5,978300000": ("rating", "5.5", "the rating is outside 0.5 to 5"),
        "1,4,3,yesterday": ("timestamp", "yesterday", "the time can't be read"),
        "1,4,3,99999999999999999999": ("timestamp", "99999999999999999999", "the time can't be read"),
        "1,4,3,-1": ("timestamp", "-1", "the time is before 1990"),
        "1,4,3,32503680000": ("timestamp", "32503680000", "the time is in the future"),
        "1,4,3": ("", "1,4,3", "too few values on the line"),
        "1,4,3,978300000,9": ("", "1,4,3,978300000,9", "too many values on the line"),
    }
    lines = list(GOOD)
    for i, line in enumerate(bad):
        lines.insert(3 * i, line)
    report = import_lines(tmp_path / "in", lines)
    assert report.rows["ratings"] == len(GOOD)
    assert report.rows_read == {"ratings.csv": len(lines)}
    assert report.rows_dropped == len(bad)
    listed = {b.line: (b.column, b.value, b.reason) for b in report.bad_rows}
    # The header is line 1.
    expected = {lines.index(line) + 2: fault for line, fault in bad.items()}
    assert listed == expected
    assert [b.line for b in report.bad_rows] == sorted(expected)
    stored = report.open().info.import_report
    assert sum(d["rows"] for d in stored["dropped"]) == len(bad)
    assert "left out 13 of 43 rows" in report.summary()


def test_a_repeated_row_is_kept_once_and_counted(tmp_path, workspace):
    report = import_lines(tmp_path / "in", [*GOOD, GOOD[0], GOOD[7], GOOD[0]])
    assert report.rows["ratings"] == len(GOOD)
    assert {(d.reason, d.rows) for d in report.dropped} == {("the same viewer, title and time as an earlier row", 3)}


def test_of_two_ratings_at_one_time_the_first_is_kept(tmp_path, workspace):
    report = import_lines(tmp_path / "in", [*GOOD, "1,1,0.5,978300061"])
    ratings = report.open().frame("ratings")
    assert ratings["stars"].to_list() == [3.5] * len(GOOD)


def test_only_the_first_bad_rows_are_listed_but_all_are_counted(tmp_path, workspace):
    bad = [f"1,{film},9,978300000" for film in range(100, 125)]
    report = import_lines(tmp_path / "in", [*GOOD, *bad])
    assert report.rows_dropped == 25
    assert len(report.bad_rows) == 20
    assert report.bad_rows[0].line == len(GOOD) + 2


def test_a_quotation_mark_left_open_counts_all_the_lines_it_swallows(tmp_path, workspace):
    report = import_lines(tmp_path / "in", [*GOOD, '1,"4,3,978300000', "1,5,3,978300000"])
    assert report.rows["ratings"] == len(GOOD)
    assert {(d.reason, d.rows) for d in report.dropped} == {
        ("a quotation mark that is not closed, or stands inside a value", 2)
    }
    assert report.rows_read["ratings.csv"] == len(GOOD) + 2


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_change_nothing(tmp_path, workspace, newline, start):
    plain = import_lines(tmp_path / "plain", GOOD)
    other = import_lines(tmp_path / "other", GOOD, newline=newline, start=start)
    assert other.rows_dropped == 0
    assert other.content_hash == plain.content_hash


def test_utf_16_is_read_and_said(tmp_path, workspace):
    report = import_lines(tmp_path / "in", GOOD, encoding="utf-16")
    assert report.rows["ratings"] == len(GOOD)
    assert "ratings.csv was read as UTF-16." in report.notes


def test_one_row_is_enough(tmp_path, workspace):
    report = import_lines(tmp_path / "in", GOOD[:1])
    assert report.rows["ratings"] == 1


def test_a_file_of_mostly_bad_rows_is_refused_with_the_first_as_example(tmp_path, workspace):
    with pytest.raises(DataError) as caught:
        import_lines(tmp_path / "in", ["a,b,c,d"] * 6 + GOOD[:3])
    assert "6 of 9 rows of ratings.csv" in caught.value.problem
    assert "line 2, column userId: 'a': the user is not a whole number" in caught.value.problem
    assert not list(workspace.datasets.glob("*"))


def test_mixed_encodings_in_one_file(tmp_path, workspace):
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "ratings.dat").write_text("1::1::3::978300760\n1::2::3::978300761\n1::3::3::978300762\n")
    (folder / "movies.dat").write_bytes(
        "1::Ähre (1990)::Drama\n".encode() + "2::Ähre (1991)::Drama\n".encode("latin-1") + b"3::Plain (1992)::Drama\n"
    )
    titles = import_data(folder).open().frame("titles")
    assert titles["name"].to_list() == ["Ähre (1990)", "Ähre (1991)", "Plain"]


def test_a_title_may_hold_the_separator(tmp_path, workspace):
    folder = tmp_path / "dat"
    folder.mkdir()
    (folder / "ratings.dat").write_text("1::1::3::978300760\n1::2::3::978300761\n")
    (folder / "movies.dat").write_text("1::One::Two (1990)::Drama\n2::Three (1990)::Drama\nx::Four (1991)::Drama\n")
    report = import_data(folder)
    assert report.open().frame("titles")["name"].to_list() == ["One::Two", "Three"]
    assert [(b.file, b.line) for b in report.bad_rows] == [("movies.dat", 3)]
