"""What happened, as events that expectations are counted in: from the log of a running service, or from a dataset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.data import Dataset, schema
from analysis.simulate import calendars, clock, languages, tables
from analysis.simulate.experiments import PLANS
from analysis.simulate.keyed import Floats
from analysis.simulate.log import Columns, Log
from analysis.simulate.service import RENEWAL_DAYS
from analysis.simulate.sessions import CONTINUE_POLICY
from analysis.simulate.watching import FINISHED
from analysis.simulate.world import World

HOME, HOME_GENRE = "US", "Comedy"
"""A country whose taste is asked about, and for what."""

HOLIDAY_GENRE = "Family"
"""A genre that is asked about in school holidays."""

BY_NAME = sorted(clock.GENRES)
"""Genres in the order of their names."""

Value = npt.NDArray[Any]


def of_log(log: Log, world: World, watched: Floats, keep: int) -> dict[str, Columns]:
    """Events of a running service, as a dataset would hold them; what was watched before the impressions is added up.

    Args:
        log: What happened, which is taken from it.
        world: The world.
        watched: Plays before the impressions, viewers × genres; changed in place.
        keep: First day of impressions.
    """
    config, catalogue = world.config, world.catalogue
    events: dict[str, Columns] = {}
    if views := tables.with_instants(log.take("views"), config):
        # As in a dataset, what begins after the last midnight is left out.
        views = tables.rows_of(views, views["local"] < config.midnight(config.days))
        people = _People(np.array([c == HOME for c in calendars.COUNTRIES])[world.viewers.country],
                         np.array(languages.LANGUAGES)[world.viewers.language],
                         np.array([place.region for place in calendars.PLACES])[world.viewers.place])  # fmt: skip
        titles = _Titles(catalogue.genres, np.array(languages.LANGUAGES)[catalogue.language])
        events["plays"] = _plays(views, views["local"], titles, people)
        early = views["day"] < keep
        np.add.at(watched, (views["number"][early], _primary(catalogue.genres)[views["title"][early]]), 1)
    if ratings := tables.with_instants(log.take("ratings"), config):
        events["ratings"] = ratings
    if visits := log.take("visits"):
        logged = ~visits["randomised"]
        events["visits"] = {
            "number": visits["number"],
            "logging_clicks": visits["expected"] * logged,
            "logging_visits": logged,
            "uniform_clicks": visits["uniform"],
            "uniform_visits": np.ones(len(logged)),
            "own_clicks": visits["own_clicks"],
            "own_shown": visits["own_titles"],
            "other_clicks": visits["other_clicks"],
            "other_shown": visits["other_titles"],
        }
    if shown := log.take("impressions"):
        shows = np.array([BY_NAME.index(genre) for genre in clock.GENRES])[catalogue.shows]
        events |= _pictures(shown, shows, _favourites(watched))
    if renewals := log.take("renewals"):
        events["renewals"] = _renewals(renewals["number"], renewals["hazard"], np.ones(len(renewals["hazard"])),
                                       np.array(PLANS)[world.viewers.plan[renewals["number"]]])  # fmt: skip
    if returns := log.take("returns"):
        one = np.ones(len(returns["number"]))
        events["additions"] = {"number": returns["number"], "returned": one, "additions": one}
    return events


def of_dataset(dataset: Dataset) -> dict[str, Columns]:
    """Events of a dataset's tables."""
    catalogue = dataset.frame("titles").sort_values("title_id")
    genres, views = catalogue["genres"].tolist(), dataset.frame("views")
    local = views["started_local"].to_numpy().astype("datetime64[s]").astype(np.int64)
    log = {
        "number": views["viewer_id"].to_numpy() - 1,
        "title": views["title_id"].to_numpy() - 1,
        "minutes": views["minutes"].to_numpy(),
        "completion": views["completion"].to_numpy(),
        "device": views["device"].map({name: i for i, name in enumerate(schema.DEVICES)}).to_numpy(),
        "surface": views["surface"].map({name: i for i, name in enumerate(schema.SURFACES)}).to_numpy(),
    }
    viewers, ratings = dataset.frame("viewers").sort_values("viewer_id"), dataset.frame("ratings")
    titles = _Titles(genres, catalogue["language"].to_numpy())
    people = _People(
        (viewers["country"] == HOME).to_numpy(), viewers["language"].to_numpy(), viewers["region"].to_numpy(str)
    )
    shown = dataset.frame("impressions")
    on_page = shown[shown["policy"] != tables.POLICIES[CONTINUE_POLICY]]
    on_page = on_page.assign(
        own=people.language[on_page["viewer_id"] - 1] == titles.language[on_page["title_id"] - 1],
        uniform=on_page["policy"] == "uniform",
    )
    visits = on_page.groupby("session_id").agg({"viewer_id": "first", "uniform": "first", "clicked": "sum"})
    clicks, uniform = visits["clicked"].to_numpy(), visits["uniform"].to_numpy()
    watched = np.zeros((len(viewers), len(BY_NAME)))
    early = (views["started_at"] < shown["shown_at"].min()).to_numpy()
    np.add.at(watched, (log["number"][early], _primary(genres)[log["title"][early]]), 1)
    pictures = dataset.frame("artworks").sort_values(["title_id", "artwork_id"])
    shows = np.array([BY_NAME.index(genre) for genre in pictures["shows"]]).reshape(len(titles.genres), -1)
    each = {
        "session": shown["session_id"].to_numpy(),
        "number": shown["viewer_id"].to_numpy() - 1,
        "title": shown["title_id"].to_numpy() - 1,
        "artwork": shown["artwork_id"].to_numpy(),
        "policy": shown["policy"].map({name: i for i, name in enumerate(tables.POLICIES)}).to_numpy(),
        "clicked": shown["clicked"].to_numpy(),
    }
    random = on_page[on_page["uniform"]]
    by_visit = {
        name: (random[column] & (random["own"] == own)).groupby(random["session_id"]).sum()
        for name, column, own in (
            ("own_clicks", "clicked", True), ("own_shown", "uniform", True),
            ("other_clicks", "clicked", False), ("other_shown", "uniform", False),
        )
    }  # fmt: skip
    return {
        **_pictures(each, shows, _favourites(watched)),
        **_memberships(dataset, local, viewers["plan"].to_numpy()),
        "plays": _plays(log, local, titles, people),
        "viewers": {"number": viewers["viewer_id"].to_numpy() - 1, "gone": viewers["left_on"].notna().to_numpy()},
        "ratings": {"number": ratings["viewer_id"].to_numpy() - 1, "stars": ratings["stars"].to_numpy()},
        "visits": {
            "number": visits["viewer_id"].to_numpy() - 1,
            "logging_clicks": clicks * ~uniform,
            "logging_visits": ~uniform,
            "uniform_clicks": clicks * uniform,
            "uniform_visits": uniform,
            **{name: found.reindex(visits.index).fillna(0).to_numpy(float) for name, found in by_visit.items()},
        },
    }


@dataclass(frozen=True)
class _People:
    """Of each viewer by number: whether they live in `HOME`, their language, and their region."""

    at_home: Value
    language: Value
    region: Value


@dataclass(frozen=True)
class _Titles:
    """Of each title: its genres and its language."""

    genres: Sequence[Sequence[str]]
    language: Value


def _primary(genres: Sequence[Sequence[str]]) -> Value:
    """Each title's most fitting genre, a row of `BY_NAME`."""
    return np.array([BY_NAME.index(listed[0]) for listed in genres])


def _favourites(watched: Floats) -> Value:
    """Each viewer's most watched genre, a row of `BY_NAME`; of equal ones the first by name, -1 without a play."""
    return np.where(watched.any(axis=1), watched.argmax(axis=1), -1)


def _pictures(shown: Columns, shows: Value, favourite: Value) -> dict[str, Columns]:
    """Impressions of titles with one artwork of the viewer's favourite genre, and of the row of what is under way."""
    continuing = shown["policy"] == CONTINUE_POLICY
    page = {name: shown[name][~continuing] for name in ("number", "title", "artwork", "clicked")}
    wanted = shows[page["title"]] == favourite[page["number"]][:, None]
    counted = wanted.any(axis=1)
    fits = wanted[np.arange(len(counted)), page["artwork"] - 1]
    clicked = page["clicked"].astype(float)
    return {
        "artworks": {
            "number": page["number"],
            "fitting_clicks": clicked * (counted & fits),
            "fitting_shown": counted & fits,
            "other_clicks": clicked * (counted & ~fits),
            "other_shown": counted & ~fits,
        },
        "continuing": {
            "number": shown["number"][continuing],
            "clicks": shown["clicked"][continuing],
            "shown": np.ones(int(continuing.sum())),
        },
    }


def _renewals(number: Value, left: Value, came: Value, plan: Value) -> Columns:
    """Renewals that came and leavings (or their chances), in all and by whether the plan has ads."""
    ads = plan == PLANS[0]
    return {
        "number": number,
        "left": left,
        "renewals": came,
        "left_ads": left * ads,
        "renewals_ads": came * ads,
        "left_others": left * ~ads,
        "renewals_others": came * ~ads,
    }


def _memberships(dataset: Dataset, local: Value, plan: Value) -> dict[str, Columns]:
    """Renewals and additions of a dataset, day by day from its memberships."""
    first, last = int(local.min() // 86_400), int(local.max() // 86_400)
    stays = dataset.frame("memberships").sort_values(["viewer_id", "joined_on"])
    number = stays["viewer_id"].to_numpy() - 1
    joined = stays["joined_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
    left = stays["left_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
    gone = stays["left_on"].notna().to_numpy()
    left = np.where(gone, left, last)
    came = [
        sum(1 for day in range(start + RENEWAL_DAYS, end + 1, RENEWAL_DAYS) if day >= first)
        for start, end in zip(joined.tolist(), left.tolist(), strict=True)
    ]
    inside = (joined >= first) & (joined <= last)
    again = np.concatenate([[False], number[1:] == number[:-1]])
    return {
        "renewals": _renewals(number, gone.astype(float), np.array(came, dtype=float), plan[number]),
        "additions": {"number": number, "returned": (inside & again).astype(float), "additions": inside.astype(float)},
    }


def _plays(log: Columns, local: Value, titles: _Titles, people: _People) -> Columns:
    """Plays with their wall clock, and the genres, countries and languages that are asked about."""
    genres = titles.genres
    month = local.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    plays = {
        "number": log["number"],
        "minutes": log["minutes"],
        "plays": np.ones(len(local)),
        "finished": log["completion"] >= FINISHED,
        "device": log["device"],
        "surface": log["surface"],
        "weekday": (local // 86_400 + 3) % 7 + 1,
        "hour": local // 3600 % 24,
        "month": month,
        "own_language": titles.language[log["title"]] == people.language[log["number"]],
        "at_home": people.at_home[log["number"]],
        "schools_closed": _schools_closed(people.region[log["number"]], local // 86_400),
    }
    for genre in ("Horror", "Romance", "Thriller", HOLIDAY_GENRE, HOME_GENRE):
        plays[genre] = np.array([genre in listed for listed in genres])[log["title"]]
    part = np.array([1 / len(listed) if "Horror" in listed else 0.0 for listed in genres])
    return {**plays, "horror_part": part[log["title"]]}


def _schools_closed(region: Value, day: Value) -> Value:
    """Whether the schools of each region are closed on each day, counted from 1970."""
    regions, of_region = np.unique(region, return_inverse=True)
    days, of_day = np.unique(day, return_inverse=True)
    dates = [dt.date(1970, 1, 1) + dt.timedelta(days=number) for number in days.tolist()]
    closed = [[calendars.school_holiday(name, date) for date in dates] for name in regions.tolist()]
    return np.array(closed, dtype=bool).reshape(len(regions), len(days))[of_region, of_day]
