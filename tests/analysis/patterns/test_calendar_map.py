"""The calendar: years held against each other, and days taken apart."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import truth
from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import Filters, calendar_map, daily, decompose
from analysis.patterns.calendar_map import year_on_year
from analysis.patterns.daily import DailyTrend
from analysis.patterns.decompose import YEAR
from analysis.patterns.events import Events
from analysis.workspace import SAMPLE

WHAT = Events("views", None, "UTC", (), True, True)
WEEK = np.array([0.9, 0.88, 0.89, 0.91, 1.03, 1.17, 1.22])


def made(values: np.ndarray, start: dt.date = dt.date(2023, 1, 2)) -> DailyTrend:
    """A trend of given days; 2 January 2023 is a Monday."""
    days = tuple(start + dt.timedelta(days=i) for i in range(len(values)))
    mean = pd.Series(values).rolling(7, center=True).mean().to_numpy()
    return DailyTrend(
        WHAT, Filters(), "events", days, values, values * 20, None, mean, int(np.isnan(values).sum()), None
    )


def years(rng: np.random.Generator, days: int) -> np.ndarray:
    """Days with a week, a year that is highest in January, growth and luck."""
    day = np.arange(days)
    year = 1 + 0.2 * np.cos(2 * np.pi * (day - 14) / 365.25)
    return 500 * WEEK[day % 7] * year * np.exp(0.0003 * day + 0.05 * rng.normal(size=days))


def test_growth_over_a_year_is_that_of_the_same_weeks() -> None:
    values = np.full(728, 10.0)
    values[364:] = 13.0
    growth, weeks = year_on_year(values)
    assert weeks == 52
    assert growth == pytest.approx((0.3, 0.3, 0.3))
    values[400] = np.nan
    assert year_on_year(values)[1] == 51
    assert year_on_year(values[: 364 + 49])[0] is None


def test_intervals_of_growth_hold_the_truth() -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(200):
        weekly = np.repeat(np.exp(0.05 * rng.normal(size=104)), 7)
        values = rng.poisson(100 * weekly) * np.where(np.arange(728) >= 364, 1.2, 1.0)
        growth, _ = year_on_year(values)
        held += growth[1] <= 0.2 <= growth[2]
    assert held >= 180


def test_parts_multiply_to_the_days_and_find_what_was_planted() -> None:
    values = years(np.random.default_rng(2), 1000)
    found = decompose(made(values))
    assert found.trend * found.week * found.year * found.rest == pytest.approx(values)
    for day, part in enumerate(found.weekdays):
        assert part.low < WEEK[day] / WEEK.mean() < part.high
        assert part.high - part.low < 0.05
    january, july = found.months[0], found.months[6]
    assert january.value == pytest.approx(1.2, abs=0.07)
    assert july.value == pytest.approx(0.8, abs=0.07)
    assert found.usual_rest == pytest.approx(0.05, abs=0.015)
    assert found.strength(found.week) > 0.8
    assert "Sunday has" in found.summary()
    assert "January is highest" in found.summary()
    assert len(found.to_frame()) == 1000


def test_the_week_is_that_of_statsmodels() -> None:
    from statsmodels.tsa.seasonal import STL

    values = years(np.random.default_rng(3), 400)
    theirs = STL(np.log(values), period=7, robust=True).fit()
    ours = decompose(made(values))
    assert ours.year is None
    assert ours.months is None
    assert np.log(ours.week) == pytest.approx(np.asarray(theirs.seasonal))
    assert "neither trend nor week" in ours.summary()


def test_gaps_are_bridged_and_empty_days_are_bounded() -> None:
    values = years(np.random.default_rng(4), 2 * YEAR + 30)
    values[100:105] = np.nan
    values[300] = 0.0
    found = decompose(made(values))
    assert np.isnan(found.rest[100:105]).all()
    assert np.isfinite(found.trend).all()
    assert found.rest[300] < 0.8
    assert found.week[300] == pytest.approx(decompose(made(np.where(values == 0, 400, values))).week[300], rel=0.05)


def test_too_few_or_empty_days_are_said() -> None:
    with pytest.raises(DataError, match="a week needs 28"):
        decompose(made(np.full(20, 5.0)))
    with pytest.raises(DataError, match="more than one day in ten"):
        decompose(made(np.tile([5.0, 0.0], 60)))


def test_the_sample_is_laid_out_by_year_and_its_sundays_are_true() -> None:
    dataset = Dataset.open(SAMPLE)
    found = calendar_map(dataset, measure="minutes")
    trend = daily(dataset, measure="minutes")
    assert found.counts == pytest.approx(trend.minutes)
    assert found.years[0] == trend.days[0].year
    assert found.counts[found.busiest] == np.nanmax(trend.minutes)
    assert "Christmas Day" in found.holidays[trend.days.index(dt.date(2025, 12, 25))]
    assert len(found.to_frame()) == len(trend.days)
    assert f"{found.weeks} weeks" in found.summary()
    known = truth.known(dataset, "Sunday's share of minutes")
    sunday = decompose(found.trend).weekdays[6]
    # The truth is over viewers and these weeks are of some of them, so it may lie just outside.
    assert sunday.value == pytest.approx(7 * known, abs=4 * sunday.standard_error)


def test_one_day_and_leap_day() -> None:
    one = calendar_map(Dataset.from_frames(views=pd.DataFrame(
        {"viewer_id": [1], "title_id": [1], "started_at": [pd.Timestamp("2024-02-29 20:00")], "minutes": [30.0]}
    )))  # fmt: skip
    assert one.summary() == "The busiest day was Thursday 29 February 2024 with 1 play, 1.0 times the median day."
    assert one.growth is None
    assert (
        replace(one, growth=(0.1, -0.1, 0.3), weeks=9, since=dt.date(2024, 1, 1))
        .growth_sentence()
        .endswith("that may be chance).")
    )
