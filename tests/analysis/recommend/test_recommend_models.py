"""Each model against its library called directly, or against a slow version by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import ModelError
from analysis.recommend import ALS, SVD, Interactions, ItemKNN, Popularity, RecentPopularity


def test_popularity_counts_viewers_not_plays(interactions: Interactions) -> None:
    frame = pd.DataFrame({"viewer": interactions.viewer, "title": interactions.title})
    viewers = frame.drop_duplicates().groupby("title").size().sort_index()
    expected = viewers.sort_values(ascending=False, kind="stable").index[:10]
    lists = Popularity().fit(interactions).recommend(interactions.viewers[:2], 10, filter_seen=False)
    assert lists.title_ids[0].tolist() == interactions.titles[expected].tolist()
    assert lists.scores[0].tolist() == viewers.loc[expected].tolist()
    assert np.array_equal(lists.title_ids[0], lists.title_ids[1])


def test_recent_popularity_looks_at_the_last_days_only() -> None:
    days = pd.to_datetime(["2025-01-01"] * 3 + ["2025-03-01", "2025-03-25", "2025-03-31"])
    views = pd.DataFrame({"viewer_id": [1, 2, 3, 4, 5, 6], "title_id": [10, 10, 10, 10, 20, 30], "started_at": days})
    interactions = Interactions.from_dataset(Dataset.from_frames(views=views.assign(viewer_id=[1, 2, 3, 4, 5, 5])))
    month = (
        RecentPopularity(RecentPopularity.Parameters(days=30)).fit(interactions).recommend([1], 3, filter_seen=False)
    )
    assert month.title_ids[0].tolist() == [20, 30, 10]
    quarter = RecentPopularity(RecentPopularity.Parameters(days=90)).fit(interactions)
    assert quarter.recommend([1], 3, filter_seen=False).title_ids[0].tolist() == [10, 20, 30]


def test_recent_popularity_needs_times() -> None:
    ratings = pd.DataFrame({"viewer_id": [1, 2], "title_id": [10, 20], "stars": [4.0, 3.0]})
    with pytest.raises(ModelError, match="needs times"):
        RecentPopularity().fit(Interactions.from_dataset(Dataset.from_frames(ratings=ratings)))


def test_svd_is_surprises() -> None:
    with warnings.catch_warnings():
        # Surprise's own reader assigns to a copy of a pandas frame.
        warnings.simplefilter("ignore")
        from surprise import SVD as Library
        from surprise import Dataset as Data
        from surprise import Reader
    rng = np.random.default_rng(2)
    # Viewer 0 rates every title, so that the library's numbers, in order of first appearance, are ours.
    pairs = [(0, title) for title in range(20)]
    pairs += sorted({(viewer, title) for viewer, title in rng.integers(1, [30, 20], (300, 2)).tolist()})
    frame = pd.DataFrame(pairs, columns=["viewer_id", "title_id"]).assign(stars=rng.integers(1, 6, len(pairs)) * 1.0)
    library = Library(n_factors=12, n_epochs=8, random_state=4)
    library.fit(Data.load_from_df(frame, Reader(rating_scale=(1, 5))).build_full_trainset())
    shuffled = frame.sample(frac=1, random_state=1, ignore_index=True)
    ours = SVD(SVD.Parameters(factors=12, epochs=8), seed=4)
    ours.fit(Interactions.from_dataset(Dataset.from_frames(ratings=shuffled)))
    asked = [(viewer, title) for viewer in range(30) for title in range(20) if viewer in set(frame["viewer_id"])]
    expected = [library.predict(viewer, title).est for viewer, title in asked]
    got = ours.predict([viewer for viewer, _ in asked], [title for _, title in asked])
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def vars_of(interactions: Interactions) -> dict[str, object]:
    return {name: getattr(interactions, name) for name in Interactions.__dataclass_fields__}


def test_svd_falls_back_to_the_bias_of_the_title(interactions: Interactions) -> None:
    ratings = interactions.ratings
    assert ratings is not None
    silent = Interactions(**{**vars_of(interactions), "ratings": ratings.select(ratings.viewer != 0)})
    model = SVD(seed=1).fit(silent)
    got = model.predict(silent.viewers[[0, 0]], silent.titles[[1, 2]])
    np.testing.assert_allclose(got, model.mean_ + model.title_bias_[[1, 2]])


def test_svd_knows_the_tastes(interactions: Interactions) -> None:
    model = SVD(SVD.Parameters(factors=4, epochs=200), seed=1).fit(interactions)
    watched = interactions.titles[interactions.viewers_per_title > 0]
    viewers, titles = (grid.ravel() for grid in np.meshgrid(interactions.viewers, watched))
    stars = model.predict(viewers, titles)
    own = viewers % 2 == (titles - 5) // 3 % 2
    # The world gives two stars more within the own taste; regularisation shrinks what is learnt of it.
    assert 1 < stars[own].mean() - stars[~own].mean() < 2


def test_svd_without_ratings_says_so(interactions: Interactions) -> None:
    with pytest.raises(ModelError, match="learns from stars"):
        SVD().fit(Interactions(**{**vars_of(interactions), "ratings": None}))


def test_als_is_implicits(interactions: Interactions) -> None:
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(
            factors=8, regularization=0.2, alpha=1.0, iterations=6, random_state=9, num_threads=1
        )
        confidence = interactions.matrix.copy()
        confidence.data = 1 + 5 * confidence.data
        library.fit(confidence, show_progress=False)
        ids, scores = library.recommend(np.arange(20), confidence[:20], N=5)
    ours = ALS(ALS.Parameters(factors=8, regularization=0.2, alpha=5.0, iterations=6), seed=9).fit(interactions)
    lists = ours.recommend(interactions.viewers[:20], 5)
    assert np.array_equal(lists.title_ids, interactions.titles[ids])
    np.testing.assert_allclose(lists.scores, scores, rtol=1e-4)


def test_als_finds_the_tastes(interactions: Interactions) -> None:
    model = ALS(ALS.Parameters(factors=4), seed=1).fit(interactions)
    watched = interactions.titles[interactions.viewers_per_title > 0]
    table = model.similar(watched, 5)
    assert ((table.title_ids - 5) // 3 % 2 == ((watched - 5) // 3 % 2)[:, None]).mean() > 0.9


def test_als_reports_each_iteration(interactions: Interactions) -> None:
    told: list[tuple[float, str]] = []
    ALS(ALS.Parameters(factors=2, iterations=4)).fit(interactions, lambda share, words: told.append((share, words)))
    assert [share for share, _ in told] == [0.25, 0.5, 0.75, 1.0]
    assert told[-1][1] == "ALS, iteration 4 of 4"


def test_item_knn_is_the_cosine(interactions: Interactions) -> None:
    dense = interactions.matrix.toarray().astype(float)
    lengths = np.linalg.norm(dense, axis=0)
    cosine = (dense.T @ dense) / np.outer(np.maximum(lengths, 1e-9), np.maximum(lengths, 1e-9))
    np.fill_diagonal(cosine, 0)
    neighbours = 7
    for row in cosine:
        row[np.argsort(-row)[neighbours:]] = 0
    expected = dense[:30] @ cosine
    model = ItemKNN(ItemKNN.Parameters(neighbours=neighbours)).fit(interactions)
    lists = model.recommend(interactions.viewers[:30], 61, filter_seen=False)
    for viewer in range(30):
        filled = lists.filled[viewer]
        index = interactions.title_index(lists.title_ids[viewer][filled])
        np.testing.assert_allclose(lists.scores[viewer][filled], expected[viewer, index], rtol=1e-5)
        assert filled.sum() == (expected[viewer] > 0).sum()
