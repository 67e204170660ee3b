"""Fitted models kept beside their run: asked at once, bounded, gone with the run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ModelError
from analysis.recommend import Leaderboard, Run, delete_run, evaluate, keep_run, kept
from analysis.recommend.base import Recommender
from analysis.recommend.protocols import RandomSplit
from analysis.workspace import Workspace

CHOSEN = ["popularity_at_time", "item_knn", "als", "svd"]


@pytest.fixture(scope="module")
def board(dataset: Dataset) -> Leaderboard:
    return evaluate(dataset, CHOSEN)


@pytest.fixture
def run(workspace: Workspace, board: Leaderboard) -> Run:
    run = keep_run(workspace, board)
    kept.keep_models(workspace, run, board.fitted.values())
    return run


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that are fitted from now on."""
    seen: list[str] = []
    fit = Recommender.fit

    def noted(model: Recommender, *more: object) -> Recommender:
        seen.append(model.name)
        return fit(model, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Recommender, "fit", noted)
    return seen


def test_kept_models_are_asked_without_a_fit(
    workspace: Workspace, dataset: Dataset, run: Run, board: Leaderboard, fits: list[str]
) -> None:
    for name in ("item_knn", "als"):
        model = kept.fitted_model(workspace, dataset, run, name)
        lists = board.lists[name]
        again = model.recommend(lists.ids, lists.title_ids.shape[1])
        assert np.array_equal(again.title_ids, lists.title_ids)
    assert fits == []


def test_only_what_a_page_may_ask_is_kept(workspace: Workspace, dataset: Dataset, run: Run, fits: list[str]) -> None:
    assert sorted(folder.name for folder in (run.folder / kept.FITTED).iterdir()) == ["als", "item_knn"]
    # It has seen the test period when it was judged, so it is fitted again.
    kept.fitted_model(workspace, dataset, run, "popularity_at_time")
    assert fits == ["popularity_at_time"]
    with pytest.raises(ModelError, match="no model 'ease'"):
        kept.fitted_model(workspace, dataset, run, "ease")


def test_a_broken_or_foreign_one_is_fitted_again_and_kept(
    workspace: Workspace, dataset: Dataset, run: Run, fits: list[str]
) -> None:
    (run.folder / kept.FITTED / "als" / "arrays.npz").write_bytes(b"no arrays")
    shutil.rmtree(run.folder / kept.FITTED / "item_knn")
    for _ in range(2):
        for name in ("als", "item_knn"):
            kept.fitted_model(workspace, dataset, run, name)
    assert fits == ["als", "item_knn"]


def test_deleted_with_the_run(workspace: Workspace, run: Run) -> None:
    delete_run(workspace, run.id)
    assert list(workspace.runs.iterdir()) == []


def test_the_models_of_a_run_outside_the_workspace_are_kept_inside(
    workspace: Workspace, dataset: Dataset, run: Run, tmp_path: Path, fits: list[str]
) -> None:
    outside = Run("reference", run.leaderboard, Path(shutil.copytree(run.folder, tmp_path / "data/run")))
    shutil.rmtree(outside.folder / kept.FITTED)
    for _ in range(2):
        kept.fitted_model(workspace, dataset, outside, "item_knn")
    assert fits == ["item_knn"]
    assert not (outside.folder / kept.FITTED).exists()


def test_bounded_in_number_and_size(
    workspace: Workspace, board: Leaderboard, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, name in enumerate(("item_knn", "als")):
        os.utime(run.folder / kept.FITTED / name / "model.json", (1_000 + age, 1_000 + age))
    monkeypatch.setattr(kept, "MOST_MODELS", 3)
    second = keep_run(workspace, board)
    assert kept.keep_models(workspace, second, board.fitted.values()) == ("item_knn", "als")
    assert [folder.name for folder in (run.folder / kept.FITTED).iterdir()] == ["als"]
    monkeypatch.setattr(kept, "MOST_BYTES_EACH", kept.size_of(board.fitted["als"]))
    assert kept.size_of(board.fitted["item_knn"]) > kept.MOST_BYTES_EACH
    third = keep_run(workspace, board)
    assert kept.keep_models(workspace, third, board.fitted.values()) == ("als",)
    monkeypatch.setattr(kept, "MOST_BYTES", 1)
    kept.keep_models(workspace, third, [])
    assert not list(workspace.runs.glob(f"*/{kept.FITTED}/*"))


def test_a_split_that_leaks_keeps_no_models(workspace: Workspace, dataset: Dataset) -> None:
    board = evaluate(dataset, ["popularity", "item_knn"], split=RandomSplit())
    assert board.fitted == {}
    with pytest.raises(DataError, match="split is not in time"):
        kept.fitted_model(workspace, dataset, keep_run(workspace, board), "item_knn")
