import errno
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from analysis.data import DatasetWriter
from analysis.errors import DataError
from analysis.workspace import ROOT, Workspace, explain


def make(folder: Path) -> Path:
    with DatasetWriter(folder, name=folder.name, source="a test") as writer:
        writer.add("ratings", pa.table({"viewer_id": [1], "title_id": [7], "stars": [4.0]}))
    return folder


def test_it_is_where_the_environment_says_or_in_the_checkout(monkeypatch, tmp_path):
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path / "here"))
    assert Workspace().home == tmp_path / "here"
    assert Workspace(tmp_path / "there").home == tmp_path / "there"
    monkeypatch.delenv("PRIMETIME_HOME")
    assert Workspace().home == ROOT / "workspace"


def test_looking_makes_nothing(workspace):
    workspace.list_datasets()
    with pytest.raises(DataError):
        workspace.dataset("nowhere")
    assert not workspace.home.exists()


def test_datasets_are_found_by_name_and_by_folder(workspace, tmp_path):
    make(workspace.datasets / "b")
    make(workspace.datasets / "a")
    outside = make(tmp_path / "outside")
    assert [f.name for f in workspace.list_datasets() if f.parent == workspace.datasets] == ["a", "b"]
    assert workspace.dataset("b").folder == workspace.datasets / "b"
    assert workspace.dataset(str(outside)).folder == outside


def test_an_unknown_name_lists_the_known_ones(workspace):
    make(workspace.datasets / "mine")
    with pytest.raises(DataError, match=r"no dataset 'yours'\. Known here: sample, mine"):
        workspace.dataset("yours")


def test_half_written_and_replaced_datasets_are_not_shown(workspace):
    make(workspace.datasets / ".mine.1234.tmp")
    # A replacement that was killed between its two renames left only the old one, set aside.
    make(workspace.datasets / "mine").rename(workspace.datasets / ".mine.old")
    shown = [f.name for f in workspace.list_datasets() if f.parent == workspace.datasets]
    assert shown == ["mine"]


def test_a_new_folder_has_a_plain_name_that_is_free(workspace):
    first = workspace.new_dataset_folder("Ünïcode & Co. / 2026!")
    assert first.parent == workspace.datasets
    assert set(first.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    make(first)
    second = workspace.new_dataset_folder("Ünïcode & Co. / 2026!")
    assert second.name == f"{first.name}-2"
    assert workspace.new_dataset_folder("../../..").parent == workspace.datasets
    assert len(workspace.new_dataset_folder("x" * 500).name) <= 60


def test_readers_and_a_writer_share_the_database(workspace):
    with workspace.database.begin() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        connection.execute(sa.text("CREATE TABLE t (n INTEGER)"))
    with workspace.database.begin() as writer:
        writer.execute(sa.text("INSERT INTO t VALUES (1)"))
        with Workspace(workspace.home).database.connect() as reader:
            assert reader.execute(sa.text("SELECT count(*) FROM t")).scalar() == 0
    with Workspace(workspace.home).database.connect() as reader:
        assert reader.execute(sa.text("SELECT count(*) FROM t")).scalar() == 1


def test_several_processes_may_make_the_tables_at_once(workspace):
    script = (
        "import sys\n"
        "from analysis import jobs\n"
        "from analysis.workspace import Workspace\n"
        "sys.stdin.readline()\n"
        "print(len(jobs.recent(Workspace())))\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen([sys.executable, "-c", script], **pipes) for _ in range(4)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [out for out, _ in answers] == ["0\n"] * 4, [err[-500:] for _, err in answers]


def test_a_database_that_is_none_is_said_and_heals_when_it_is_moved_away(workspace):
    workspace.home.mkdir(parents=True)
    file = workspace.home / "workspace.db"
    file.write_bytes(b"no database at all" * 100)
    for _ in range(2):
        with pytest.raises(DataError, match=r"database can't be used \(file is not a database\)") as caught:
            _ = workspace.database
    assert "Move workspace.db away" in caught.value.remedy
    file.unlink()
    with workspace.database.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


def test_a_database_of_another_version_is_said(workspace):
    workspace.home.mkdir(parents=True)
    from analysis import jobs

    with sqlite3.connect(workspace.home / "workspace.db") as database:
        database.execute("CREATE TABLE jobs (id TEXT, kind TEXT, state TEXT)")
    database.close()
    with pytest.raises(DataError, match="made by another version: its table jobs has no title"):
        jobs.recent(workspace)


def test_a_database_that_was_deleted_is_made_anew(workspace):
    from analysis import jobs

    assert jobs.recent(workspace) == ()
    shutil.rmtree(workspace.home)
    # Through the old connections a record would go into a file that no longer has a name.
    assert jobs.recent(workspace) == ()
    assert (workspace.home / "workspace.db").is_file()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.parquet"), r"The disk is full .*x\.parquet"),
        (PermissionError(errno.EACCES, "Permission denied", "x.parquet"), r"may not be read or written .*x\.parquet"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "home"), r"Not a directory: home"),
        (sa.exc.OperationalError("", {}, Exception("database is locked")), "database is busy"),
        (sa.exc.OperationalError("", {}, Exception("attempt to write a readonly database")), "can't be written"),
        (sa.exc.OperationalError("", {}, Exception("database or disk is full")), "can't grow"),
        (MemoryError(), "out of memory"),
    ],
)
def test_what_the_machine_refuses_is_said_with_a_remedy(error, words):
    known = explain(error)
    assert known is not None
    assert re.search(words, known.problem)
    assert known.remedy


def test_other_errors_are_not_explained_away():
    assert explain(ValueError("a fault of the program")) is None


def test_a_workspace_that_cannot_be_written_is_said_before_the_work(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match=r"The machine could not do it \(.*file"):
        Workspace(tmp_path / "file" / "home").check_writable()


def test_checking_leaves_nothing_behind(workspace):
    workspace.check_writable()
    assert list(workspace.runs.iterdir()) == []
