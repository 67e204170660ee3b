"""Each model against its library called directly, or against a slow version by hand."""

from __future__ import annotations

import datetime as dt
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import ModelError
from analysis.recommend import (
    ALS,
    BM25KNN,
    BPR,
    EASE,
    SVD,
    Content,
    Hybrid,
    Interactions,
    ItemKNN,
    LogisticMF,
    Popularity,
    PopularityAtTime,
    PopularityTaste,
    Random,
    RecentPopularity,
    Recommender,
    TemporalSplit,
    TfidfKNN,
)
from analysis.recommend.models.blend import popularity_of_today

ease = sys.modules[EASE.__module__]


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


def test_ease_is_the_textbooks(interactions: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    known = interactions.viewers_per_title > 0
    dense = interactions.matrix.toarray().astype(float)[:, known]
    inverse = np.linalg.inv(dense.T @ dense + 50 * np.eye(known.sum()))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    model = EASE(EASE.Parameters(regularization=50)).fit(interactions)
    np.testing.assert_allclose(model.weights_, weights, atol=1e-5)
    # By dense blocks of viewers, and by mirrored blocks of titles, the same comes out.
    monkeypatch.setattr(ease, "_SPARSE_COST", 10**9)
    monkeypatch.setattr(ease, "_BLOCK", known.sum() * 17)
    again = EASE(EASE.Parameters(regularization=50)).fit(interactions)
    np.testing.assert_allclose(again.weights_, model.weights_, atol=1e-6)
    lists = model.recommend(interactions.viewers[:20], 5, filter_seen=False)
    scores = dense[:20] @ weights
    index = np.searchsorted(interactions.titles[known], lists.title_ids)
    np.testing.assert_allclose(lists.scores, np.take_along_axis(scores, index, axis=1), atol=1e-4)
    np.testing.assert_allclose(lists.scores[:, 0], scores.max(axis=1), atol=1e-4)


def test_a_big_square_is_mirrored_by_blocks() -> None:
    full = np.random.default_rng(3).random((23, 23)).astype(np.float32)
    square = np.asfortranarray(np.tril(full))
    ease._mirror(square, step=5)
    assert np.array_equal(square, np.tril(full) + np.tril(full, -1).T)


@pytest.mark.parametrize("model", [TfidfKNN, BM25KNN])
def test_weighted_neighbours_are_products_of_weighted_columns(interactions: Interactions, model: type[ItemKNN]) -> None:
    fitted = model(model.Parameters(neighbours=100)).fit(interactions)
    dense = interactions.matrix.toarray().astype(float)
    rarity = np.log1p((dense.sum(axis=0) > 0).sum() / np.maximum((dense > 0).sum(axis=1), 1))[:, None]
    if model is TfidfKNN:
        weighted = np.sqrt(dense) * rarity
        weighted /= np.maximum(np.linalg.norm(weighted, axis=0), 1e-9)
    else:
        plays = dense.sum(axis=0)
        length = 1 - 0.75 + 0.75 * plays / plays[plays > 0].mean()
        weighted = dense * 2.2 / (1.2 * length + dense) * rarity
    expected = weighted.T @ weighted
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(fitted.similarity_.toarray(), expected, rtol=1e-4, atol=1e-6)


def test_folding_in_is_implicits_own(interactions: Interactions) -> None:
    from implicit.cpu.als import AlternatingLeastSquares

    ours = ALS(ALS.Parameters(factors=6, iterations=5), seed=3).fit(interactions)
    library = AlternatingLeastSquares(factors=6, regularization=10.0, alpha=1.0, use_cg=False)
    library.item_factors, library.user_factors = ours.title_factors_, ours.viewer_factors_
    confidence = interactions.matrix.copy()
    confidence.data = 1 + 10 * confidence.data
    expected = library.recalculate_user(np.arange(5), confidence[:5])
    np.testing.assert_allclose(ours._solve(interactions.matrix[:5]), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", [BPR, LogisticMF])
def test_pairs_and_probabilities_learn_the_tastes(interactions: Interactions, model: type[ALS]) -> None:
    fitted = model(seed=1).fit(interactions)
    assert fitted.viewer_factors_.shape[0] == interactions.n_viewers
    lists = fitted.recommend(interactions.viewers, 5, filter_seen=False)
    own = lists.ids[:, None] % 2 == (lists.title_ids - 5) // 3 % 2
    assert own.mean() > 0.8


def test_popularity_at_the_moment_counts_only_what_was_before() -> None:
    days = pd.to_datetime(["2025-01-01", "2025-01-01", "2025-01-02", "2025-01-10", "2025-01-10", "2025-01-12"])
    views = pd.DataFrame({"viewer_id": [1, 2, 3, 1, 2, 4], "title_id": [10, 10, 20, 30, 30, 20], "started_at": days})
    everything = Interactions.from_dataset(Dataset.from_frames(views=views))
    split = TemporalSplit(at=dt.date(2025, 1, 9)).split(everything)
    model = PopularityAtTime().fit(split.train).update(split.test)
    at = np.array(["2025-01-03", "2025-01-10T23:00", "2025-01-11", "2025-01-30"], dtype="datetime64[us]")
    lists = model.recommend([4, 4, 4, 4], 3, filter_seen=False, at=at)
    # The day itself does not count; with nothing in the window, what was popular ever comes first.
    assert lists.title_ids[0].tolist() == [10, 20, 30]
    assert lists.title_ids[1].tolist() == [10, 20, 30]
    assert lists.title_ids[2, 0] == 30
    assert lists.scores[3].max() < 1


@pytest.fixture(scope="module")
def described() -> Interactions:
    """Two genres; a film nobody has watched yet in each; two countries with a taste each."""
    rng = np.random.default_rng(4)
    kind = np.arange(40) % 2
    rows = [(v, t) for v in range(80) for t in rng.choice(np.flatnonzero(kind == v % 2)[:-1], 8, replace=False)]
    views = pd.DataFrame(rows, columns=["viewer_id", "title_id"])
    views["started_at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(len(views)), unit="h")
    titles = pd.DataFrame({"title_id": np.arange(40), "name": [f"F{t}" for t in range(40)]})
    titles["genres"] = [["Drama"] if k else ["Crime"] for k in kind]
    links = pd.DataFrame({"title_id": [38, 0], "relation": "stars", "entity": "Ada"})
    viewers = pd.DataFrame({"viewer_id": np.arange(82), "country": np.where(np.arange(82) % 2, "DE", "FR")})
    return Interactions.from_dataset(
        Dataset.from_frames(views=views, titles=titles, title_links=links, viewers=viewers)
    )


@pytest.mark.parametrize("model", [Content, Hybrid])
def test_new_titles_are_placed_by_what_they_are_about(described: Interactions, model: type[Recommender]) -> None:
    fitted = model(seed=1).fit(described)
    cold = described.viewers_per_title == 0
    assert described.titles[cold].tolist() == [38, 39]
    lists = fitted.recommend(np.arange(80), 1, among=cold)
    assert (lists.title_ids[:, 0] % 2 == np.arange(80) % 2).mean() > 0.95


def test_content_weighs_what_it_is_told_to(described: Interactions) -> None:
    people = Content(Content.Parameters(genres=0, people=1, concepts=0)).fit(described)
    assert people.similar([38], 3).title_ids[0].tolist() == [0, -1, -1] or people.similar([38], 1).title_ids[0, 0] == 0
    without = Content(Content.Parameters(genres=1, people=0, concepts=0)).fit(described)
    assert (without.similar([38], 5).title_ids[0] % 2 == 0).all()


def test_the_hybrid_greets_new_viewers_by_their_country(described: Interactions) -> None:
    fitted = Hybrid(seed=1).fit(described)
    lists = fitted.recommend([80, 81], 5)
    assert (lists.title_ids % 2 == np.array([[0], [1]])).mean() > 0.9


@pytest.mark.parametrize("model", [Content, Hybrid])
def test_without_metadata_they_say_what_is_missing(model: type[Recommender]) -> None:
    views = pd.DataFrame({"viewer_id": [1, 2], "title_id": [10, 20], "started_at": pd.Timestamp("2025-01-01")})
    with pytest.raises(ModelError, match="knows nothing of what the titles are about"):
        model().fit(Interactions.from_dataset(Dataset.from_frames(views=views)))


def test_popularity_of_today_counts_each_viewer_by_the_days_since(interactions: Interactions) -> None:
    end, times = interactions.at.max(), interactions.at
    expected = np.zeros(interactions.n_titles)
    for title in range(interactions.n_titles):
        for viewer in np.unique(interactions.viewer[interactions.title == title]):
            last = times[(interactions.title == title) & (interactions.viewer == viewer)].max()
            expected[title] += 0.5 ** ((end - last) / np.timedelta64(1, "D") / 30)
    np.testing.assert_allclose(popularity_of_today(interactions, 30), expected)


def test_popularity_and_taste_leaves_to_popularity_what_everybody_likes(interactions: Interactions) -> None:
    mine = PopularityTaste(PopularityTaste.Parameters(half_life=30, taste=2)).fit(interactions)
    today = popularity_of_today(interactions, 30) + 1e-3 * interactions.viewers_per_title
    popular = interactions.titles[np.argsort(-today)]
    assert mine.recommend_to([[]], 8).title_ids[0].tolist() == popular[:8].tolist()
    everybody = mine.viewer_factors_.mean(axis=0)
    assert np.abs(mine.apart_ @ everybody).max() < 1e-5 * np.abs(mine.title_factors_ @ everybody).max()
    # Two tastes: nearly all of a list is of the viewer's own, and within it what is popular today comes first.
    lists = mine.recommend(interactions.viewers, 5)
    own = ((lists.title_ids - 5) // 3 % 2) == (interactions.viewers % 2)[:, None]
    assert own.mean() > 0.9
    assert PopularityTaste(PopularityTaste.Parameters(taste=1e-6)).fit(interactions).recommend_to(
        [[int(popular[0])]], 3
    ).title_ids[0].tolist() == popular_without(interactions, popular[0])


def popular_without(interactions: Interactions, title_id: int) -> list[int]:
    """What is popular today with the default half-life, but for one title."""
    today = popularity_of_today(interactions, PopularityTaste.Parameters().half_life)
    today = 0.9 * today / today.sum() + 0.1 * interactions.viewers_per_title / interactions.viewers_per_title.sum()
    titles = interactions.titles[np.argsort(-today)]
    return titles[titles != title_id][:3].tolist()


def test_random_draws_another_list_for_each_viewer_and_seed(interactions: Interactions) -> None:
    lists = Random(seed=1).fit(interactions).recommend(interactions.viewers, 10)
    assert len({tuple(row) for row in lists.title_ids.tolist()}) > 190
    other = Random(seed=2).fit(interactions).recommend(interactions.viewers, 10)
    assert not np.array_equal(lists.title_ids, other.title_ids)
