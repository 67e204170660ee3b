"""Models on disk that are broken, foreign or of another time."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from analysis.errors import ModelError
from analysis.recommend import Interactions, Popularity, load_model, save_model
from analysis.recommend.storage import ARRAYS, MODEL


@pytest.fixture
def kept(tmp_path: Path, interactions: Interactions) -> Path:
    save_model(Popularity().fit(interactions), tmp_path / "kept")
    return tmp_path / "kept"


def change(folder: Path, **values: object) -> None:
    stored = json.loads((folder / MODEL).read_text())
    (folder / MODEL).write_text(json.dumps(stored | values))


def test_another_format_or_model_is_named(kept: Path, interactions: Interactions) -> None:
    change(kept, format=9)
    with pytest.raises(ModelError, match="format 9"):
        load_model(kept, interactions)
    change(kept, format=1, model="magic")
    with pytest.raises(ModelError, match="no model 'magic'"):
        load_model(kept, interactions)


@pytest.mark.parametrize("content", [b"", b"not a zip", pickle.dumps({"score_": [1]})])
def test_what_is_no_array_is_not_unpickled(kept: Path, interactions: Interactions, content: bytes) -> None:
    (kept / ARRAYS).write_bytes(content)
    with pytest.raises(ModelError, match="can't be read"):
        load_model(kept, interactions)


def test_objects_in_arrays_are_refused(kept: Path, interactions: Interactions) -> None:
    with (kept / ARRAYS).open("wb") as out:
        np.savez(out, score_=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match="can't be read"):
        load_model(kept, interactions)


def test_nothing_there(tmp_path: Path, interactions: Interactions) -> None:
    with pytest.raises(ModelError, match="can't be read"):
        load_model(tmp_path / "nowhere", interactions)


def test_a_model_that_keeps_an_object_is_refused_and_leaves_nothing(tmp_path: Path, interactions: Interactions) -> None:
    class Odd(Popularity):
        name, label = "odd", "Odd"

    odd = Odd().fit(interactions)
    odd.helper_ = object()  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="keeps helper_ as object"):
        save_model(odd, tmp_path / "odd")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ModelError, match="Call fit first"):
        save_model(Popularity(), tmp_path / "odd")


def test_a_model_of_ones_own_is_loaded_as_its_class(tmp_path: Path, interactions: Interactions) -> None:
    class Mine(Popularity):
        name, label = "mine", "Mine"

    save_model(Mine().fit(interactions), tmp_path / "mine")
    assert type(load_model(tmp_path / "mine", interactions, Mine)) is Mine
    with pytest.raises(ModelError, match="no model 'mine'"):
        load_model(tmp_path / "mine", interactions)
