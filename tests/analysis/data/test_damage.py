"""Datasets that were damaged after they had been written, and folders that are no datasets: said, and nothing lost."""

import json
import subprocess
import sys
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.data import Dataset, DatasetWriter
from analysis.data.importers import import_data
from analysis.data.listing import list_datasets
from analysis.data.quality import check
from analysis.data.writer import swap
from analysis.errors import DataError


@pytest.fixture
def dataset(workspace):
    folder = workspace.datasets / "mine"
    with DatasetWriter(folder, name="Mine", source="a test") as writer:
        writer.add("ratings", pa.table({"viewer_id": [1, 2], "title_id": [7, 7], "stars": [4.0, 5.0]}))
    return folder


def rewrite(folder, **changes):
    manifest = folder / "dataset.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changes}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": None}, "name is None and not a text"),
        ({"time_zone": "Mars/Base"}, "unknown time zone 'Mars/Base'"),
        ({"tables": {"ratings": [{"file": "../x.parquet", "sha256": "0", "rows": 1}]}}, "lies outside of the folder"),
        (
            {"tables": {"ratings": [{"file": "x.parquet", "sha256": "0", "rows": "many"}]}},
            "'many' is no number of rows",
        ),
        ({"tables": {"ratingz": []}}, "There is no table 'ratingz'"),
        ({"import_report": 7}, "can't be read"),
        ({"format": 99}, "format 99"),
        ({"kind": "guess"}, "kind is 'guess'; it may be sample, simulated"),
        ({"has_truth": "no"}, "has_truth is 'no'"),
    ],
)
def test_a_description_that_cannot_be_is_refused(dataset, change, words):
    rewrite(dataset, **change)
    with pytest.raises(DataError, match=words):
        Dataset.open(dataset)


@pytest.mark.parametrize("content", [None, b"{", b"\xff\xfe"])
def test_a_promised_truth_that_cannot_be_read_is_named(dataset, content):
    rewrite(dataset, has_truth=True)
    if content is not None:
        (dataset / "truth.json").write_bytes(content)
    with pytest.raises(DataError, match=r"truth\.json can't be read"):
        Dataset.open(dataset).truth()


def test_one_unreadable_dataset_does_not_hide_the_others(dataset, workspace):
    bad = workspace.datasets / "bad"
    bad.mkdir()
    (bad / "dataset.json").write_bytes(b"\xff\xfe\x00")
    found = list_datasets(workspace)
    assert "mine" in [key for key, _, _ in found.datasets]
    assert [folder.name for folder, _ in found.unreadable] == ["bad"]


def part_of(folder):
    return next((folder / "ratings").iterdir())


def test_a_truncated_part_is_named_where_it_is_read(dataset):
    part = part_of(dataset)
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(DataError, match=f"ratings/{part.name} of Mine is damaged") as caught:
        Dataset.open(dataset).frame("ratings")
    assert "Import the data again" in caught.value.remedy


def test_a_part_of_other_columns_is_named(dataset):
    pq.write_table(pa.table({"x": [1]}), part_of(dataset))
    with pytest.raises(DataError, match="is damaged: it is not what was written"):
        check(Dataset.open(dataset))


def test_a_part_that_was_altered_is_found_by_the_check(dataset):
    opened = Dataset.open(dataset)
    assert opened.altered() == ()
    part = part_of(dataset)
    rows = pq.read_table(part)
    pq.write_table(rows.set_column(2, rows.schema.field("stars"), pa.array([1.0, 1.0])), part)
    wrong = [finding for finding in check(opened).findings if finding.severity == "wrong"]
    assert [(finding.table, finding.check) for finding in wrong] == [("ratings", "altered")]
    assert part.name in check(opened).summary()


def test_an_error_that_is_no_damage_stays_what_it_is(dataset):
    with pytest.raises(ZeroDivisionError), Dataset.open(dataset).read():
        1 / 0  # noqa: B018


def test_a_folder_of_something_else_is_never_replaced(tmp_path, workspace):
    table = tmp_path / "plays.csv"
    table.write_text("user,title,time\na,T,2024-01-01\n")
    precious = tmp_path / "documents" / "letter.txt"
    precious.parent.mkdir()
    precious.write_text("dear")
    with pytest.raises(DataError, match="holds something else than a dataset"):
        import_data(table, target=precious.parent, replace=True)
    assert precious.read_text() == "dear"
    with pytest.raises(DataError, match="is a file"):
        import_data(table, target=precious, replace=True)
    assert precious.read_text() == "dear"


def test_two_imports_of_one_name_at_once_keep_both(tmp_path, workspace):
    table = tmp_path / "plays.csv"
    table.write_text("user,title,time\na,T,2024-01-01\n")
    together = threading.Barrier(2)
    folders = []

    def bring():
        def wait(share, _words):
            if 0.95 < share < 1:
                together.wait(timeout=120)

        folders.append(import_data(table, name="Mine", progress=wait).folder.name)

    threads = [threading.Thread(target=bring) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(folders) == ["mine", "mine-2"]
    assert all(Dataset.open(workspace.datasets / name).info.rows("views") == 1 for name in folders)


def test_a_swap_that_may_not_replace_leaves_what_stands(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    new.mkdir()
    old.mkdir()
    (old / "kept").touch()
    with pytest.raises(FileExistsError):
        swap(new, old, replace=False)
    assert (old / "kept").exists()
    assert new.exists()


@pytest.mark.parametrize("share", [0.05, 0.97])
def test_a_kill_at_any_stage_leaves_nothing_in_the_way(tmp_path, workspace, share):
    table = tmp_path / "plays.csv"
    table.write_text("user,title,time\na,T,2024-01-01\n")
    script = (
        "import os, signal, sys\n"
        "from analysis.data.importers import import_data\n"
        f"import_data({str(table)!r}, name='Mine',\n"
        f"    progress=lambda share, words: os.kill(os.getpid(), signal.SIGKILL) if share >= {share} else None)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert killed.returncode == -9
    assert [f.name for f in workspace.list_datasets() if f.parent == workspace.datasets] == []
    assert import_data(table, name="Mine").folder.name == "mine"
    assert [f.name for f in workspace.datasets.iterdir()] == ["mine"]
