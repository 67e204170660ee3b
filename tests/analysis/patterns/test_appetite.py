"""More appetite is told from more supply: worlds with one cause at a time."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import appetite
from analysis.patterns.appetite import SCHOOL, Appetite, estimate
from analysis.patterns.events import Events
from analysis.patterns.panel import make_panel
from analysis.patterns.supply import supply

GENRES = ("Drama", "Comedy", "Horror", "Family")
WHAT = Events("views", None, "UTC", ("genre",), True, True)
DAYS = pd.date_range("2023-01-01", "2024-12-31")


CLOSED = {"DE": DAYS.month == 7, "US": DAYS.month == 6}


def service(
    seed: int,
    *,
    more_released: bool = False,
    wanted: float = 1.0,
    school: float = 1.0,
    mixed: bool = False,
    closed: dict = CLOSED,
) -> tuple:
    """Plays by title, day and country; each title is pulled five times as much when it is new.

    With `mixed`, every second horror title is a drama or a comedy too, and half as much moved by October.
    """
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
    two = mixed & (genre == 2) & (np.arange(titles) % 8 == 2)
    of_horror = (genre == 2) * np.where(two, 0.5, 1.0)
    rate = rate * np.where((DAYS.month == 10)[None, :], wanted ** of_horror[:, None], 1.0)
    rate = rate * np.where(DAYS.day_of_week >= 5, 1.4, 1.0) * np.where(DAYS.month == 12, 1.3, 1.0)
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
            "genres": [[GENRES[g], GENRES[i // 8 % 2]] if two[i] else [GENRES[g]] for i, g in enumerate(genre)],
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
    for seed in range(2):
        result = found(seed, more_released=True)
        october = cell(result, "Horror", "October")
        assert result.seen[october] > 1.25
        assert result.available[october] == pytest.approx(result.seen[october], rel=0.15)
        assert result.appetite[october] == pytest.approx(1.0, abs=0.2)
        claims += result.claimed[october]
    assert claims == 0


def test_more_appetite_is_claimed_and_sized() -> None:
    for seed in range(2):
        result = found(seed, wanted=1.6)
        october = cell(result, "Horror", "October")
        assert result.claims()[0] == october
        assert result.low[october] < 1.6 < result.high[october]
        assert result.available[october] < 1.25
        assert "In October Horror is wanted" in result.headline()
        assert f"{result.appetite[october]:.2f} times (95 % interval" in result.summary()
        assert result.to_frame()["claimed"].sum() == len(result.claims())


def test_a_genre_that_moves_much_does_not_move_the_others() -> None:
    result = found(12, wanted=3.0, mixed=True)
    assert result.claims() == [cell(result, "Horror", "October")]
    assert result.low[result.claims()[0]] < 3.0 < result.high[result.claims()[0]]
    for genre in ("Drama", "Comedy", "Family"):
        other = cell(result, genre, "October")
        assert result.low[other] < 1 < result.high[other], genre


def test_appetite_is_that_of_statsmodels_with_genres_in_one_model() -> None:
    """Horror in October against the other genres, from a negative binomial with a dummy for each title."""
    from statsmodels.genmod.families import NegativeBinomial
    from statsmodels.genmod.generalized_linear_model import GLM

    panel = make_panel(*service(13, wanted=1.6))
    result = estimate(panel, WHAT)
    made = supply(panel.by_day(), panel.released, panel.kind, panel.weights, panel.month, panel.stretch)
    gather = np.eye(24)[panel.stretch]
    plays, expected = made.plays @ gather, made.expected @ gather
    title, stretch = np.nonzero((expected > 0.5) & (plays.sum(axis=1, keepdims=True) > 0))
    horror = panel.weights[title, panel.genres.index("Horror")]
    trend = (stretch - 11.5) / 11.5
    # Months move all titles, and October moves horror by a factor of its own.
    of_month = np.eye(12)[stretch % 12]
    design = [of_month[:, 1:], (horror * of_month[:, 9])[:, None], (horror * trend)[:, None], trend[:, None]]
    design.append(np.eye(len(plays))[np.unique(title, return_inverse=True)[1]][:, : len(np.unique(title))])
    family = NegativeBinomial(alpha=made.wobble[1])
    fitted = GLM(plays[title, stretch], np.hstack(design), family, np.log(expected[title, stretch])).fit()
    october = cell(result, "Horror", "October")
    assert result.appetite[october] == pytest.approx(np.exp(fitted.params[11]), rel=0.05)
    width = np.log(result.high[october] / result.low[october]) / 2 / 1.96
    assert width == pytest.approx(fitted.bse[11], rel=0.5)


def test_a_share_of_the_schools_counts_by_its_size() -> None:
    closed = {"DE": (DAYS.month == 7) & (DAYS.day <= 14), "US": (DAYS.month == 7) & (DAYS.day > 7) & (DAYS.day <= 21)}
    cells, titles, calendar = service(11, school=2.0, closed=closed)
    # Two places whose schools close at different times are one country here.
    calendar = calendar.groupby("date", as_index=False)["is_school_holiday"].mean()
    calendar = calendar.rename(columns={"is_school_holiday": "school_share"}).assign(region="one")
    calendar["is_school_holiday"] = calendar["school_share"] > 0.5
    result = estimate(make_panel(cells.assign(country="one"), titles, calendar), WHAT)
    family = cell(result, "Family", SCHOOL)
    assert result.claimed[family]
    assert result.low[family] < 2.0 < result.high[family]


def test_school_holidays_are_told_from_the_month() -> None:
    result = found(11, school=1.5)
    closed = cell(result, "Family", SCHOOL)
    assert result.claimed[closed]
    assert result.low[closed] < 1.5 < result.high[closed]
    assert "In school holidays Family" in result.sentence(*closed)


def test_without_any_season_nothing_is_claimed() -> None:
    results = [found(seed) for seed in range(20, 22)]
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
