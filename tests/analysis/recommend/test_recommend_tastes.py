"""What tastes add to the best common list: the right pair, its sign, and the reason only where the numbers give one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.recommend import Leaderboard, TemporalSplit, evaluate, taste_gain


def world(new_titles: int) -> Dataset:
    """Viewers of two tastes watch old titles of their own; now and then a title comes out that everybody watches."""
    rng = np.random.default_rng(11)
    rows: list[tuple[int, int, int]] = []
    for viewer in range(120):
        mine = rng.permutation(np.arange(viewer % 2, 40, 2))[:14]
        rows += [(viewer, int(title), int(rng.integers(0, 100))) for title in mine]
        for place in range(new_titles):
            rows.append((viewer, 100 + place, int(rng.integers(76, 100))))
    frame = pd.DataFrame(rows, columns=["viewer_id", "title_id", "day"])
    start = pd.to_datetime("2025-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    return Dataset.from_frames(views=frame.assign(started_at=start))


@pytest.fixture(scope="module")
def boards() -> Mapping[int, Leaderboard]:
    models = ["random", "popularity", "recent_popularity", "item_knn"]
    return {new: evaluate(world(new), models, split=TemporalSplit(0.25), k=5) for new in (0, 12)}


def test_where_tastes_decide_they_add_something(boards: Mapping[int, Leaderboard]) -> None:
    board = boards[0]
    gain = taste_gain(board)
    assert gain is not None
    common = next(entry for entry in board.finished if entry.model in ("popularity", "recent_popularity"))
    mine = next(entry for entry in board.finished if entry.model == "item_knn")
    assert (gain.personal, gain.common) == (mine.label, common.label)
    assert gain.difference == pytest.approx(mine.estimates["ndcg"].value - common.estimates["ndcg"].value)
    assert gain.low > 0
    assert gain.summary().startswith(f"Learning tastes adds {gain.difference:.4f}")
    assert "new" not in gain.summary()


def test_where_new_titles_decide_the_reason_is_named(boards: Mapping[int, Leaderboard]) -> None:
    board = boards[12]
    gain = taste_gain(board)
    assert gain is not None
    assert gain.difference < gain.high < 0
    assert gain.behind == "Item kNN"
    assert gain.behind_by == pytest.approx(-gain.difference)
    found = {one.model: one for one in board.segments if one.dimension == "age" and "30 days" in one.segment}
    assert gain.common_new == max(found["recent_popularity"].ndcg, found["popularity"].ndcg)
    assert gain.behind_new == found["item_knn"].ndcg < gain.common_new
    assert f"{100 * gain.new_share:.0f} % were first watched in the 30 days before the test" in gain.summary()
    assert "No model that learns tastes is as good as" in gain.summary()
    unsure = replace(gain, told_apart=False, behind="")
    assert unsure.summary().endswith("what learning tastes adds can't be seen here.")
    assert gain.to_frame()["difference"].tolist() == [gain.difference]


def test_the_share_of_new_titles_is_that_of_the_test(boards: Mapping[int, Leaderboard]) -> None:
    gain = taste_gain(boards[12])
    assert gain is not None
    dataset = world(12)
    views = dataset.frame("views").sort_values("started_at")
    at = pd.Timestamp(boards[12].split_at)
    first = views.groupby("title_id")["started_at"].min()
    before, after = views[views["started_at"] < at], views[views["started_at"] >= at]
    seen = set(zip(before["viewer_id"], before["title_id"], strict=True))
    pairs = {(v, t) for v, t in zip(after["viewer_id"], after["title_id"], strict=True) if (v, t) not in seen}
    reachable = [t for _, t in pairs if first[t] < at]
    new = [t for t in reachable if first[t] > at - pd.Timedelta(days=30)]
    assert gain.new_share == pytest.approx(len(new) / len(reachable))


def test_a_run_of_one_kind_has_nothing_to_say(boards: Mapping[int, Leaderboard]) -> None:
    board = boards[0]
    alone = replace(board, entries=tuple(one for one in board.entries if one.model in ("random", "item_knn")))
    assert taste_gain(alone) is None
    old = replace(board, segments=(), counts={k: v for k, v in board.counts.items() if "under 30 days" not in k})
    kept = taste_gain(old)
    assert kept is not None
    assert math.isnan(kept.common_new)
