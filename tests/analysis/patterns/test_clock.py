"""The clock: planted patterns, zones, days of 23 and 25 hours, and the real MovieTweetings."""

import os
import zoneinfo
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns import EmptySelection, Filters, clock, events, zones
from tests.analysis.patterns.conftest import make_titles, make_views


def ratings(at: list[str] | pd.DatetimeIndex, viewers: int = 50) -> Dataset:
    times = pd.DatetimeIndex(at)
    frame = pd.DataFrame({"viewer_id": np.arange(len(times)) % viewers, "title_id": 1, "rated_at": times, "stars": 3.0})
    return Dataset.from_frames(ratings=frame)


def test_flat_data_has_a_flat_clock(service: Dataset) -> None:
    found = clock(service)
    assert found.events.sum() == service.info.rows("views")
    assert found.shares.sum() == pytest.approx(1)
    assert found.weekend.low < 209 / 730 < found.weekend.high
    assert found.night.low < 0.25 < found.night.high
    assert np.nanmean(found.completion) == pytest.approx(0.5, abs=0.01)


def test_planted_weekend_and_peak_are_found() -> None:
    rng = np.random.default_rng(11)
    days = pd.date_range("2024-01-01", periods=364)
    plays = days.repeat(np.where(days.day_of_week >= 5, 50, 20))
    hours = np.where(rng.random(len(plays)) < 0.3, 21, rng.integers(0, 24, len(plays)))
    views = pd.DataFrame(
        {
            "viewer_id": rng.integers(0, 500, len(plays)),
            "title_id": rng.integers(0, 120, len(plays)),
            "started_at": plays + pd.to_timedelta(hours, unit="h"),
            "minutes": np.where(plays.day_of_week >= 5, 60.0, 30.0),
        }
    )
    dataset = Dataset.from_frames(views=views, titles=make_titles())
    found = clock(dataset)
    assert found.weekend.value == pytest.approx(100 / 200)
    assert found.peak_hour == 21
    assert found.peak_cell[0] >= 5
    assert found.peak_hour_share == pytest.approx(0.3 + 0.7 / 24, abs=0.01)
    minutes = clock(dataset, measure="minutes")
    assert minutes.weekend.value == pytest.approx(200 / 300)
    assert "50.0 % (95 % interval" in found.summary()
    assert "21:00 to 22:00" in found.summary()
    assert minutes.summary().startswith("Saturday and Sunday hold 66.7 %")


def test_viewers_are_those_of_a_mean_such_day() -> None:
    # Two Mondays at nine, with three viewers and with one; one of them plays twice.
    at = ["2024-01-01 09:00"] * 3 + ["2024-01-01 09:30", "2024-01-08 09:00"]
    views = pd.DataFrame({"viewer_id": [1, 2, 3, 3, 1], "title_id": 1, "started_at": pd.to_datetime(at)})
    found = clock(Dataset.from_frames(views=views))
    assert found.viewers is not None
    assert found.viewers[0, 9] == 2
    assert found.viewers.sum() == 2


def test_viewers_are_unknown_under_a_genre(service: Dataset) -> None:
    assert clock(service, filters=Filters(genre="Drama")).viewers is None
    assert "viewers_per_such_day" not in clock(service, filters=Filters(genre="Drama")).to_frame()


@pytest.mark.parametrize(
    ("zone", "weekday", "hour"),
    [("UTC", 0, 12), ("Pacific/Kiritimati", 1, 2), ("Pacific/Pago_Pago", 0, 1), ("Asia/Kathmandu", 0, 17)],
)
def test_zones_at_the_ends_of_the_earth(zone: str, weekday: int, hour: int) -> None:
    found = clock(ratings(["2024-01-01 12:00"] * 100), zone=zone)
    assert found.peak_cell == (weekday, hour)
    assert found.what.zone_label == zone
    assert zone in found.summary()


def test_daylight_saving_skips_an_hour_in_spring_and_repeats_one_in_autumn() -> None:
    # New York: 10 March 2024 has no 2 o'clock, 3 November 2024 has 1 o'clock twice.
    spring = clock(ratings(pd.date_range("2024-03-10 05:00", periods=23, freq="h")), zone="America/New_York")
    assert spring.events[6].tolist() == [1, 1, 0, *[1] * 21]
    autumn = clock(ratings(pd.date_range("2024-11-03 04:00", periods=25, freq="h")), zone="America/New_York")
    assert autumn.events[6].tolist() == [1, 2, *[1] * 22]


@settings(max_examples=25, deadline=None)
@given(
    zone=st.sampled_from(zones()),
    times=st.lists(st.datetimes(pd.Timestamp("1996-01-01"), pd.Timestamp("2025-12-31")), min_size=1, max_size=20),
)
def test_any_zone_agrees_with_python(zone: str, times: list) -> None:
    found = clock(ratings(times), zone=zone).events
    wanted = np.zeros((7, 24))
    for time in times:
        local = time.replace(tzinfo=zoneinfo.ZoneInfo("UTC")).astimezone(zoneinfo.ZoneInfo(zone))
        wanted[local.weekday(), local.hour] += 1
    assert found.tolist() == wanted.tolist()


def test_rating_times_in_the_sets_own_zone_by_default() -> None:
    frame = pd.DataFrame(
        {"viewer_id": [1], "title_id": [1], "rated_at": pd.to_datetime(["2024-06-01 12:00"]), "stars": 3}
    )
    dataset = Dataset.from_frames(ratings=frame.astype({"stars": float}), time_zone="Asia/Tokyo")
    assert clock(dataset).peak_hour == 21
    assert clock(dataset, zone="Europe/London").peak_hour == 13


def test_one_viewer_has_shares_without_interval() -> None:
    found = clock(Dataset.from_frames(views=make_views(300, viewers=1)))
    assert not found.weekend.known
    assert "interval" not in found.summary()
    assert found.weekend.clusters == 1


def test_leap_day_is_a_thursday() -> None:
    found = clock(ratings(["2024-02-29 23:59:59", "2024-03-01 00:00:00"]))
    assert found.events[3, 23] == 1
    assert found.events[4, 0] == 1


def test_views_name_their_clock() -> None:
    views = make_views(50)
    zoned = pd.DataFrame({"viewer_id": [0, 1], "time_zone": ["Asia/Tokyo", "Europe/Rome"]})
    assert events(Dataset.from_frames(views=views, viewers=zoned)).zone_label == "each viewer's local time"
    assert events(Dataset.from_frames(views=views, viewers=zoned[:1])).zone_label == "Asia/Tokyo"
    assert events(Dataset.from_frames(views=views, time_zone="Asia/Tokyo")).zone_label == "Asia/Tokyo"


def test_ratings_hide_what_they_do_not_have() -> None:
    found = clock(ratings(["2024-01-01 12:00"] * 5))
    assert list(found.to_frame().columns) == [
        "weekday",
        "hour",
        "ratings",
        "share_of_ratings",
        "viewers_per_such_day",
        "clock",
    ]
    assert "of ratings" in found.summary()


def test_bad_parameters_are_named(service: Dataset) -> None:
    with pytest.raises(ParameterError, match=r"Europe/Berln.*Europe/Berlin"):
        clock(ratings(["2024-01-01"]), zone="Europe/Berln")
    with pytest.raises(ParameterError, match="no minutes"):
        clock(ratings(["2024-01-01"]), measure="minutes")
    with pytest.raises(ParameterError, match="stars"):
        clock(service, measure="stars")  # type: ignore[arg-type]
    with pytest.raises(EmptySelection, match="Western"):
        clock(service, filters=Filters(genre="Western"))
    views = make_views(20)
    views["minutes"] = 0.0
    with pytest.raises(EmptySelection, match="minutes"):
        clock(Dataset.from_frames(views=views), measure="minutes")


@pytest.mark.parametrize("month", ["2024-13", "2024-1", "24-01", "0000-01", "March", "2024-01-01"])
def test_bad_months_are_named(month: str) -> None:
    with pytest.raises(ParameterError, match=month):
        Filters(first_month=month)


def test_months_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ParameterError, match="comes after"):
        Filters("2024-05", "2024-04")


def test_filters_in_words() -> None:
    assert Filters().describe() == "everything"
    words = Filters("2024-01", "2024-12", "Drama", "tv", "DE", "film").describe()
    assert words == "Drama, films, on tv, in DE, from 2024-01, to 2024-12"
    assert Filters(last_month="2024-12").days[1] == pd.Timestamp("2025-01-01").date()


@pytest.fixture(scope="module")
def movietweetings(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = os.environ.get("PRIMETIME_REAL_DATA")
    if not folder:
        pytest.skip("PRIMETIME_REAL_DATA is not set: the real MovieTweetings is not at hand.")
    rows = pd.read_csv(
        Path(folder) / "movietweetings-100k" / "ratings.dat",
        sep="::",
        engine="python",
        names=["viewer_id", "title_id", "stars", "rated_at"],
    )
    rows["rated_at"] = pd.to_datetime(rows["rated_at"], unit="s")
    return Dataset.from_frames(ratings=rows.astype({"stars": float}))


@pytest.mark.parametrize(("zone", "share"), [("UTC", "39.1 %"), ("America/New_York", "39.4 %")])
def test_weekend_share_of_movietweetings(movietweetings: Dataset, zone: str, share: str) -> None:
    found = clock(movietweetings, zone=zone)
    assert found.events.sum() == 100_000
    assert found.summary().startswith(f"Saturday and Sunday hold {share} (95 % interval")
    assert 0.003 < found.weekend.high - found.weekend.low < 0.02
    assert found.what.noun == "ratings"


def test_ratings_without_any_time_are_refused() -> None:
    frame = pd.DataFrame({"viewer_id": [1], "title_id": [1], "rated_at": pd.to_datetime([None]), "stars": [3.0]})
    with pytest.raises(DataError, match="Nothing is left"):
        clock(Dataset.from_frames(ratings=frame))


def test_dates_without_times_hide_the_hours() -> None:
    views = make_views(2000)
    views["started_at"] = views["started_at"].dt.floor("D")
    found = clock(Dataset.from_frames(views=views))
    assert not found.what.has_hours
    assert "hour" not in found.summary()
    assert "leads with" in found.summary()
    assert len(found.to_frame()) == 7
    assert "hour" not in found.to_frame().columns
    views.loc[0, "started_at"] += pd.Timedelta(hours=1)
    assert clock(Dataset.from_frames(views=views)).what.has_hours


def test_with_one_or_two_viewers_the_sentence_says_so_and_prints_no_interval() -> None:
    for viewers in (1, 2):
        found = clock(Dataset.from_frames(views=make_views(300, days=28, viewers=viewers)))
        assert "95 % interval" not in found.summary()
        assert "too few viewers to tell" in found.summary()
    many = clock(Dataset.from_frames(views=make_views(300, days=28)))
    assert "95 % interval" in many.summary()
    assert "too few" not in many.summary()
