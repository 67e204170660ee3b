import datetime as dt
from dataclasses import fields, replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analysis.errors import ParameterError
from analysis.simulate import Behaviour, Experiment, SimulationConfig, calendars, languages, make_world
from analysis.simulate.catalogue import make_catalogue
from analysis.simulate.clock import GENRES, HOURS
from analysis.simulate.viewers import COUNTRY_TASTES, PLAN_CHURN, make_viewers, taste_variances

DAY = dt.date(2025, 10, 1)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"viewers": -1}, "viewers is -1"),
        ({"viewers": 0}, "viewers is 0"),
        ({"titles": 5}, "titles is 5"),
        ({"uniform_share": 1.2}, "uniform_share is 1.2"),
        ({"columns": 30}, "columns is 30"),
        ({"pool": 3}, "pool is 3"),
        ({"impressions_days": -1}, "impressions_days"),
        ({"ends_on": dt.date(2020, 1, 1)}, "before it starts"),
        ({"behaviour": Behaviour(scroll=1.5)}, "behaviour.scroll is 1.5"),
        ({"behaviour": Behaviour(rating=-0.1)}, "behaviour.rating"),
        ({"behaviour": Behaviour(activity_spread=-1)}, "behaviour.activity_spread"),
        ({"behaviour": Behaviour(click=float("nan"))}, "behaviour.click"),
        ({"columns": 0}, "columns is 0"),
        ({"titles": 0}, "titles is 0"),
        ({"viewers": 2.5}, "viewers is 2.5"),
        ({"viewers": float("nan")}, "viewers is nan"),
        ({"viewers": "300"}, "viewers is '300'"),
        ({"viewers": True}, "viewers is True"),
        ({"uniform_share": float("nan")}, "uniform_share is nan"),
        ({"uniform_share": None}, "uniform_share is None"),
        ({"warm_up_days": 400}, "warm_up_days is 400"),
        ({"starts_on": dt.date(1900, 1, 1)}, "starts_on is 1900-01-01"),
        ({"ends_on": dt.datetime(2026, 1, 1, 12)}, "ends_on is 2026-01-01 12:00:00"),
        ({"ends_on": "2026-01-01"}, "ends_on is 2026-01-01"),
        ({"experiments": (Experiment("x", "?", "", DAY), Experiment("x", "?", "", DAY))}, "named x"),
    ],
)
def test_impossible_parameters_are_refused_by_name(change, named):
    with pytest.raises(ParameterError, match=r"must|Choose|Give") as caught:
        SimulationConfig(**change)
    assert named in str(caught.value)


@pytest.mark.parametrize("setting", [f.name for f in fields(Behaviour)])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5"])
def test_no_behaviour_may_be_something_else_than_a_number(setting, value):
    with pytest.raises(ParameterError, match=rf"behaviour\.{setting} is .* must lie between"):
        SimulationConfig(behaviour=replace(Behaviour(), **{setting: value}))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"experiment_id": ""}, "has no name"),
        ({"treated_share": 1.5}, "experiment x: treated_share is 1.5"),
        ({"treated_share": float("nan")}, "treated_share is nan"),
        ({"lost_share": -0.1}, "lost_share is -0.1"),
        ({"days": 0}, "days is 0"),
        ({"days": 1.5}, "days is 1.5"),
        ({"click": float("inf")}, "click is inf"),
        ({"reversed_plan": "gold"}, "The plans are with ads, standard, premium"),
    ],
)
def test_an_impossible_experiment_is_refused_by_name(change, named):
    with pytest.raises(ParameterError, match=named):
        Experiment(**{"experiment_id": "x", "question": "?", "lesson": "", "starts_on": DAY, **change})


@pytest.fixture(scope="module")
def large():
    """A catalogue and viewers large enough to see shares."""
    return make_world(SimulationConfig(viewers=4_000, titles=1_500), 8)


@pytest.fixture(scope="module")
def many():
    """Viewers alone, enough of them to see how traits hang together."""
    return make_viewers(SimulationConfig(viewers=30_000), 5)


def test_names_are_unique_and_read_like_titles(large):
    names = large.catalogue.names
    assert len(set(names)) == len(names)
    assert all(name[0].isupper() and 4 <= len(name) <= 60 for name in names)
    assert not any("  " in name for name in names)


def test_quality_says_nothing_of_appeal(large):
    catalogue = large.catalogue
    assert abs(np.corrcoef(catalogue.appeal, catalogue.quality)[0, 1]) < 0.07


def test_the_first_genre_weighs_most_and_the_graph_names_all(large):
    catalogue = large.catalogue
    has_genre = {(title, entity) for title, relation, entity in catalogue.links if relation == "has_genre"}
    for title, genres in enumerate(catalogue.genres):
        weights = [catalogue.genre_weights[title, GENRES.index(genre)] for genre in genres]
        assert weights == sorted(weights, reverse=True)
        assert sum(weights) == pytest.approx(1)
        assert all((title, genre) in has_genre for genre in genres)
    relations = {relation for _, relation, _ in catalogue.links}
    assert relations == {"has_genre", "about", "stars", "directed_by"}


def test_concepts_and_people_cause_the_latent_factors(large):
    """Titles that share a concept are closer in the latent dimensions than others."""
    catalogue = large.catalogue
    latent = catalogue.factors[:, len(GENRES) :]
    latent = latent / np.linalg.norm(latent, axis=1, keepdims=True)
    likeness = latent @ latent.T
    by_entity: dict[str, list[int]] = {}
    for title, relation, entity in catalogue.links:
        if relation in ("about", "stars", "directed_by"):
            by_entity.setdefault(f"{relation} {entity}", []).append(title)
    everywhere = likeness[~np.eye(len(likeness), dtype=bool)].mean()
    for relation in ("about", "stars", "directed_by"):
        groups = [rows for entity, rows in by_entity.items() if entity.startswith(relation) and len(rows) > 1]
        inside = np.mean([likeness[np.ix_(rows, rows)][~np.eye(len(rows), dtype=bool)].mean() for rows in groups])
        assert inside > everywhere + 0.1, relation


def test_age_explains_as_much_of_taste_as_is_written_down(large):
    viewers = large.viewers
    genres = viewers.taste[:, : len(GENRES)]
    means = np.stack([genres[viewers.age == band].mean(axis=0) for band in range(6)])
    explained = (means[viewers.age] - genres.mean(axis=0)).var(axis=0).sum() / genres.var(axis=0).sum()
    assert explained == pytest.approx(taste_variances()[0], abs=0.015)


def test_country_explains_as_much_of_taste_as_is_written_down(many):
    viewers = many
    taste = viewers.taste[:, : len(GENRES)]
    mean = np.stack([taste[viewers.country == c].mean(axis=0) for c in range(len(calendars.COUNTRIES))])
    share = np.bincount(viewers.country, minlength=len(mean))[:, None] / len(taste)
    between = (share * (mean - (share * mean).sum(axis=0)) ** 2).sum(axis=0).mean()
    assert between / taste.var(axis=0).mean() == pytest.approx(taste_variances()[1], rel=0.1)
    germans = taste[viewers.country == calendars.COUNTRIES.index("DE"), GENRES.index("Crime")].mean()
    elsewhere = taste[viewers.country == calendars.COUNTRIES.index("FR"), GENRES.index("Crime")].mean()
    assert germans - elsewhere == pytest.approx(1.5 * COUNTRY_TASTES["DE", "Crime"], abs=0.08)


def test_who_minds_the_price_takes_a_cheaper_plan_and_leaves_more(many):
    viewers = many
    shares = np.bincount(viewers.plan) / len(viewers)
    assert shares == pytest.approx([0.33, 0.47, 0.20], abs=0.015)
    mean = [float(viewers.leaving[viewers.plan == plan].mean()) for plan in range(3)]
    by_plan = np.diff(PLAN_CHURN)
    # More than the plan itself does: the sensitive choose it.
    assert mean[0] - mean[1] > -by_plan[0] + 0.1
    assert mean[1] - mean[2] > -by_plan[1] + 0.1


def test_the_own_language_is_free_and_english_costs_less_than_others(many):
    lost = languages.penalty(0.9, 0.35)
    english = languages.LANGUAGES.index("en")
    assert (np.diag(lost) == 0).all()
    for viewer in range(len(lost)):
        for title in set(range(len(lost))) - {viewer}:
            assert lost[viewer, title] == (0.35 if title == english else 0.9)
    viewers = many
    germans = viewers.language[viewers.country == calendars.COUNTRIES.index("DE")]
    assert (germans == languages.LANGUAGES.index("de")).mean() == pytest.approx(0.92, abs=0.02)
    assert set(germans) == {languages.LANGUAGES.index("de"), english}


def test_each_artwork_stresses_another_genre_and_the_first_the_titles_own(large):
    catalogue = large.catalogue
    assert (catalogue.shows[:, 0] == [GENRES.index(genres[0]) for genres in catalogue.genres]).all()
    assert all(len(set(row)) == len(row) for row in catalogue.shows.tolist())


def test_more_viewers_leave_the_first_ones_as_they_are(tiny):
    few, many = make_viewers(tiny, 4), make_viewers(replace(tiny, viewers=90), 4)
    for name in ("place", "plan", "joined", "activity", "taste", "estimated", "household", "habit"):
        assert (getattr(few, name) == getattr(many, name)[: tiny.viewers]).all(), name


def test_another_seed_makes_another_world(tiny):
    one, two = make_catalogue(tiny, 1), make_catalogue(tiny, 2)
    assert one.names != two.names
    assert make_catalogue(tiny, 1).names == one.names


def test_households_share_a_home(large):
    viewers = large.viewers
    for field in (viewers.place, viewers.plan):
        for household in np.unique(viewers.household)[:200]:
            assert len(np.unique(field[viewers.household == household])) == 1
    assert np.bincount(viewers.household).max() <= 4


@pytest.mark.parametrize("zone", sorted({place.time_zone for place in calendars.PLACES}))
def test_wall_clocks_agree_with_zoneinfo_through_all_changes_of_the_clock(zone):
    hours = np.arange(dt.datetime(2024, 1, 1).timestamp() // 1800 * 1800, 800 * 86_400 + 1_704_067_200, 1800).astype(
        int
    )
    local = calendars.to_local(hours, zone, (2024, 2026))
    expected = [h + dt.datetime.fromtimestamp(h, ZoneInfo(zone)).utcoffset().total_seconds() for h in hours.tolist()]
    assert (local == np.array(expected)).all()
    # From the wall clock back: the same instant, or the first of the two that show that time.
    back = calendars.to_utc(local, zone, (2024, 2026))
    assert (calendars.to_local(back, zone, (2024, 2026)) == local).all()
    assert set(np.unique(hours - back)) <= {0, 3600}


def test_a_time_that_the_clocks_skip_moves_on():
    skipped = int(dt.datetime(2025, 3, 30, 2, 30, tzinfo=dt.UTC).timestamp())
    instant = calendars.to_utc(np.array([skipped]), "Europe/Berlin", (2025, 2025))
    assert dt.datetime.fromtimestamp(int(instant[0]), ZoneInfo("Europe/Berlin")).strftime("%H:%M") == "03:30"


def test_the_calendar_knows_christmas_and_summer():
    table = calendars.calendar_table(dt.date(2025, 1, 1), dt.date(2025, 12, 31)).to_pandas()
    regions = {place.region for place in calendars.PLACES} | set(calendars.COUNTRIES)
    assert set(table["region"]) == regions
    assert len(table) == 365 * len(regions)
    germany = table[table["region"] == "DE"].set_index("date")
    assert germany.loc[dt.date(2025, 12, 25), "holiday"] is not None
    assert germany.loc[dt.date(2025, 8, 1), "is_school_holiday"]
    assert not germany.loc[dt.date(2025, 5, 20), "is_school_holiday"]
    assert table.loc[table["date"] == dt.date(2025, 7, 4)].set_index("region").loc["US", "holiday"] is not None


def test_regions_of_a_country_have_holidays_of_their_own():
    table = calendars.calendar_table(dt.date(2025, 7, 1), dt.date(2025, 11, 1)).to_pandas()
    table = table.set_index(["region", "date"])
    early, late = dt.date(2025, 7, 20), dt.date(2025, 9, 10)
    closed = {region: (table.loc[(region, early)], table.loc[(region, late)]) for region in ("DE", "DE-NW", "DE-BY")}
    assert [day["is_school_holiday"] for day in closed["DE-NW"]] == [True, False]
    assert [day["is_school_holiday"] for day in closed["DE-BY"]] == [False, True]
    # The country's share is that of its viewers: 6 of 13 live where schools close first.
    assert closed["DE"][0]["school_share"] == pytest.approx(6 / 13, abs=1e-6)
    assert not closed["DE"][0]["is_school_holiday"]
    all_saints = table.xs(dt.date(2025, 11, 1), level="date")["holiday"].notna()
    assert all_saints["DE-NW"]
    assert not all_saints["DE-BE"]


def test_every_weekday_has_24_hours():
    assert HOURS.shape == (7, 24)
    assert (HOURS > 0).all()


def test_other_viewers_may_come_to_the_same_service(tiny):
    ours, theirs = make_world(tiny, 4), make_world(tiny, 5, service=4)
    assert ours.catalogue.names == theirs.catalogue.names
    assert (ours.catalogue.appeal == theirs.catalogue.appeal).all()
    assert (ours.viewers.taste != theirs.viewers.taste).any()
    assert (make_world(tiny, 4, service=4).viewers.taste == ours.viewers.taste).all()
