"""Learning curves: the same viewers at every point, nothing watched before in a list, and no claim without proof."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.cli import main
from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.recommend import (
    Interactions,
    Keeper,
    LearningCurve,
    Popularity,
    TemporalSplit,
    evaluate,
    learning_curve,
    list_studies,
    load_study,
)
from analysis.workspace import Workspace

CHOSEN = ["popularity", "popularity_at_time", "item_knn"]


class Hopeless(Popularity):
    name, label = "hopeless", "Hopeless"

    def _fit(self, train: Any, progress: Any) -> None:
        if len(train) < 1000:
            raise RuntimeError("too little")
        super()._fit(train, progress)


@pytest.fixture(scope="module")
def curve(dataset: Dataset) -> LearningCurve:
    return learning_curve(dataset, [*CHOSEN, Hopeless])


def test_with_everything_it_is_what_evaluate_says(dataset: Dataset, curve: LearningCurve) -> None:
    board = evaluate(dataset, CHOSEN)
    assert curve.viewers == board.counts["viewers tested"]
    for entry in board.entries:
        last = curve.of(entry.model)[-1]
        known = entry.estimates["ndcg"]
        assert (last.ndcg, last.low, last.high) == pytest.approx((known.value, known.low, known.high))
        assert last.interactions == board.counts["training views"]


def test_less_history_by_hand(dataset: Dataset, curve: LearningCurve) -> None:
    """Popularity of the last days, without the titles that the viewer had ever watched."""
    split = TemporalSplit().split(Interactions.from_dataset(dataset))
    views = dataset.frame("views")
    before = views[views["started_at"] < split.at]
    watched = {viewer: set(titles) for viewer, titles in before.groupby("viewer_id")["title_id"]}
    wanted = groups(split)
    for point in curve.of("popularity"):
        recent = before[before["started_at"] >= split.at - np.timedelta64(point.size, "D")]
        counts = recent.groupby("title_id")["viewer_id"].nunique().reset_index()
        order = counts.sort_values(["viewer_id", "title_id"], ascending=[False, True])["title_id"].tolist()
        values = []
        for viewer, titles in wanted:
            ranked = [title for title in order if title not in watched[viewer]][:10]
            hits = [1 / np.log2(i + 2) for i, title in enumerate(ranked) if title in titles]
            values.append(sum(hits) / sum(1 / np.log2(i + 2) for i in range(min(len(titles), 10))))
        assert point.ndcg == pytest.approx(np.mean(values))
        assert point.interactions == len(recent)


def groups(split: Any) -> list[tuple[int, set[int]]]:
    viewers, titles = np.divmod(split.relevant, split.train.n_titles)
    pairs = pd.DataFrame({"v": split.train.viewers[viewers], "t": split.train.titles[titles]})
    return [(int(viewer), set(mine)) for viewer, mine in pairs.groupby("v")["t"]]


def test_amounts_and_failures(curve: LearningCurve) -> None:
    assert list(curve.sizes) == sorted(set(curve.sizes))
    assert all(abs(large - 2 * small) <= 1 for small, large in zip(curve.sizes, curve.sizes[1:], strict=False))
    assert len(curve.points) == len(curve.sizes) * 4
    failed = [point for point in curve.points if point.error]
    assert failed
    assert {point.model for point in failed} == {"hopeless"}
    assert all("too little" in point.error for point in failed)
    assert [pair.first for pair in curve.doublings] == [*CHOSEN, "hopeless"]
    assert len(curve.to_frame()) == len(curve.points)


def test_by_viewers_the_same_few_are_tested_and_the_crowd_grows(dataset: Dataset) -> None:
    found = learning_curve(dataset, ["popularity", "item_knn"], by="viewers", seed=4)
    assert found.sizes[-1] == len(np.unique(dataset.frame("views")["viewer_id"]))
    assert LEAST <= found.viewers <= found.sizes[0]
    grown = [point.interactions for point in found.of("item_knn")]
    assert grown == sorted(grown)
    again = learning_curve(dataset, ["item_knn"], by="viewers", seed=4)
    assert again.of("item_knn") == found.of("item_knn")


LEAST = 30


def flipped() -> Dataset:
    """Until October everybody watches the first thirty titles, from then on the last thirty."""
    rng = np.random.default_rng(5)
    start = np.sort(rng.integers(0, 365 * 86_400, 4_000))
    old = start < 270 * 86_400
    title = (30 * rng.random(4_000) ** 2).astype(int) + np.where(old, 0, 30)
    return Dataset.from_frames(
        views=pd.DataFrame(
            {
                "viewer_id": rng.integers(0, 150, 4_000),
                "title_id": title,
                "started_at": np.datetime64("2025-01-01", "us") + start.astype("timedelta64[s]"),
            }
        )
    )


def test_old_history_that_hurts_is_found() -> None:
    curve = learning_curve(flipped(), ["popularity", "recent_popularity"], split=TemporalSplit(share=0.1))
    points = curve.of("popularity")
    assert points[0].ndcg > 2 * points[-1].ndcg
    assert "Popularity" in curve.better_with_less()
    assert "Recent" not in curve.better_with_less()
    assert curve.leader is not None
    assert curve.leader.model == "recent_popularity"
    assert "makes next to no difference" in curve.summary()
    wide = replace(curve.doublings[1], low=-0.1, high=0.1, p_holm=0.7)
    assert "can't be told" in replace(curve, doublings=(wide,)).summary()
    alone = replace(curve, points=points, doublings=curve.doublings[:1], names=("popularity",))
    assert "it does better with less" in alone.summary()
    up = replace(curve.doublings[0], difference=0.1, low=0.05, high=0.15)
    assert "still learning" in replace(alone, doublings=(up,)).summary()
    assert "it could not learn" in replace(alone, doublings=()).summary()
    assert "leads too" in alone.beginners()


def test_kept_point_by_point(dataset: Dataset, curve: LearningCurve, workspace: Workspace) -> None:
    keeper = Keeper(workspace)

    def stop(part: LearningCurve) -> None:
        keeper(part)
        if len(part.points) == 3:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        learning_curve(dataset, CHOSEN, keep=stop)
    (info,) = list_studies(workspace, "learning_curve").studies
    kept = load_study(workspace, info.id)
    assert isinstance(kept, LearningCurve)
    assert not info.complete
    assert "3 of" in kept.summary()
    assert kept.beginners() == ""
    assert LearningCurve.from_json(json.loads(json.dumps(curve.to_json()))).to_json() == curve.to_json()
    with pytest.raises(DataError, match="can't be read"):
        LearningCurve.from_json({"format": 1})


def test_what_is_wrong_is_said(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParameterError, match="by 'moons'"):
        learning_curve(dataset, by="moons")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="0 titles"):
        learning_curve(dataset, k=0)
    views = dataset.frame("views")
    day = views[views["started_at"] < "2025-01-10"]
    with pytest.raises(DataError, match="viewers with history"):
        learning_curve(Dataset.from_frames(views=day), ["popularity"])
    quick = views.assign(started_at=pd.Timestamp("2025-01-01") + (views["started_at"] - views["started_at"].min()) / 40)
    with pytest.raises(DataError, match="days long"):
        learning_curve(Dataset.from_frames(views=quick), ["popularity"])
    few = views[views["viewer_id"] < 1040]
    with pytest.raises(DataError, match="too few for a learning curve by viewers"):
        learning_curve(Dataset.from_frames(views=few), ["popularity"], by="viewers")
    none = learning_curve(dataset, [type("Never", (Hopeless,), {"_fit": lambda *_: 1 / 0})])
    assert none.summary() == "None of the 1 models could learn; each row says why."
    assert main(["learning-curve", "--by", "moons", "--json"]) == 1
    assert "moons" in json.loads(capsys.readouterr().out)["error"]["problem"]


def test_the_code_gives_the_same_curve(dataset: Dataset, curve: LearningCurve) -> None:
    code = replace(curve, names=("popularity", "hopeless")).recipe()
    assert "# and your own model 'hopeless'" in code
    names: dict[str, Any] = {"dataset": dataset}
    exec(code, names)
    assert names["curve"].of("popularity") == curve.of("popularity")
