"""Single numbers of viewers, on small tables whose answers can be worked out by hand."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from analysis import measures
from analysis.data import Dataset
from analysis.errors import DataError

FIRST, LAST = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-06-30")


def day(number: int) -> dt.date:
    """A day counted from the first of the data."""
    return (FIRST + pd.Timedelta(days=number)).date()


def tables(**changed):
    """Two viewers and three titles; one film in each language, the third of another genre."""
    at = pd.to_datetime(["2025-01-01 20:00", "2025-02-01 20:00", "2025-06-30 20:00", "2025-06-30 21:00"])
    given = {
        "titles": pd.DataFrame({
            "title_id": [1, 2, 3], "name": ["A", "B", "C"], "language": ["en", "de", "en"],
            "genres": [["Comedy"], ["Comedy", "Crime"], ["Crime"]],
        }),
        "viewers": pd.DataFrame({
            "viewer_id": [1, 2], "language": ["en", "de"], "country": ["US", "DE"], "plan": ["with ads", "premium"],
        }),
        "views": pd.DataFrame({
            "view_id": [1, 2, 3, 4], "viewer_id": [1, 1, 2, 2], "title_id": [1, 1, 2, 3], "started_at": at,
            "started_local": at, "minutes": [30.0, 30.0, 20.0, 60.0],
        }),
        "memberships": pd.DataFrame({
            "viewer_id": [1, 1, 2], "joined_on": [day(0), day(100), day(-45)], "left_on": [day(90), None, None],
        }),
    }  # fmt: skip
    return Dataset.from_frames(**{**given, **changed})


def test_renewals_are_counted_within_the_period_and_to_the_day_of_leaving():
    # Viewer 1: days 30, 60 and 90 (left), then 130 and 160; viewer 2: from day -45, on 15, 45, …, 165.
    found = measures.monthly_churn(tables())
    assert found.rows == 3 + 2 + 6
    assert found.interval.value == pytest.approx(1 / 11)
    with_ads = measures.monthly_churn(tables(), plan="with ads")
    assert (with_ads.rows, with_ads.interval.value) == (5, pytest.approx(1 / 5))
    weekly = measures.monthly_churn(tables(), renewal_days=7)
    assert weekly.rows == 90 // 7 + 80 // 7 + ((180 + 45) // 7 - 44 // 7)


def test_a_leaving_before_the_data_is_none_of_theirs():
    stays = pd.DataFrame(
        {"viewer_id": [1, 1, 2], "joined_on": [day(-90), day(10), day(-10)], "left_on": [day(-30), None, day(20)]}
    )
    found = measures.monthly_churn(tables(memberships=stays))
    assert found.interval.value == pytest.approx(1 / (5 + 1))
    additions = measures.returns_among_additions(tables(memberships=stays))
    assert (additions.rows, additions.interval.value) == (1, 1.0)


def test_who_comes_back_is_told_from_who_joins():
    found = measures.returns_among_additions(tables())
    # Both of viewer 1 lie in the period, the second is a return; viewer 2 joined before it.
    assert (found.rows, found.interval.value) == (2, pytest.approx(1 / 2))


def test_churn_is_compared_between_plans():
    rng = np.random.default_rng(3)
    count = 4_000
    plan = np.where(np.arange(count) % 2, "with ads", "premium")
    chance = np.where(plan == "with ads", 0.10, 0.05)
    left = [day(30 * k) if k <= 5 else None for k in rng.geometric(chance)]
    stays = pd.DataFrame({"viewer_id": np.arange(count), "joined_on": day(0), "left_on": left})
    viewers = pd.DataFrame({"viewer_id": np.arange(count), "plan": plan})
    found = measures.churn_ratio(tables(memberships=stays, viewers=viewers), "with ads")
    assert found.interval.low < 2.0 < found.interval.high
    assert found.interval.high / found.interval.low < 1.4
    assert "95 % interval" in found.summary()


def test_own_language_counts_plays_whose_languages_are_known():
    found = measures.own_language_share(tables())
    assert (found.rows, found.interval.value) == (4, pytest.approx(3 / 4))
    unknown = pd.DataFrame({"viewer_id": [1, 2], "language": ["en", None]})
    assert measures.own_language_share(tables(viewers=unknown)).rows == 2


def test_a_genres_share_in_a_country_is_held_against_the_others():
    found = measures.genre_by_country(tables(), "Comedy", "US")
    # All minutes in the US; 20 of 80 in Germany.
    assert found.interval.value == pytest.approx(1 / (20 / 80))
    with pytest.raises(DataError, match="nothing to compare"):
        measures.genre_by_country(tables(), "Comedy", "FR")


def test_a_genres_share_in_school_holidays_is_that_of_the_viewers_own_schools():
    # Schools of the US close in January, those of Germany on the last day; plays of 1 February are on no known day.
    days = pd.DataFrame(
        [(dt.date(2025, 1, 1), "US", True), (dt.date(2025, 1, 1), "DE", False), (dt.date(2025, 6, 30), "US", False),
         (dt.date(2025, 6, 30), "DE", True)],
        columns=["date", "region", "is_school_holiday"],
    )  # fmt: skip
    more = pd.DataFrame(
        {
            "view_id": [5, 6], "viewer_id": [1, 1], "title_id": [1, 3], "minutes": [10.0, 30.0],
            "started_at": pd.Timestamp("2025-06-30 18:00"), "started_local": pd.Timestamp("2025-06-30 18:00"),
        }
    )  # fmt: skip
    views = pd.concat([tables().frame("views"), more])
    found = measures.genre_in_school_holidays(tables(views=views, calendar=days.assign(holiday=None)), "Comedy")
    # Closed: 30 and 20 of 30 and 80 minutes; open: 10 of 40.
    assert found.interval.value == pytest.approx((50 / 110) / (10 / 40))
    with pytest.raises(DataError, match="no table calendar"):
        measures.genre_in_school_holidays(tables(), "Comedy")
    # A region of one's own goes before the country.
    viewers = tables().frame("viewers").assign(region=["US-CA", "DE-BE"])
    theirs = days.assign(region=days["region"].map({"US": "US-CA", "DE": "DE-BE"}), holiday=None)
    again = measures.genre_in_school_holidays(tables(views=views, viewers=viewers, calendar=theirs), "Comedy")
    assert again.interval.value == found.interval.value
    with pytest.raises(DataError, match="nothing to compare"):
        measures.genre_in_school_holidays(
            tables(views=views, viewers=viewers, calendar=days.assign(holiday=None)), "Comedy"
        )


def shown():
    """Impressions on two days: the viewers' favourites before are comedy (1) and crime (2)."""
    frame = pd.DataFrame(
        [
            # viewer, title, artwork, policy, clicked
            (1, 1, 1, "uniform", True),
            (1, 1, 2, "uniform", False),
            (1, 1, 2, "personal-v1", True),
            (1, 2, 1, "uniform", False),
            (1, 1, 1, "continue-watching", True),
            (2, 2, 1, "uniform", True),
            (2, 1, 1, "uniform", True),
            (2, 1, 2, "uniform", False),
        ],
        columns=["viewer_id", "title_id", "artwork_id", "policy", "clicked"],
    )
    frame["session_id"] = np.arange(len(frame))
    frame["shown_at"] = pd.Timestamp("2025-06-30 22:00")
    frame["propensity"] = 0.5
    pictures = pd.DataFrame(
        {"title_id": [1, 1, 2, 2, 3], "artwork_id": [1, 2, 1, 2, 1],
         "shows": ["Comedy", "Crime", "Crime", "Crime", "Crime"]}
    )  # fmt: skip
    return {"impressions": frame, "artworks": pictures}


def test_artworks_of_the_favourite_genre_are_held_against_the_titles_others():
    views = tables().frame("views")
    views = pd.concat([views, views[views["title_id"] == 3].assign(view_id=5)])
    found = measures.artwork_clicks(tables(**shown(), views=views))
    # Title 1 alone has one artwork of each. Viewer 1 clicks 1 of 1 that fit and 1 of 2 others; viewer 2 none of 1, and
    # 1 of 1.
    assert found.rows == 5
    assert found.interval.value == pytest.approx((1 / 2) / (2 / 3))


def test_clicks_on_the_own_language_are_those_of_randomised_pages():
    found = measures.own_language_clicks(tables(**shown()))
    # Viewer 1: one of two English impressions, none of one German; viewer 2: one of one German, one of two English.
    assert found.rows == 6
    assert found.interval.value == pytest.approx((2 / 3) / (1 / 3))
    with pytest.raises(DataError, match="nothing to compare"):
        measures.own_language_clicks(tables(**shown()), policy="other")


def test_what_is_missing_is_named():
    bare = Dataset.from_frames(views=tables().frame("views"), titles=tables().frame("titles"))
    for function, word in (
        (measures.monthly_churn, "memberships"),
        (measures.own_language_share, "viewers"),
        (measures.artwork_clicks, "impressions"),
    ):
        with pytest.raises(DataError, match=word):
            function(bare)
    without = tables().frame("viewers").drop(columns="plan")
    with pytest.raises(DataError, match="pay for"):
        measures.churn_ratio(tables(viewers=without), "premium")


def test_profiles_of_one_household_count_as_one():
    """Twins who do the same tell nothing new: the interval is that of half as many viewers."""
    rng = np.random.default_rng(5)
    alone = 600
    language = rng.choice(["en", "de"], alone)
    title = rng.choice([1, 2], (alone, 5), p=[0.7, 0.3])

    def interval(copies, **homes):
        number = np.arange(alone * copies)
        who = number % alone
        viewers = pd.DataFrame({"viewer_id": number, "language": language[who]})
        viewers = viewers.assign(**dict.fromkeys(homes, who))
        plays = pd.DataFrame({"viewer_id": np.repeat(number, 5), "title_id": title[who].ravel()})
        plays["started_at"] = plays["started_local"] = FIRST
        plays["view_id"] = np.arange(len(plays))
        found = measures.own_language_share(tables(viewers=viewers, views=plays)).interval
        return found.high - found.low

    once = interval(1)
    assert interval(2, household_id=True) == pytest.approx(once, rel=0.1)
    assert interval(2) < 0.85 * once
