"""The charts of the forecast draw what was forecast, and their titles say where nothing beats the last week."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

from analysis.patterns import Forecast, GenreForecast
from analysis.patterns.events import Events
from analysis.patterns.forecast import HeldOut
from analysis.patterns.forecast_backtest import HORIZON, LEVELS, NAIVE, Projection, Record
from analysis.patterns.forecast_shares import Shares
from ui.charts import patterns_forecast as charts

WHAT = Events("views", None, "local time", ("genre",), True, True)
DAYS = tuple(dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(300 + HORIZON))


@pytest.fixture
def found() -> Forecast:
    errors = np.array([[1.0, 1.2, 1.1, 1.3], [0.8, 1.3, 0.9, 0.9]])
    record = Record((NAIVE, "harmonic regression"), (202, 216, 230, 244), errors, np.zeros((2, 4, HORIZON)))
    mean = np.linspace(100, 120, HORIZON)
    low, high = np.stack([mean - 10, mean - 20]), np.stack([mean + 10, mean + 20])
    projection = Projection("harmonic regression", record, mean, low, high, (NAIVE, mean, low[1], high[1]))
    held = HeldOut(NAIVE, DAYS[300 - HORIZON : 300], mean + 5, mean, low[1], high[1], 0.9, 1.1)
    return Forecast(WHAT, "minutes", DAYS[:300], np.full(300, 90.0), DAYS[300:], projection, held, ("weekday",))


def test_days_ahead_have_bands_and_what_was_forecast_before(found: Forecast) -> None:
    figure = charts.ahead(found)
    lines = {trace.name: trace for trace in figure.data if trace.name}
    assert lines["forecast (harmonic regression)"].y.tolist() == found.projection.mean.tolist()
    assert lines["forecast of the held-out weeks"].y.tolist() == found.held_out.predicted.tolist()
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == len(LEVELS) + 1
    assert max(bands[0].y) == 140
    assert "errs 15 % less than repeating the last week" in figure.layout.meta["title"]


def test_the_title_says_where_nothing_beats_the_last_week(found: Forecast) -> None:
    errors = found.projection.record.errors[::-1]
    record = dataclasses.replace(found.projection.record, errors=errors)
    worse = dataclasses.replace(found, projection=dataclasses.replace(found.projection, method=NAIVE, record=record))
    assert not worse.beats_naive
    assert charts.ahead(worse).layout.meta["title"].startswith("No method beats repeating the last week")
    assert "nothing errs less" in charts.record(worse).layout.meta["title"]
    assert "no method did better" in worse.summary()


def test_every_backtest_is_a_dot(found: Forecast) -> None:
    figure = charts.record(found)
    assert [len(trace.x) for trace in figure.data] == [4, 1, 4, 1]
    assert figure.data[3].x[0] == pytest.approx(0.975)
    assert figure.layout.meta["title"].startswith("In 3 of 4 backtests")


def test_each_genre_has_its_own_plot() -> None:
    weeks = tuple(dt.date(2024, 1, 1) + dt.timedelta(days=7 * week) for week in range(38))
    mean = np.tile([0.5, 0.3, 0.2], (8, 1))
    shares = Shares(
        "exponential smoothing", ("the last week's shares", "exponential smoothing"), np.array([[2.0], [1.5]]), 0.94,
        mean, mean - 0.1, mean + 0.1, (mean, mean - 0.1, mean + 0.1), "exponential smoothing",
    )  # fmt: skip
    history = np.tile([0.3, 0.45, 0.25], (30, 1))
    genres = ("Drama", "Horror", "all other")
    found = GenreForecast(WHAT, "minutes", weeks[:30], genres, history, weeks[30:], shares)
    figure = charts.genres(found)
    assert [note.text for note in figure.layout.annotations] == list(genres)
    assert len(figure.data) == 4 * 3
    assert figure.data[3].y.tolist() == [50.0] * 8
    assert found.headline() == "Drama gains most, 20.0 points; the forecast errs 25 % less than last week's shares"
    assert found.inside == (8, 24)
