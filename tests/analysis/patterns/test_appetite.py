"""More appetite is told from more supply: worlds with one cause at a time."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import appetite, planted
from analysis.patterns.appetite import SCHOOL, Appetite, estimate
from analysis.patterns.events import Events
from analysis.patterns.panel import make_panel
from analysis.patterns.supply import supply
from analysis.workspace import SAMPLE, Workspace

GENRES = ("Drama", "Comedy", "Horror", "Family")
WHAT = Events("views", None, "UTC", ("genre",), True, True)
DAYS = pd.date_range("2023-01-01", "2024-12-31")


def service(seed: int, *, more_released: bool = False, wanted: float = 1.0, school: float = 1.0) -> tuple:
    """Plays by title, day and country; each title is pulled five times as much when it is new."""
    rng = np.random.default_rng(seed)
    titles = 160
    genre = np.arange(titles) % 4
    released = rng.integers(-400, len(DAYS) - 60, titles)
    if more_released:
        october = np.flatnonzero(DAYS.month == 10)
        moved = (genre == 2) & (released > 0)
        released[moved] = rng.choice(october, moved.sum())
    age = np.arange(len(DAYS))[None, :] - released[:, None]
    pull = np.where(age >= 0, 1 + 5 * np.exp(-np.maximum(age, 0) / 20), 0)
    rate = rng.gamma(2.0, 1.0, titles)[:, None] * pull
    rate = rate * np.where((genre == 2)[:, None] & (DAYS.month == 10)[None, :], wanted, 1.0)
    rate = rate * np.where(DAYS.day_of_week >= 5, 1.4, 1.0) * np.where(DAYS.month == 12, 1.3, 1.0)
    closed = {"DE": DAYS.month == 7, "US": DAYS.month == 6}
    cells = []
    for country, holiday in closed.items():
        here = rate * np.where((genre == 3)[:, None] & holiday[None, :], school, 1.0)
        plays = rng.poisson(0.15 * here)
        title, day = np.nonzero(plays)
        cells.append(
            pd.DataFrame({"title_id": title, "date": DAYS[day], "country": country, "events": plays[title, day]})
        )
    about = pd.DataFrame(
        {
            "kind": "film",
            "genres": [[GENRES[g]] for g in genre],
            "released_on": DAYS[0] + pd.to_timedelta(released, unit="D"),
        }
    ).rename_axis("title_id")
    calendar = pd.concat(
        pd.DataFrame({"date": DAYS, "region": c, "holiday": None, "is_school_holiday": h}) for c, h in closed.items()
    )
    return pd.concat(cells), about, calendar


def found(seed: int, **causes) -> Appetite:
    return estimate(make_panel(*service(seed, **causes)), WHAT)


def cell(result: Appetite, genre: str, season: str) -> tuple[int, int]:
    return result.genres.index(genre), result.seasons.index(season)


def test_more_releases_are_not_taken_for_more_appetite() -> None:
    claims = 0
    for seed in range(3):
        result = found(seed, more_released=True)
        october = cell(result, "Horror", "October")
        assert result.seen[october] > 1.25
        assert result.available[october] == pytest.approx(result.seen[october], rel=0.15)
        assert result.appetite[october] == pytest.approx(1.0, abs=0.2)
        claims += result.claimed[october]
    assert claims == 0


def test_more_appetite_is_claimed_and_sized() -> None:
    for seed in range(3):
        result = found(seed, wanted=1.6)
        october = cell(result, "Horror", "October")
        assert result.claims()[0] == october
        assert result.low[october] < 1.6 < result.high[october]
        assert result.available[october] < 1.25
        assert "In October Horror is wanted" in result.headline()
        assert f"{result.appetite[october]:.2f} times (95 % interval" in result.summary()
        assert result.to_frame()["claimed"].sum() == len(result.claims())


def test_school_holidays_are_told_from_the_month() -> None:
    result = found(11, school=1.5)
    closed = cell(result, "Family", SCHOOL)
    assert result.claimed[closed]
    assert result.low[closed] < 1.5 < result.high[closed]
    assert "In school holidays Family" in result.sentence(*closed)


def test_without_any_season_nothing_is_claimed() -> None:
    results = [found(seed) for seed in range(20, 23)]
    assert sum(bool(result.claims()) for result in results) == 0
    assert "No season moves the appetite" in next(r for r in results if not r.claims()).summary()


def test_decay_is_found() -> None:
    panel = make_panel(*service(3))
    made = supply(panel.by_day(), panel.released, panel.kind, panel.weights, panel.month, panel.stretch)
    ages = np.array(panel.ages)
    middle = np.append((ages[:-1] + ages[1:] - 1) / 2, 500)
    assert made.decay[0] == pytest.approx(1 + 5 * np.exp(-middle / 20), rel=0.2)
    assert made.expected.sum(axis=0) == pytest.approx(made.plays.sum(axis=0))


def test_a_month_that_is_missing_is_not_made_up() -> None:
    cells, titles, calendar = service(5)
    result = estimate(make_panel(cells[cells["date"].dt.month != 3], titles, calendar), WHAT)
    march = cell(result, "Horror", "March")
    assert np.isnan(result.q[march])
    assert np.isfinite(result.q[cell(result, "Horror", "May")])


def test_too_short_and_without_releases_say_so() -> None:
    cells, titles, calendar = service(6)
    with pytest.raises(DataError, match="seasons need at least"):
        estimate(make_panel(cells[cells["date"] < "2023-06-01"], titles, calendar), WHAT)
    with pytest.raises(DataError, match="lacks plays, genres or release dates"):
        appetite(Dataset.from_frames(ratings=pd.DataFrame({"viewer_id": [1], "title_id": [1], "stars": [3.0]})))


@pytest.mark.slow
def test_the_samples_horror_and_family_seasons_are_found(workspace: Workspace) -> None:
    dataset = Dataset.open(SAMPLE)
    result = appetite(dataset, workspace=workspace)
    october, school = cell(result, "Horror", "October"), cell(result, "Family", SCHOOL)
    truth = planted(dataset, result)
    assert result.claimed[october]
    assert result.claimed[school]
    assert result.low[october] < truth[october] < result.high[october]
    # The factor is on the odds of a click; plays that go on with something begun before don't follow it.
    assert 1 < result.appetite[school] < truth[school]
