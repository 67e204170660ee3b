"""The explore commands print what the functions of the room find, and refuse in words."""

import json

import pytest

from analysis import cli
from analysis.cli import common
from analysis.data import Dataset
from analysis.patterns import Filters, calendar_map, hour_titles, hours
from tests.analysis.patterns.conftest import make_titles, make_viewers, make_views


@pytest.fixture(scope="module")
def service() -> Dataset:
    return Dataset.from_frames(views=make_views(4000, days=188), titles=make_titles(), viewers=make_viewers())


@pytest.fixture
def shown(service: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(common, "dataset", lambda name: service)

    def run(*words: str) -> dict:
        assert cli.main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_hours_and_titles_of_one_hour(shown, service: Dataset) -> None:
    assert shown("hours", "--genre", "Drama")["summary"] == hours(service, genre="Drama").summary()
    assert shown("hour-titles", "4", "20")["summary"] == hour_titles(service, 4, 20).summary()


def test_calendar_and_the_days_that_stand_out(shown, service: Dataset) -> None:
    assert shown("calendar")["summary"] == calendar_map(service, measure="minutes").summary()
    assert "rows" in shown("calendar", "--show", "special")
    assert shown("calendar", "--measure", "events", "--genre", "Drama")["summary"] == (
        calendar_map(service, filters=Filters(genre="Drama")).summary()
    )
    assert {"trend", "week", "rest"} <= set(shown("calendar", "--show", "parts")["rows"][0])
    day = calendar_map(service).trend.days[3]
    titles = shown("calendar", "--day", str(day))
    assert sum(row["share"] for row in titles["rows"]) == pytest.approx(1)
    assert titles["rows"][0]["title"] in titles["summary"]


def test_forecasts_of_days_and_of_genres(shown) -> None:
    days = shown("forecast", "--measure", "events")
    assert "plays a day are forecast" in days["summary"]
    assert sum(row["part"] == "ahead" for row in days["rows"]) == 56
    shares = [
        row["share_of_minutes_forecast"] for row in shown("forecast", "--genres")["rows"] if row["part"] == "ahead"
    ]
    assert sum(shares) == pytest.approx(8)


def test_what_is_missing_is_said(service: Dataset, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(common, "dataset", lambda name: service)
    assert cli.main(["retention", "--segment", "plan"]) == 1
    assert "joined_on" in capsys.readouterr().err
    assert cli.main(["calendar", "--day", "1999-12-31"]) == 1
    assert "not among the days" in capsys.readouterr().err
    assert cli.main(["seasons"]) == 1
    assert "release dates" in capsys.readouterr().err
    assert cli.main(["hour-titles", "9", "20"]) == 2
    assert "weekday" in capsys.readouterr().err
