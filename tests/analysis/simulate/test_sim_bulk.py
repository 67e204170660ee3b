import json
from dataclasses import fields, replace

import numpy as np
import pytest

from analysis import cli
from analysis.cli import simulate as simulate_command
from analysis.data import Dataset
from analysis.errors import ParameterError
from analysis.simulate import Rhythm, bulk, check_sample, steady, write_views, writing
from analysis.workspace import SAMPLE


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bulk") / "views"
    write_views(folder, rows=200_000, seed=4, viewers=3_000, titles=200)
    return Dataset.open(folder)


def test_exactly_the_rows_asked_for_in_the_order_of_time(million):
    views = million.frame("views")
    assert len(views) == 200_000
    assert (views["view_id"].to_numpy() == np.arange(1, 200_001)).all()
    assert views["started_at"].is_monotonic_increasing
    assert set(million.tables) == {"titles", "viewers", "views", "calendar"}


def test_views_have_the_shape_of_the_simulated_service(million):
    views = million.frame("views")
    hour = views["started_local"].dt.hour.value_counts(normalize=True)
    assert hour.idxmax() in (20, 21)
    weekday = views["started_local"].dt.day_of_week.value_counts(normalize=True)
    assert weekday.idxmax() == 6
    titles = million.frame("titles").set_index("title_id")
    genre = views["title_id"].map(titles["genres"].str[0])
    october = views["started_local"].dt.month == 10
    assert (genre[october] == "Horror").mean() > 1.3 * (genre[~october] == "Horror").mean()
    by_title = views["title_id"].value_counts().to_numpy()
    assert by_title[:20].sum() / by_title.sum() > 0.45
    zones = million.frame("viewers").set_index("viewer_id")["time_zone"]
    berlin = views[views["viewer_id"].map(zones) == "Europe/Berlin"]
    local = berlin["started_at"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin").dt.tz_localize(None)
    assert (local == berlin["started_local"]).all()


def test_the_content_depends_on_the_seed_and_not_on_the_pieces(tmp_path, monkeypatch):
    def make(name, seed):
        return write_views(tmp_path / name, rows=30_000, seed=seed, viewers=500, titles=80).content_hash

    whole = make("a", 1)
    monkeypatch.setattr(bulk, "_PIECE", 7_000)
    assert make("b", 1) == whole
    assert make("c", 2) != whole


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="rows is 0"):
        write_views(tmp_path / "none", rows=0)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_where_it_is_told_and_says_what(tmp_path, capsys):
    target = str(tmp_path / "made")
    arguments = ["simulate", target, "--rows", "2000", "--viewers", "100", "--titles", "80", "--json"]
    assert cli.main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"table": "views", "rows": 2000} in told["rows"]
    assert Dataset.open(target).info.rows("views") == 2000
    assert cli.main(arguments) == 1
    assert "exists already" in json.loads(capsys.readouterr().out)["error"]["problem"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--sample", "--viewers", "10"], "other settings were given"),
        (["--check"], "without --sample"),
        (["--small", "--viewers", "-5"], "viewers is -5"),
        (["--small", "--uniform-share", "1.5"], "uniform_share is 1.5"),
        (["--small", "--from", "2025-12-01", "--to", "2025-01-01"], "before it starts"),
        (["--rows", "10", "--impressions-days", "3"], "--impressions-days"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(tmp_path, capsys, arguments, problem):
    assert cli.main(["simulate", str(tmp_path / "x"), *arguments]) == 1
    assert problem in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_simulates_a_service(tmp_path, capsys):
    target = str(tmp_path / "service")
    size = ["--small", "--viewers", "30", "--titles", "80", "--to", "2025-08-20"]
    assert cli.main(["simulate", target, *size, "--seed", "1", "--name", "Mine"]) == 0
    assert "views of 30 viewers and 80 titles with seed 1" in capsys.readouterr().out
    assert Dataset.open(target).name == "Mine"


def test_the_command_turns_effects_off_and_on(tmp_path, capsys):
    target = str(tmp_path / "october")
    size = ["--rows", "1000", "--viewers", "60", "--titles", "80", "--steady", "--rhythm", "horror_october=2"]
    told = []

    def write(target, **settings):
        told.append(settings["rhythm"])
        return write_views(target, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.simulate.write_views", write)
        assert cli.main(["simulate", target, *size]) == 0
    assert told == [replace(steady(), horror_october=2.0)]
    for given, problem in (("snow=1", "no effect 'snow'"), ("hours=much", "the power 'much'"), ("hours=-1", "hours")):
        assert cli.main(["simulate", str(tmp_path / "x"), "--small", "--rhythm", given]) == 1
        assert problem in capsys.readouterr().err
    assert [f.name for f in fields(Rhythm)] == list(simulate_command._EFFECTS)


def test_a_sample_that_the_code_does_not_make_is_found_out(tmp_path, monkeypatch):
    made = writing.simulate

    def other(target, **settings):
        return write_views(target, rows=1_000, viewers=100, titles=80, name=settings["name"])

    monkeypatch.setattr(writing, "simulate", other)
    with pytest.raises(writing.DataError, match="content hash"):
        check_sample(SAMPLE)
    assert made is not other
