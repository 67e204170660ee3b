"""Fitted models kept beside their run, so that a page can ask one at once instead of fitting it again.

They lie in the run's own folder and go with it; those of a run that a dataset carries lie in the workspace. Together
they are bounded: the ones that nobody has asked for longest are removed first, and are fitted again when asked for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import sparse

from analysis.data.dataset import Dataset
from analysis.errors import ModelError
from analysis.recommend.base import CAPABILITIES, Recommender, capabilities
from analysis.recommend.custom import own_class
from analysis.recommend.explain import check_refittable, refit
from analysis.recommend.interactions import Interactions
from analysis.recommend.registry import models
from analysis.recommend.runs import Run
from analysis.recommend.storage import MODEL, load_model, save_model
from analysis.results import plain
from analysis.workspace import Workspace

FITTED = "fitted"
"""Folder of the fitted models, in a run's folder or in the workspace."""

ASKED = ("folds_in", "explains", "finds_similar")
"""Only models that a page can ask for more than the lists that the run keeps anyway."""

MOST_BYTES_EACH = 2**29
"""A larger model is fitted again when it is asked for (512 MiB)."""

MOST_BYTES = 2**31
"""All kept models of a workspace together (2 GiB)."""

MOST_MODELS = 64
"""Kept models of a workspace."""


def keep_models(workspace: Workspace, run: Run, fitted: Iterable[Recommender]) -> tuple[str, ...]:
    """Keep a run's fitted models, those that a page may ask and that are not too large.

    Args:
        workspace: Where the run is kept.
        run: The run.
        fitted: Its models, fitted on its training period (`Leaderboard.fitted`).

    Returns:
        Names of the models that are kept now.
    """
    place, kept = _place(workspace, run), []
    for model in fitted:
        # A name is part of a path.
        if not model.name.isidentifier():
            continue
        # One that follows time has seen the test period by now.
        if any(getattr(model, name) for name in ASKED) and not model.follows_time and size_of(model) <= MOST_BYTES_EACH:
            # A model of somebody's own may have learnt what can't be stored; it is fitted again when asked for.
            with contextlib.suppress(ModelError):
                save_model(model, place / model.name)
                kept.append(model.name)
    _trim(workspace)
    return tuple(name for name in kept if (place / name / MODEL).is_file())


def fitted_model(
    workspace: Workspace, dataset: Dataset, run: Run, name: str, train: Interactions | None = None
) -> Recommender:
    """A run's model as it was fitted: read where it is kept, else fitted again and kept.

    A model of one's own is read from the workspace's `models/`, and its file is run.

    Args:
        workspace: Where the run is kept.
        dataset: The dataset of the run.
        run: The run.
        name: Name of the model.
        train: The run's training period (`training_of`), where it is at hand.

    Raises:
        DataError: The run is of another dataset, or of a split other than in time.
        ModelError: The run has no such model, or it can't be fitted again.
    """
    train = training_of(dataset, run) if train is None else train
    place = _place(workspace, run) / name
    kind = models().get(name) or own_class(workspace.home / "models", name)
    if (place / MODEL).is_file():
        try:
            model = load_model(place, train, kind)
        except ModelError:
            shutil.rmtree(place, ignore_errors=True)
        else:
            entry = next((entry for entry in run.leaderboard.finished if entry.model == name), None)
            if entry is not None and dict(entry.parameters) == plain(model.parameters) and entry.seed == model.seed:
                with contextlib.suppress(OSError):
                    os.utime(place / MODEL)
                return model
    model = refit(dataset, run, name, kind=kind, train=train)
    # A workspace that can't be written must not take the answer away.
    with contextlib.suppress(OSError):
        keep_models(workspace, run, [model])
    return model


def training_of(dataset: Dataset, run: Run) -> Interactions:
    """What the models of a run have learnt from: everything before its split.

    Raises:
        DataError: The run is of another dataset, or of a split other than in time.
    """
    check_refittable(dataset, run)
    board = run.leaderboard
    return Interactions.from_dataset(dataset, board.signal).cut(np.datetime64(board.split_at, "us"))[0]


def size_of(model: Recommender) -> int:
    """Bytes of the arrays that a fitted model has learnt."""
    total = 0
    for name, value in vars(model).items():
        if not name.endswith("_") or name == "interactions_":
            continue
        if isinstance(value, sparse.csr_matrix):
            total += value.data.nbytes + value.indices.nbytes + value.indptr.nbytes
        elif isinstance(value, np.ndarray):
            total += value.nbytes
    return total


def can(model: str, declared: tuple[str, ...]) -> dict[str, bool]:
    """What a model of a run can do: as the program knows it, else as it declared when it was trained."""
    known = models().get(model)
    if known is not None:
        return capabilities(known)
    return {name: name in declared for name in CAPABILITIES}


def _place(workspace: Workspace, run: Run) -> Path:
    """The folder of a run's fitted models; a run that a dataset carries may lie where nothing can be written."""
    if run.folder.parent == workspace.runs:
        return run.folder / FITTED
    board = run.leaderboard
    made = "".join(character for character in board.made_at if character.isalnum())
    return workspace.home / FITTED / f"{board.dataset_hash[:16]}-{made}"


def _trim(workspace: Workspace) -> None:
    """Remove the models that were asked for longest ago, until the rest is within the bounds."""
    found = [*workspace.runs.glob(f"*/{FITTED}/*/{MODEL}"), *(workspace.home / FITTED).glob(f"*/*/{MODEL}")]
    left: list[tuple[float, int, Path]] = []
    for file in found:
        # Another process may remove it meanwhile.
        with contextlib.suppress(OSError):
            left.append((file.stat().st_mtime, sum(one.stat().st_size for one in file.parent.iterdir()), file.parent))
    left.sort()
    total = sum(size for _, size, _ in left)
    while left and (len(left) > MOST_MODELS or total > MOST_BYTES):
        _, size, folder = left.pop(0)
        shutil.rmtree(folder, ignore_errors=True)
        total -= size
