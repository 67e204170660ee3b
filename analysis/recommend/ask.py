"""Questions to one fitted model: a viewer's home page, a new viewer's list, titles like another.

A model of somebody's own is asked in a process of its own with a time limit, so that whatever it does, the page that
asks goes on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from analysis.data.dataset import Dataset
from analysis.errors import ModelError, ParameterError, PrimetimeError
from analysis.recommend.base import Recommender
from analysis.recommend.explain import Because, because_viewer_watched, because_you_watched, similar_titles
from analysis.recommend.kept import fitted_model
from analysis.recommend.runs import Run
from analysis.workspace import ROOT, Workspace

SECONDS = 30.0
"""Time that a model of one's own may take for an answer, reading the dataset included."""


@dataclass(frozen=True)
class Question:
    """What a model is asked: exactly one of the first three.

    Attributes:
        viewer: A viewer of the training whose list is wanted.
        titles: What a new viewer has watched.
        like: A title whose likes are wanted.
        k: Titles a row at most.
    """

    viewer: int | None = None
    titles: tuple[int, ...] | None = None
    like: int | None = None
    k: int = 8

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.viewer, self.titles, self.like)) != 1:
            raise ParameterError(
                "A model is asked for a viewer, for titles that a new viewer has watched, or for likes of a title.",
                "Give exactly one of them.",
            )

    def words(self) -> list[str]:
        """The options of the command line that ask the same."""
        k = ["--k", str(self.k)]
        if self.titles is not None:
            return ["--titles", ",".join(map(str, self.titles)), *k]
        return ["--viewer", str(self.viewer), *k] if self.like is None else ["--like", str(self.like), *k]


def ask(model: Recommender, question: Question) -> Because:
    """A model's answer.

    Raises:
        ModelError: The model can't answer, or an id is unknown.
    """
    if question.viewer is not None:
        return because_viewer_watched(model, question.viewer, k=question.k)
    if question.titles is not None:
        return because_you_watched(model, question.titles, k=question.k)
    assert question.like is not None
    return Because(model.name, model.label, 1, similar_titles(model, question.like, question.k), ())


def ask_run(workspace: Workspace, dataset: Dataset, run: Run, name: str, question: Question) -> Because:
    """The answer of a run's model, which may be one of somebody's own; its file is then run in this process.

    Raises:
        DataError: The run is of another dataset, or of a split other than in time.
        ModelError: The model can't be had or can't answer, an id is unknown, or it stops or returns nonsense.
    """
    try:
        return ask(fitted_model(workspace, dataset, run, name), question)
    except PrimetimeError:
        raise
    except Exception as error:
        raise ModelError(f"The model {name} stopped with {type(error).__name__}: {error}.", "Mend its file.") from error


def ask_apart(
    workspace: Workspace, data: str, run: Run, name: str, question: Question, *, seconds: float = SECONDS
) -> Because:
    """The same for a model of one's own, whose code runs in a process of its own and is stopped when it takes too long.

    Args:
        workspace: Whose folder `models/` holds the model.
        data: The dataset of the run, as `--data` takes it.
        run: The run.
        name: Name of the model.
        question: What is asked.
        seconds: Time it may take, the start of the process included.

    Raises:
        ModelError: It took too long, was killed, stopped with an error, or answered nonsense.
    """
    entry = next((entry for entry in run.leaderboard.finished if entry.model == name), None)
    label = entry.label if entry is not None else name
    command = [sys.executable, "-m", "analysis", "recommend", "--data", data, "--run", run.id, "--model", name]
    try:
        ran = subprocess.run(
            [*command, *question.words(), "--json"],
            cwd=ROOT,
            env=os.environ | {"PRIMETIME_HOME": str(workspace.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{label} took longer than {seconds:g} seconds to answer, and was stopped.", "Make it quicker."
        ) from None
    try:
        said = json.loads(ran.stdout)
        if "error" in said:
            raise ModelError(said["error"]["problem"], said["error"]["remedy"])
        return Because.from_json(said)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{label} ended without an answer.", "Ask it on the command line to see why.") from error
