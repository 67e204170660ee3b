"""Silence and return against hand counts and the truth, and Cox's model against simulated hazards."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import retention
from analysis.patterns.first_week import first_week, hazards
from analysis.patterns.insights import ask
from analysis.patterns.returns import AHEAD, returns
from analysis.stats.cox import proportional_hazards

START = pd.Timestamp("2025-01-01")


def watching(chance: float = 0.05, viewers: int = 300, days: int = 300, seed: int = 0) -> pd.DataFrame:
    """Viewers who play on each day with the same chance, so that a silence says nothing."""
    rng = np.random.default_rng(seed)
    viewer, day = np.nonzero(rng.random((viewers, days)) < chance)
    at = START + pd.to_timedelta(day, unit="D") + pd.to_timedelta(rng.integers(0, 86_400, len(day)), unit="s")
    return pd.DataFrame({"viewer_id": viewer, "title_id": 1, "started_at": at, "minutes": 30.0})


def people(viewers: int = 300) -> pd.DataFrame:
    """Viewers who joined before the data begin and stay."""
    return pd.DataFrame({"viewer_id": range(viewers), "joined_on": START - pd.Timedelta(days=40), "left_on": pd.NaT})


def test_where_silence_says_nothing_the_chance_is_the_same_after_any() -> None:
    found = returns(Dataset.from_frames(views=watching(), viewers=people()))
    truth = 1 - 0.95**AHEAD
    inside = (found.low[:40] <= truth) & (truth <= found.high[:40])
    assert inside.mean() >= 0.9
    assert found.back[14] == pytest.approx(truth, abs=0.03)
    assert found.since[0].value == pytest.approx(1 - 0.95**7, abs=0.1)
    assert sum(i.value for i in found.since) == pytest.approx(1)
    assert found.left == 0
    assert "who left" not in found.summary()


def test_leaving_ends_a_silence_and_is_no_return() -> None:
    views, viewers = watching(0.2, 200, seed=1), people(200)
    # Half of them leave on day 100 and come back 50 days later, a quarter for good.
    gone, back = viewers["viewer_id"] % 2 == 0, viewers["viewer_id"] % 4 == 0
    day = (views["started_at"] - START).dt.days
    away = (views["viewer_id"] % 2 == 0) & (day >= 100) & ((views["viewer_id"] % 4 == 2) | (day < 150))
    stays = viewers.assign(left_on=viewers["left_on"].mask(gone, START + pd.Timedelta(days=100)))
    second = viewers[back].assign(joined_on=START + pd.Timedelta(days=150))
    viewers["left_on"] = viewers["left_on"].mask(gone & ~back, START + pd.Timedelta(days=100))
    dataset = Dataset.from_frames(views=views[~away], viewers=viewers, memberships=pd.concat([stays, second]))
    found = returns(dataset)
    assert found.left == 100
    assert found.returned[[49, 50, 90]] == pytest.approx([0, 0.5, 0.5])
    assert found.returned_90.low < 0.5 < found.returned_90.high
    # The fifty days away are no silence: within the stays nobody is silent so long.
    assert found.back[10] > 0.97
    assert "who left are back within 90 days" in found.summary()
    # Survival is that of the first stay, so those who came back count as having left.
    curve = retention(dataset).curves[0]
    assert curve.left == 100
    assert curve.at(140)[0] == pytest.approx(0.5, abs=0.01)


def newcomers(seed: int, slope: float, size: int = 400) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A predictor, and days until leaving at a rate that it moves; followed for a year."""
    rng = np.random.default_rng(seed)
    design = pd.DataFrame({"days": rng.integers(0, 8, size).astype(float), "other": rng.normal(size=size)})
    stays = rng.exponential(200 / np.exp(slope * design["days"].to_numpy()))
    return design, np.ceil(np.minimum(stays, 365)), (stays <= 365).astype(float)


def test_hazard_ratios_cover_the_truth_and_noise_is_rarely_claimed() -> None:
    covered = claimed = 0
    for seed in range(24):
        found = hazards(*newcomers(seed, -0.15)).set_index("what")
        covered += found.loc["days", "low"] <= np.exp(-0.15) <= found.loc["days", "high"]
        claimed += found.loc["other", "p"] <= 0.05
    assert covered >= 21
    assert claimed <= 3


def test_cox_is_that_of_statsmodels() -> None:
    from statsmodels.duration.hazard_regression import PHReg

    design, days, left = newcomers(3, -0.2, 150)
    # Many leave on the same day.
    days = np.ceil(days / 30) * 30
    theirs = PHReg(days, design.to_numpy(), status=left, ties="efron").fit(disp=0)
    slope, error = proportional_hazards(design.to_numpy(), days, left)
    assert slope == pytest.approx(theirs.params, abs=1e-6)
    assert error == pytest.approx(theirs.bse, rel=1e-5)
    with pytest.raises(DataError, match="Nobody left"):
        proportional_hazards(design.to_numpy(), days, np.zeros(150))


def test_the_first_week_of_those_who_are_there_after_it() -> None:
    rng = np.random.default_rng(5)
    size = 500
    joined = START + pd.to_timedelta(rng.integers(0, 250, size), unit="D")
    active = rng.integers(0, 8, size)
    stays = np.ceil(rng.exponential(300 / np.exp(-0.3 * (active - 3)))).astype(int) + 1
    left = pd.Series(joined + pd.to_timedelta(stays, unit="D"))
    viewers = pd.DataFrame({"viewer_id": range(size), "joined_on": joined, "left_on": left.where(left <= "2026-06-30")})
    rows = [(v, joined[v] + pd.Timedelta(days=int(d), hours=20)) for v in range(size) for d in range(active[v])]
    # What is done later says nothing.
    rows += [(v, joined[v] + pd.Timedelta(days=9, hours=20)) for v in range(size)]
    rows += [(0, START), (0, pd.Timestamp("2026-06-30"))]
    views = pd.DataFrame(rows, columns=["viewer_id", "started_at"]).assign(title_id=1)
    found = first_week(Dataset.from_frames(views=views, viewers=viewers))
    assert found.newcomers == (stays > 7).sum()
    effect = found.effects.set_index("what").loc["days with a play"]
    assert effect["low"] <= np.exp(-0.3) <= effect["high"]
    assert effect["p"] < 0.001
    assert "days with a play tells most" in found.summary()
    assert "less often" in found.headline()
    idle, busy = found.groups[0], found.groups[-1]
    assert (idle.group, busy.group) == ("no day", "four or more")
    assert idle.at(60)[0] < busy.at(60)[0]


def test_what_is_missing_is_said() -> None:
    bare = Dataset.from_frames(views=watching(viewers=20))
    for name in ("silence and return", "first week"):
        with pytest.raises(DataError, match="does not say when viewers joined"):
            ask(bare, name)
    with pytest.raises(DataError, match="Only 0 newcomers"):
        first_week(Dataset.from_frames(views=watching(viewers=20), viewers=people(20)))
    with pytest.raises(DataError, match="did the same"):
        hazards(pd.DataFrame({"x": np.ones(20)}), np.arange(1.0, 21), np.ones(20))
