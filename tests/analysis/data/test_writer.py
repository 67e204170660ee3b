"""Datasets on disk: whole or not at all, whoever is killed and whoever reads meanwhile."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import narwhals as nw
import pyarrow as pa
import pytest

from analysis import engine
from analysis.data import Dataset, DatasetWriter
from analysis.data.importers import import_data
from analysis.data.writer import LOCK, sweep
from analysis.errors import DataError
from analysis.workspace import ROOT

RATINGS = pa.table({"viewer_id": [1, 2], "title_id": [7, 8], "stars": [4.0, 3.0]})


def save(target, stars=4.0, **options):
    with DatasetWriter(target, name="Tiny", source="a test", **options) as writer:
        writer.add("ratings", pa.table({"viewer_id": [1], "title_id": [7], "stars": [stars]}))
    return Dataset.open(target)


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    def fail():
        with DatasetWriter(tmp_path / "new", name="x", source="y") as writer:
            writer.add("ratings", RATINGS)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_writer_without_rows_of_people_is_refused(tmp_path):
    with (
        pytest.raises(DataError, match="neither views nor ratings"),
        DatasetWriter(tmp_path / "new", name="x", source="y") as writer,
    ):
        writer.add("titles", pa.table({"title_id": [1], "name": ["Salt"]}))
    assert list(tmp_path.iterdir()) == []


def test_replacing_keeps_the_old_until_the_new_is_whole(tmp_path):
    target = tmp_path / "mine"
    old = save(target)

    def fail():
        with DatasetWriter(target, name="x", source="y", replace=True) as writer:
            writer.add("ratings", RATINGS)
            assert Dataset.open(target).content_hash == old.content_hash
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert Dataset.open(target).content_hash == old.content_hash
    assert [f.name for f in tmp_path.iterdir()] == ["mine"]


def test_scratch_never_becomes_part_of_the_dataset(tmp_path):
    with DatasetWriter(tmp_path / "mine", name="x", source="y") as writer:
        (writer.scratch / "note").write_text("scratch")
        writer.add("ratings", RATINGS)
    files = {f.relative_to(tmp_path / "mine").parts[0] for f in (tmp_path / "mine").rglob("*")}
    assert files == {"dataset.json", "ratings"}


def test_parts_and_hashes(tmp_path):
    """The hash is that of the content: equal for equal parts, different for other rows or another order of parts."""

    def written(name, parts):
        with DatasetWriter(tmp_path / name, name=name, source="x") as writer:
            for part in parts:
                writer.add("ratings", part)
        return Dataset.open(tmp_path / name)

    other = pa.table({"viewer_id": [3], "title_id": [7], "stars": [1.0]})
    one, same, swapped = written("a", [RATINGS, other]), written("b", [RATINGS, other]), written("c", [other, RATINGS])
    assert one.content_hash == same.content_hash
    assert len({one.content_hash, swapped.content_hash, written("d", [RATINGS]).content_hash}) == 3
    assert one.info.rows("ratings") == 3
    assert sorted(one.frame("ratings")["viewer_id"]) == [1, 2, 3]


def test_hash_in_memory_is_that_of_the_values():
    frames = [RATINGS, RATINGS.slice(0), pa.concat_tables([RATINGS.slice(0, 1), RATINGS.slice(1)])]
    assert len({Dataset.from_frames(ratings=f).content_hash for f in frames}) == 1
    assert (
        Dataset.from_frames(ratings=RATINGS.slice(1)).content_hash != Dataset.from_frames(ratings=RATINGS).content_hash
    )


def test_a_swap_killed_between_its_renames_is_undone(tmp_path, workspace):
    workspace.datasets.mkdir(parents=True)
    dataset = save(workspace.datasets / "mine")
    (workspace.datasets / "mine").rename(workspace.datasets / ".mine.old")
    assert workspace.datasets / "mine" in workspace.list_datasets()
    assert Dataset.open(workspace.datasets / "mine").content_hash == dataset.content_hash
    # Also for who opens it by its path.
    (workspace.datasets / "mine").rename(workspace.datasets / ".mine.old")
    assert Dataset.open(workspace.datasets / "mine").content_hash == dataset.content_hash


def test_listing_datasets_while_one_is_replaced_harms_neither(workspace):
    workspace.datasets.mkdir(parents=True)
    target = workspace.datasets / "mine"
    save(target)
    stop = threading.Event()

    def list_all():
        while not stop.is_set():
            workspace.list_datasets()

    watcher = threading.Thread(target=list_all)
    watcher.start()
    try:
        for i in range(40):
            assert save(target, stars=float(i % 5), replace=True).frame("ratings")["stars"][0] == i % 5
    finally:
        stop.set()
        watcher.join()
    assert [f.name for f in workspace.datasets.iterdir()] == ["mine"]


def test_sweeping_spares_living_writers(tmp_path):
    with DatasetWriter(tmp_path / "mine", name="x", source="y") as writer:
        sweep(tmp_path)
        assert writer.work.is_dir()
        writer.add("ratings", RATINGS)
    dead = tmp_path / ".other.0123abcd.tmp"
    dead.mkdir()
    (dead / LOCK).touch()
    foreign = tmp_path / ".cache.tmp"
    foreign.mkdir()
    sweep(tmp_path)
    assert not dead.exists()
    assert foreign.exists()


SLOW_IMPORT = """
import sys, time
from pathlib import Path
from analysis.data.importers import import_data, staging
real = staging.Run.copy
def copy(run, *args, **more):
    rows = real(run, *args, **more)
    if len(list(run.writer.work.glob(sys.argv[3]))):
        print("in the middle", flush=True)
        time.sleep(60)
    return rows
staging.Run.copy = copy
import_data(Path(sys.argv[1]), target=Path(sys.argv[2]), replace=True)
"""


@pytest.mark.parametrize("moment", [".scratch/staged-*", "ratings/*", "titles/*"])
def test_a_killed_import_leaves_the_old_dataset_and_the_next_one_clears_up(moment, movietweetings, tmp_path):
    target = tmp_path / "out" / "mine"
    old = save(target)
    worker = subprocess.Popen(
        [sys.executable, "-c", SLOW_IMPORT, str(movietweetings), str(target), moment],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert worker.stdout.readline() == "in the middle\n"
        assert Dataset.open(target).content_hash == old.content_hash
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(10)
    finally:
        worker.kill()
        worker.stdout.close()
    assert Dataset.open(target).content_hash == old.content_hash
    assert Dataset.open(target).frame("ratings")["stars"][0] == 4.0
    left = [f.name for f in target.parent.iterdir() if f.name != "mine"]
    assert len(left) == 1
    report = import_data(movietweetings, target=target, replace=True)
    assert report.rows["ratings"] == 3
    assert [f.name for f in target.parent.iterdir()] == ["mine"]


def test_fifty_threads_read_one_dataset_at_once(tmp_path):
    rows = 20_000
    target = tmp_path / "busy"
    with DatasetWriter(target, name="Busy", source="a test") as writer:
        for part in range(2):
            ids = pa.array([(i * 7 + part) % 500 for i in range(rows)], pa.int64())
            stars = pa.array([float(i % 5) for i in range(rows)])
            writer.add("ratings", pa.table({"viewer_id": ids, "title_id": ids, "stars": stars}))
    dataset = Dataset.open(target)
    gate = threading.Barrier(50)

    def read(thread):
        gate.wait(30)
        with dataset.read() as tables:
            found = engine.to_arrow(
                tables["ratings"].filter(nw.col("viewer_id") % 50 == thread).select(n=nw.len(), s=nw.col("stars").sum())
            )
        return found.to_pylist()[0]

    began = time.monotonic()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(read, range(50)))
    assert sum(a["n"] for a in answers) == 2 * rows
    assert sum(a["s"] for a in answers) == 2 * sum(i % 5 for i in range(rows))
    assert time.monotonic() - began < 30


def test_a_manifest_that_makes_no_sense_is_named(tmp_path):
    dataset = save(tmp_path / "mine")
    manifest = dataset.folder / "dataset.json"
    stored = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**stored, "format": 99}))
    with pytest.raises(DataError, match="format 99"):
        Dataset.open(dataset.folder)
    manifest.write_text("{")
    with pytest.raises(DataError, match="can't be read"):
        Dataset.open(dataset.folder)
    manifest.write_text(json.dumps(stored))
    dataset.files("ratings")[0].unlink()
    with pytest.raises(DataError, match="is missing from"):
        Dataset.open(dataset.folder)
    with pytest.raises(DataError, match="no dataset in"):
        Dataset.open(tmp_path)
