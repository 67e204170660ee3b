"""Fitted models on disk: one JSON file and one file of arrays, nothing pickled, tied to what they were fitted on."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from analysis.data.writer import swap, write_text
from analysis.errors import ModelError
from analysis.recommend.base import Recommender
from analysis.recommend.interactions import Interactions
from analysis.recommend.registry import models
from analysis.results import plain

MODEL, ARRAYS = "model.json", "arrays.npz"

FORMAT = 1
"""Version of the stored form."""

_PARTS = ("data", "indices", "indptr", "shape")


def save_model(model: Recommender, folder: str | Path) -> None:
    """Write a fitted model into a folder, whole or not at all; a model that is there already is replaced.

    Raises:
        ModelError: The model is not fitted, or has learnt something that is no number, word, array or sparse matrix.
    """
    train = model._fitted()
    numbers: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    for name, value in vars(model).items():
        if name == "interactions_" or not name.endswith("_"):
            continue
        if isinstance(value, sparse.csr_matrix):
            arrays |= {f"{name}:{part}": np.asarray(getattr(value, part)) for part in _PARTS}
        elif isinstance(value, np.ndarray) and value.dtype != object:
            arrays[name] = value
        elif isinstance(value, bool | int | float | str | tuple | np.generic):
            numbers[name] = plain(value)
        else:
            raise ModelError(
                f"{model.label} keeps {name} as {type(value).__name__}, which can't be saved.",
                "Keep numbers, words, arrays and CSR matrices in attributes that end in an underscore.",
            )
    stored = {
        "format": FORMAT,
        "model": model.name,
        "parameters": plain(model.parameters),
        "seed": model.seed,
        "fitted_on": fingerprint(train),
        "numbers": numbers,
    }
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        beside.mkdir()
        write_text(beside / MODEL, json.dumps(stored, indent=1) + "\n")
        with (beside / ARRAYS).open("wb") as out:
            np.savez(out, **arrays)
        swap(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def load_model(folder: str | Path, interactions: Interactions, kind: type[Recommender] | None = None) -> Recommender:
    """Read a model that `save_model` wrote.

    Args:
        folder: Where it is.
        interactions: What it was fitted on: its histories are not stored with it.
        kind: Its class, for a model that does not ship with the program.

    Raises:
        ModelError: There is no model, it can't be read, is of another format or class, or was fitted on something else.
    """
    folder = Path(folder)
    try:
        stored = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise ModelError(
                f"The model in {folder.name} has format {stored['format']}, this version reads format {FORMAT}.",
                "Fit it again.",
            )
        known = kind or models().get(stored["model"])
        if known is None or known.name != stored["model"]:
            raise ModelError(f"There is no model {stored['model']!r} to read {folder.name} as.", "Name its class.")
        if stored["fitted_on"] != fingerprint(interactions):
            raise ModelError(
                f"The {known.label} in {folder.name} was fitted on other viewers, titles or plays.",
                "Load it with the interactions of its own fit, or fit it again.",
            )
        with np.load(folder / ARRAYS, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(f"The model in {folder.name} can't be read ({error}).", "Fit it again.") from error
    model = known(known.Parameters(**stored["parameters"]), seed=stored["seed"])
    for name, value in stored["numbers"].items():
        setattr(model, name, tuple(value) if isinstance(value, list) else value)
    for name in {key.partition(":")[0] for key in arrays}:
        if name in arrays:
            setattr(model, name, arrays[name])
        else:
            data, indices, indptr, shape = (arrays[f"{name}:{part}"] for part in _PARTS)
            setattr(model, name, sparse.csr_matrix((data, indices, indptr), shape=(int(shape[0]), int(shape[1]))))
    model.interactions_ = interactions
    return model


def fingerprint(interactions: Interactions) -> str:
    """A hash of the viewers, the titles, and who watched what how much."""
    digest = hashlib.sha256()
    matrix = interactions.matrix
    for part in (interactions.viewers, interactions.titles, matrix.indptr, matrix.indices, matrix.data):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
