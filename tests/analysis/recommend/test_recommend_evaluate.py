"""The whole evaluation: numbers, intervals, comparisons, words, and models that fail."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ModelError, ParameterError
from analysis.recommend import (
    ALS,
    DEFAULT,
    METRICS,
    Interactions,
    Leaderboard,
    Recommender,
    TemporalSplit,
    evaluate,
    metrics,
    models,
)
from analysis.recommend.compare import DRAWS, bootstrap_ratios, compare_all, holm
from analysis.results import Progress


class Broken(Recommender):
    """A model whose fit fails."""

    name, label, description, source = "broken", "Broken", "Fails.", "a test"

    def _fit(self, train: Interactions, progress: Progress) -> None:
        raise ZeroDivisionError("no luck")

    def _score(self, viewers: np.ndarray) -> np.ndarray:
        raise AssertionError


class Nonsense(Broken):
    """A model whose scores are NaN."""

    name, label = "nonsense", "Nonsense"

    def _fit(self, train: Interactions, progress: Progress) -> None:
        self.shape_ = train.n_titles

    def _score(self, viewers: np.ndarray) -> np.ndarray:
        return np.full((len(viewers), self.shape_), np.nan)


class WrongShape(Nonsense):
    """A model whose scores are too few."""

    name, label = "wrong_shape", "Wrong shape"

    def _score(self, viewers: np.ndarray) -> np.ndarray:
        return np.zeros((len(viewers), 3))


class Oracle(Nonsense):
    """A model that knows the test period."""

    name, label = "oracle", "Oracle"
    future: np.ndarray = np.array([])

    def _score(self, viewers: np.ndarray) -> np.ndarray:
        return self.future[viewers].astype(np.float32)


@pytest.fixture(scope="module")
def leaderboard(dataset: Dataset) -> Leaderboard:
    return evaluate(dataset, seed=3)


def without_seconds(board: Leaderboard) -> dict[str, object]:
    stored = board.to_json()
    del stored["made_at"]
    for entry in stored["entries"]:
        del entry["fit_seconds"], entry["recommend_seconds"]
    return stored


def test_all_models_are_on_it_best_first(leaderboard: Leaderboard) -> None:
    assert {entry.model for entry in leaderboard.entries} == set(DEFAULT)
    assert not any(entry.error for entry in leaderboard.entries)
    ndcg = [entry.estimates["ndcg"].value for entry in leaderboard.entries]
    assert ndcg == sorted(ndcg, reverse=True)
    for entry in leaderboard.entries:
        assert set(entry.estimates) == {name for name in METRICS if METRICS[name].of != "stars" or entry.model == "svd"}
        for name, estimate in entry.estimates.items():
            if name not in ("coverage", "gini", "personalization"):
                assert estimate.low <= estimate.value <= estimate.high
        assert entry.fit_seconds > 0
    assert leaderboard.counts["viewers tested"] > 100


def test_personal_models_beat_popularity_where_tastes_differ(leaderboard: Leaderboard) -> None:
    rank = [entry.model for entry in leaderboard.entries]
    assert rank.index("item_knn") < rank.index("popularity")


def test_same_seed_same_numbers(dataset: Dataset, leaderboard: Leaderboard) -> None:
    again = evaluate(dataset, list(reversed(DEFAULT)), seed=3)
    assert without_seconds(again) == without_seconds(leaderboard)
    for name, lists in leaderboard.lists.items():
        assert np.array_equal(lists.title_ids, again.lists[name].title_ids)


def test_numbers_are_those_of_the_metrics(dataset: Dataset, leaderboard: Leaderboard) -> None:
    split = TemporalSplit().split(Interactions.from_dataset(dataset))
    model = models()["item_knn"](seed=3).fit(split.train)
    lists = model.recommend(split.train.viewers[split.viewers], 10)
    hits, relevant = metrics.hits_and_relevant(lists, split.relevant, split.train)
    entry = next(entry for entry in leaderboard.entries if entry.model == "item_knn")
    assert entry.estimates["ndcg"].value == pytest.approx(metrics.ndcg(hits, relevant).mean())
    assert entry.estimates["recall"].value == pytest.approx(metrics.recall(hits, relevant).mean())
    assert entry.estimates["map"].value == pytest.approx(metrics.average_precision(hits, relevant).mean())
    assert entry.estimates["coverage"].value == metrics.coverage(metrics.exposure(lists, split.train))


def test_a_model_that_knows_the_future_is_perfect(dataset: Dataset) -> None:
    split = TemporalSplit().split(Interactions.from_dataset(dataset))
    future = np.zeros((split.train.n_viewers, split.train.n_titles))
    future.ravel()[split.relevant] = 1
    oracle = Oracle()
    oracle.future = future
    board = evaluate(dataset, [oracle, "popularity"])
    best = board.entries[0]
    assert best.model == "oracle"
    assert best.estimates["ndcg"].value == pytest.approx(1)
    assert best.estimates["recall_capped"].value == pytest.approx(1)
    assert board.comparisons[0].told_apart
    assert board.comparisons[0].effect > 0.8
    assert board.summary().startswith("Oracle is best")


def test_models_that_fail_do_not_take_the_others_down(dataset: Dataset) -> None:
    board = evaluate(dataset, [Broken(), "popularity", Nonsense(), WrongShape()])
    assert board.entries[0].model == "popularity"
    errors = {entry.model: entry.error for entry in board.entries}
    assert errors["popularity"] == ""
    assert errors["broken"] == "The model stopped with ZeroDivisionError: no luck"
    assert "NaN" in errors["nonsense"]
    assert "(" in errors["wrong_shape"]
    assert "3)" in errors["wrong_shape"]
    assert "no other model" in board.summary()
    frame = board.to_frame()
    assert frame["rank"].tolist()[0] == 1
    assert frame["rank"].isna().sum() == 3
    assert Leaderboard.from_json(json.loads(json.dumps(board.to_json()))).entries[1].error == board.entries[1].error


def test_a_model_that_hangs_is_stopped(dataset: Dataset) -> None:
    class Hanging(Broken):
        name, label = "hanging", "Hanging"

        def _fit(self, train: Interactions, progress: Progress) -> None:
            while True:
                pass

    board = evaluate(dataset, [Hanging(), "popularity"], limit_seconds=1)
    assert board.entries[0].model == "popularity"
    assert not board.entries[0].error
    assert "took longer than 1 seconds" in board.entries[1].error


def test_stars_are_measured_with_all_three(dataset: Dataset) -> None:
    board = evaluate(dataset, ["svd", "bias"])
    split = TemporalSplit().split(Interactions.from_dataset(dataset))
    assert split.ratings is not None
    model = models()["bias"]().fit(split.train)
    viewers = split.train.viewers[split.ratings.viewer]
    predicted = model.predict(viewers, split.train.titles[split.ratings.title])
    entry = next(entry for entry in board.entries if entry.model == "bias")
    errors = predicted - split.ratings.stars
    assert entry.estimates["rmse"].value == pytest.approx(metrics.rmse(errors, np.zeros_like(errors)))
    assert entry.estimates["mae"].value == pytest.approx(metrics.mae(errors, np.zeros_like(errors)))
    assert 0.5 < entry.estimates["fcp"].value < 1


def test_when_all_fail_the_summary_says_so(dataset: Dataset) -> None:
    board = evaluate(dataset, [Broken()])
    assert board.summary().startswith("None of the 1 models")
    assert board.to_frame()["error"].tolist() == ["The model stopped with ZeroDivisionError: no luck"]


def test_svd_without_ratings_reports_on_its_row(dataset: Dataset) -> None:
    plays = Dataset.from_frames(views=dataset.frame("views"))
    board = evaluate(plays, ["svd", "popularity"])
    assert "learns from stars" in board.entries[-1].error


def test_two_equal_models_cannot_be_told_apart(dataset: Dataset) -> None:
    class Twin(type(models()["popularity"]())):  # type: ignore[misc]
        name, label = "twin", "Twin"

    board = evaluate(dataset, ["popularity", Twin()])
    assert board.comparisons[0].difference == 0
    assert board.comparisons[0].p_holm == 1
    assert "can't be told apart" in board.summary()


def test_a_gap_that_only_one_pair_alone_would_show_is_put_down_to_chance(leaderboard: Leaderboard) -> None:
    gap = dataclasses.replace(leaderboard.comparisons[0], difference=0.02, low=0.001, high=0.04, p_holm=0.4)
    board = dataclasses.replace(leaderboard, comparisons=(gap, *leaderboard.comparisons[1:]))
    assert f"0.0400), within chance where {len(board.comparisons)} pairs are compared." in board.summary()
    across = dataclasses.replace(board, comparisons=(dataclasses.replace(gap, low=-0.001), *board.comparisons[1:]))
    assert across.summary().endswith("0.0400).")


def test_stored_and_read_back(leaderboard: Leaderboard) -> None:
    stored = json.loads(json.dumps(leaderboard.to_json()))
    again = Leaderboard.from_json(stored)
    assert again.to_json() == leaderboard.to_json()
    assert again.summary() == leaderboard.summary()
    pd.testing.assert_frame_equal(again.to_frame(), leaderboard.to_frame())
    old = {key: value for key, value in stored.items() if key not in ("split", "segments")} | {"format": 1}
    assert Leaderboard.from_json(old).summary() == leaderboard.summary()
    assert Leaderboard.from_json(old).split["name"] == "time"
    with pytest.raises(DataError, match="format 99"):
        Leaderboard.from_json({**stored, "format": 99})
    del stored["entries"]
    with pytest.raises(DataError, match="can't be read"):
        Leaderboard.from_json(stored)


@pytest.mark.parametrize("split", [TemporalSplit(0.3), TemporalSplit(at=dt.datetime(2025, 9, 1, 12))])
def test_the_recipe_runs_and_gives_the_same(dataset: Dataset, split: TemporalSplit) -> None:
    chosen = ["popularity", ALS(ALS.Parameters(factors=5, iterations=3), seed=11)]
    board = evaluate(dataset, chosen, split=split, k=5, seed=2)
    space: dict[str, object] = {"dataset": dataset}
    exec(board.recipe().replace("print(", "str("), space)
    again = space["leaderboard"]
    assert isinstance(again, Leaderboard)
    assert without_seconds(again) == without_seconds(board)


def test_progress_only_grows_and_names_the_models(dataset: Dataset) -> None:
    told: list[tuple[float, str]] = []
    evaluate(dataset, ["als", "popularity"], progress=lambda share, words: told.append((share, words)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] <= 1
    assert any("Popularity" in words for _, words in told)


def test_lists_cover_everybody_the_model_serves(dataset: Dataset, leaderboard: Leaderboard) -> None:
    split = TemporalSplit().split(Interactions.from_dataset(dataset))
    warm = split.train.viewers[split.train.plays_per_viewer > 0]
    for name, lists in leaderboard.lists.items():
        assert np.array_equal(lists.ids, split.train.viewers if models()[name].cold_viewers else warm)
        assert lists.title_ids.shape[1] == 20


def test_wrong_requests_are_refused(dataset: Dataset) -> None:
    with pytest.raises(ModelError, match=r"no model 'magic'.*popularity"):
        evaluate(dataset, ["magic"])
    with pytest.raises(ParameterError, match="named twice"):
        evaluate(dataset, ["als", "als"])
    with pytest.raises(ParameterError, match="No model"):
        evaluate(dataset, [])
    with pytest.raises(ParameterError, match="0 titles"):
        evaluate(dataset, k=0)


def test_nothing_new_in_the_test_period_is_refused() -> None:
    frame = pd.DataFrame(
        {"viewer_id": [1, 2], "title_id": [10, 10], "started_at": pd.to_datetime(["2025-01-01", "2025-02-01"])}
    )
    with pytest.raises(DataError, match="nothing can be tested"):
        evaluate(Dataset.from_frames(views=frame), ["popularity"], split=TemporalSplit(0.5))


def test_intervals_agree_with_the_normal_approximation() -> None:
    rng = np.random.default_rng(5)
    values = rng.gamma(2, size=(3_000, 1))
    draws = bootstrap_ratios(values, np.ones_like(values), seed=1, draws=DRAWS)[:, 0]
    assert draws.mean() == pytest.approx(values.mean(), abs=0.002)
    assert draws.std() == pytest.approx(values.std() / np.sqrt(3_000), rel=0.06)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(6)
    hits = 0
    for trial in range(200):
        values = rng.binomial(1, 0.3, size=(150, 1)).astype(float)
        draws = bootstrap_ratios(values, np.ones_like(values), seed=trial, draws=400)[:, 0]
        low, high = np.quantile(draws, [0.025, 0.975])
        hits += low <= 0.3 <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_blocks_of_draws_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).random((40, 2))
    whole = bootstrap_ratios(values, np.ones_like(values), seed=3, draws=50)
    monkeypatch.setattr("analysis.recommend.compare._AT_ONCE", 170)
    np.testing.assert_allclose(bootstrap_ratios(values, np.ones_like(values), seed=3, draws=50), whole)


def test_equal_models_are_rarely_told_apart() -> None:
    rng = np.random.default_rng(8)
    apart = 0
    for trial in range(150):
        first, second = rng.random((2, 120))
        draws = bootstrap_ratios(np.column_stack([first, second]), np.ones((120, 2)), seed=trial, draws=400)
        found = compare_all("ndcg", {"a": first, "b": second}, {"a": draws[:, 0], "b": draws[:, 1]})
        apart += found[0].told_apart
    assert apart / 150 <= 0.1


def test_holm() -> None:
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_results_are_frozen(leaderboard: Leaderboard) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        leaderboard.k = 3  # type: ignore[misc]
