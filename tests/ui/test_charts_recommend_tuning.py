"""Charts of tuning and learning curves, drawn from results with known numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from analysis.recommend import Comparison, Estimate, LearningCurve, LearningPoint, Setback, Trial, TunedModel, Tuning
from ui.charts import recommend_tuning as charts
from ui.charts import theme

NAN = math.nan


def model(name: str, gain: float, p: float) -> TunedModel:
    trials = (
        Trial(0, {"x": 1, "y": 10.0}, "done", 0.20, 0.19),
        Trial(1, {"x": 2, "y": 0.1}, "done", 0.15, 0.14),
        Trial(2, {"x": 3, "y": 100.0}, "stopped", NAN, 0.10),
        Trial(3, {"x": 4, "y": 1.0}, "failed", error="It <b>broke</b>."),
        Trial(4, {"x": 5, "y": 2.0}, "done", 0.25, 0.24),
    )
    pair = Comparison(f"{name} tuned", f"{name} default", "ndcg", gain, gain - 0.01, gain + 0.02, 0.1, p, p)
    backs = (Setback("x", 1, 5, 0.04, 0.03, 0.05), Setback("y", 10.0, 2.0, 0.01, -0.01, 0.03))
    at = Estimate(0.2, 0.19, 0.21)
    return TunedModel(name, name.upper(), 0, trials, setbacks=backs, default_test=at, tuned_test=at, gain=pair)


@pytest.fixture
def tuning() -> Tuning:
    return Tuning(
        dataset="d", dataset_folder="d", dataset_hash="h", signal="views", split="TemporalSplit(share=0.2)",
        validation_at="2026-01-01", split_at="2026-02-01", validation_share=0.2, k=7, trials=5, limit_seconds=None,
        prune=True, seed=0, models=(model("als", 0.03, 0.01), model("knn", -0.02, 0.01), model("bpr", 0.005, 0.4)),
        counts={"test viewers": 1234, "validation viewers": 1000}, complete=True, made_at="2026-03-01T00:00:00",
    )  # fmt: skip


def test_gains_stand_side_by_side_and_are_coloured_by_what_is_sure(tuning: Tuning) -> None:
    figure = charts.gains(tuning)
    drawn = {trace.name: trace for trace in figure.data}
    assert list(drawn["Validation period"].x) == pytest.approx([0.05] * 3)
    assert drawn["Validation period"].marker.symbol == "circle-open"
    assert (drawn["Test period: better"].y[0], drawn["Test period: better"].marker.color) == ("ALS", theme.BETTER)
    assert (drawn["Test period: worse"].y[0], drawn["Test period: worse"].marker.color) == ("KNN", theme.WORSE)
    assert (drawn["Test period: can't be told"].y[0]) == "BPR"
    assert drawn["Test period: better"].error_x.array[0] == pytest.approx(0.02)
    assert "3 of 3 models gain less on the test" in figure.layout.meta["title"]
    assert "1,234 viewers" in figure.layout.meta["subtitle"]
    kept = replace(tuning, models=(replace(tuning.models[0], gain=None),))
    assert charts.gains(kept).layout.meta["title"].startswith("No model did better")
    assert "gains less" in charts.gains(replace(tuning, models=tuning.models[:1])).layout.meta["title"]


def test_history_has_the_best_so_far_and_the_line_of_the_defaults(tuning: Tuning) -> None:
    figure = charts.history(tuning.models[0], 7)
    drawn = {trace.name: trace for trace in figure.data}
    assert list(drawn["Best so far"].y) == [0.20, 0.20, 0.20, 0.20, 0.25]
    assert list(drawn["Tried"].x) == [0, 1, 4]
    assert figure.layout.shapes[0].y0 == 0.20
    assert drawn["Stopped early"].y[0] < 0.15
    assert "quarter of the viewers" in drawn["Stopped early"].customdata[0][1]
    assert "<" not in drawn["Failed"].customdata[0][1]
    assert figure.layout.meta["title"] == "ALS: trial 4 of 4 did best on validation"
    stays = replace(tuning.models[0], trials=tuning.models[0].trials[:2])
    assert "None of 1 other settings" in charts.history(stays, 7).layout.meta["title"]
    none = replace(stays, trials=(tuning.models[0].trials[3],))
    assert not charts.history(none, 7).data


def test_each_parameter_has_its_panel(tuning: Tuning) -> None:
    figure = charts.settings(tuning.models[0], 7)
    assert [figure.layout.xaxis.title.text, figure.layout.xaxis2.title.text] == ["x", "y"]
    assert (figure.layout.xaxis.type, figure.layout.xaxis2.type) == ("linear", "log")
    best = [trace for trace in figure.data if trace.name == "Best"]
    assert [trace.x[0] for trace in best] == [5, 2.0]


def test_what_a_parameter_is_worth(tuning: Tuning) -> None:
    figure = charts.setbacks(tuning.models[0], 7)
    drawn = {trace.marker.color: trace for trace in figure.data if len(trace.y)}
    assert {colour: trace.y[0] for colour, trace in drawn.items()} == {
        theme.BETTER: "x: 5 → 1",
        theme.UNSURE: "y: 2 → 10",
    }
    assert drawn[theme.BETTER].error_x.array[0] == pytest.approx(0.01)
    assert list(figure.layout.yaxis.categoryarray) == ["y: 2 → 10", "x: 5 → 1"]
    assert figure.layout.meta["title"] == "Of ALS, x matters most"
    unsure = replace(tuning.models[0], setbacks=tuning.models[0].setbacks[1:])
    assert "no parameter alone" in charts.setbacks(unsure, 7).layout.meta["title"]


def test_a_learning_curve_has_a_line_a_model() -> None:
    points = tuple(
        LearningPoint(name, name.upper(), size, 10 * size, value, value - 0.01, value + 0.01)
        for name, values in {"als": (0.1, 0.3, 0.2), "knn": (0.1, 0.15, 0.18)}.items()
        for size, value in zip((25, 50, 100), values, strict=True)
    )
    worse = Comparison("als", "als with half", "ndcg", -0.1, -0.12, -0.08, -1, 0.001, 0.002)
    curve = LearningCurve(
        by="days", dataset="d", dataset_folder="d", dataset_hash="h", signal="views", split="TemporalSplit(share=0.2)",
        split_at="2026-02-01", k=7, seed=0, names=("als", "knn", "bad"), sizes=(25, 50, 100), viewers=1234,
        points=(*points, LearningPoint("bad", "Bad", 25, 3, error="It broke.")), doublings=(worse,), complete=True,
        made_at="2026-03-01",
    )  # fmt: skip
    figure = charts.learning(curve)
    assert [trace.name for trace in figure.data] == ["ALS", "KNN"]
    assert list(figure.data[0].y) == [0.1, 0.3, 0.2]
    assert list(figure.data[0].x) == pytest.approx([25, 50, 100], rel=0.05)
    assert list(figure.data[0].error_y.array) == pytest.approx([0.01] * 3)
    assert list(figure.layout.xaxis.tickvals) == [25, 50, 100]
    assert figure.layout.meta["title"] == "ALS does better with half of the history"
    calm = replace(curve, doublings=())
    assert charts.learning(calm).layout.meta["title"] == "ALS leads with the whole history"
    begun = replace(curve, points=points[:1], complete=False)
    assert charts.learning(begun).layout.meta["title"] == "The curve so far"
