"""Files that are not what they say, and archives made to do harm: refused in words, and nothing is left behind."""

import io
import stat
import struct
import zipfile

import pytest

from analysis.data import uploads
from analysis.data.importers import archive, detect, import_data
from analysis.errors import DataError

RATINGS = "userId,movieId,rating,timestamp\n1,1,3.5,978300000\n1,2,4.0,978300001\n"


def pack(file, **members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return file


def refused(source):
    with pytest.raises(DataError) as caught:
        import_data(source)
    assert caught.value.problem
    assert caught.value.remedy
    return str(caught.value)


CONTENTS = {
    "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "a PNG picture"),
    "jpeg": (b"\xff\xd8\xff\xe0" + b"\0" * 100, "a JPEG picture"),
    "pdf": (b"%PDF-1.7 ...", "a PDF document"),
    "gzip": (b"\x1f\x8b\x08\x00abc", "a gzip archive"),
    "pickle": (b"\x80\x04\x95abc", "a Python pickle"),
    "html": (b"<!DOCTYPE html><html><body>Sign in", "a web page"),
    "json": (b'{"a": 1}', "JSON"),
    "binary": (b"a,b\n1,\0\0\0", "zero bytes"),
    "prose": (b"Dear all\nthis is a letter\nbest wishes\n", "is not a table"),
    "header only": (b"user,title,time\n", "no rows"),
    "empty": (b"", "is empty"),
    "blank": (b"\xef\xbb\xbf\r\n\n", "is empty"),
    "doubled": (b"user,user,time\n1,2,3\n", "'user' twice"),
    "nameless": (b"user,,time\n1,2,3\n", "without a name"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_csv_that_is_none_is_named_for_what_it_is(kind, tmp_path, workspace):
    content, words = CONTENTS[kind]
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    assert words in refused(file)
    assert not list(workspace.home.rglob("*.parquet"))


def test_names_that_lie_about_their_content(tmp_path, workspace):
    zipped = pack(tmp_path / "ratings.csv", **{"ratings.csv": RATINGS})
    assert "is a zip archive by its content" in refused(zipped)
    sheet = pack(tmp_path / "ratings.xlsx", **{"xl/workbook.xml": "<x/>"})
    assert "Excel" in refused(sheet)
    text = tmp_path / "ratings.parquet"
    text.write_text(RATINGS)
    assert "holds plain text" in refused(text)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1" + b"\0" * 50)
    assert "damaged Parquet" in refused(broken)


def test_a_missing_path_and_an_empty_folder(tmp_path, workspace):
    assert "There is no file" in refused(tmp_path / "nowhere.csv")
    (tmp_path / "empty").mkdir()
    message = refused(tmp_path / "empty")
    assert "Expected MovieLens" in message
    assert "Found: no table" in message


def test_a_wrong_folder_says_what_was_expected_and_found(tmp_path, workspace):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n")
    message = refused(tmp_path)
    assert "Expected MovieLens" in message
    assert "Found: a.csv, b.csv" in message


def test_the_list_of_films_alone_is_no_ratings_file(movietweetings, workspace):
    assert "holds no ratings" in refused(movietweetings / "movies.dat")


def test_two_rating_files_side_by_side_are_not_chosen_between(tmp_path, workspace):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ratings.csv").write_text(RATINGS)
    assert "several files to import" in refused(tmp_path)


def test_a_dataset_is_not_imported_again(movietweetings, workspace):
    report = import_data(movietweetings)
    assert "is a dataset already" in refused(report.folder)


@pytest.mark.parametrize(
    "name", ["../ratings.csv", "a/../../ratings.csv", "/etc/ratings.csv", "..\\ratings.csv", "C:/r.csv"]
)
def test_a_member_that_climbs_out(name, tmp_path, workspace):
    file = tmp_path / "evil.zip"
    with zipfile.ZipFile(file, "w") as zipped:
        info = zipfile.ZipInfo("x")
        info.filename = name
        zipped.writestr(info, RATINGS)
    assert "climbs out" in refused(file)
    assert not (tmp_path / "ratings.csv").exists()


def test_a_symbolic_link(tmp_path, workspace):
    file = tmp_path / "link.zip"
    with zipfile.ZipFile(file, "w") as zipped:
        info = zipfile.ZipInfo("ratings.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(info, "/etc/passwd")
    assert "symbolic link" in refused(file)


def test_a_zip_bomb(tmp_path, workspace):
    bomb = pack(tmp_path / "bomb.zip", **{"ratings.csv": b"0" * 40_000_000})
    assert bomb.stat().st_size < 100_000
    assert "zip bomb" in refused(bomb)


def test_a_zip_bomb_of_many_small_members(tmp_path, workspace):
    members = {f"{i}.csv": b"0" * 3_000_000 for i in range(5)}
    bomb = pack(tmp_path / "bomb.zip", **members)
    assert "zip bomb" in refused(bomb)


def test_too_large_and_too_many(tmp_path, workspace, monkeypatch):
    file = pack(tmp_path / "large.zip", **{"ratings.csv": RATINGS, "movies.csv": "movieId,title,genres\n1,A,B\n"})
    monkeypatch.setattr(archive, "MAX_BYTES", 50)
    assert "at most" in refused(file)
    monkeypatch.setattr(archive, "MAX_BYTES", 10_000)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    assert "2 members" in refused(file)


def test_a_directory_that_lies_about_sizes(tmp_path, workspace):
    """The header says few bytes, the stream holds many: what is written never exceeds what was said."""
    file = pack(tmp_path / "liar.zip", **{"ratings.csv": RATINGS + "1,3,4.0,978300002\n" * 100_000})
    raw = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as zipped:
        size = zipped.getinfo("ratings.csv").file_size
    said = struct.pack("<I", len(RATINGS))
    assert raw.count(struct.pack("<I", size)) == 2
    file.write_bytes(bytes(raw).replace(struct.pack("<I", size), said))
    with pytest.raises(DataError):
        import_data(file)
    assert not list(workspace.home.rglob("ratings*"))


def test_a_zip_within_a_zip_and_a_zip_of_pictures(tmp_path, workspace):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as zipped:
        zipped.writestr("ratings.csv", RATINGS)
    assert "holds a zip (inner.zip)" in refused(pack(tmp_path / "outer.zip", **{"inner.zip": inner.getvalue()}))
    assert "holds no table" in refused(pack(tmp_path / "pictures.zip", **{"a.png": b"\x89PNG"}))


def test_a_truncated_and_an_encrypted_zip(tmp_path, workspace):
    whole = pack(tmp_path / "whole.zip", **{"ratings.csv": RATINGS * 100})
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:-30])
    assert "damaged" in refused(cut)
    raw = bytearray(whole.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.index(signature) + offset
        raw[at] |= 1
    locked = tmp_path / "locked.zip"
    locked.write_bytes(bytes(raw))
    assert "encrypted" in refused(locked)


def test_a_zip_whose_content_is_damaged(tmp_path, workspace):
    whole = pack(tmp_path / "whole.zip", **{"ratings.csv": RATINGS + "1,3,4.0,978300002\n" * 20_000})
    raw = bytearray(whole.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 8] = bytes(255 - b for b in raw[middle : middle + 8])
    whole.write_bytes(bytes(raw))
    assert "damaged" in refused(whole)


def test_only_the_files_of_the_layout_are_unpacked(tmp_path, workspace, monkeypatch):
    file = pack(tmp_path / "ml.zip", **{"ml/ratings.csv": RATINGS, "ml/genome-scores.csv": "a,b\n1,2\n"})
    unpacked = []
    real = archive.unpack
    monkeypatch.setattr(archive, "unpack", lambda a, names, *rest: (unpacked.extend(names), real(a, names, *rest)))
    import_data(file)
    assert unpacked == ["ml/ratings.csv"]
    assert detect(file).files["ratings"].as_posix() == "ml/ratings.csv"


class Endless(io.RawIOBase):
    """An upload of two GiB that takes no memory; says how much of it was read."""

    def __init__(self):
        self.given = 0

    def read(self, size=-1):
        if self.given >= 2 * 1024**3:
            return b""
        self.given += size
        return b"0" * size


def test_an_upload_of_two_gib_is_refused_after_the_limit(workspace):
    upload = Endless()
    with pytest.raises(DataError, match="larger than 50 MB"):
        uploads.save(workspace, [("ratings.csv", upload)], limit=50 * 1024**2)
    assert upload.given <= 51 * 1024**2
    assert not list((workspace.home / "uploads").iterdir())


def test_uploads_stay_in_their_folder(workspace):
    saved = uploads.save(workspace, [("../../evil.csv", io.BytesIO(b"a,b\n1,2\n"))], limit=100)
    assert saved.name == "evil.csv"
    assert saved.parent.parent == workspace.home / "uploads"
    assert uploads.folder_of(saved) == saved.parent
    assert uploads.folder_of(workspace.home / "datasets" / "mine") is None
    with pytest.raises(DataError, match="Two files"):
        uploads.save(workspace, [("a.csv", io.BytesIO(b"1")), ("x/a.csv", io.BytesIO(b"1"))], limit=100)
    several = uploads.save(workspace, [("a.csv", io.BytesIO(b"1")), ("b.csv", io.BytesIO(b"1"))], limit=100)
    assert sorted(f.name for f in several.iterdir()) == ["a.csv", "b.csv"]
    with pytest.raises(DataError, match=r"^The upload has none of the layouts.*Found: a\.csv, b\.csv\."):
        detect(several)
