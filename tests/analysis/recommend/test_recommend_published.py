"""Surprise's published errors of predicted stars, where a folder of MovieLens is named by `PRIMETIME_MOVIELENS`."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

from analysis.data import Dataset
from analysis.data.importers import import_data
from analysis.recommend import FoldSplit, Interactions, evaluate

PUBLISHED: dict[int, dict[str, tuple[float, float]]] = {
    100_000: {
        "svd": (0.934, 0.737),
        "svdpp": (0.919, 0.721),
        "nmf": (0.963, 0.758),
        "slope_one": (0.946, 0.743),
        "knn_baseline": (0.931, 0.733),
        "co_clustering": (0.963, 0.753),
        "bias": (0.944, 0.748),
    },
    1_000_209: {
        "svd": (0.873, 0.686),
        "svdpp": (0.862, 0.672),
        "knn_baseline": (0.895, 0.706),
        "bias": (0.909, 0.719),
    },
}
"""RMSE and MAE in Surprise's README, five folds, default settings, by the number of ratings (ML-100k, ML-1M)."""

TOLERANCE = 0.008
"""Folds drawn by another generator move the errors by a few thousandths."""


def imported(folder: Path, target: Path) -> Dataset:
    import_data(folder, target=target)
    return Dataset.open(target)


def errors(dataset: Dataset, models: list[str], folds: int = 5) -> dict[str, tuple[float, float]]:
    """RMSE and MAE of each model over folds of ratings."""
    board = evaluate(dataset, models, signal="ratings", split=FoldSplit(folds))
    assert not [entry.error for entry in board.entries if entry.error]
    return {entry.model: (entry.estimates["rmse"].value, entry.estimates["mae"].value) for entry in board.entries}


@pytest.fixture(scope="module")
def movielens(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = os.environ.get("PRIMETIME_MOVIELENS")
    if not folder:
        pytest.skip("PRIMETIME_MOVIELENS is not set: Surprise's published numbers are not held beside ours")
    assert Path(folder).is_dir(), f"PRIMETIME_MOVIELENS names {folder}, which is no folder"
    dataset = imported(Path(folder), tmp_path_factory.mktemp("movielens") / "data")
    if dataset.info.rows("ratings") not in PUBLISHED:
        pytest.skip(f"Numbers are published for ML-100k and ML-1M, not for {dataset.info.rows['ratings']:,} ratings")
    return dataset


@pytest.mark.parametrize("model", PUBLISHED[100_000])
def test_errors_are_the_published_ones(movielens: Dataset, model: str) -> None:
    published = PUBLISHED[movielens.info.rows("ratings")]
    if model not in published:
        pytest.skip(f"No number of {model} is published for this size")
    assert errors(movielens, [model])[model] == pytest.approx(published[model], abs=TOLERANCE)


def test_the_way_to_them_on_a_folder_of_the_same_form(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    pairs = rng.permutation(40 * 60)[:900]
    viewer, title = pairs // 60, pairs % 60
    stars = np.clip(np.round(3 + rng.normal(0, 0.5, 40)[viewer] + rng.normal(0, 0.7, 60)[title]), 1, 5).astype(int)
    at = 874_724_710 + np.arange(900)
    rows = zip(viewer + 1, title + 1, stars, at, strict=True)
    (folder / "u.data").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    dataset = imported(folder, tmp_path / "data")
    assert dataset.info.rows("ratings") == 900
    found = errors(dataset, ["bias"], folds=3)
    # The same by hand: each rating is predicted once, by what the other folds teach.
    interactions = Interactions.from_dataset(dataset, "ratings")
    wrong = []
    from analysis.recommend import Bias

    for part in FoldSplit(3).splits(interactions):
        model = Bias().fit(part.train)
        rated = part.test.ratings
        assert rated is not None
        known = part.train.plays_per_viewer[rated.viewer] > 0
        predicted = model.predict(part.train.viewers[rated.viewer[known]], part.train.titles[rated.title[known]])
        wrong += (predicted - rated.stars[known]).tolist()
    assert found["bias"][0] == pytest.approx(math.sqrt(np.mean(np.square(wrong))))
    assert found["bias"][1] == pytest.approx(np.mean(np.abs(wrong)))
