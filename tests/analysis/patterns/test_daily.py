"""The daily trend: growth, gaps and zeros, clocks."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.patterns import EmptySelection, Filters, daily
from tests.analysis.patterns.conftest import make_titles, make_views


def growing(per_day: float, days: int = 300, base: float = 60) -> pd.DataFrame:
    rng = np.random.default_rng(31)
    counts = rng.poisson(base * np.exp(per_day * np.arange(days)))
    at = (pd.Timestamp("2023-06-01") + pd.to_timedelta(np.arange(days), unit="D")).repeat(counts)
    at += pd.to_timedelta(rng.integers(0, 86_400, len(at)), unit="s")
    return pd.DataFrame(
        {"viewer_id": rng.integers(0, 300, len(at)), "title_id": rng.integers(0, 120, len(at)), "started_at": at}
    )


def test_growth_is_found_and_sized() -> None:
    found = daily(Dataset.from_frames(views=growing(0.004)))
    _, low, high = found.trend.growth(30)
    assert low < np.expm1(0.12) < high
    assert high - low < 0.04
    assert "growing by" in found.headline()
    assert "95 % interval +" in found.summary()
    falling = daily(Dataset.from_frames(views=growing(-0.004)))
    assert "falling by" in falling.headline()


def test_flat_data_has_no_clear_trend(service: Dataset) -> None:
    found = daily(service)
    assert "no clear trend" in found.headline()
    assert len(found.days) == 730
    assert found.events.sum() == service.info.rows("views")
    views = service.frame("views")
    assert found.viewers.tolist() == views.groupby(views["started_local"].dt.date)["viewer_id"].nunique().tolist()


def test_mean_of_seven_days_is_centred() -> None:
    found = daily(Dataset.from_frames(views=growing(0, days=40)))
    assert np.isnan(found.mean_7[:3]).all()
    assert np.isnan(found.mean_7[-3:]).all()
    assert found.mean_7[10] == pytest.approx(found.events[7:14].mean())


def test_silent_days_of_a_busy_service_are_gaps_and_not_zeros() -> None:
    views = growing(0)
    silent = views["started_at"].dt.date.isin([dt.date(2023, 8, 1), dt.date(2023, 8, 2)])
    found = daily(Dataset.from_frames(views=views[~silent]))
    assert found.gaps == 2
    gap = [day for day, count in zip(found.days, found.events, strict=True) if np.isnan(count)]
    assert gap == [dt.date(2023, 8, 1), dt.date(2023, 8, 2)]
    assert np.isnan(found.viewers[61])
    assert "2 days without any data are left out" in found.summary()
    assert found.to_frame()["is_gap"].sum() == 2
    # The gap doesn't pull the trend.
    low, high = found.trend.growth(30)[1:]
    assert low < 0 < high


def test_days_empty_by_the_filter_are_zeros() -> None:
    views = growing(0)
    views["device"] = np.where(views["started_at"].dt.date == dt.date(2023, 8, 1), "tv", "phone")
    found = daily(Dataset.from_frames(views=views), filters=Filters(device="phone"))
    assert found.gaps == 0
    assert found.events[61] == 0
    assert found.viewers[61] == 0


def test_quiet_days_are_zeros() -> None:
    views = make_views(60, viewers=1, days=100)
    found = daily(Dataset.from_frames(views=views))
    assert found.gaps == 0
    assert (found.events == 0).any()
    assert found.events.sum() == 60


def test_short_series_have_no_trend() -> None:
    found = daily(Dataset.from_frames(views=make_views(500, days=10)))
    assert found.trend is None
    assert "too few whole days" in found.summary()
    one = daily(Dataset.from_frames(views=make_views(500, days=1)))
    assert len(one.days) == 1
    assert one.headline() == "500 plays a day"


def test_months_cut_the_days() -> None:
    dataset = Dataset.from_frames(views=growing(0), titles=make_titles())
    found = daily(dataset, filters=Filters("2023-08", "2023-09"))
    assert (found.days[0], found.days[-1], len(found.days)) == (dt.date(2023, 8, 1), dt.date(2023, 9, 30), 61)
    assert daily(dataset, filters=Filters(genre="Drama")).viewers is None
    with pytest.raises(EmptySelection, match="from 2030-01"):
        daily(dataset, filters=Filters("2030-01"))


def test_a_day_is_a_day_of_the_zone() -> None:
    at = pd.to_datetime(["2024-02-28 23:30", "2024-02-29 00:30", "2024-02-29 23:30"])
    frame = pd.DataFrame({"viewer_id": [1, 2, 3], "title_id": 1, "rated_at": at, "stars": 3.0})
    dataset = Dataset.from_frames(ratings=frame)
    assert daily(dataset).events.tolist() == [1, 2]
    assert daily(dataset, zone="Pacific/Kiritimati").days == (dt.date(2024, 2, 29), dt.date(2024, 3, 1))
    assert daily(dataset, zone="Pacific/Pago_Pago").events.tolist() == [2, 1]
    assert "ratings a day" in daily(dataset).summary()


def test_minutes_have_their_own_trend() -> None:
    views = growing(0)
    views["minutes"] = 30 * np.exp(0.003 * (views["started_at"] - views["started_at"].min()).dt.days)
    found = daily(Dataset.from_frames(views=views), measure="minutes")
    low, high = found.trend.growth(30)[1:]
    assert low < np.expm1(0.09) < high
    assert "minutes a day" in found.summary()
