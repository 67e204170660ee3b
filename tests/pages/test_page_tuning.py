"""Tuning as a visitor uses it: nothing tuned yet, a job begun, a study that was stopped, one that is whole, a curve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analysis.data import Dataset, DatasetWriter
from analysis.recommend import LearningCurve, Tuning, keep_study, learning_curve, list_studies, tune
from analysis.workspace import ROOT, Workspace

PAGE = "pages/recommend/tuning.py"


def ratings() -> pd.DataFrame:
    """Sixty viewers with some of forty titles each, one a day for three weeks."""
    rows = [(v, (v * 7 + i * (1 + v % 3)) % 40, 1 + (v + i) % 5, i) for v in range(1, 61) for i in range(21)]
    frame = pd.DataFrame(rows, columns=["viewer_id", "title_id", "stars", "day"])
    frame["rated_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return frame.drop(columns="day").astype({"stars": float})


@pytest.fixture(scope="module")
def found() -> tuple[Tuning, LearningCurve]:
    dataset = Dataset.from_frames(ratings=ratings())
    models = ["popularity", "item_knn", "recent_popularity"]
    return tune(dataset, models, trials=4), learning_curve(dataset, models)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path))
    new = DatasetWriter(tmp_path / "datasets/tiny", name="Tiny", source="a test")
    with new as writer, Dataset.from_frames(ratings=ratings()).read() as read:
        writer.add("ratings", read["ratings"].collect("pyarrow").to_native())
    return Workspace(tmp_path)


def keep(workspace: Workspace, study: Tuning | LearningCurve) -> str:
    """Keep a study as if it were of the dataset in the workspace."""
    dataset = workspace.dataset("tiny")
    return keep_study(workspace, replace(study, dataset_hash=dataset.content_hash, dataset_folder="tiny"))


def opened(look: str = "") -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page(PAGE)
    app.session_state["data"] = "tiny"
    if look:
        app.session_state["tuning_look"] = look
    return app.run()


def words(app: AppTest) -> str:
    parts = [*app.header, *app.subheader, *app.info, *app.error, *app.warning, *app.caption, *app.markdown]
    return " ".join(str(part.value) for part in parts).replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def test_what_is_chosen_goes_into_the_jobs(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("ui.jobs.start", lambda argv, **_more: asked.append(" ".join(argv)))
    app = opened()
    assert "Nothing has been tuned on this dataset yet" in words(app)
    app.slider(key="tuning_trials").set_value(35).run()
    app.toggle(key="tuning_prune").set_value(False).run()
    app.button(key="tuning_start").click().run()
    assert not app.exception
    app = opened("history")
    assert "No learning curve has been drawn yet" in words(app)
    app.segmented_control(key="learning_by").set_value("viewers").run()
    app.button(key="learning_start").click().run()
    assert not app.exception
    tuning, learning = asked[:2]
    assert tuning.startswith("tune --data tiny --models recent_popularity,item_knn,ease,als --signal ratings --k 10")
    assert tuning.endswith("--share 0.2 --trials 35 --limit-minutes 15 --validation-share 0.2 --no-prune")
    assert "--goal" not in tuning
    app = opened()
    app.selectbox(key="tuning_goal").set_value("rmse").run()
    assert "which these don't make: Recent popularity, Item kNN, EASE, ALS" in words(app)
    app.get("button_group")[1].set_value(["svd", "bias"]).run()
    app.button(key="tuning_start").click().run()
    assert not app.exception
    assert "--models svd,bias" in asked[2]
    assert asked[2].endswith("--goal rmse")
    assert learning.startswith("learning-curve --data tiny --models popularity,")
    assert "--by viewers" in learning


def test_a_study_is_shown_and_can_be_deleted(workspace: Workspace, found: tuple[Tuning, LearningCurve]) -> None:
    tuning = found[0]
    whole = keep(workspace, tuning)
    keep(workspace, replace(tuning, complete=False, made_at="2020-01-01T00:00:00"))
    app = opened()
    assert not app.exception
    assert tuning.summary() in words(app)
    assert tuning.leaders() in words(app)
    assert "Item kNN" in words(app)
    assert any("tuning = tune(" in code.value for code in app.code)
    app.selectbox(key="tuning_model").set_value("recent_popularity").run()
    assert not app.exception
    app.selectbox(key="tuning_study").select_index(2).run()
    assert "Tuning is not finished: 9 trials so far" in words(app)
    app.button(key="tuning_study_delete").click().run()
    assert [study.id for study in list_studies(workspace).studies] == [whole]
    assert tuning.summary() in words(app)


def test_what_is_going_on_is_drawn_as_it_grows(
    workspace: Workspace, found: tuple[Tuning, LearningCurve], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.jobs.panel", lambda kind, **_more: (kind,))
    for look, study in zip(("", "history"), found, strict=True):
        keep(workspace, replace(study, complete=False))
        app = opened(look)
        assert not app.exception
        assert len(app.subheader) == 1, "one chart that grows, and no story before it is whole"
        assert not app.header


def test_what_was_found_is_trained(
    workspace: Workspace, found: tuple[Tuning, LearningCurve], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("ui.jobs.start", lambda argv, **_more: asked.append(list(argv)))
    keep(workspace, found[0])
    app = opened()
    app.button(key="tuning_carry").click().run()
    assert not app.exception
    assert "They are being trained" in words(app)
    (argv,) = asked
    assert argv[:5] == ["train", "--data", "tiny", "--models", "popularity,item_knn,recent_popularity"]
    assert argv[argv.index("--at") + 1] == found[0].split_at
    assert [argv[place + 1] for place, word in enumerate(argv) if word == "--set"] == found[0].settings()


def test_what_was_stopped_can_be_gone_on_with(
    workspace: Workspace, found: tuple[Tuning, LearningCurve], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("ui.jobs.start", lambda argv, **_more: asked.append(list(argv)))
    study = keep(workspace, replace(found[0], complete=False, models=found[0].models[:2]))
    app = opened()
    app.button(key="tuning_continue").click().run()
    assert not app.exception
    assert asked == [["tune", "--continue", study]]
    keep(workspace, replace(found[0], made_at="2099-01-01T00:00:00"))
    assert "tuning_continue" not in {button.key for button in opened().button}


def test_failures_are_named_beside_what_was_found(workspace: Workspace, found: tuple[Tuning, LearningCurve]) -> None:
    plain, knn, recent = found[0].models
    broken = replace(knn, trials=tuple(replace(one, state="failed", error="It broke.") for one in knn.trials))
    broken = replace(broken, error="It broke.", gain=None, default_test=None, tuned_test=None)
    keep(workspace, replace(found[0], models=(plain, broken, replace(recent, ended="time"))))
    app = opened()
    assert not app.exception
    assert "Item kNN has no result: It broke." in words(app)
    assert "Recent popularity ran out of time after 4 of 4 trials" in words(app)


def test_a_learning_curve_is_shown(workspace: Workspace, found: tuple[Tuning, LearningCurve]) -> None:
    curve = found[1]
    keep(workspace, curve)
    app = opened("history")
    assert not app.exception
    assert curve.summary() in words(app)
    assert curve.beginners() in words(app)
    assert any("curve = learning_curve(" in code.value for code in app.code)
    failed = replace(curve.points[0], error="It broke.", ndcg=float("nan"))
    keep(workspace, replace(curve, points=(failed,), doublings=(), made_at="2036-01-01T00:00:00"))
    app = opened("history")
    assert not app.exception
    assert "Popularity could not learn from every amount: It broke." in words(app)
