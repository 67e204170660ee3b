"""The calendar's charts draw what was counted."""

import datetime as dt

import numpy as np
import pytest

from analysis.patterns import CalendarMap, SpecialDays, decompose
from analysis.patterns.anomalies import Anomaly, Holiday
from analysis.patterns.reasons import UNKNOWN
from analysis.patterns.words import Habits
from tests.analysis.patterns.test_calendar_map import made, years
from ui.charts import patterns_calendar as charts


@pytest.fixture(scope="module")
def calendar() -> CalendarMap:
    trend = made(years(np.random.default_rng(1), 500))
    names = ("New Year (US)", *[""] * 499)
    return CalendarMap(trend, names, (0.1, 0.02, 0.2), 19, trend.days[360])


@pytest.fixture(scope="module")
def special(calendar: CalendarMap) -> SpecialDays:
    odd = Anomaly(calendar.trend.days[400], 900.0, 500.0, 400.0, 600.0, 0.001, UNKNOWN)
    holidays = tuple(
        Holiday(f"Day {i}", ("US",), 2, 1 + i / 20, 0.9 + i / 20, 1.1 + i / 20, 0.01 if i == 14 else 0.5, 100.0)
        for i in range(15)
    )
    return SpecialDays(calendar, holidays, (odd,), 498, *(np.full(500, 500.0) for _ in range(3)))


def test_each_year_has_its_days_and_odd_days_a_ring(calendar: CalendarMap, special: SpecialDays) -> None:
    figure = charts.days(calendar, special)
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    rings = [trace for trace in figure.data if trace.type == "scatter"]
    assert [int(np.isfinite(heat.z).sum()) for heat in heats] == [364, 136]
    assert np.nansum([np.nansum(heat.z) for heat in heats]) == pytest.approx(calendar.counts.sum())
    assert [sum(trace.marker.opacity) for trace in rings] == [0, 1]
    day = rings[1].marker.opacity.index(1.0)
    assert rings[1].customdata[day] == [str(special.anomalies[0].day)]
    assert heats[0].z[0][1] == calendar.counts[0]
    assert "New Year (US)" in rings[0].text[0]
    assert figure.layout.meta["title"] == calendar.headline()


def test_the_last_year_is_in_front(calendar: CalendarMap) -> None:
    figure = charts.years(calendar)
    assert [trace.name for trace in figure.data] == ["2023", "2024"]
    assert figure.data[1].line.width > figure.data[0].line.width
    assert figure.layout.meta["title"] == "More than a year before: +10 %"


def test_holidays_that_differ_come_first_and_no_more_than_can_be_read(special: SpecialDays) -> None:
    dots = charts.holidays(special).data[0]
    assert len(dots.y) == charts.MOST_HOLIDAYS
    assert dots.y[0] == "Day 14 (US)"
    assert dots.marker.symbol[:2] == ("circle", "circle-open")
    assert dots.error_x.array[0] == pytest.approx(0.1)


def test_parts_and_weekdays(calendar: CalendarMap) -> None:
    found = decompose(calendar.trend)
    assert [trace.name for trace in charts.parts(found).data] == ["each day", "trend", "the rest"]
    estimate, true = charts.weekdays(found, {6: 1.2}).data
    assert estimate.y == tuple(part.value for part in found.weekdays)
    assert (true.x, true.y) == (("Sun",), (1.2,))
    assert len(charts.weekdays(found, {}).data) == 1


def test_weeks_begin_where_the_visitor_begins_them() -> None:
    sunday = Habits(first_day=6)
    day = dt.date(2026, 1, 4)
    # The first Sunday of 2026 begins the second week there, and ends the first one where weeks begin on Monday.
    assert (charts._week(day, sunday), charts._week(day, Habits())) == (1, 0)
    assert charts._week(day - dt.timedelta(days=1), sunday) == 0
