"""Month × genre: planted seasons are found and sized, noise is not claimed."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import Filters, months
from analysis.patterns.seasons import lift_table
from tests.analysis.patterns.conftest import GENRES, make_titles, make_viewers, make_views


def world(rng: np.random.Generator, season: np.ndarray, viewers: int = 800, plays: float = 40) -> np.ndarray:
    """Plays by (bucket, month, genre): viewers with tastes of their own who binge one genre in one month."""
    count, genres = season.shape
    taste = rng.dirichlet(np.ones(genres), viewers)[:, None, :]
    activity = rng.gamma(1.0, size=(viewers, 1, 1)) * plays / count
    binge = rng.gamma(1.0, size=(viewers, count, genres))
    drawn = rng.poisson(activity * taste * binge * season)
    buckets = np.zeros((64, count, genres))
    np.add.at(buckets, rng.integers(0, 64, viewers), drawn)
    return buckets


def test_worlds_without_seasons_are_rarely_claimed() -> None:
    rng = np.random.default_rng(20)
    flat = np.ones((12, 8)) * rng.uniform(0.8, 1.25, (12, 1))
    worlds = [world(rng, flat) for _ in range(200)]
    false = sum((lift_table(w, w, w.sum(axis=0), list(range(8)))[4] <= 0.05).any() for w in worlds)
    # Where nothing is true, every claim is false: the rate of worlds with a claim is the false discovery rate.
    assert false <= 0.05 * 200 + 2 * np.sqrt(200 * 0.05 * 0.95)


def test_intervals_cover_the_true_lift() -> None:
    rng = np.random.default_rng(21)
    season = np.ones((12, 8))
    season[9, 2] = 1.6
    season[6, 5] = 0.6
    share = season / season.sum(axis=1, keepdims=True)
    overall = season.sum(axis=0) / season.sum()
    truth = share / overall
    hits = np.zeros((12, 8))
    for _ in range(100):
        w = world(rng, season)
        _, low, high, _, _, _ = lift_table(w, w, w.sum(axis=0), list(range(8)))
        hits += (low <= truth) & (truth <= high)
    assert hits.mean() > 93
    assert hits[9, 2] >= 88
    assert hits[6, 5] >= 88


def released(rng: np.random.Generator, horror_in_october: float) -> tuple[np.ndarray, np.ndarray]:
    """Plays by (viewer bucket, month, genre) and (title bucket, …): each title has one month in which it is new."""
    viewers, titles, genres = 150, 320, 8
    genre = np.arange(titles) % genres
    season = np.ones((12, genres))
    season[9, 2] = horror_in_october
    new = rng.integers(0, 12, titles)[:, None] == np.arange(12)
    appeal = rng.gamma(2.0, size=titles)
    rate = appeal[:, None] * (1 + 2 * new) * season[:, genre].T * rng.gamma(1.0, size=(viewers, 1, 1)) * 0.05
    plays = rng.poisson(rate)
    both = np.zeros((2, 64, 12, genres))
    for table, bucket, axis in ((both[0], rng.integers(0, 64, viewers), 1), (both[1], rng.integers(0, 64, titles), 0)):
        summed = plays.sum(axis=axis)
        if axis == 1:  # plays of a viewer, by month and genre
            summed = np.stack([plays[:, genre == g].sum(axis=1) for g in range(genres)], axis=2)
            np.add.at(table, bucket, summed)
        else:
            for month in range(12):
                np.add.at(table, (bucket, month, genre), summed[:, month])
    return both[0], both[1]


def test_releases_are_not_taken_for_seasons_across_titles_and_seasons_are() -> None:
    rng = np.random.default_rng(22)
    by_viewer_only = false = found = 0
    for _ in range(40):
        viewers, titles = released(rng, 1.0)
        _, _, _, _, q, q_titles = lift_table(viewers, titles, viewers.sum(axis=0), list(range(8)))
        by_viewer_only += (q <= 0.05).any()
        false += (q_titles <= 0.05).any()
        viewers, titles = released(rng, 2.0)
        found += lift_table(viewers, titles, viewers.sum(axis=0), list(range(8)))[5][9, 2] <= 0.05
    # What viewers watched did differ, because of what came out; across titles it mostly doesn't.
    assert by_viewer_only >= 36
    assert false <= 5
    assert found >= 32


def planted() -> Dataset:
    """Half of the other plays of October turn into plays of one horror film."""
    views = make_views(30_000, seed=5)
    october = (views["started_at"].dt.month == 10) & (np.random.default_rng(6).random(len(views)) < 0.25)
    views.loc[october, "title_id"] = 10  # 10 % 4 is horror, and (10 // 4) % 4 is horror too: horror alone.
    return Dataset.from_frames(views=views, titles=make_titles(), viewers=make_viewers())


def test_horror_in_october_is_found_and_sized() -> None:
    dataset = planted()
    found = months(dataset)
    row, column = found.strongest
    assert (found.months[row], found.genres[column]) == (10, "Horror")
    frame = dataset.frame("views").merge(dataset.frame("titles")[["title_id", "genres"]])
    frame["genres"] = frame["genres"].map(lambda g: list(g) or ["no genre"])
    weight = frame["genres"].map(lambda g: ("Horror" in g) / len(g))
    in_october = frame["started_local"].dt.month == 10
    assert found.share[row, column] == pytest.approx(weight[in_october].mean())
    assert found.lift[row, column] == pytest.approx(weight[in_october].mean() / weight.mean(), rel=0.01)
    assert found.low[row, column] < found.lift[row, column] < found.high[row, column]
    assert 1 < found.shrunk[row, column] <= found.lift[row, column]
    assert "In October Horror holds" in found.summary()
    assert "Horror in October" in found.headline()
    assert found.claimed[row].sum() >= 1
    assert found.to_frame()["claimed"].sum() == found.claimed.sum()


def test_shares_of_a_month_add_up_with_titles_without_genre(service: Dataset) -> None:
    found = months(service)
    views = service.frame("views").merge(service.frame("titles")[["title_id", "genres"]])
    without = (views["genres"].map(len) == 0).groupby(views["started_local"].dt.month).mean()
    assert found.share.sum(axis=1) + without.to_numpy() == pytest.approx(np.ones(12))
    assert set(found.genres) == set(GENRES)
    assert found.years == (2023, 2024)


def test_flat_data_is_not_claimed(service: Dataset) -> None:
    found = months(service)
    assert found.strongest is None
    assert "No genre's share differs" in found.summary()
    assert np.isfinite(found.q).all()


def test_minutes_weigh_plays_by_their_length() -> None:
    views = make_views(8000, seed=7)
    titles = make_titles()
    horror = [i for i, g in enumerate(titles["genres"].to_pylist()) if g == ["Horror"]]
    views.loc[views["title_id"].isin(horror) & (views["started_at"].dt.month == 10), "minutes"] *= 8
    dataset = Dataset.from_frames(views=views, titles=titles)
    assert months(dataset).strongest is None
    found = months(dataset, measure="minutes")
    row, column = found.strongest
    assert (found.months[row], found.genres[column]) == (10, "Horror")


def test_few_plays_are_shown_but_not_claimed() -> None:
    views = make_views(60, seed=3)
    found = months(Dataset.from_frames(views=views, titles=make_titles()))
    assert not found.claimed.any()
    assert np.isnan(found.q).all()
    assert np.isfinite(found.lift).all()


def test_an_empty_cell_is_not_claimed_by_its_emptiness_alone() -> None:
    # Six plays are expected in the cell and none came: rare, but not beyond 1 in 20 after 24 looks.
    sums = np.full((64, 12, 2), 3.0)
    sums[:, :, 1] = 0
    sums[:6, 1:, 1] = 1
    _, low, high, shrunk, q, _ = lift_table(sums, sums, sums.sum(axis=0), [0, 1])
    assert q[0, 1] > 0.05
    assert low[0, 1] < 1 < high[0, 1]
    assert 0 < shrunk[0, 1] <= 1


@pytest.mark.parametrize(
    "views", [make_views(500, days=20), make_views(500, viewers=1)], ids=["one month", "one viewer"]
)
def test_what_cannot_be_compared_is_not_claimed(views: pd.DataFrame) -> None:
    found = months(Dataset.from_frames(views=views, titles=make_titles()))
    assert not found.claimed.any()
    assert "too few" in found.summary()


def test_one_genre_has_a_lift_of_one() -> None:
    titles = pd.DataFrame({"title_id": range(120), "name": "x", "genres": [["Drama"]] * 120})
    found = months(Dataset.from_frames(views=make_views(2000), titles=titles))
    assert found.lift == pytest.approx(np.ones((12, 1)))
    assert not found.claimed.any()


def test_leap_day_is_in_february() -> None:
    views = make_views(300, start="2024-02-29", days=1)
    assert months(Dataset.from_frames(views=views, titles=make_titles())).months == (2,)


def test_a_missing_month_is_left_out() -> None:
    views = make_views(4000)
    views = views[views["started_at"].dt.month != 5]
    assert months(Dataset.from_frames(views=views, titles=make_titles())).months == (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12)


def test_filters_hold_but_for_the_genre(service: Dataset) -> None:
    tv, all_genres = Filters(device="tv"), months(service)
    assert months(service, filters=tv).events.sum() < all_genres.events.sum()
    assert months(service, filters=Filters(genre="Drama")).events.tolist() == all_genres.events.tolist()


def test_no_genres_is_said() -> None:
    views = make_views(100)
    bare = pd.DataFrame({"title_id": range(120), "name": "x"})
    with pytest.raises(DataError, match="no genres"):
        months(Dataset.from_frames(views=views, titles=bare))
    with pytest.raises(DataError, match="None of the titles"):
        months(Dataset.from_frames(views=views, titles=bare.assign(genres=[[]] * 120)))
