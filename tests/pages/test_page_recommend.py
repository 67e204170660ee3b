"""Train & compare and Recommendations as a visitor uses them: nothing trained yet, a kept run, viewers old and new."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analysis.data import Dataset, DatasetWriter
from analysis.recommend import (
    ItemKNN,
    Leaderboard,
    NewViewersSplit,
    RandomSplit,
    TemporalSplit,
    evaluate,
    keep_run,
    list_runs,
)
from analysis.recommend.ask import ask_apart
from analysis.recommend.custom import own_class
from analysis.workspace import ROOT, Workspace

TRAIN, LISTS = "pages/recommend/train.py", "pages/recommend/recommendations.py"


def ratings() -> pd.DataFrame:
    """Forty viewers with some of thirty titles each; viewer 99 comes on the last day."""
    rows = [(v, (v * 7 + i * (1 + v % 3)) % 30, 1 + (v + i) % 5, i) for v in range(1, 41) for i in range(12)]
    frame = pd.DataFrame([*rows, (99, 3, 4, 11)], columns=["viewer_id", "title_id", "stars", "day"])
    frame["rated_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return frame.drop(columns="day").astype({"stars": float})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "tiny"
    new = DatasetWriter(folder, name="Tiny", source="a test")
    with new as writer, Dataset.from_frames(ratings=ratings()).read() as read:
        writer.add("ratings", read["ratings"].collect("pyarrow").to_native())
    return folder


@pytest.fixture
def workspace(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path))
    shutil.copytree(tiny, tmp_path / "datasets/tiny")
    return Workspace(tmp_path)


@pytest.fixture(scope="module")
def judged(tiny: Path) -> Callable[..., Leaderboard]:
    """An evaluation of the tiny dataset, made once for all tests that show it."""
    return functools.cache(lambda *models, **more: evaluate(Dataset.open(tiny), models, **more))


def opened(page: str) -> AppTest:
    # Chosen before the first run, so that the Overview of the sample is not computed for nothing.
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page(page)
    app.session_state["data"] = "tiny"
    return app.run()


def words(app: AppTest) -> str:
    parts = [*app.header, *app.subheader, *app.info, *app.error, *app.warning, *app.caption, *app.markdown]
    return " ".join(str(part.value) for part in parts).replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def test_without_a_run_both_pages_say_what_to_do(workspace: Workspace) -> None:
    for page in (TRAIN, LISTS):
        app = opened(page)
        assert not app.exception
        assert "No model has been trained" in words(app)


def test_a_kept_run_is_shown_and_can_be_deleted(workspace: Workspace, judged: Callable[..., Leaderboard]) -> None:
    board = judged("popularity", "item_knn")
    keep_run(workspace, board)
    kept = keep_run(workspace, judged("popularity", "recent_popularity", k=3))
    app = opened(TRAIN)
    assert not app.exception
    assert kept.summary() in words(app)
    assert "NDCG@3" in [metric.label for metric in app.metric]
    app.selectbox(key="recommend_run").select_index(2).run()
    assert board.summary() in words(app)
    assert board.recipe() in [code.value for code in app.code]
    app.button(key="recommend_delete").click().run()
    assert [run.id for run in list_runs(workspace).runs] == [kept.id]
    assert kept.summary() in words(app)


def test_every_question_has_an_answer(workspace: Workspace, judged: Callable[..., Leaderboard]) -> None:
    keep_run(workspace, judged("popularity", "item_knn", "random"))
    app = opened(TRAIN)
    answers = {}
    for tab in ("Which can be told apart?", "For whom?", "Variety", "A test of it"):
        app.segmented_control(key="recommend_tab").set_value(tab).run()
        assert not app.exception
        answers[tab] = words(app)
    assert "pairs of models" in answers["Which can be told apart?"]
    assert "(NDCG@10 " in answers["For whom?"] or "no segments" in answers["For whom?"]
    assert "is the most accurate" in answers["Variety"]
    assert "viewers in two arms" in answers["A test of it"] or "no size of test" in answers["A test of it"]


def test_which_is_best_for_new_viewers(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = ratings()
    late = frame[frame["viewer_id"] <= 12].assign(viewer_id=lambda old: old["viewer_id"] + 500)
    late["rated_at"] += pd.Timedelta(days=60)
    again = DatasetWriter(workspace.datasets / "tiny", name="Tiny", source="a test", replace=True)
    with again as writer, Dataset.from_frames(ratings=pd.concat([frame, late])).read() as read:
        writer.add("ratings", read["ratings"].collect("pyarrow").to_native())
    dataset = workspace.dataset("tiny")
    models = [ItemKNN(ItemKNN.Parameters(neighbours=7)), "popularity", "svd"]
    keep_run(workspace, evaluate(dataset, models, split=TemporalSplit(0.5)))
    asked: list[list[str]] = []
    monkeypatch.setattr("ui.jobs.start", lambda argv, **_more: asked.append(list(argv)))
    app = opened(TRAIN)
    app.segmented_control(key="recommend_tab").set_value("For new viewers?").run()
    assert not app.exception
    app.button(key="recommend_newcomers").click().run()
    assert "--split new_viewers --told 3 --k 10 --set item_knn.neighbours=7" in " ".join(asked[0])
    first = list_runs(workspace).runs[0].id
    board = evaluate(dataset, models, split=NewViewersSplit(test_share=0.2))
    keep_run(workspace, board)
    app.run()
    app.selectbox(key="recommend_run").set_value(first).run()
    assert not app.exception
    assert board.summary() in words(app)
    assert "SVD has no result: SVD can't serve new viewers" in words(app)
    # Of somebody of whom nothing is known at all there is another test.
    app.segmented_control(key="recommend_told").set_value(0).run()
    app.button(key="recommend_newcomers").click().run()
    assert "--split new_viewers --told 0 --k 10" in " ".join(asked[1])
    strangers = evaluate(dataset, models, split=NewViewersSplit(given=0, test_share=0.2))
    keep_run(workspace, strangers)
    app.run()
    app.selectbox(key="recommend_run").set_value(first).run()
    assert strangers.summary() in words(app)
    assert "no list for viewers of whom nothing is known" in words(app)


def test_a_changed_setting_and_split_go_into_the_job(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("ui.jobs.start", lambda argv, **_more: asked.append(list(argv)))
    app = opened(TRAIN)
    app.get("button_group")[0].set_value(["als", "random"]).run()
    app.number_input(key="recommend_set_als_factors").set_value(24).run()
    app.selectbox(key="recommend_split").set_value("random").run()
    assert "leaks the future" in words(app)
    app.button(key="recommend_train").click().run()
    assert not app.exception
    (argv,) = asked
    line = " ".join(argv)
    assert "--models als,random" in line
    assert "--set als.factors=24" in line
    assert "--split random --k 10 --share 0.2" in line


def test_a_leaking_run_is_marked_and_has_no_page_of_viewers(
    workspace: Workspace, judged: Callable[..., Leaderboard]
) -> None:
    keep_run(workspace, judged("popularity", split=RandomSplit()))
    assert "leaks the future" in words(opened(TRAIN))
    assert "No model has been trained" in words(opened(LISTS))


def test_a_failed_model_is_named_and_the_others_stay(workspace: Workspace) -> None:
    views = ratings().rename(columns={"rated_at": "started_at"}).drop(columns="stars")
    again = DatasetWriter(workspace.datasets / "tiny", name="Tiny", source="a test", replace=True)
    with again as writer, Dataset.from_frames(views=views).read() as read:
        writer.add("views", read["views"].collect("pyarrow").to_native())
    keep_run(workspace, evaluate(workspace.dataset("tiny"), ["popularity", "svd"]))
    app = opened(TRAIN)
    assert not app.exception
    assert "SVD has no result: SVD learns from stars" in words(app)
    assert "Popularity reaches" in words(app)


def test_lists_of_viewers_with_and_without_history(workspace: Workspace, judged: Callable[..., Leaderboard]) -> None:
    keep_run(workspace, judged("popularity", "item_knn"))
    app = opened(LISTS)
    assert not app.exception
    assert "40 viewers found" in words(app)
    assert "Item kNN" in words(app)
    app.button(key="recommend_random").click().run()
    assert not app.exception
    assert f"Viewer {app.selectbox(key='recommend_viewer').value} had watched" in words(app)
    app.segmented_control(key="recommend_group").set_value("new").run()
    assert "Viewer 99 had watched nothing before" in words(app)
    app.text_input(key="recommend_words").set_value("nobody").run()
    assert "No viewer fits" in words(app)
    app.text_input(key="recommend_words").set_value("").run()
    assert not app.exception
    assert "Viewer 99 had watched nothing before" in words(app)
    assert "Without a list for this viewer: Item kNN" in words(app)


def test_a_home_page_says_because_of_what(workspace: Workspace, judged: Callable[..., Leaderboard]) -> None:
    keep_run(workspace, judged("popularity", "item_knn", "bpr"))
    app = opened(LISTS)
    assert not app.exception
    assert "Because you watched" in words(app)
    assert "Top picks by Item kNN" in words(app).replace("**", "")
    assert app.selectbox(key="recommend_home_model").options == ["Item kNN"]
    assert "titles are in both lists" in words(app)


def test_a_new_viewer_gets_a_list_at_once(workspace: Workspace, judged: Callable[..., Leaderboard]) -> None:
    keep_run(workspace, judged("popularity", "item_knn", "bpr"))
    app = opened(LISTS)
    app.segmented_control(key="recommend_look").set_value("new").run()
    assert not app.exception
    assert "From 3 watched titles, Item kNN would show" in words(app)
    app.multiselect(key="recommend_picked").set_value([3, 10]).run()
    assert "From 2 watched titles, Item kNN would show" in words(app)
    assert app.selectbox(key="recommend_new_beside").value == "popularity"
    assert "are in both lists" in words(app) or "No title is in both lists" in words(app)
    assert "Top picks by Popularity" in words(app).replace("**", "")
    app.multiselect(key="recommend_picked").set_value([]).run()
    assert not app.exception
    assert "Nothing is known of this viewer yet: Popularity would show everybody the same" in words(app)


def test_similar_titles(workspace: Workspace, judged: Callable[..., Leaderboard]) -> None:
    keep_run(workspace, judged("popularity", "item_knn", "ease"))
    app = opened(LISTS)
    app.segmented_control(key="recommend_look").set_value("similar").run()
    assert not app.exception
    assert "finds Title" in words(app)
    other = next(name for name in ("item_knn", "ease") if name != app.selectbox(key="recommend_similar_model").value)
    app.selectbox(key="recommend_similar_beside").set_value(other).run()
    assert words(app).count("Like Title") == 2
    keep_run(workspace, judged("popularity"))
    app.run()
    assert not app.exception
    assert "This run has no model that names titles that resemble a title" in words(app)


OWN = """
import numpy as np
from analysis.recommend import Recommender


class Mine(Recommender):
    name, label, description, source = "mine", "My [model]", "The last titles first.", "me"
    folds_in = cold_viewers = True

    def _fit(self, train, progress):
        self.n_titles_ = train.n_titles

    def _score(self, viewers):
        return np.tile(np.arange(self.n_titles_, dtype=np.float32), (len(viewers), 1))

    def _score_history(self, histories):
        return self._score(np.arange(histories.shape[0]))
"""


def test_a_model_of_ones_own_stands_beside_the_others(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    models = workspace.home / "models"
    models.mkdir()
    (models / "mine.py").write_text(OWN)
    dataset = workspace.dataset("tiny")
    run = keep_run(workspace, evaluate(dataset, ["item_knn", own_class(models, "mine")()]))
    app = opened(LISTS)
    assert "My [model]" in app.selectbox(key="recommend_second").options
    # However busy the machine is.
    monkeypatch.setattr("ui.recommend_ask.ask_apart", functools.partial(ask_apart, seconds=300))
    app.segmented_control(key="recommend_look").set_value("new").run()
    app.selectbox(key="recommend_new_beside").set_value("mine").run()
    assert not app.exception
    assert "Top picks by My [model]" in words(app).replace("**", "")
    # Its lists are not those that its file would give now: it hangs, and is named; the other's answer is kept.
    (models / "mine.py").write_text(OWN + "\nimport time\ntime.sleep(60)\n")
    monkeypatch.setattr("ui.recommend_ask.ask_apart", functools.partial(ask_apart, seconds=0.5))
    shutil.rmtree(run.folder / "fitted", ignore_errors=True)
    app.multiselect(key="recommend_picked").set_value([3, 10]).run()
    assert not app.exception
    assert "My [model] took longer than 0.5 seconds to answer" in words(app)
    assert "From 2 watched titles, Item kNN would show" in words(app)
