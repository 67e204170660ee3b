"""`data import`, `data check`, `data list`: what they print, and how they fail."""

import io
import json
import subprocess
import sys

import pytest

from analysis import cli
from analysis.data import uploads
from analysis.workspace import ROOT


@pytest.fixture
def run(capsys):
    def ran(*words):
        code = cli.main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ran


def test_import_check_and_list(run, movietweetings, workspace):
    code, out, _ = run("data", "import", movietweetings, "--name", "Tweets", "--json")
    assert code == 0
    document = json.loads(out)
    assert document["tables"]["ratings"] == 3
    assert document["folder"] == str(workspace.datasets / "tweets")
    code, out, _ = run("data", "check", "tweets", "--json")
    assert code == 0
    assert json.loads(out)["summary"].startswith("Tweets holds 3 ratings from 2013-08-17")
    code, out, _ = run("data", "list", "--json")
    assert code == 0
    assert "tweets" in [row["key"] for row in json.loads(out)["rows"]]


def test_a_failed_import_says_why_and_leaves_nothing(run, tmp_path, workspace):
    code, out, err = run("data", "import", tmp_path / "nothing.csv", "--json")
    assert code == 1
    assert "There is no file" in json.loads(out)["error"]["problem"]
    assert "There is no file" in err
    assert not workspace.datasets.exists() or not list(workspace.datasets.iterdir())


def test_columns_are_mapped_by_options(run, tmp_path, workspace):
    file = tmp_path / "x.csv"
    file.write_text("a,b,c\nanna,Salt,3/4/24\n")
    code, _, _ = run("data", "import", file, "--map", "viewer=a", "--map", "title=b", "--map", "time=c",
                     "--map", "time_format=day first")  # fmt: skip
    assert code == 0
    assert str(workspace.dataset("x").frame("views")["started_at"][0].date()) == "2024-04-03"


def test_what_was_left_out_and_how_the_rest_was_read_is_printed(run, tmp_path, workspace):
    file = tmp_path / "log.csv"
    file.write_text("who,film,ts\nanna,Salt,2024-05-01 20:00\nbob,Tide,soon\nbob,Salt,2024-05-03 21:00\n")
    code, out, _ = run("data", "import", file, "--map", "viewer=who")
    assert code == 0
    assert "log.csv, line 3, column ts: the time can't be read: 'soon'" in out
    assert "Read: viewer from 'who', title from 'film', time from 'ts'." in out


def test_an_upload_is_removed_once_it_has_been_read_and_other_files_never(run, movietweetings, workspace):
    files = [(file.name, io.BytesIO(file.read_bytes())) for file in sorted(movietweetings.iterdir())]
    saved = uploads.save(workspace, files, limit=10_000)
    code, out, _ = run("data", "import", saved, "--discard-source")
    assert code == 0
    assert "Imported MovieTweetings" in out
    assert not saved.exists()
    code, _, _ = run("data", "import", movietweetings, "--discard-source")
    assert code == 0
    assert (movietweetings / "ratings.dat").is_file()


def test_a_full_disk_is_said_in_words_and_leaves_nothing(run, movietweetings, workspace, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device", "part-0000.parquet")

    monkeypatch.setattr("analysis.data.writer.write_text", full)
    code, out, err = run("data", "import", movietweetings, "--json")
    assert code == 1
    assert json.loads(out)["error"]["problem"] == "The disk is full (No space left on device: part-0000.parquet)."
    assert "Traceback" not in err
    assert list(workspace.datasets.iterdir()) == []


def test_a_reader_who_has_had_enough_is_no_error(workspace):
    command = f"{sys.executable} -m analysis data check sample | head -1"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""
