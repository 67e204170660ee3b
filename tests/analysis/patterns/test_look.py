"""All patterns at once: what the page and the command show, what can be chosen, what has been counted."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis import cli
from analysis.data import Dataset
from analysis.patterns import Filters, choices, look, prepare, prepared
from analysis.workspace import Workspace
from tests.analysis.patterns.conftest import make_titles, make_viewers, make_views, on_disk


def test_findings_and_numbers(service: Dataset) -> None:
    found = look(service)
    findings = found.to_frame().set_index("finding")
    assert findings.loc["Saturday and Sunday", "value"] == found.clock.weekend.value
    assert findings.loc["plays in 30 days", "low"] == pytest.approx(found.daily.trend.growth(30)[1])
    numbers = found.numbers()
    assert numbers["part"].value_counts().to_dict() == {"daily": 730, "clock": 168, "months": 48}
    assert numbers.loc[numbers["part"] == "clock", "plays"].sum() == service.info.rows("views")
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["summary"] == found.summary()


def test_selection_without_genres_keeps_the_rest(service: Dataset) -> None:
    assert look(service, filters=Filters(genre="Drama")).months is not None
    titles = make_titles().drop_columns(["genres"])
    bare = look(Dataset.from_frames(views=make_views(300), titles=titles))
    assert bare.months is None
    assert bare.clock.events.sum() == 300


def test_choices_are_those_of_the_data(service: Dataset) -> None:
    found = choices(service)
    assert found.months[0] == "2023-01"
    assert found.months[-1] == "2024-12"
    assert len(found.months) == 24
    assert found.devices == ("tv", "phone", "tablet")
    assert set(found.countries) == {"DE", "US", "unknown"}
    assert set(found.kinds) == {"film", "series"}
    assert set(found.genres) == {"Drama", "Comedy", "Horror", "Family", "no genre"}
    assert found.left_out == {}


def test_nothing_to_choose_is_no_choice() -> None:
    views = make_views(50).assign(device="tv")
    found = choices(Dataset.from_frames(views=views, viewers=make_viewers().assign(country=None)))
    assert (found.devices, found.countries, found.kinds, found.genres) == ((), (), (), ())


def test_untimed_ratings_are_counted() -> None:
    at = pd.to_datetime(["2024-01-01", None, "2024-02-01"])
    frame = pd.DataFrame({"viewer_id": [1, 2, 3], "title_id": 1, "rated_at": at, "stars": 3.0})
    dataset = Dataset.from_frames(ratings=frame)
    assert choices(dataset).left_out == {"untimed": 1}
    assert choices(dataset).caveat("ratings") == "Not in the picture: ratings of which 1 carry no time."
    assert choices(dataset).months == ("2024-01", "2024-02")


def test_prepared_once_all_is_counted(write: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset = write(views=on_disk(make_views(500)), titles=make_titles(), viewers=make_viewers())
    workspace = Workspace(tmp_path / "ws")
    assert not prepared(dataset, workspace=workspace)
    steps: list[float] = []
    prepare(dataset, workspace=workspace, progress=lambda share, text: steps.append(share))
    assert prepared(dataset, workspace=workspace)
    assert steps == sorted(steps)
    assert steps[-1] == 1
    before = {file.stat().st_mtime_ns for file in workspace.cubes.rglob("*.parquet")}
    look(dataset, workspace=workspace)
    assert {file.stat().st_mtime_ns for file in workspace.cubes.rglob("*.parquet")} == before


def test_command_prints_what_the_page_shows(
    write: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write(views=on_disk(make_views(500)), titles=make_titles(), viewers=make_viewers())
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path / "ws"))
    data = ["patterns", "--data", str(dataset.folder)]
    assert cli.main([*data, "--json", "--device", "tv", "--measure", "minutes"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["summary"] == look(dataset, filters=Filters(device="tv"), measure="minutes").summary()
    assert cli.main([*data, "--genre", "Western"]) == 1
    assert "Western" in capsys.readouterr().err
    assert cli.main([*data, "--from", "2024-99"]) == 1
    assert "is not a month" in capsys.readouterr().err
