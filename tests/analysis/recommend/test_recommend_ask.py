"""Questions to a kept model, answered here and in a process of its own; lists beside each other; artworks."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from analysis.cli import main
from analysis.data import Dataset
from analysis.errors import ModelError, ParameterError
from analysis.recommend import Because, Recommended, Run, evaluate, keep_run
from analysis.recommend.ask import Question, ask_run
from analysis.recommend.interactions import Interactions
from analysis.recommend.shelves import artworks, beside, fitting_artwork, taste_of, watched_titles
from analysis.workspace import Workspace

BROKEN = """
from analysis.recommend.models import Popularity


class Broken(Popularity):
    name, label, description, source = "broken", "Broken", "Answers no.", "me"

    def _score_history(self, histories):
        return 1 / 0
"""


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset) -> Run:
    return keep_run(workspace, evaluate(dataset, ["popularity", "item_knn"]))


def test_a_question_is_one_of_three() -> None:
    assert Question(titles=(3, 5), k=4).words() == ["--titles", "3,5", "--k", "4"]
    assert Question(like=3).words()[:2] == ["--like", "3"]
    assert Question(viewer=3).words()[:2] == ["--viewer", "3"]
    for wrong in ({}, {"viewer": 1, "like": 2}):
        with pytest.raises(ParameterError, match="exactly one"):
            Question(**wrong)


@pytest.mark.parametrize("question", [Question(viewer=1004, k=3), Question(titles=(5, 11), k=3), Question(like=5, k=3)])
def test_answers_come_back_as_they_were(workspace: Workspace, dataset: Dataset, run: Run, question: Question) -> None:
    found = ask_run(workspace, dataset, run, "item_knn", question)
    assert len(found.picks) == 3
    assert Because.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_model_that_breaks_when_asked_is_named(
    workspace: Workspace, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace.home / "models").mkdir(parents=True)
    (workspace.home / "models/broken.py").write_text(BROKEN)
    from analysis.recommend.custom import own_class

    run = keep_run(workspace, evaluate(dataset, [own_class(workspace.home / "models", "broken")()]))
    assert "folds_in" in run.leaderboard.entries[0].can
    with pytest.raises(ModelError, match="broken stopped with ZeroDivisionError"):
        ask_run(workspace, dataset, run, "broken", Question(titles=(5,)))
    assert main(["recommend", "--model", "broken", "--titles", "five", "--json"]) == 1
    assert "'five'" in json.loads(capsys.readouterr().out)["error"]["problem"]
    (workspace.home / "models/broken.py").unlink()
    with pytest.raises(ModelError, match="no model 'broken' in the program or in the workspace"):
        ask_run(workspace, dataset, run, "broken", Question(titles=(5,)))


def titles(*ids: int, genre: str = "Drama") -> tuple[Recommended, ...]:
    return tuple(Recommended(place, one, f"T{one}", (genre,), 1.0, False) for place, one in enumerate(ids, start=1))


def test_two_lists_and_what_differs() -> None:
    found = beside(titles(1, 2, 3), titles(3, 4, genre="Crime"), ("A", "B"))
    assert found.shared == {3}
    assert found.summary() == (
        "1 of 3 titles are in both lists; A's leans to Drama (3 of 3), B's leans to Crime (2 of 2)."
    )
    assert beside(titles(1), titles(2), ("A", "B")).summary().startswith("No title is in both lists")
    assert found.to_frame()["in_both"].tolist() == [1, 1]
    assert taste_of([*titles(1, 2), *titles(3, genre="Crime")]) == {"Drama": 2, "Crime": 1}


def test_the_artwork_that_fits_a_viewer(dataset: Dataset, interactions: Interactions) -> None:
    assert artworks(dataset) == {}
    assert fitting_artwork(("Drama", "Crime", "War"), {"War": 3, "Crime": 1}) == 2
    assert fitting_artwork((), {"War": 3}) == 0
    found = watched_titles(interactions)
    assert [title.score for title in found] == sorted((title.score for title in found), reverse=True)
    assert len(found) == (interactions.viewers_per_title > 0).sum()


def test_titles_outside_of_the_catalogue_have_no_genres() -> None:
    views = pd.DataFrame({"viewer_id": [1, 2, 2], "title_id": [7, 7, 8], "started_at": pd.Timestamp("2025-01-01")})
    names = pd.DataFrame({"title_id": [8], "name": ["Eight"], "genres": [["Drama"]]})
    found = watched_titles(Interactions.from_dataset(Dataset.from_frames(views=views, titles=names)))
    assert [(title.name, title.genres) for title in found] == [("Title 7", ()), ("Eight", ("Drama",))]
