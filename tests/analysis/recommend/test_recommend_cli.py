"""`train` and `evaluate`: the same numbers as the pages read from the kept run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.cli import main
from analysis.data import Dataset, DatasetWriter
from analysis.errors import ModelError
from analysis.recommend import newest_run, reference_run
from analysis.recommend.custom import discover, load_class
from analysis.workspace import Workspace


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Path:
    folder = tmp_path_factory.mktemp("written") / "tastes"
    with DatasetWriter(folder, name="Two tastes", source="a test") as writer, dataset.read() as tables:
        for table in dataset.tables:
            writer.add(table, tables[table].collect("pyarrow").to_native())
    return folder


@pytest.fixture
def folder(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path / "ws"))
    return Path(shutil.copytree(written, tmp_path / "ws/datasets/tastes"))


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = main(argv)
    return code, capsys.readouterr().out


def test_train_prints_what_the_page_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "train", "--data", "tastes", "--models", "als, popularity", "--k", "5", "--json")
    assert code == 0
    printed = json.loads(out)
    kept = newest_run(Workspace(), Dataset.open(folder))
    assert kept is not None
    assert printed == kept.to_json()
    code, out = run(capsys, "evaluate", "--data", "tastes", "--models", "popularity,als", "--k", "5", "--json")
    again = json.loads(out)
    for stored, computed in zip(printed["entries"], again["entries"], strict=True):
        assert stored["estimates"] == computed["estimates"]
    assert printed["comparisons"] == again["comparisons"]
    assert "run" not in again


def test_a_table_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "evaluate", "--data", "tastes", "--models", "popularity", "--at", "2025-10-01")
    assert code == 0
    assert out.startswith("Popularity reaches NDCG@10")
    assert "hit_rate" in out


def test_a_reference_goes_into_the_dataset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = run(capsys, "train", "--data", "tastes", "--models", "popularity", "--reference")
    assert code == 0
    assert reference_run(Dataset.open(folder)) is not None
    assert (folder / "run/leaderboard.json").is_file()
    assert not Workspace().runs.exists()


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["--models", "magic"], "magic"),
        (["--signal", "clicks"], "clicks"),
        (["--share", "2"], "2"),
        (["--at", "2031-01-01"], "2031-01-01"),
        (["--models", ","], "No model"),
        (["--split", "magic"], "magic"),
        (["--split", "random", "--at", "2025-10-01"], "random"),
        (["--models", "als", "--set", "als.colour=3"], "als.colour"),
        (["--models", "als", "--set", "als.factors=many"], "als.factors is 'many'"),
        (["--models", "als", "--set", "als.factors=-3"], "factors"),
        (["--model", "nowhere.py:Mine"], "nowhere.py"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], problem: str) -> None:
    code, out = run(capsys, "train", "--data", "tastes", *argv, "--json")
    assert code == 1
    assert problem in json.loads(out)["error"]["problem"]
    assert newest_run(Workspace(), Dataset.open(folder)) is None


MINE = '''
from dataclasses import dataclass

import numpy as np

from analysis.recommend import Recommender, Settings, number


@dataclass(frozen=True)
class Knobs(Settings):
    model = "Mine"

    shift: float = number(1.0, 0.0, 9.0)
    """How far all scores are moved."""

    hidden: float = number(1.0, 0.0, high=max(9.0, 1.0))


class Mine(Recommender):
    name, label = "mine", "My model"
    description = "The last titles first."
    source = "me"
    cold_viewers = True
    Parameters = Knobs

    def _fit(self, train, progress):
        self.n_titles_ = train.n_titles

    def _score(self, viewers):
        return np.tile(np.arange(self.n_titles_) + self.parameters.shift, (len(viewers), 1))


class Hopeless(Mine):
    name, label = "hopeless", "Hopeless"

    def _fit(self, train, progress):
        raise RuntimeError("no idea")
'''


def test_models_of_ones_own(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_model.py").write_text(MINE)
    own = ["--model", f"{tmp_path}/my_model.py:Mine", "--model", f"{tmp_path}/my_model.py:Hopeless"]
    code, out = run(
        capsys, "train", "--data", "tastes", "--models", "popularity", *own, "--set", "mine.shift=4", "--json"
    )
    assert code == 0
    entries = {entry["model"]: entry for entry in json.loads(out)["entries"]}
    assert set(entries) == {"popularity", "mine", "hopeless"}
    assert entries["mine"]["parameters"] == {"shift": 4.0, "hidden": 1.0}
    assert not entries["mine"]["error"]
    assert entries["hopeless"]["error"] == "The model stopped with RuntimeError: no idea"
    assert not entries["popularity"]["error"]


def test_the_workspaces_models_are_found_without_being_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Workspace().home / "models"
    home.mkdir()
    (home / "my_model.py").write_text(MINE + "\nraise ValueError('stop')\n")
    (home / "broken.py").write_text("def (")
    found = {model.name: model for model in discover(home)}
    assert found["mine"].label == "My model"
    assert found["mine"].description == "The last titles first."
    (knob,) = found["mine"].parameters
    assert (knob.name, knob.default, knob.doc) == ("shift", 1.0, "How far all scores are moved.")
    assert (knob.space.low, knob.space.high, knob.space.log) == (0.0, 9.0, False)
    assert "can't be read" in found["broken"].problem
    code, out = run(capsys, "train", "--data", "tastes", "--models", "mine", "--json")
    assert code == 1
    assert "ValueError" in json.loads(out)["error"]["problem"]
    code, out = run(
        capsys, "train", "--data", "tastes", "--models", "mine,popularity", "--set", "mine.shift=4", "--json"
    )
    assert code == 0
    errors = {entry["label"]: entry["error"] for entry in json.loads(out)["entries"]}
    assert "my_model.py stops with ValueError: stop" in errors["My model"]
    assert errors["Popularity"] == ""
    (home / "my_model.py").write_text(MINE + "\nimport time\ntime.sleep(60)\n")
    asked = ["--models", "mine,popularity", "--limit-minutes", "0.01", "--json"]
    code, out = run(capsys, "train", "--data", "tastes", *asked)
    errors = {entry["label"]: entry["error"] for entry in json.loads(out)["entries"]}
    assert "The file of My model took longer than 0.6 seconds" in errors["My model"]
    (home / "my_model.py").write_text(MINE)
    code, out = run(capsys, "train", "--data", "tastes", "--models", "mine,popularity", "--json")
    assert code == 0


@pytest.mark.parametrize("split", ["time", "new_viewers"])
def test_the_copied_code_of_a_kept_run_gives_its_numbers(
    folder: Path, capsys: pytest.CaptureFixture[str], split: str
) -> None:
    home = Workspace().home / "models"
    home.mkdir()
    (home / "my_model.py").write_text(MINE)
    late = pd.DataFrame({"viewer_id": 5, "title_id": 5 + 3 * np.arange(20)})
    late["started_at"] = pd.Timestamp("2025-12-20") + pd.to_timedelta(np.arange(20), unit="h")
    late = late.assign(started_local=late["started_at"], view_id=np.arange(20) + 9_000_000)
    dataset = Dataset.open(folder)
    writer = DatasetWriter(folder, name="Two tastes", source="a test", replace=True)
    with writer, dataset.read() as tables:
        for table in dataset.tables:
            rows = tables[table].collect("pyarrow").to_native()
            if table == "views":
                new = pa.Table.from_pandas(late.reindex(columns=rows.column_names), preserve_index=False)
                rows = pa.concat_tables([rows, new.cast(rows.schema)])
            writer.add(table, rows)
    asked = ["--models", "popularity,als,mine", "--set", "als.factors=5", "--set", "mine.shift=4", "--k", "5"]
    code, _ = run(capsys, "train", "--data", "tastes", *asked, "--split", split, "--seed", "3", "--json")
    assert code == 0
    kept = newest_run(Workspace(), Dataset.open(folder))
    assert kept is not None
    space: dict[str, object] = {}
    # As it is copied from the page, in a process that knows nothing but the workspace.
    exec(kept.leaderboard.recipe(), space)
    assert capsys.readouterr().out.strip() == kept.summary()
    again = json.loads(json.dumps(space["leaderboard"].to_json()))  # type: ignore[attr-defined]
    stored = json.loads((kept.folder / "leaderboard.json").read_text())
    for part in ("comparisons", "segments", "contrasts", "counts", "split", "summary"):
        assert again[part] == stored[part], part
    assert [entry["estimates"] for entry in again["entries"]] == [entry["estimates"] for entry in stored["entries"]]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("class Mine: pass", "no model 'Mine'"),
        ("import no_such_module", "ModuleNotFoundError"),
        (MINE.replace('"mine"', '"../up"'), "is called '../up'"),
        (MINE.replace('"mine"', '"als"'), "is called 'als'"),
        ("from analysis.recommend import Recommender\nclass Mine(Recommender): name = 'm'", "lacks label"),
    ],
)
def test_a_file_that_breaks_the_contract_is_refused(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "file.py").write_text(body)
    with pytest.raises(ModelError, match=problem):
        load_class(f"{tmp_path}/file.py:Mine")


def test_splits_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--models", "popularity", "--split", "random", "--share", "0.3"]
    code, out = run(capsys, "evaluate", "--data", "tastes", *asked, "--json")
    assert code == 0
    assert json.loads(out)["split"]["code"] == "RandomSplit(share=0.3, seed=0)"
