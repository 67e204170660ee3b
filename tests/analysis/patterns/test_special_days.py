"""Days that stand out are found with their reason, and ordinary ones are left alone."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.patterns import Filters, calendar_map, decompose, special_days
from analysis.patterns.ordinary_days import around, held_against
from analysis.stats.multiplicity import benjamini_hochberg

START, DAYS = pd.Timestamp("2023-01-01"), 500
WEEK = np.array([0.9, 0.88, 0.89, 0.91, 1.03, 1.17, 1.27])
HIT, OUT_ON_TV, OUT, CHRISTMAS = (dt.date(2023, 5, 10), dt.date(2023, 8, 9), dt.date(2024, 3, 6), dt.date(2023, 12, 25))


def series(rng: np.random.Generator, days: int, level: float) -> np.ndarray:
    """Plays of ordinary days: weekdays, growth, and days that are good or bad by themselves."""
    day = np.arange(days)
    return rng.poisson(level * WEEK[day % 7] * np.exp(0.0005 * day + 0.06 * rng.normal(size=days))).astype(float)


def planted(seed: int = 1) -> Dataset:
    """A hit on one day, two outages, a holiday in both countries."""
    rng = np.random.default_rng(seed)
    plays = series(rng, DAYS, 120)
    frames = []
    for day in range(DAYS):
        date = (START + pd.Timedelta(days=day)).date()
        count = int(plays[day] * (2.2 if date == CHRISTMAS else 0.2 if date == OUT else 1.0))
        viewer = rng.integers(0, 300, count)
        frame = pd.DataFrame({"viewer_id": viewer, "title_id": rng.integers(0, 60, count)})
        frame["device"] = rng.choice(["tv", "phone"], count, p=[0.7, 0.3])
        if date == OUT_ON_TV:
            frame = frame[(frame["device"] != "tv") | (rng.random(len(frame)) < 0.1)]
        if date == HIT:
            hit = frame.sample(100, random_state=1).assign(title_id=60)
            frame = pd.concat([frame, hit])
        seconds = pd.to_timedelta(rng.integers(0, 86_400, len(frame)), unit="s")
        frames.append(frame.assign(started_at=START + pd.Timedelta(days=day) + seconds))
    views = pd.concat(frames, ignore_index=True)
    views["minutes"] = 30.0
    released = pd.Series([START.date() - dt.timedelta(days=400)] * 60 + [HIT - dt.timedelta(days=2)])
    names = [f"Title {i}" for i in range(60)] + ["The Hit"]
    titles = pd.DataFrame({"title_id": range(61), "name": names, "genres": [["Drama"]] * 61, "released_on": released})
    viewers = pd.DataFrame({"viewer_id": range(300), "country": ["DE", "US"] * 150})
    dates = pd.date_range(START, periods=DAYS)
    calendar = pd.concat(
        pd.DataFrame({"date": dates.date, "region": place, "holiday": None, "is_school_holiday": False})
        for place in ("DE", "US", "US-NY")
    ).astype({"holiday": object})
    calendar.loc[calendar["date"] == CHRISTMAS, "holiday"] = "Christmas Day"
    may = (calendar["date"] == dt.date(2023, 5, 1)) & (calendar["region"] == "DE")
    calendar.loc[may, "holiday"] = "Labor Day"
    return Dataset.from_frames(views=views, titles=titles, viewers=viewers, calendar=calendar)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return planted()


def test_planted_days_are_found_with_their_likely_reason(dataset: Dataset) -> None:
    found = special_days(dataset, calendar_map(dataset))
    by_day = {anomaly.day: anomaly for anomaly in found.anomalies}
    assert {HIT, OUT_ON_TV, OUT, CHRISTMAS} <= set(by_day)
    assert len(by_day) <= 5
    kinds = {day: by_day[day].reason.kind for day in (HIT, OUT_ON_TV, OUT, CHRISTMAS)}
    assert kinds == {HIT: "release", OUT_ON_TV: "outage", OUT: "outage", CHRISTMAS: "holiday"}
    assert "The Hit came out 2 days before" in by_day[HIT].reason.text
    assert "On tv alone" in by_day[OUT_ON_TV].reason.text
    assert "everywhere alike" in by_day[OUT].reason.text
    assert "Christmas Day (DE, US)" in by_day[CHRISTMAS].reason.text
    for anomaly in by_day.values():
        assert not anomaly.low <= anomaly.value <= anomaly.high
        assert anomaly.low < anomaly.expected < anomaly.high
    assert "Wednesday 6 March 2024" in by_day[OUT].sentence("plays")
    assert "5 % over" in found.day_sentence()


def test_a_holiday_is_sized_and_an_ordinary_one_is_not_claimed(dataset: Dataset) -> None:
    found = special_days(dataset, calendar_map(dataset))
    by_name = {holiday.name: holiday for holiday in found.holidays}
    christmas, labour = by_name["Christmas Day"], by_name["Labor Day"]
    assert christmas.claimed
    assert christmas.low < 2.2 < christmas.high
    assert (christmas.places, christmas.days) == (("DE", "US"), 1)
    assert not labour.claimed
    assert labour.low < 1 < labour.high
    assert labour.places == ("DE",)
    assert "On Christmas Day there are" in found.holiday_sentence()
    frame = found.to_frame()
    assert set(frame["what"]) == {"holiday", "day"}
    assert len(frame) == len(found.holidays) + len(found.anomalies)


def test_filters_hold_for_holidays_and_reasons(dataset: Dataset) -> None:
    calendar = calendar_map(dataset, filters=Filters(country="US"))
    assert not any("Labor" in name for name in calendar.holidays)
    found = special_days(dataset, calendar)
    assert {holiday.name for holiday in found.holidays} == {"Christmas Day"}
    assert OUT in {anomaly.day for anomaly in found.anomalies}


def test_ordinary_days_are_rarely_claimed() -> None:
    rng, false = np.random.default_rng(4), 0
    for level in (20, 60, 400, 4_000) * 25:
        *_, p = held_against(series(rng, 400, level))
        false += bool((benjamini_hochberg(p) <= 0.05).any())
    # Every claim is false here, so worlds with one are the false discovery rate.
    assert false <= 100 * 0.05 + 2 * np.sqrt(100 * 0.05 * 0.95)


def test_what_is_held_against_is_the_median_of_weekdays_around() -> None:
    values = np.arange(100, dtype=float)
    usable = np.ones(100, dtype=bool)
    usable[57] = False
    found = around(values, usable)
    assert found[50] == pytest.approx(np.median([22, 29, 36, 43, 64, 71, 78]))
    assert np.isnan(around(values[:20], usable[:20])).all()


def test_quiet_or_short_series_are_not_tested() -> None:
    rng = np.random.default_rng(5)
    for values in (series(rng, 400, 5), series(rng, 60, 500)):
        *_, p = held_against(values)
        assert np.isnan(p).all()
    gaps = series(rng, 400, 100)
    gaps[50:60] = np.nan
    *_, p = held_against(gaps)
    assert np.isnan(p[50:60]).all()
    assert np.isnan(p[[0, -1]]).all()
    assert np.isfinite(p[100:200]).all()


def test_without_calendar_countries_or_genres_it_still_answers() -> None:
    rng = np.random.default_rng(6)
    at = START + pd.to_timedelta(np.sort(rng.integers(0, 90 * 86_400, 6_000)), unit="s")
    ratings = pd.DataFrame({"viewer_id": 1, "title_id": 1, "rated_at": at, "stars": 3.0})
    bare = Dataset.from_frames(ratings=ratings)
    calendar = calendar_map(bare)
    found = special_days(bare, calendar)
    assert found.holidays == ()
    assert "No public holiday has enough days" in found.holiday_sentence()
    assert calendar.growth is None
    assert "too few weeks" in calendar.growth_sentence()
    assert decompose(calendar.trend).year is None
