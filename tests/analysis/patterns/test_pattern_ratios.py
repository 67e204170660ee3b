"""Single numbers of how people watch, against the same counted in pandas."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns.ratios import Cut, mean_minutes, mean_stars, share, share_ratio, viewers_gone
from tests.analysis.patterns.conftest import make_titles, make_views


@pytest.fixture(scope="module")
def views() -> pd.DataFrame:
    frame = make_views()
    titles = make_titles().to_pandas().set_index("title_id")
    at = frame["started_at"].dt
    return frame.assign(
        weekday=at.day_of_week + 1,
        hour=at.hour,
        month=at.month,
        horror=frame["title_id"].map(titles["genres"].map(lambda listed: "Horror" in listed)),
    )


@pytest.mark.parametrize(
    ("cut", "inside"),
    [
        ({"weekdays": [7]}, lambda v: v["weekday"] == 7),
        ({"hours": [21, 22], "months": [10]}, lambda v: v["hour"].isin([21, 22]) & (v["month"] == 10)),
        ({"device": "phone"}, lambda v: v["device"] == "phone"),
        ({"finished": True}, lambda v: v["completion"] >= 0.9),
        ({"finished": False}, lambda v: v["completion"] < 0.9),
        ({"genre": "Horror"}, lambda v: v["horror"]),
        ({}, lambda v: v["minutes"] >= 0),
    ],
)
def test_a_share_is_that_of_pandas(service, views, cut, inside):
    here = inside(views)
    by_minutes, by_plays = share(service, cut), share(service, Cut(**cut), measure="events")
    assert by_minutes.interval.value == pytest.approx(views.loc[here, "minutes"].sum() / views["minutes"].sum())
    assert by_plays.interval.value == pytest.approx(here.mean())
    assert by_plays.rows == len(views)
    if 0 < here.mean() < 1:
        assert by_plays.interval.low < here.mean() < by_plays.interval.high
        assert f"from {len(views):,} events" in by_plays.summary()
        assert by_plays.to_frame()["value"].item() == by_plays.interval.value
    else:
        assert "too little data for an interval" in by_plays.summary()


def test_one_share_against_another_is_that_of_pandas(service, views):
    found = share_ratio(service, {"genre": "Horror"}, {"months": [10]}, {"months": [9, 11]})
    shares = []
    for months in ([10], [9, 11]):
        inside = views[views["month"].isin(months)]
        shares.append(inside.loc[inside["horror"], "minutes"].sum() / inside["minutes"].sum())
    assert found.interval.value == pytest.approx(shares[0] / shares[1])
    assert found.interval.low < found.interval.value < found.interval.high


def test_means(service, views):
    assert mean_minutes(service).interval.value == pytest.approx(views["minutes"].mean())
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(300), unit="h")
    stars = np.random.default_rng(2).integers(1, 6, 300).astype(float)
    ratings = pd.DataFrame({"viewer_id": np.arange(300), "title_id": 1, "rated_at": at, "stars": stars})
    left = [pd.Timestamp("2026-02-01").date() if i % 4 == 0 else None for i in range(300)]
    viewers = pd.DataFrame({"viewer_id": np.arange(300), "left_on": left})
    dataset = Dataset.from_frames(ratings=ratings, viewers=viewers)
    found = mean_stars(dataset).interval
    assert found.value == pytest.approx(stars.mean())
    # Viewers are one rating each, so the clustered error is the plain one, but for the scale.
    assert (found.high - found.low) / 2 == pytest.approx(2 * stars.std(ddof=1) / np.sqrt(300), rel=0.25)
    assert viewers_gone(dataset).interval.value == 0.25


def test_what_cannot_be_asked_is_refused_in_words(service):
    with pytest.raises(ParameterError, match="can't be cut by 'colour'"):
        share(service, {"colour": "red"})
    with pytest.raises(ParameterError, match="Both cuts are by months"):
        share_ratio(service, {"months": [1]}, {"months": [10]}, {"months": [9]})
    with pytest.raises(DataError, match="no table ratings"):
        mean_stars(service)
    with pytest.raises(DataError, match="have no column left_on"):
        viewers_gone(service)
    with pytest.raises(DataError, match="have no column surface"):
        share(service, {"surface": "search"})
    bare = Dataset.from_frames(views=make_views(50)[["viewer_id", "title_id", "started_at"]])
    with pytest.raises(DataError, match="have no column minutes"):
        mean_minutes(bare)
    with pytest.raises(DataError, match="no table titles"):
        share(bare, {"genre": "Horror"}, measure="events")
