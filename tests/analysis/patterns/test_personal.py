"""One viewer's year, against hand counts; a Netflix export from import to page."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns.personal import my_year, people
from analysis.workspace import ROOT, Workspace
from tests.analysis.patterns.conftest import make_titles, make_views

HEADER = "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark,Country"


def export(folder) -> str:
    """A Netflix export: five evenings of one series, one film, and a play of another profile."""
    lines = [HEADER]
    lines += [
        f"Anna,2025-03-0{day + 3} {18 + episode}:00:00,00:45:00,,Dark: Season 1: Name (Episode {episode}),,"
        f"{'Smart TV' if day else 'iPhone'},00:45:00,DE (Germany)"
        for day in range(5)
        for episode in range(1, 4 if day < 4 else 2)
    ]
    lines.append("Anna,2024-12-30 20:00:00,01:30:00,,Mission,,Smart TV,01:30:00,DE (Germany)")
    lines.append("Kid,2025-01-02 08:00:00,00:20:00,,Cartoon,,Smart TV,00:20:00,DE (Germany)")
    file = folder / "ViewingActivity.csv"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def test_a_netflix_export_from_the_command_to_the_page(workspace: Workspace, tmp_path, capsys) -> None:
    from analysis.cli import main

    assert main(["data", "import", export(tmp_path), "--time-zone", "Europe/Berlin"]) == 0
    (name,) = [folder.name for folder in workspace.datasets.iterdir() if folder.is_dir()]
    dataset = workspace.dataset(name)
    who = people(dataset, workspace=workspace)
    assert list(who.values()) == ["Anna", "Kid"]
    found, years = my_year(dataset, next(iter(who)))
    assert years == (2024, 2025)
    assert (found.who, found.year, found.you) == ("Anna", 2025, False)
    assert found.total == pytest.approx(13 * 45)
    assert found.streak == (5, dt.date(2025, 3, 3))
    # Three episodes on each of four evenings, an hour apart and 45 minutes long; 19:00 in London is 20:00 in Berlin.
    assert found.binges["episodes"].tolist() == [3, 3, 3, 3]
    assert found.clock[0, 20:23].tolist() == [45, 45, 45]
    assert found.devices.set_index("device")["share"].to_dict() == pytest.approx({"tv": 10 / 13, "phone": 3 / 13})
    assert found.groups == ("series",)
    assert found.by_month[2, 0] == pytest.approx(found.total)
    assert "Anna watched 10 hours on 5 days of 2025" in found.summary()
    assert set(found.to_frame()["part"]) == {"day", "hour of the week", "month", "title"}
    earlier, _ = my_year(dataset, next(iter(who)), 2024)
    assert earlier.titles["title"].tolist() == ["Mission"]
    assert main(["person", "--data", name, "--year", "2024"]) == 0
    assert "Mission" in capsys.readouterr().out
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/explore/personal.py")
    app.query_params["data"] = name
    app.run()
    assert not app.exception
    assert "Anna watched 10 hours" in app.header[0].value
    app.selectbox(key="person_viewer").select("Kid").run()
    assert "Kid watched 0 hours" in app.header[0].value
    assert not app.exception


def test_a_viewer_of_a_service_against_pandas() -> None:
    views = make_views(4_000, seed=2, viewers=20)
    dataset = Dataset.from_frames(views=views, titles=make_titles())
    viewer = next(iter(people(dataset)))
    assert viewer == views["viewer_id"].value_counts().index[0]
    found, years = my_year(dataset, viewer, 2023)
    mine = views[(views["viewer_id"] == viewer) & (views["started_at"].dt.year == 2023)]
    assert years == (2023, 2024)
    assert found.plays == len(mine)
    assert found.total == pytest.approx(mine["minutes"].sum())
    assert found.active == mine["started_at"].dt.date.nunique()
    assert found.by_day.sum() == pytest.approx(found.total)
    assert found.by_month.sum() == pytest.approx(found.total)
    assert found.clock.sum() == pytest.approx(found.total)
    best = mine.groupby("title_id")["minutes"].sum().sort_values(ascending=False)
    assert found.titles["title"].iloc[0] == f"Title {best.index[0]}"
    assert found.titles["minutes"].iloc[0] == pytest.approx(best.iloc[0])
    assert found.different == len(best)
    assert found.night == pytest.approx(mine.loc[mine["started_at"].dt.hour < 6, "minutes"].sum() / found.total)
    with pytest.raises(ParameterError, match="no plays in 1999"):
        my_year(dataset, viewer, 1999)
    with pytest.raises(DataError, match="Viewer 999 "):
        my_year(dataset, 999)


def test_days_without_hours_and_without_a_catalogue() -> None:
    at = pd.to_datetime(["2025-02-01", "2025-02-01", "2025-02-01", "2025-02-28", "2025-12-31"])
    views = pd.DataFrame({"viewer_id": 1, "title_id": [1, 1, 1, 2, 2], "started_at": at})
    views["episode"] = pd.array([1, 2, 3, None, None], dtype="Int64")
    found, _ = my_year(Dataset.from_frames(views=views), 1)
    assert not found.has_hours
    assert (found.measure, found.plays, found.different) == ("plays", 5, 2)
    assert found.binges["episodes"].tolist() == [3]
    assert found.devices.empty
    assert "from" not in found.summary()
    assert found.titles["title"].tolist() == ["title 1", "title 2"]
    rated = pa.table({"viewer_id": [1], "title_id": [1], "stars": [3.0]})
    with pytest.raises(DataError, match="ratings and no plays"):
        people(Dataset.from_frames(ratings=rated))
