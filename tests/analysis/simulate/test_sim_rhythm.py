"""Each effect of season and clock can be turned off, scaled, or be the only one at work."""

import datetime as dt
from dataclasses import fields, replace

import numpy as np
import pytest

from analysis.data import Dataset
from analysis.errors import ParameterError
from analysis.simulate import Rhythm, SimulationConfig, clock, make_world, steady, write_views

OCTOBER, JUNE, DECEMBER, VALENTINE = (
    dt.date(2025, 10, 15),
    dt.date(2025, 6, 3),
    dt.date(2025, 12, 10),
    dt.date(2025, 2, 14),
)
HORROR = clock.GENRES.index("Horror")


def world_of(rhythm, titles=1_500):
    return make_world(SimulationConfig(viewers=50, titles=titles, experiments=(), rhythm=rhythm), 5)


def appetite(world, date):
    """Log-odds that a day adds to titles, but for their freshness: countries × titles."""
    return world.by_day(date) - world.freshness(date)


def released_in(world, month):
    """How many horror titles came out within the period, in all and in a month."""
    catalogue, config = world.catalogue, world.config
    months = np.array([config.date(int(day)).month for day in catalogue.released])
    new = (catalogue.released >= 0) & (np.array([genres[0] for genres in catalogue.genres]) == "Horror")
    return int(new.sum()), int((new & (months == month)).sum())


def test_without_rhythm_no_day_hour_or_month_differs_from_another():
    world = world_of(steady())
    first = appetite(world, JUNE)
    for date in (OCTOBER, DECEMBER, VALENTINE):
        assert (appetite(world, date) == first).all()
        assert clock.sessions_on(steady(), date) == 1
    assert (first == first[0]).all()
    assert not world.by_hour.any()
    assert np.allclose(np.diff(world.start_hours, axis=1), 1 / 24, atol=1e-8)
    by_hour = world.device_shares.reshape(4, 24, 4)
    assert (by_hour == by_hour[:, :1]).all()
    released = world.catalogue.released[world.catalogue.is_christmas & (world.catalogue.released >= 0)]
    assert len({world.config.date(int(day)).month for day in released}) > 4


def test_more_releases_in_october_leave_appetite_as_it_is():
    world = world_of(replace(steady(), horror_releases_in_october=20.0))
    assert (appetite(world, OCTOBER) == appetite(world, JUNE)).all()
    total, october = released_in(world, 10)
    flat_total, flat_october = released_in(world_of(steady()), 10)
    assert total == flat_total > 40
    assert flat_october / flat_total < 0.2
    # 2 of 26 months with a weight of 20 hold 40 of 64 parts.
    assert october / total == pytest.approx(40 / 64, abs=4 * np.sqrt(0.625 * 0.375 / total))


def test_more_appetite_in_october_leaves_the_releases_as_they_are():
    world, flat = world_of(replace(steady(), horror_october=1.0)), world_of(steady())
    assert (world.catalogue.released == flat.catalogue.released).all()
    added = appetite(world, OCTOBER) - appetite(flat, OCTOBER)
    weight = world.catalogue.genre_weights[:, HORROR]
    american = added[0] / 64
    assert (american[weight == 0] == 0).all()
    assert american[weight == 1] == pytest.approx(np.log(clock.HORROR_OCTOBER["US"]), abs=1 / 64)
    assert (appetite(world, JUNE) == appetite(flat, JUNE)).all()


def test_a_power_of_two_doubles_the_logs_and_the_calibrated_rhythm_is_one():
    twice = Rhythm(**{f.name: 2.0 for f in fields(Rhythm)})
    assert clock.hour_weekday_genre(twice) == pytest.approx(2 * clock.hour_weekday_genre(Rhythm()))
    for date, holiday in ((OCTOBER, False), (VALENTINE, True), (DECEMBER, True)):
        once = clock.season_genre(Rhythm(), date, "US", holiday)
        assert once.any()
        assert clock.season_genre(twice, date, "US", holiday) == pytest.approx(2 * once)
        assert clock.christmas(twice, date) == 2 * clock.christmas(Rhythm(), date)
        assert clock.sessions_on(twice, date) == pytest.approx(clock.sessions_on(Rhythm(), date) ** 2)
    assert Rhythm().multipliers()["romance on Friday evenings"] == clock.FRIDAY_ROMANCE
    assert twice.multipliers()["family in school holidays"] == pytest.approx(clock.FAMILY_SCHOOL_HOLIDAYS**2)
    assert steady().multipliers()["horror in October, by country"]["US"] == 1


@pytest.mark.parametrize("setting", [f.name for f in fields(Rhythm)])
@pytest.mark.parametrize("value", [-0.1, float("nan"), 1e9])
def test_an_impossible_rhythm_is_refused_by_name(setting, value):
    with pytest.raises(ParameterError, match=rf"rhythm\.{setting} is .* must lie between"):
        SimulationConfig(rhythm=replace(Rhythm(), **{setting: value}))


def test_fast_views_follow_the_rhythm_too(tmp_path):
    def shares(rhythm):
        folder = tmp_path / "views"
        write_views(folder, rows=60_000, seed=4, viewers=800, titles=200, rhythm=rhythm, replace=True)
        dataset = Dataset.open(folder)
        views = dataset.frame("views")
        genre = views["title_id"].map(dataset.frame("titles").set_index("title_id")["genres"].str[0])
        local = views["started_local"].dt
        horror = (genre == "Horror").to_numpy()
        october = (local.month == 10).to_numpy()
        return horror[october].mean() / horror[~october].mean(), (local.hour == 20).mean(), (local.hour == 4).mean()

    flat = shares(steady())
    moved = shares(replace(steady(), horror_october=1.0))
    assert flat[1] == pytest.approx(1 / 24, rel=0.06)
    assert flat[2] == pytest.approx(1 / 24, rel=0.06)
    # The same releases and luck in both, so what differs is the appetite.
    assert moved[0] > 1.2 * flat[0]
