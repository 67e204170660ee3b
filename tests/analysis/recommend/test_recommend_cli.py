"""`train` and `evaluate`: the same numbers as the pages read from the kept run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.data import Dataset, DatasetWriter
from analysis.recommend import newest_run, reference_run
from analysis.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path / "ws"))
    writer = DatasetWriter(tmp_path / "ws/datasets/tastes", name="Two tastes", source="a test")
    with writer, dataset.read() as tables:
        for table in dataset.tables:
            writer.add(table, tables[table].collect("pyarrow").to_native())
    return tmp_path / "ws/datasets/tastes"


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
    ],
)
def test_what_is_wrong_is_said(folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], problem: str) -> None:
    code, out = run(capsys, "train", "--data", "tastes", *argv, "--json")
    assert code == 1
    assert problem in json.loads(out)["error"]["problem"]
    assert newest_run(Workspace(), Dataset.open(folder)) is None
