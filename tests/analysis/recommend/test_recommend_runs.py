"""Runs kept in the workspace, and one viewer's page made of them."""

from __future__ import annotations

import datetime as dt
import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset, DatasetWriter
from analysis.errors import DataError, ParameterError
from analysis.recommend import Leaderboard, TemporalSplit, evaluate
from analysis.recommend.home import ViewerHome, find_viewers, viewer_home
from analysis.recommend.runs import (
    LEADERBOARD,
    Run,
    delete_run,
    keep_run,
    list_runs,
    load_run,
    newest_run,
    reference_run,
    write_reference,
)
from analysis.workspace import Workspace

CHOSEN = ["popularity", "item_knn"]


@pytest.fixture(scope="module")
def newcomers(dataset: Dataset) -> Dataset:
    """The two tastes, and viewer 5 who comes after the split; some viewers have names."""
    views = dataset.frame("views", ["viewer_id", "title_id", "started_at"])
    late = pd.DataFrame({"viewer_id": [5], "title_id": [8], "started_at": [pd.Timestamp("2025-12-24")]})
    names = pd.DataFrame({"viewer_id": [5, 1000, 1001], "name": ["Neo", "Ana [x](y)", None]})
    return Dataset.from_frames(
        name="newcomers", views=pd.concat([views, late]), titles=dataset.frame("titles"), viewers=names
    )


@pytest.fixture(scope="module")
def board(newcomers: Dataset) -> Leaderboard:
    return evaluate(newcomers, CHOSEN)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def run(workspace: Workspace, board: Leaderboard) -> Run:
    return keep_run(workspace, board)


def test_kept_listed_loaded_deleted(workspace: Workspace, run: Run, board: Leaderboard) -> None:
    listed = list_runs(workspace, board.dataset_hash)
    assert [info.id for info in listed.runs] == [run.id]
    assert listed.runs[0].summary == board.summary()
    assert listed.summary() == "1 run."
    assert len(listed.to_frame()) == 1
    loaded = load_run(workspace, run.id)
    assert loaded.to_json() == {"run": run.id, **board.to_json()}
    delete_run(workspace, run.id)
    delete_run(workspace, run.id)
    assert list_runs(workspace).runs == ()
    assert list(workspace.runs.iterdir()) == []
    with pytest.raises(DataError, match="no run"):
        load_run(workspace, run.id)


def test_lists_come_back_as_they_were(run: Run, board: Leaderboard, newcomers: Dataset) -> None:
    for place, viewer_id in enumerate(board.lists["item_knn"].ids[:25]):
        lists = run.lists(int(viewer_id))
        assert np.array_equal(
            lists["item_knn"].title_ids[0],
            board.lists["item_knn"].title_ids[place][board.lists["item_knn"].filled[place]],
        )
        assert set(lists) == set(CHOSEN)
    assert np.array_equal(run.viewer_ids(), np.unique(newcomers.frame("views")["viewer_id"]))
    assert run.lists(424242) == {}


def test_newest_first_and_only_of_this_dataset(workspace: Workspace, board: Leaderboard, newcomers: Dataset) -> None:
    keep_run(workspace, board)
    second = keep_run(workspace, board)
    other = Dataset.from_frames(ratings=pd.DataFrame({"viewer_id": [5], "title_id": [9], "stars": [1.0]}))
    newest = newest_run(workspace, newcomers)
    assert newest is not None
    assert newest.id == second.id
    assert newest_run(workspace, other) is None
    assert len(list_runs(workspace).runs) == 2


def test_a_run_whose_files_are_gone_says_so(workspace: Workspace, run: Run, newcomers: Dataset) -> None:
    (run.folder / LEADERBOARD).unlink()
    with pytest.raises(DataError, match="gone or broken"):
        load_run(workspace, run.id)
    assert newest_run(workspace, newcomers) is None


@pytest.mark.parametrize("run_id", ["../../etc", "", "x'; drop table runs; --"])
def test_a_name_from_a_link_is_no_path(workspace: Workspace, run: Run, run_id: str) -> None:
    with pytest.raises(DataError, match="no run"):
        load_run(workspace, run_id)
    delete_run(workspace, run_id)
    assert len(list_runs(workspace).runs) == 1


def test_a_failure_leaves_nothing(workspace: Workspace, board: Leaderboard, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("analysis.recommend.runs.pq.ParquetWriter", fail)
    with pytest.raises(OSError, match="disk full"):
        keep_run(workspace, board)
    assert list(workspace.runs.iterdir()) == []
    assert list_runs(workspace).runs == ()


def test_people_at_once_do_not_disturb_each_other(workspace: Workspace, board: Leaderboard) -> None:
    problems: list[BaseException] = []

    def work() -> None:
        try:
            mine = keep_run(Workspace(workspace.home), board)
            assert load_run(workspace, mine.id).leaderboard.to_json() == board.to_json()
            delete_run(workspace, mine.id)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list_runs(workspace).runs == ()


def test_a_dataset_can_carry_its_own_run(tmp_path: Path, newcomers: Dataset, workspace: Workspace) -> None:
    with DatasetWriter(tmp_path / "data", name="on disk", source="a test") as writer:
        for table in newcomers.tables:
            with newcomers.read() as tables:
                writer.add(table, tables[table].collect("pyarrow").to_native())
    stored = Dataset.open(tmp_path / "data")
    assert reference_run(stored) is None
    board = evaluate(stored, CHOSEN)
    write_reference(stored, board)
    write_reference(stored, board)
    found = newest_run(workspace, Dataset.open(tmp_path / "data"))
    assert found is not None
    assert found.id == "reference"
    assert found.leaderboard.to_json() == board.to_json()
    assert Dataset.open(tmp_path / "data").content_hash == stored.content_hash
    assert 'Workspace().dataset("data")' in board.recipe().replace("'", '"')
    with pytest.raises(DataError, match="in memory"):
        write_reference(newcomers, board)
    with pytest.raises(DataError, match="another content"):
        write_reference(stored, evaluate(newcomers, ["popularity"], split=TemporalSplit(0.3)))


def home_of(newcomers: Dataset, run: Run, viewer_id: int) -> ViewerHome:
    return viewer_home(newcomers, run, viewer_id, k=8)


def test_history_and_lists_side_by_side(newcomers: Dataset, run: Run, board: Leaderboard) -> None:
    home = home_of(newcomers, run, 1000)
    views = newcomers.frame("views")
    mine = views[views["viewer_id"] == 1000]
    early = mine[mine["started_at"] < dt.datetime.fromisoformat(board.split_at)]
    late = set(mine["title_id"]) - set(early["title_id"])
    assert home.n_before == early["title_id"].nunique()
    assert {title.title_id for title in home.before} <= set(early["title_id"])
    assert [t.last_at for t in home.before] == sorted((t.last_at for t in home.before), reverse=True)
    assert {title.title_id for title in home.after} == late
    assert [shelf.model for shelf in home.shelves] == [entry.model for entry in board.entries]
    for shelf in home.shelves:
        assert len(shelf.titles) == 8
        assert all(title.watched_later == (title.title_id in late) for title in shelf.titles)
        assert shelf.hits == sum(title.title_id in late for title in shelf.titles)
    assert home.name == "Ana [x](y)"
    assert home.without_list == ()
    assert len(home.to_frame()) == 16
    assert home.shelves[0].titles[0].name.startswith("Film ")
    assert home.shelves[0].titles[0].genres == ("Drama",)
    assert home.summary().startswith("Ana [x](y) had watched ")
    json.dumps(home.to_json())


def test_a_new_viewer_gets_what_is_popular(newcomers: Dataset, run: Run) -> None:
    home = home_of(newcomers, run, 5)
    assert home.is_new
    assert [shelf.model for shelf in home.shelves] == ["popularity"]
    assert home.without_list == ("Item kNN",)
    assert home.summary().startswith("Neo had watched nothing before")
    assert [title.title_id for title in home.after] == [8]


def test_a_viewer_nobody_knows_is_named(newcomers: Dataset, dataset: Dataset, run: Run) -> None:
    with pytest.raises(DataError, match="no viewer 99"):
        home_of(newcomers, run, 99)
    with pytest.raises(DataError, match="another content"):
        home_of(dataset, run, 1000)
    with pytest.raises(ParameterError):
        viewer_home(newcomers, run, 1000, k=0)


def test_finding_viewers(newcomers: Dataset, board: Leaderboard) -> None:
    everyone = find_viewers(newcomers, board, limit=50)
    assert everyone.found == 200
    assert len(everyone.viewers) == 50
    assert (everyone.viewers["before"] > 0).all()
    assert everyone.viewers["after"].is_monotonic_decreasing
    assert "first 50 are listed" in everyone.summary()
    assert find_viewers(newcomers, board, "ana").viewers["viewer_id"].tolist() == [1000]
    assert find_viewers(newcomers, board, "119").found == 10
    assert find_viewers(newcomers, board, "](").found == 1
    assert find_viewers(newcomers, board, "a.a").found == 0
    new = find_viewers(newcomers, board, new=True)
    assert new.viewers.to_dict("records") == [{"viewer_id": 5, "name": "Neo", "before": 0, "after": 1}]
