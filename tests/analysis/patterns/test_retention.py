"""Who comes back: curves against hand counts, delayed entry, cohorts against pandas, and what is missing is said."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns import retention
from tests.analysis.patterns.conftest import make_views


def service(seed: int = 0, viewers: int = 600) -> Dataset:
    """Half of the viewers are on a plan that loses three times as many a day; some joined before the data begin."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2023-01-01")
    joined = start + pd.to_timedelta(rng.integers(-200, 500, viewers), unit="D")
    basic = np.arange(viewers) % 2 == 0
    stays = rng.exponential(np.where(basic, 200, 600), viewers).astype(int) + 1
    left = joined + pd.to_timedelta(stays, unit="D")
    seen = left > start
    table = pd.DataFrame(
        {
            "viewer_id": np.arange(viewers),
            "joined_on": joined,
            "left_on": left.where(left <= pd.Timestamp("2024-12-30")),
            "plan": np.where(basic, "basic", "plus"),
        }
    )[seen]
    return Dataset.from_frames(views=make_views(6_000, seed=seed, viewers=viewers), viewers=table)


def test_curves_are_those_of_the_exponential_and_groups_differ() -> None:
    found = retention(service(), segment="plan")
    assert {curve.group for curve in found.curves} == {"basic", "plus"}
    for curve in found.curves:
        mean = 200 if curve.group == "basic" else 600
        for day in (60, 200, 400):
            value, low, high = curve.at(day)
            assert low < value < high
            assert value == pytest.approx(np.exp(-day / mean), abs=0.09)
    assert found.p < 0.001
    assert "groups by plan differ" in found.summary()


def test_delayed_entry_does_not_flatter() -> None:
    whole = retention(service(seed=3)).curves[0]
    # Half leave at 1/200 a day and half at 1/600; without delayed entry, those seen would look steadier.
    expected = 0.5 * np.exp(-100 / 200) + 0.5 * np.exp(-100 / 600)
    value, low, high = whole.at(100)
    assert low - 0.02 < expected < high + 0.02
    assert np.isnan(whole.at(10_000)[0])
    assert value == pytest.approx(expected, abs=0.06)


def test_cohorts_are_those_of_pandas() -> None:
    dataset = service(seed=1)
    found = retention(dataset)
    views, viewers = dataset.frame("views"), dataset.frame("viewers")
    newcomers = viewers[pd.to_datetime(viewers["joined_on"]).dt.strftime("%Y-%m") == "2023-05"]
    row = found.cohorts.index("2023-05")
    assert found.newcomers[row] == len(newcomers)
    july = views[views["started_local"].dt.strftime("%Y-%m") == "2023-07"]["viewer_id"]
    assert found.active[row, 2] == pytest.approx(newcomers["viewer_id"].isin(july).mean())
    assert np.isnan(found.active[-1, -1])
    assert set(found.to_frame()["part"]) == {"stays", "active"}


def test_no_difference_is_rarely_claimed() -> None:
    rng, claims = np.random.default_rng(5), 0
    dataset = service(seed=7)
    viewers, views = dataset.frame("viewers"), dataset.frame("views")
    for _ in range(12):
        viewers["plan"] = rng.permutation(viewers["plan"].to_numpy())
        claims += retention(Dataset.from_frames(views=views, viewers=viewers), segment="plan").p <= 0.05
    assert claims <= 3


def test_what_is_missing_is_said() -> None:
    with pytest.raises(DataError, match="does not say when viewers joined"):
        retention(Dataset.from_frames(views=make_views(50)))
    with pytest.raises(ParameterError, match="no segment 'shoe size'"):
        retention(service(), segment="shoe size")
    with pytest.raises(DataError, match="no column country"):
        retention(service(), segment="country")
    few = service()
    with pytest.raises(DataError, match="viewers can be followed"):
        retention(Dataset.from_frames(views=few.frame("views"), viewers=few.frame("viewers").head(5)))
