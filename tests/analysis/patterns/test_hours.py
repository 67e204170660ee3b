"""Genres by hour, one genre's week and the titles of an hour: exact counts, planted hours found, noise not claimed."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns import EmptySelection, hour_titles, hours, planted_hours
from analysis.workspace import SAMPLE
from tests.analysis.patterns.conftest import make_titles, make_viewers, make_views


def planted() -> Dataset:
    """On Fridays from 20:00 a third of the plays turn into plays of one horror film."""
    views = make_views(30_000, seed=8)
    friday = (views["started_at"].dt.day_of_week == 4) & (views["started_at"].dt.hour == 20)
    views.loc[friday & (np.random.default_rng(9).random(len(views)) < 0.33), "title_id"] = 10
    return Dataset.from_frames(views=views, titles=make_titles(), viewers=make_viewers())


def test_a_planted_hour_is_found_from_both_ends() -> None:
    dataset = planted()
    week = hours(dataset, genre="Horror")
    cell, genre = week.strongest
    assert (week.columns[cell], week.genres[genre]) == ("20:00 on Friday", "Horror")
    assert week.low[cell, 0] < week.lift[cell, 0] < week.high[cell, 0]
    assert "At 20:00 on Friday Horror holds" in week.summary()
    titles = hour_titles(dataset, 4, 20)
    assert titles.titles.loc[0, "title"] == "Title 10"
    assert titles.titles.loc[0, "lift"] == titles.titles["lift"].max() > 5
    frame = dataset.frame("views")
    here = frame[(frame["started_local"].dt.day_of_week == 4) & (frame["started_local"].dt.hour == 20)]
    assert titles.events == len(here) == titles.titles["plays"].sum()
    assert titles.titles.loc[0, "plays"] == (here["title_id"] == 10).sum()
    assert "Title 10 leads" in titles.summary()


def test_shares_of_an_hour_are_those_of_pandas(service: Dataset) -> None:
    found = hours(service)
    views = service.frame("views").merge(service.frame("titles")[["title_id", "genres"]])
    listed = views["genres"].map(lambda g: list(g) or ["no genre"])
    weight = listed.map(lambda g: ("Comedy" in g) / len(g))
    at = views["started_local"].dt.hour
    g = found.genres.index("Comedy")
    assert found.share[:, g] == pytest.approx(weight.groupby(at).mean().to_numpy())
    assert found.total == pytest.approx(len(views))
    assert len(found.to_frame()) == 24 * len(found.genres)


def test_noise_is_not_claimed() -> None:
    claimed = 0
    for seed in range(8):
        views = make_views(8_000, seed=seed)
        found = hours(Dataset.from_frames(views=views, titles=make_titles(), viewers=make_viewers()))
        claimed += bool(found.claimed.any())
    assert claimed <= 1
    assert found.strongest is None or claimed


def test_what_is_not_there_says_so(service: Dataset) -> None:
    with pytest.raises(ParameterError, match="There is no genre 'Western'"):
        hours(service, genre="Western")
    with pytest.raises(ParameterError, match="no hour 24"):
        hour_titles(service, 0, 24)
    one = Dataset.from_frames(
        views=make_views(1).assign(started_at=pd.Timestamp("2024-01-01 10:00")), titles=make_titles()
    )
    with pytest.raises(EmptySelection, match="Nothing was watched on Tuesday at 10:00"):
        hour_titles(one, 1, 10)
    assert not hours(one).claimed.any()
    days = make_views(50)
    days["started_at"] = days["started_at"].dt.floor("D")
    with pytest.raises(DataError, match="dates without times of day"):
        hours(Dataset.from_frames(views=days, titles=make_titles()))
    assert planted_hours(service) == ()


def test_the_samples_hours_are_found() -> None:
    dataset = Dataset.open(SAMPLE)
    found = hours(dataset)
    for genre, hour in (("Thriller", 22), ("Comedy", 7), ("Horror", 23)):
        cell = hour, found.genres.index(genre)
        assert found.low[cell] > 1, genre
        # Comedy in the morning is planted weaker: whether it outlasts the correction over all cells is luck.
        assert found.claimed[cell] or genre == "Comedy", genre
    family = found.genres.index("Family")
    assert found.low[[7, 8, 17], family].max() > 1
    friday = hours(dataset, genre="Romance")
    assert friday.columns[friday.strongest[0]].endswith("on Friday")
    assert "Thriller around 22:00 × 1.80" in planted_hours(dataset)[0]
