"""What every model must do, whatever it is: the same suite for all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.data import Dataset
from analysis.errors import ModelError, ParameterError
from analysis.recommend import (
    Interactions,
    Recommender,
    Split,
    load_model,
    models,
    parameter_docs,
    save_model,
)

Trained = Callable[[type[Recommender]], Recommender]

pytestmark = pytest.mark.parametrize("model", models().values(), ids=lambda model: model.name)


@functools.cache
def few(viewer: tuple[int, ...], title: tuple[int, ...], stars: tuple[float, ...]) -> Interactions:
    days = pd.to_datetime("2025-03-01") + pd.to_timedelta(np.arange(len(viewer)), unit="D")
    frame = pd.DataFrame({"viewer_id": viewer, "title_id": title, "rated_at": days, "stars": stars})
    ids = sorted(set(title))
    titles = pd.DataFrame({"title_id": ids, "name": [f"T{i}" for i in ids], "genres": [["Drama"]] * len(ids)})
    return Interactions.from_dataset(Dataset.from_frames(ratings=frame, titles=titles))


def fitted(model: type[Recommender], viewer: list[int], title: list[int], stars: list[float]) -> Recommender:
    return model().fit(few(tuple(viewer), tuple(title), tuple(stars)))


def test_says_what_it_is(model: type[Recommender]) -> None:
    assert model.name.isidentifier()
    assert model.description.endswith(".")
    assert model.label
    assert model.source
    assert all(len(doc.doc) > 20 for doc in parameter_docs(model))


def test_lists_have_the_shape_asked_for(
    model: type[Recommender],
    interactions: Interactions,
    trained: Trained,
) -> None:
    lists = trained(model).recommend(interactions.viewers[:17], 7)
    assert lists.title_ids.shape == lists.scores.shape == (17, 7)
    assert np.array_equal(lists.ids, interactions.viewers[:17])
    assert np.isin(lists.title_ids[lists.filled], interactions.titles).all()
    assert (np.diff(lists.scores, axis=1) <= 0).all()
    frame = lists.to_frame()
    assert list(frame.columns) == ["viewer_id", "rank", "title_id", "score"]
    assert not frame.duplicated(["viewer_id", "title_id"]).any()


def test_nothing_seen_is_recommended(
    model: type[Recommender], interactions: Interactions, part: Split, early: Trained
) -> None:
    recommender = early(model)
    frame = recommender.recommend(interactions.viewers, 25).to_frame()
    seen = pd.DataFrame(
        {
            "viewer_id": interactions.viewers[part.train.viewer],
            "title_id": interactions.titles[part.train.title],
        }
    ).drop_duplicates()
    assert frame.merge(seen, on=["viewer_id", "title_id"]).empty
    everything = recommender.recommend(interactions.viewers, 25, filter_seen=False).to_frame()
    assert len(everything.merge(seen, on=["viewer_id", "title_id"])) > 0


def test_titles_nobody_watched_in_training_are_ranked_as_declared(
    model: type[Recommender], interactions: Interactions, trained: Trained
) -> None:
    recommender = trained(model)
    lists = recommender.recommend(interactions.viewers, interactions.n_titles, filter_seen=False)
    cold = interactions.viewers_per_title == 0
    assert cold.sum() == 1
    assert np.isin(lists.title_ids, interactions.titles[cold]).any() == model.cold_titles
    if model.cold_titles:
        alone = recommender.recommend(interactions.viewers[:5], 3, among=cold)
        assert (alone.title_ids[:, 0] == interactions.titles[cold][0]).all()
        assert not alone.filled[:, 1:].any()
    else:
        with pytest.raises(ModelError, match="nobody has watched yet"):
            recommender.recommend(interactions.viewers[:5], 3, among=cold)


def test_same_seed_same_list(
    model: type[Recommender],
    interactions: Interactions,
    trained: Trained,
) -> None:
    one = trained(model).recommend(interactions.viewers, 10)
    two = model(seed=5).fit(interactions).recommend(interactions.viewers, 10)
    assert np.array_equal(one.title_ids, two.title_ids)
    assert np.array_equal(one.scores, two.scores, equal_nan=True)


def test_a_viewer_alone_gets_the_list_of_the_crowd(
    model: type[Recommender], interactions: Interactions, trained: Trained
) -> None:
    recommender = trained(model)
    crowd = recommender.recommend(interactions.viewers, 10)
    alone = recommender.recommend(interactions.viewers[[42]], 10)
    np.testing.assert_allclose(alone.scores[0], crowd.scores[42], rtol=1e-5, atol=1e-6)
    assert np.array_equal(
        recommender.recommend(interactions.viewers[[42, 3, 42]], 10).ids, interactions.viewers[[42, 3, 42]]
    )


def test_unknown_viewers_are_named(
    model: type[Recommender],
    interactions: Interactions,
    trained: Trained,
) -> None:
    recommender = trained(model)
    with pytest.raises(ModelError, match=r"viewers are unknown .*: -4, 999999\."):
        recommender.recommend([int(interactions.viewers[0]), 999_999, -4], 5)
    with pytest.raises(ModelError, match="whole numbers"):
        recommender.recommend(["anna"], 5)


def test_no_viewers_get_no_lists(
    model: type[Recommender],
    interactions: Interactions,
    trained: Trained,
) -> None:
    lists = trained(model).recommend(np.array([], dtype=np.int64), 5)
    assert lists.title_ids.shape == (0, 5)
    assert "0 viewers" in lists.summary()


def test_asking_before_fitting_is_refused(model: type[Recommender]) -> None:
    with pytest.raises(ModelError, match="Call fit first"):
        model().recommend([1], 5)


@pytest.mark.parametrize("k", [0, -3])
def test_a_list_needs_a_length(model: type[Recommender], interactions: Interactions, trained: Trained, k: int) -> None:
    with pytest.raises(ParameterError, match=str(k)):
        trained(model).recommend(interactions.viewers[:1], k)


def test_longer_lists_than_the_catalogue_are_padded(
    model: type[Recommender], interactions: Interactions, trained: Trained
) -> None:
    k = interactions.n_titles + 40
    lists = trained(model).recommend(interactions.viewers[:3], k)
    assert lists.title_ids.shape == (3, k)
    assert (lists.title_ids[~lists.filled] == -1).all()
    assert (lists.filled.sum(axis=1) <= interactions.n_titles - 1).all()


def test_one_viewer(model: type[Recommender]) -> None:
    lists = fitted(model, [1, 1, 1], [10, 20, 30], [4, 2, 5]).recommend([1], 2)
    assert not lists.filled.any()


def test_one_title(model: type[Recommender]) -> None:
    lists = fitted(model, [1, 2, 3], [10, 10, 10], [4, 2, 5]).recommend([1, 2, 3], 2)
    assert not lists.filled.any()


def test_ratings_that_are_all_equal(model: type[Recommender]) -> None:
    viewer, title = [1, 1, 2, 2, 3, 3], [10, 20, 10, 30, 20, 30]
    recommender = fitted(model, viewer, title, [3.0] * 6)
    assert recommender.recommend([1], 1).title_ids[0, 0] == 30
    if model.predicts_ratings:
        assert recommender.predict([1], [30])[0] == 3.0


def test_duplicates_do_not_break_it(model: type[Recommender]) -> None:
    viewer, title = [1, 1, 1, 2, 2, 2, 3], [10, 10, 20, 20, 20, 30, 30]
    lists = fitted(model, viewer, title, [5, 1, 4, 4, 4, 2, 3]).recommend([1, 2, 3], 3)
    for viewer_id, titles in zip(lists.ids, lists.title_ids, strict=True):
        seen = {t for v, t in zip(viewer, title, strict=True) if v == viewer_id}
        assert not seen & set(titles.tolist())


@functools.cache
def with_a_gap() -> Interactions:
    table = pa.table(
        {
            "viewer_id": [1, 1, 2, 3],
            "title_id": [10, 20, 20, 10],
            "rated_at": pa.array(np.arange(4).astype("datetime64[us]")),
            "stars": pa.array([4.0, float("nan"), 2.0, 5.0]),
        }
    )
    titles = pd.DataFrame({"title_id": [10, 20], "name": ["A", "B"], "genres": [["Drama"], ["Crime"]]})
    return Interactions.from_dataset(Dataset.from_frames(ratings=table, titles=titles))


def test_stars_that_are_no_number_are_dropped_and_counted(model: type[Recommender]) -> None:
    interactions = with_a_gap()
    assert interactions.dropped == {"ratings without a number of stars": 1}
    scores = model().fit(interactions).recommend([1, 2, 3], 2).scores
    assert not np.isinf(scores).any()


def test_a_viewer_without_history_is_answered_as_declared(model: type[Recommender], interactions: Interactions) -> None:
    train = interactions.select(interactions.viewer != 0)
    lists = model().fit(train).recommend(interactions.viewers[[0, 1]], 5)
    assert lists.filled[0].all() == model.cold_viewers
    assert lists.filled[0].any() == model.cold_viewers
    assert lists.filled[1].all()


def test_an_empty_training_period_is_refused(model: type[Recommender], interactions: Interactions) -> None:
    nothing = interactions.select(np.zeros(len(interactions), dtype=bool))
    with pytest.raises(ModelError, match="learn"):
        model().fit(nothing)


def test_stars_are_predicted_only_as_declared(
    model: type[Recommender], interactions: Interactions, trained: Trained
) -> None:
    recommender = trained(model)
    viewers, titles = interactions.viewers[:5], interactions.titles[:5]
    if not model.predicts_ratings:
        with pytest.raises(ModelError, match="does not predict stars"):
            recommender.predict(viewers, titles)
        return
    stars = recommender.predict(viewers, titles)
    assert stars.shape == (5,)
    assert ((stars >= 1) & (stars <= 5)).all()
    with pytest.raises(ModelError, match=r"title is unknown .*: 6\."):
        recommender.predict([int(viewers[0])], [6])
    with pytest.raises(ModelError, match="same length"):
        recommender.predict(viewers, titles[:2])


def test_similar_titles_only_as_declared(
    model: type[Recommender], interactions: Interactions, trained: Trained
) -> None:
    recommender = trained(model)
    asked = interactions.titles[:6]
    if not model.finds_similar:
        with pytest.raises(ModelError, match="similar"):
            recommender.similar(asked)
        return
    table = recommender.similar(asked, 4)
    assert table.title_ids.shape == (6, 4)
    assert not (table.title_ids == asked[:, None]).any()
    assert list(table.to_frame().columns) == ["title_id", "rank", "similar_id", "score"]


def test_wrong_parameters_are_refused(model: type[Recommender]) -> None:
    with pytest.raises(ParameterError, match=model.label):
        model({"anything": 3})
    for doc in parameter_docs(model):
        with pytest.raises(ParameterError, match=doc.name):
            model(model.Parameters(**{doc.name: -1}))


def test_fitting_twice_forgets_the_first_time(
    model: type[Recommender], interactions: Interactions, trained: Trained
) -> None:
    other = few((1, 1, 2), (10, 20, 20), (4.0, 2.0, 5.0))
    twice = model(seed=5).fit(other).fit(interactions).recommend(interactions.viewers, 5)
    once = trained(model).recommend(interactions.viewers, 5)
    assert np.array_equal(twice.title_ids, once.title_ids)


def test_a_history_given_later_gets_the_list_of_a_known_viewer(
    model: type[Recommender], interactions: Interactions, trained: Trained
) -> None:
    recommender = trained(model)
    if not model.folds_in:
        with pytest.raises(ModelError, match="without a new fit"):
            recommender.recommend_to([[5]], 3)
        return
    known = recommender.recommend(interactions.viewers[:20], 5)
    later = recommender.recommend_to(interactions.matrix[:20], 5)
    np.testing.assert_allclose(later.scores, known.scores, rtol=0.02, atol=0.02)
    assert (later.title_ids == known.title_ids).mean() > 0.9
    assert later.ids.tolist() == list(range(20))
    picked = recommender.recommend_to([interactions.titles[:3], []], 5)
    assert picked.filled[0].all()
    assert not np.isin(picked.title_ids[0], interactions.titles[:3]).any()
    assert picked.filled[1].all() == model.cold_viewers
    with pytest.raises(ModelError, match=r"unknown .*: 6\."):
        recommender.recommend_to([[6]], 3)


def test_explanations_are_how_far_the_score_falls_without_each_title(
    model: type[Recommender], interactions: Interactions, trained: Trained
) -> None:
    recommender = trained(model)
    history = interactions.matrix[[3]]
    if not model.explains:
        with pytest.raises(ModelError, match="which watched titles"):
            recommender.contributions(history, int(interactions.titles[0]))
        return
    assert model.folds_in
    title_id = int(recommender.recommend_to(history, 1).title_ids[0, 0])
    place = interactions.title_index([title_id])[0]
    parts = recommender.contributions(history, title_id)
    whole = recommender._score_history(history)[0, place]
    for taken_out in range(history.nnz):
        less = history.copy()
        less.data[taken_out] = 0
        less.eliminate_zeros()
        after = recommender._score_history(less)[0, place]
        assert whole - (after if np.isfinite(after) else 0) == pytest.approx(parts[taken_out], rel=1e-3, abs=1e-3)


def test_later_plays_are_taken_in_as_if_they_had_been_there(
    model: type[Recommender], interactions: Interactions, part: Split, early: Trained, trained: Trained
) -> None:
    if not model.updates:
        with pytest.raises(ModelError, match="later plays"):
            early(model).update(part.test)
        return
    recommender = model(seed=5).fit(part.train).update(part.test)
    ours, theirs = (one.recommend(interactions.viewers, 8) for one in (recommender, trained(model)))
    assert np.array_equal(ours.title_ids, theirs.title_ids)


def test_a_model_too_big_for_memory_is_refused_with_the_estimate(
    model: type[Recommender], interactions: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = model()._memory(interactions)
    monkeypatch.setattr("analysis.recommend.memory.available", lambda: needed)
    model().fit(interactions)
    monkeypatch.setattr("analysis.recommend.memory.available", lambda: -1)
    with pytest.raises(ModelError, match=r"GiB of memory"):
        model().fit(interactions)


def test_parameters_have_a_range_around_their_default(model: type[Recommender]) -> None:
    for doc in parameter_docs(model):
        assert doc.space.low <= doc.default <= doc.space.high, doc.name
        assert doc.space.least <= doc.space.low
        for value in (doc.space.low, doc.space.high):
            model(model.Parameters(**{doc.name: value}))
        with pytest.raises(ParameterError, match=doc.name):
            model.Parameters(**{doc.name: "many"})


def test_saved_and_loaded_it_gives_the_same_list(
    model: type[Recommender], interactions: Interactions, trained: Trained, tmp_path: Path
) -> None:
    one = trained(model)
    save_model(one, tmp_path / "kept")
    save_model(one, tmp_path / "kept")
    two = load_model(tmp_path / "kept", interactions)
    assert type(two) is model
    assert (two.seed, two.parameters) == (one.seed, one.parameters)
    ours, theirs = (recommender.recommend(interactions.viewers, 8) for recommender in (one, two))
    assert np.array_equal(ours.title_ids, theirs.title_ids)
    assert np.array_equal(ours.scores, theirs.scores, equal_nan=True)
    if model.predicts_ratings:
        asked = interactions.viewers[:5], interactions.titles[:5]
        assert np.array_equal(one.predict(*asked), two.predict(*asked))
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]
    with pytest.raises(ModelError, match="fitted on other viewers"):
        load_model(tmp_path / "kept", interactions.select(interactions.viewer != 0))
