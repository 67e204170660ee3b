"""Scores within segments: the right viewers and plays in each, and numbers that are those of the metric."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.data import Dataset
from analysis.recommend import Interactions, Leaderboard, TemporalSplit, evaluate, metrics, models
from analysis.recommend.compare import holm
from analysis.recommend.segments import DIMENSIONS, SegmentContrast, SegmentScore, segment_contrasts, segments_of


@pytest.fixture(scope="module")
def described(dataset: Dataset) -> Dataset:
    """The two tastes with devices, local times and countries."""
    views = dataset.frame("views", ["viewer_id", "title_id", "started_at"])
    views["started_local"] = views["started_at"] + pd.Timedelta(hours=2)
    views["device"] = np.where(views["title_id"] % 2, "tv", "phone")
    titles = dataset.frame("titles", ["title_id", "name"])
    titles["genres"] = [["Drama"] if t % 2 else ["Crime", "War"] for t in titles["title_id"]]
    viewers = pd.DataFrame({"viewer_id": np.arange(1000, 1200)})
    viewers["country"] = np.where(viewers["viewer_id"] % 2, "DE", "FR")
    return Dataset.from_frames(views=views, titles=titles, viewers=viewers)


@pytest.fixture(scope="module")
def board(described: Dataset) -> Leaderboard:
    return evaluate(described, ["popularity", "item_knn"])


def test_each_pair_is_in_one_segment_of_each_dimension(described: Dataset) -> None:
    part = TemporalSplit().split(Interactions.from_dataset(described))
    found = segments_of(described, part, "views")
    assert {dimension for dimension, _, _ in found} == set(DIMENSIONS)
    for dimension in DIMENSIONS:
        inside = np.sum([rows for name, _, rows in found if name == dimension], axis=0)
        if dimension == "genre":
            # Crime and War are both genres of a title: it counts fully in each.
            assert set(inside.tolist()) == {1, 2}
        else:
            assert (inside == 1).all(), dimension


def test_segments_hold_what_they_say(described: Dataset) -> None:
    part = TemporalSplit().split(Interactions.from_dataset(described))
    rows = {(dimension, name): inside for dimension, name, inside in segments_of(described, part, "views")}
    viewer = part.train.viewers[part.relevant // part.test.n_titles]
    title = part.train.titles[part.relevant % part.test.n_titles]
    assert np.array_equal(rows["country", "DE"], viewer % 2 == 1)
    assert np.array_equal(rows["device", "tv"], title % 2 == 1)
    assert np.array_equal(rows["genre", "War"], title % 2 == 0)
    views = described.frame("views")
    first = views[views["started_at"] >= pd.Timestamp(part.at)].drop_duplicates(["viewer_id", "title_id"])
    at = first.set_index(["viewer_id", "title_id"])["started_local"].loc[list(zip(viewer, title, strict=True))]
    assert np.array_equal(rows["weekday", "weekend"], at.dt.day_of_week.to_numpy() >= 5)
    assert np.array_equal(rows["hours", "evening, 18–24"], at.dt.hour.to_numpy() >= 18)
    assert np.array_equal(rows["season", "Dec–Feb"], np.isin(at.dt.month.to_numpy(), [12, 1, 2]))


def test_scores_are_the_metric_on_what_is_in_the_segment(described: Dataset, board: Leaderboard) -> None:
    part = TemporalSplit().split(Interactions.from_dataset(described))
    model = models()["item_knn"]().fit(part.train)
    inside = {(d, n): rows for d, n, rows in segments_of(described, part, "views")}["device", "tv"]
    wanted = part.relevant[inside]
    viewers = np.unique(wanted // part.test.n_titles)
    lists = model.recommend(part.train.viewers[viewers], 10)
    hits, relevant = metrics.hits_and_relevant(lists, wanted, part.train)
    expected = metrics.ndcg(hits, relevant)
    score = next(s for s in board.segments if (s.model, s.dimension, s.segment) == ("item_knn", "device", "tv"))
    assert score.ndcg == pytest.approx(expected.mean())
    assert score.viewers == len(viewers)
    assert score.low < score.ndcg < score.high
    # A second source of the same interval.
    low, high = stats.t.interval(0.95, len(expected) - 1, expected.mean(), stats.sem(expected))
    assert (score.low, score.high) == (pytest.approx(low), pytest.approx(high))
    frame = board.segments_frame()
    assert len(frame) == len(board.segments)
    assert (frame["viewers"] >= 30).all()


def test_ratings_have_no_segments_of_plays(dataset: Dataset) -> None:
    board = evaluate(dataset, ["popularity"], signal="ratings")
    assert {score.dimension for score in board.segments} <= {"history", "activity", "genre", "age"}


def drawn(seed: int, n: int, m: int) -> np.ndarray:
    """Values like NDCG: most are 0, the models' go together, none is better than another."""
    rng = np.random.default_rng(seed)
    luck = rng.random((n, 1))
    return np.where(rng.random((n, m)) < 0.4 * luck, rng.random((n, m)), 0.0)


def test_contrasts_are_paired_t_tests_corrected_for_all_pairs() -> None:
    values = {("hours", "night"): drawn(1, 60, 3) + np.array([0, 0.2, 0.01]), ("hours", "day"): drawn(2, 400, 3)}
    found = segment_contrasts(values, ["a", "b", "c"])
    assert [(one.segment, one.best) for one in found if one.segment == "night"] == [("night", "b")] * 2
    raw, place = [], {}
    for (_, segment), table in values.items():
        for one, other in itertools.combinations(range(3), 2):
            place[segment, frozenset("abc"[i] for i in (one, other))] = len(raw)
            raw.append(float(stats.ttest_rel(table[:, one], table[:, other]).pvalue))
    corrected = holm(raw)
    for one in found:
        table = values["hours", one.segment]
        gap = table[:, "abc".index(one.best)] - table[:, "abc".index(one.other)]
        low, high = stats.ttest_1samp(gap, 0).confidence_interval(0.95)
        assert (one.difference, one.low, one.high) == pytest.approx((gap.mean(), low, high))
        assert one.p_holm == pytest.approx(corrected[place[one.segment, frozenset((one.best, one.other))]])


def test_equal_models_are_rarely_told_apart_in_any_segment() -> None:
    wrong = 0
    for trial in range(200):
        values = {("hours", str(n)): drawn(1_000 * trial + n, n, 4) for n in (30, 60, 200)}
        wrong += any(one.told_apart for one in segment_contrasts(values, list("abcd")))
    # 5 % or fewer, and three standard errors of 200 trials.
    assert wrong / 200 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_twins_and_loners() -> None:
    values = drawn(3, 40, 1)
    (only,) = segment_contrasts({("hours", "day"): np.hstack([values, values])}, ["a", "twin"])
    assert (only.difference, only.p_holm, only.told_apart) == (0, 1, False)
    assert segment_contrasts({("hours", "day"): values}, ["a"]) == ()


def test_the_sentence_says_who_is_best_and_who_cannot_be_told_apart(board: Leaderboard) -> None:
    dimension, segment = board.segments[0].dimension, board.segments[0].segment
    assert board.best_in(dimension, segment).startswith(f"{segment}: ")
    frame = board.best_frame(dimension)
    assert segment in frame["segment"].tolist()

    def contrast(best: str, other: str, difference: float, p: float) -> SegmentContrast:
        return SegmentContrast("hours", "night", best, other, 90, difference, difference - 0.01, difference + 0.01, p)

    entries = [dataclasses.replace(board.entries[0], model=name, label=name.upper()) for name in "abcd"]
    score = SegmentScore("hours", "night", "a", 90, 0.5, 0.45, 0.55)
    cut = dataclasses.replace(
        board,
        entries=tuple(entries),
        segments=(score,),
        contrasts=(
            contrast("a", "b", 0.01, 0.4), contrast("a", "c", 0.02, 0.2), contrast("a", "d", 0.2, 0.001),
        ),
    )  # fmt: skip
    assert cut.best_in("hours", "night") == (
        "night: A leads (NDCG@10 0.5000, 95 % interval 0.4500 to 0.5500, 90 viewers), can't be told apart from B and "
        "C, and is ahead of D (0.2000, 95 % interval 0.1900 to 0.2100)."
    )
    assert cut.best_frame("hours")["cant_be_told_apart_from"].tolist() == ["B, C"]
    sure = dataclasses.replace(cut, contrasts=cut.contrasts[2:])
    assert "A is best" in sure.best_in("hours", "night")
    assert "ahead of every other model, of D by 0.2000" in sure.best_in("hours", "night")
    unsure = dataclasses.replace(cut, contrasts=cut.contrasts[:2])
    assert unsure.best_in("hours", "night").endswith("but can't be told apart from B and C.")
    assert "Too few viewers" in cut.best_in("hours", "day")
    stored = json.loads(json.dumps(board.to_json()))
    assert Leaderboard.from_json(stored).contrasts == board.contrasts
    del stored["contrasts"]
    assert Leaderboard.from_json(stored).contrasts == ()
