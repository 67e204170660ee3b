"""Explanations: rows that hold what they say, and citations that really move the score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ModelError
from analysis.recommend import (
    Interactions,
    ItemKNN,
    Recommender,
    Run,
    TemporalSplit,
    because_viewer_watched,
    because_you_watched,
    evaluate,
    faithfulness,
    keep_run,
    models,
    refit,
    similar_titles,
)
from analysis.recommend.protocols import RandomSplit
from analysis.workspace import Workspace

Trained = Callable[[type[Recommender]], Recommender]
EXPLAINING = [model for model in models().values() if model.explains]


@pytest.mark.parametrize("model", EXPLAINING, ids=lambda model: model.name)
def test_without_the_cited_title_the_score_falls_more_than_without_another(
    model: type[Recommender], described: Interactions
) -> None:
    found = faithfulness(model(seed=5).fit(described), viewers=200, seed=1)
    assert found.viewers == 200
    assert found.share >= 0.9, found.summary()
    assert found.low < found.share <= found.high
    assert found.to_frame()["share"].tolist() == [found.share]


@pytest.fixture(scope="module")
def described(dataset: Dataset) -> Interactions:
    """The two tastes, with genres that tell titles apart."""
    titles = dataset.frame("titles", ["title_id", "name"])
    rng = np.random.default_rng(6)
    names = np.array(["Drama", "Crime", "War", "Comedy", "Romance", "Science fiction", "Family", "Music"])
    titles["genres"] = [rng.choice(names, rng.integers(1, 4), replace=False).tolist() for _ in range(len(titles))]
    return Interactions.from_dataset(Dataset.from_frames(views=dataset.frame("views"), titles=titles))


def test_a_model_that_cites_at_random_is_found_out(described: Interactions) -> None:
    class Liar(ItemKNN):
        name, label = "liar", "Liar"

        def _contributions(self, history: object, title: int) -> np.ndarray:
            return np.random.default_rng(title).random(history.nnz)  # type: ignore[attr-defined]

    assert faithfulness(Liar().fit(described), seed=1).share < 0.8


def test_rows_hold_titles_that_the_watched_one_speaks_for(trained: Trained, interactions: Interactions) -> None:
    model = trained(ItemKNN)
    viewer = int(interactions.viewers[4])
    history = interactions.matrix[[4]]
    found = because_viewer_watched(model, viewer, rows=3, k=5)
    assert because_you_watched(model, history, rows=3, k=5) == found
    listed = model.recommend([viewer], 5)
    assert [title.title_id for title in found.picks] == listed.title_ids[0].tolist()
    assert 1 <= len(found.rows) <= 3
    watched = interactions.titles[history.indices].tolist()
    for row in found.rows:
        assert row.title_id in watched
        assert 0 < row.share <= 1
        for title in row.titles:
            parts = model.contributions(history, title.title_id)
            assert watched[int(parts.argmax())] == row.title_id
    once = [title.title_id for row in found.rows for title in row.titles]
    assert len(once) == len(set(once))
    assert "speaks for" in found.summary()
    assert len(found.to_frame()) == 5 + len(once)


def test_a_new_viewer_needs_no_fit(trained: Trained, interactions: Interactions) -> None:
    model = trained(ItemKNN)
    own = [int(t) for t in interactions.titles if (t - 5) // 3 % 2 == 0 and t < 185][:4]
    found = because_you_watched(model, own, k=6)
    assert found.watched == 4
    assert np.mean([(title.title_id - 5) // 3 % 2 == 0 for title in found.picks]) > 0.8
    nothing = because_you_watched(model, [], k=6)
    assert nothing.picks == nothing.rows == ()
    assert "nothing to recommend" in nothing.summary()
    popular = because_you_watched(trained(models()["popularity"]), own)
    assert popular.rows == ()
    with pytest.raises(ModelError, match="without a new fit"):
        because_you_watched(trained(models()["bpr"]), own)


def test_similar_titles_have_names(trained: Trained, interactions: Interactions) -> None:
    found = similar_titles(trained(ItemKNN), int(interactions.titles[3]), 4)
    assert [title.rank for title in found] == [1, 2, 3, 4]
    assert all(title.name.startswith("Film ") for title in found)
    assert found[0].score >= found[-1].score


def test_refitted_as_it_was(dataset: Dataset, tmp_path: Path) -> None:
    board = evaluate(dataset, ["item_knn", "popularity"], split=TemporalSplit(0.3), seed=2)
    run = keep_run(Workspace(tmp_path), board)
    model = refit(dataset, run, "item_knn")
    lists = board.lists["item_knn"]
    again = model.recommend(lists.ids, lists.title_ids.shape[1])
    assert np.array_equal(again.title_ids, lists.title_ids)
    with pytest.raises(ModelError, match="no model 'als'"):
        refit(dataset, run, "als")
    leaking: Run = keep_run(Workspace(tmp_path), evaluate(dataset, ["popularity"], split=RandomSplit()))
    with pytest.raises(DataError, match="split is not in time"):
        refit(dataset, leaking, "popularity")
