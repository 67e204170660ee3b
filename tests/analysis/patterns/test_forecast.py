"""The forecast: methods against plain calls and known answers, the record, the held-out weeks, and refusals."""

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import forecast, forecast_genres
from analysis.patterns import forecast_models as models
from analysis.patterns.forecast_backtest import HORIZON, LEAST_DAYS, NAIVE, Record, filled, project
from analysis.patterns.forecast_calendar import calendar
from analysis.patterns.forecast_shares import centred, closed, project_shares
from tests.analysis.patterns.conftest import make_titles

MONDAY = dt.date(2024, 1, 1)


def weekly(days: int, seed: int, noise: float = 0.08) -> np.ndarray:
    """A busy service: weekends are fuller, and errors hang together."""
    rng = np.random.default_rng(seed)
    errors = np.zeros(days)
    for day in range(1, days):
        errors[day] = 0.5 * errors[day - 1] + rng.normal(0, noise)
    weekday = np.array([0, 0, 0, 0.1, 0.3, 0.5, 0.4])[np.arange(days) % 7]
    return np.exp(7 + weekday + errors)


def test_the_last_week_is_repeated_and_grows_uncertain_by_the_week() -> None:
    found = models.seasonal_naive(np.arange(28.0), 15)
    assert found.mean.tolist() == [*range(21, 28), *range(21, 28), 21]
    assert found.sd == pytest.approx(7 * np.sqrt(np.r_[np.ones(7), 2 * np.ones(7), 3]))


def test_regression_is_least_squares_where_errors_are_independent() -> None:
    rng = np.random.default_rng(3)
    design = np.column_stack([np.ones(400), rng.normal(size=(400, 2))])
    y = design @ [1.0, 2.0, -1.0] + rng.normal(0, 0.5, 400)
    ahead = np.column_stack([np.ones(5), rng.normal(size=(5, 2))])
    found = models.harmonic(y, design, ahead, lags=1)
    plain = np.linalg.lstsq(design, y, rcond=None)[0]
    assert found.mean == pytest.approx(ahead @ plain, abs=0.1)
    assert found.sd == pytest.approx(0.5, abs=0.05)


def test_regression_follows_an_autoregression() -> None:
    rng = np.random.default_rng(4)
    y = np.zeros(3000)
    for t in range(1, 3000):
        y[t] = 0.8 * y[t - 1] + rng.normal()
    found = models.harmonic(y, np.ones((3000, 1)), np.ones((20, 1)), lags=1)
    assert found.mean[0] == pytest.approx(0.8 * y[-1], abs=0.3)
    # The textbook's standard deviation of a first-order autoregression h steps ahead.
    assert found.sd == pytest.approx(np.sqrt(np.cumsum(0.8 ** (2 * np.arange(20)))), rel=0.08)


def test_smoothing_is_that_of_statsmodels() -> None:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    y = np.log(weekly(140, seed=5))
    found = models.smoothing(y, 14)
    peer = ETSModel(
        pd.Series(y, index=pd.date_range("2024-01-01", periods=140)),
        error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=7,
    ).fit(disp=False)  # fmt: skip
    exact = peer.get_prediction(start=140, end=153).summary_frame(alpha=0.05)
    assert found.mean == pytest.approx(exact["mean"].to_numpy(), abs=0.03)
    width = (exact["pi_upper"] - exact["pi_lower"]).to_numpy() / (2 * 1.959964)
    assert found.sd == pytest.approx(width, rel=0.15)


def test_scaled_error_by_hand() -> None:
    history = np.array([1.0, 2, 3, 4, 5, 6, 7, 3, 4, 5, 6, 7, 8, 9])
    assert models.scaled_error(np.array([10.0, 12]), np.array([11.0, 9]), history) == 1.0


def test_intervals_are_stretched_only_where_they_held_too_little() -> None:
    rng = np.random.default_rng(6)
    assert models.widening(rng.normal(size=4000), 0.95) == pytest.approx(1, abs=0.05)
    assert models.widening(2 * rng.normal(size=4000), 0.95) == pytest.approx(2, abs=0.1)
    assert models.widening(0.5 * rng.normal(size=4000), 0.95) == 1
    scores = np.stack([rng.normal(size=(20, HORIZON)) * scale for scale in (0.8, 3.0)])
    record = Record(("a", "b"), tuple(range(20)), np.ones((2, 20)), scores)
    assert record.stretch(0, 0.95).max() == 1
    assert record.stretch(1, 0.95).min() > 2
    assert record.coverage(0, 0.95) > 0.95 > record.coverage(1, 0.95)


def test_gaps_are_filled_from_the_same_weekday() -> None:
    values = np.tile(np.arange(1.0, 8), 4)
    values[[9, 10]] = np.nan
    assert filled(values).tolist() == np.tile(np.arange(1.0, 8), 4).tolist()


@pytest.fixture(scope="module")
def service() -> Dataset:
    """Two hundred days of plays, more on weekends."""
    rng = np.random.default_rng(7)
    volume = rng.poisson(weekly(200, seed=8) / 40)
    day = np.repeat(np.arange(200), volume)
    at = np.datetime64(MONDAY, "us") + day * np.timedelta64(86_400_000_000, "us")
    at = at + rng.integers(0, 86_400, len(day)) * np.timedelta64(1_000_000, "us")
    views = pd.DataFrame({
        "viewer_id": rng.integers(0, 50, len(day)), "title_id": rng.integers(0, 120, len(day)), "started_at": at,
        "minutes": rng.exponential(30, len(day)),
    })  # fmt: skip
    return Dataset.from_frames(views=views, titles=make_titles())


def test_days_ahead_with_record_and_held_out_weeks(service: Dataset) -> None:
    found = forecast(service, measure="events")
    assert found.ahead[0] == found.days[-1] + dt.timedelta(days=1)
    assert len(found.ahead) == HORIZON
    low, high = found.projection.low, found.projection.high
    assert (low[1] <= low[0]).all()
    assert (low[0] <= found.projection.mean).all()
    assert (high[0] <= high[1]).all()
    assert found.beats_naive
    assert found.knows == ("weekday",)
    # Weekends stay fuller, and the held-out weeks are those that happened.
    weekend = np.array([day.weekday() >= 5 for day in found.ahead])
    assert found.projection.mean[weekend].min() > found.projection.mean[~weekend].mean()
    plays = service.frame("views")["started_at"].dt.date.value_counts()
    assert found.held_out.actual.tolist() == [plays[day] for day in found.held_out.days]
    assert found.held_out.inside >= 0.8 * HORIZON
    rows = found.to_frame()
    assert rows["part"].value_counts().to_dict() == {"ahead": HORIZON, "held out": HORIZON}
    assert found.backtests()["chosen"].sum() == 1
    assert "for repeating the last week" in found.summary()


def test_what_comes_is_not_known_at_an_origin() -> None:
    values = weekly(LEAST_DAYS, seed=9)
    known = calendar(MONDAY, len(values) + HORIZON, 84)
    first = project(values, known)
    changed = values.copy()
    changed[-HORIZON:] *= 3
    second = project(changed, known)
    # The last eight weeks are forecast, method and intervals and all, from what was before them.
    assert first.held_out[0] == second.held_out[0]
    for one, other in zip(first.held_out[1:], second.held_out[1:], strict=True):
        assert one.tolist() == other.tolist()


def test_the_naive_forecast_is_kept_where_nothing_is_better() -> None:
    # Every week is the last one, but for what nobody can see.
    values = np.exp(8 + np.tile(np.random.default_rng(10).normal(0, 1, 7), 29)[:200])
    values *= np.exp(np.random.default_rng(11).normal(0, 1e-9, 200))
    found = project(values, calendar(MONDAY, 200 + HORIZON, 84))
    assert found.record.methods[0] == NAIVE
    assert found.record.mean_errors[found.record.best] == found.record.mean_errors.min()


def test_too_little_is_refused_in_words(service: Dataset) -> None:
    views = service.frame("views")
    short = Dataset.from_frames(views=views[views["started_at"] < "2024-05-01"])
    with pytest.raises(DataError, match=f"119 whole days; .* needs {LEAST_DAYS}"):
        forecast(short)
    sparse = Dataset.from_frames(views=views.iloc[np.linspace(0, len(views) - 1, 60).astype(int)])
    with pytest.raises(DataError, match="next to nothing"):
        forecast(sparse)
    with pytest.raises(DataError, match="have no genres"):
        forecast_genres(Dataset.from_frames(views=views))


def test_log_ratios_turn_back_into_shares() -> None:
    shares = np.random.default_rng(11).dirichlet(np.ones(5), size=30)
    assert closed(centred(shares)) == pytest.approx(shares)
    assert centred(shares).sum(axis=1) == pytest.approx(0, abs=1e-9)


def test_genre_shares_add_up_and_are_those_of_pandas(service: Dataset) -> None:
    found = forecast_genres(service, measure="events")
    assert found.found.mean.sum(axis=1) == pytest.approx(1)
    assert found.shares.sum(axis=1) == pytest.approx(1)
    assert (found.found.low < found.found.mean).all()
    assert (found.found.mean < found.found.high).all()
    assert found.genres[-1] == "all other"
    week = service.frame("views").merge(service.frame("titles")[["title_id", "genres"]])
    day = pd.to_datetime(week["started_at"].dt.date)
    week = week[(day >= pd.Timestamp(found.weeks[-1])) & (day < pd.Timestamp(found.ahead[0]))]
    horror = week["genres"].map(lambda genres: ("Horror" in list(genres)) / max(len(genres), 1))
    assert found.shares[-1, found.genres.index("Horror")] == pytest.approx(horror.mean(), abs=1e-6)
    inside, of = found.inside
    assert inside >= 0.8 * of
    assert "all other" not in found.headline()
    assert len(found.to_frame()) == 2 * 8 * len(found.genres)


def test_a_share_that_stays_is_forecast_to_stay() -> None:
    rng = np.random.default_rng(12)
    shares = closed(np.log([0.5, 0.3, 0.2]) + rng.normal(0, 0.05, (40, 3)))
    found = project_shares(shares)
    assert found.mean[-1] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    assert found.errors[found.methods.index(found.method)].mean() < found.errors[0].mean()


def test_ratings_of_half_a_year_are_forecast(tmp_path: Path) -> None:
    if "PRIMETIME_REAL_DATA" not in os.environ:
        pytest.skip("PRIMETIME_REAL_DATA is not set: the real MovieTweetings is not at hand.")
    file = Path(os.environ["PRIMETIME_REAL_DATA"]) / "movietweetings-100k" / "ratings.dat"
    columns = ["viewer_id", "title_id", "stars", "rated_at"]
    rows = pd.read_csv(file, sep="::", engine="python", names=columns)
    rows["rated_at"] = pd.to_datetime(rows["rated_at"], unit="s")
    found = forecast(Dataset.from_frames(ratings=rows.astype({"stars": float})))
    assert found.noun == "ratings"
    assert found.knows == ("weekday",)
    assert len(found.days) >= LEAST_DAYS
