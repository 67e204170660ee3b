"""What is true of a service whoever its viewers are: expectations over viewers and luck, and what recovers them.

An expectation is no parameter and no sum over the viewers of one dataset. It is counted in a large run of the same
service (its catalogue, its calendar, its parameters) with other viewers and other luck, by plain sums over the log that
share no code with the estimators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from analysis.data import Dataset, schema
from analysis.results import Progress
from analysis.simulate import tables
from analysis.simulate.config import SimulationConfig
from analysis.simulate.events import BY_NAME, HOLIDAY_GENRE, HOME, HOME_GENRE, Value, of_dataset, of_log
from analysis.simulate.experiments import PLANS
from analysis.simulate.keyed import Floats
from analysis.simulate.log import Columns, Log
from analysis.simulate.service import Service
from analysis.simulate.sessions import CONTINUE_POLICY
from analysis.simulate.world import make_world
from analysis.stats import clustered

OTHER_VIEWERS = 1_000_000
"""Added to a dataset's seed, it is the seed of the large run, whose viewers are others."""

CHUNK = 3_000
"""Viewers of the large run simulated side by side."""

_GROUPS = clustered.BUCKETS
"""Groups of viewers whose spread gives the large run's own error."""

_SATURDAY, _SUNDAY, _FRIDAY = 6, 7, 5
_EVENING, _LATE, _DAYTIME = (18, 23), (21, 22), (9, 17)
_AROUND_OCTOBER = (8, 9, 11, 12)
_PEAK = 20

Where = Callable[[Columns], Value]
Sums = dict[str, Floats]
"""Of each expectation, the sums of its parts by group of viewers, groups × parts."""


@dataclass(frozen=True)
class Expectation:
    """One expectation, and the function that recovers it from a dataset.

    Attributes:
        name: Name, unique in `truth.json`.
        group: Heading under which it is shown.
        definition: What it is, in words.
        formula: The same as a formula.
        unit: Unit of the value.
        function: Dotted name of the function that recovers it.
        scope: What that function is asked.
        table: Which events it counts: `plays`, `visits`, `artworks`, `continuing`, `ratings`, `viewers`, `renewals` or
            `additions`.
        parts: Two or four columns computed from those events; the value is the ratio of their sums, or the ratio of
            the first two over the ratio of the last two.
    """

    name: str
    group: str
    definition: str
    formula: str
    unit: str
    function: str
    scope: Mapping[str, Any]
    table: str
    parts: Callable[[Columns], tuple[Value, ...]] = field(repr=False)


@dataclass(frozen=True)
class Expected:
    """The value of an expectation, and the standard error that the large run leaves in it."""

    value: float
    error: float


def expect(
    config: SimulationConfig, seed: int, viewers: int, *, progress: Progress | None = None
) -> dict[str, Expected]:
    """Run the service with `viewers` other viewers and count what is expected of it.

    Args:
        config: The dataset's configuration; its number of viewers plays no part.
        seed: The dataset's seed: the service is the same, viewers and luck are not.
        viewers: Number of viewers simulated.
        progress: Called with the share of the viewers done.
    """
    world = make_world(replace(config, viewers=viewers), seed + OTHER_VIEWERS, service=seed)
    keep = max(0, config.days - config.impressions_days)
    sums: Sums = {}
    for rows in tables.batches(viewers, CHUNK):
        if progress is not None:
            progress(rows[0] / viewers, f"Simulating other viewers for the truth ({rows[0]:,} of {viewers:,})")
        service = Service(world, rows, impressions_from=keep, log_values=True)
        watched = np.zeros((viewers, len(BY_NAME)))
        for day in [*range(30, config.days, 30), config.days]:
            service.run_until(day)
            add(sums, of_log(service.log, world, watched, keep))
            service.log = Log()
        gone = np.where(service.state.subscribed, -1, service.state.left) >= 0
        joined = rows[world.viewers.joined[rows] >= 0]
        added = {"number": joined, "returned": np.zeros(len(joined)), "additions": np.ones(len(joined))}
        add(sums, {"viewers": {"number": rows, "gone": gone}, "additions": added})
    return values(sums)


def count(dataset: Dataset) -> Sums:
    """The same sums over what happened in a dataset; those of many datasets added up are a large run too."""
    sums: Sums = {}
    add(sums, of_dataset(dataset))
    return sums


def add(sums: Sums, events: Mapping[str, Columns]) -> None:
    """Add events to the sums."""
    for expectation in expectations():
        columns = events.get(expectation.table)
        if not columns or not len(columns["number"]):
            continue
        group = columns["number"] % _GROUPS
        parts = [np.bincount(group, part, _GROUPS) for part in expectation.parts(columns)]
        sums[expectation.name] = sums.get(expectation.name, 0.0) + np.stack(parts, axis=1)


def values(sums: Sums) -> dict[str, Expected]:
    """Values and errors from sums; what has no value (nothing was counted) is left out."""
    found = {}
    for name, parts in sums.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            jackknife = clustered.jackknife(parts.astype(np.float64), _ratio)
        value, error = float(jackknife.value), float(jackknife.standard_error)
        if np.isfinite(value) and np.isfinite(error):
            found[name] = Expected(round(value, 6), round(error, 6))
    return found


def _ratio(sums: Floats) -> Floats:
    ratio: Floats = sums[..., 0] / sums[..., 1]
    return ratio if sums.shape[-1] == 2 else ratio / (sums[..., 2] / sums[..., 3])


def _within(column: str, *wanted: int) -> Where:
    return lambda log: np.isin(log[column], wanted)


def _between(column: str, ends: tuple[int, int]) -> Where:
    return lambda log: (log[column] >= ends[0]) & (log[column] <= ends[1])


def _both(first: Where, second: Where) -> Where:
    return lambda log: first(log) & second(log)


def _share(measure: str, part: Where) -> Callable[[Columns], tuple[Value, ...]]:
    return lambda log: (log[measure] * part(log), log[measure])


def _of(column: str, over: str) -> Callable[[Columns], tuple[Value, ...]]:
    return lambda log: (log[column], log[over])


def _four(*columns: str) -> Callable[[Columns], tuple[Value, ...]]:
    return lambda log: tuple(log[column] for column in columns)


def _against(genre: str, here: Where, there: Where) -> Callable[[Columns], tuple[Value, ...]]:
    """Share of the minutes `here` that go to a genre, over its share `there`."""

    def parts(log: Columns) -> tuple[Value, ...]:
        inside, outside = log["minutes"] * here(log), log["minutes"] * there(log)
        return inside * log[genre], inside, outside * log[genre], outside

    return parts


def _horror_lift(log: Columns) -> tuple[Value, ...]:
    october = log["month"] == 10
    return log["horror_part"] * october, log["plays"] * october, log["horror_part"], log["plays"]


def expectations() -> Iterator[Expectation]:
    """All of them, in the order shown."""
    yield from _clock()
    yield from _genres()
    yield from _watching()
    yield from _page()
    yield from _choice()
    yield from _loyalty()


def _clock() -> Iterator[Expectation]:
    weekend, night = _within("weekday", _SATURDAY, _SUNDAY), _between("hour", (0, 5))
    for name, words, scope, parts in (
        ("weekend share of plays", "plays that begin on a Saturday or Sunday", ("weekend", "events"),
         ("plays", weekend)),
        ("night share of plays", "plays that begin from midnight to 6 am", ("night", "events"), ("plays", night)),
        ("night share of minutes", "minutes of plays that begin from midnight to 6 am", ("night", "minutes"),
         ("minutes", night)),
    ):  # fmt: skip
        asked = {"share": scope[0], "measure": scope[1]}
        yield Expectation(
            name, "clock", f"Share of {words}, on each viewer's clock.", f"Σ {parts[0]} then / Σ {parts[0]}", "share",
            "analysis.patterns.clock", asked, "plays", _share(*parts),
        )  # fmt: skip
    for name, words, cut, measure, where in (
        ("Sunday's share of minutes", "minutes of plays that begin on a Sunday", {"weekdays": [_SUNDAY]}, "minutes",
         _within("weekday", _SUNDAY)),
        ("share of plays from 20:00 to 21:00", "plays that begin in the busiest hour", {"hours": [_PEAK]}, "plays",
         _within("hour", _PEAK)),
    ):  # fmt: skip
        asked_of = {"part": cut, "measure": "events" if measure == "plays" else measure}
        yield Expectation(
            name, "clock", f"Share of {words}, on each viewer's clock.", f"Σ {measure} then / Σ {measure}", "share",
            "analysis.patterns.ratios.share", asked_of, "plays", _share(measure, where),
        )  # fmt: skip


def _genres() -> Iterator[Expectation]:
    evening, late, daytime = (_between("hour", hours) for hours in (_EVENING, _LATE, _DAYTIME))
    friday = _both(evening, _within("weekday", _FRIDAY))
    workday = _both(evening, _between("weekday", (1, 4)))
    evening_hours = list(range(_EVENING[0], _EVENING[1] + 1))
    for genre, name, words, here, there, where in (
        (
            "Romance",
            "romance, Friday evening against Monday to Thursday",
            "from 18:00 to midnight on Fridays, over the same on Mondays to Thursdays",
            {"weekdays": [_FRIDAY], "hours": evening_hours},
            {"weekdays": [1, 2, 3, 4], "hours": evening_hours},
            (friday, workday),
        ),
        (
            "Thriller",
            "thriller, 21:00 to 23:00 against daytime",
            "from 21:00 to 23:00, over the same from 9:00 to 18:00",
            {"hours": list(_LATE)},
            {"hours": list(range(_DAYTIME[0], _DAYTIME[1] + 1))},
            (late, daytime),
        ),
        (
            "Horror",
            "horror, October against the months around",
            "in October, over the same in August, September, November and December",
            {"months": [10]},
            {"months": list(_AROUND_OCTOBER)},
            (_within("month", 10), _within("month", *_AROUND_OCTOBER)),
        ),
    ):
        yield Expectation(
            name, "genres", f"Share of minutes that go to titles with the genre {genre}, {words}.",
            "(Σ minutes of it here / Σ minutes here) / (the same there)", "ratio",
            "analysis.patterns.ratios.share_ratio", {"part": {"genre": genre}, "here": here, "there": there},
            "plays", _against(genre, *where),
        )  # fmt: skip
    yield Expectation(
        "lift of horror in October", "genres",
        "Share of plays that go to horror in October, over its share in all months; a title of k genres counts 1/k.",
        "(Σ horror in October / Σ plays in October) / (Σ horror / Σ plays)", "ratio",
        "analysis.patterns.months", {"month": 10, "genre": "Horror"}, "plays", _horror_lift,
    )  # fmt: skip
    yield Expectation(
        "family, school holidays against school days", "genres",
        f"Share of minutes that go to titles with the genre {HOLIDAY_GENRE} on days when the schools of the viewer's "
        "region are closed, over the same on all other days.",
        "(Σ minutes of it / Σ minutes, schools closed) / (the same, schools open)", "ratio",
        "analysis.measures.genre_in_school_holidays", {"genre": HOLIDAY_GENRE}, "plays",
        _against(HOLIDAY_GENRE, lambda log: log["schools_closed"], lambda log: ~log["schools_closed"]),
    )  # fmt: skip


def _watching() -> Iterator[Expectation]:
    cuts: list[tuple[str, str, dict[str, Any], str, Where]] = [
        (f"share of minutes on {name}", f"minutes on {name}", {"device": name}, "minutes", _within("device", code))
        for code, name in enumerate(schema.DEVICES)
    ]
    search = schema.SURFACES.index("search")
    cuts.append(
        ("share of minutes from search", "minutes of plays that were searched for", {"surface": "search"}, "minutes",
         _within("surface", search))
    )  # fmt: skip
    cuts.append(
        ("share of plays that were finished", "plays that reach 90 % of the running time", {"finished": True}, "plays",
         lambda log: log["finished"])
    )  # fmt: skip
    for name, words, cut, measure, where in cuts:
        asked = {"part": cut, "measure": "events" if measure == "plays" else measure}
        yield Expectation(
            name, "watching", f"Share of {words}.", f"Σ {measure} of them / Σ {measure}", "share",
            "analysis.patterns.ratios.share", asked, "plays", _share(measure, where),
        )  # fmt: skip
    yield Expectation(
        "mean minutes per play", "watching", "Minutes watched in a play.", "Σ minutes / plays", "minutes",
        "analysis.patterns.ratios.mean_minutes", {}, "plays", _of("minutes", "plays"),
    )  # fmt: skip
    yield Expectation(
        "mean stars of the ratings given", "watching", "Mean stars of the ratings that viewers left.",
        "Σ stars / ratings", "stars", "analysis.patterns.ratios.mean_stars", {}, "ratings",
        lambda log: (log["stars"], np.ones(len(log["stars"]))),
    )  # fmt: skip
    yield Expectation(
        "viewers gone on the last day", "watching",
        "Share of all profiles ever seen whose subscription had ended by the last day, and who had not come back.",
        "gone / viewers", "share", "analysis.patterns.ratios.viewers_gone", {}, "viewers",
        lambda log: (log["gone"], np.ones(len(log["gone"]))),
    )  # fmt: skip


def _page() -> Iterator[Expectation]:
    for name, words, policy, column in (
        ("clicks per visit, logging policy", "that the logging policy filled", "personal-v1", "logging"),
        ("clicks per visit, uniform policy", "that was filled uniformly at random", "uniform", "uniform"),
    ):
        yield Expectation(
            name, "home page", f"Clicks on a page {words}, per visit in the weeks whose impressions are kept.",
            "Σ clicks / visits", "clicks", "analysis.patterns.page.clicks_per_visit", {"policy": policy}, "visits",
            _of(f"{column}_clicks", f"{column}_visits"),
        )  # fmt: skip
    yield Expectation(
        "clicks per showing, row of the title under way", "home page",
        "Clicks on the row that holds the title under way, per session that saw it.", "Σ clicks / Σ showings", "clicks",
        "analysis.patterns.page.clicks_per_visit", {"policy": tables.POLICIES[CONTINUE_POLICY]}, "continuing",
        _of("clicks", "shown"),
    )  # fmt: skip


def _choice() -> Iterator[Expectation]:
    yield Expectation(
        "share of plays in the viewer's own language", "viewers",
        "Share of plays that are of titles in the language of the profile.", "Σ plays of them / Σ plays", "share",
        "analysis.measures.own_language_share", {}, "plays",
        lambda log: (log["own_language"], log["plays"]),
    )  # fmt: skip
    yield Expectation(
        "clicks on titles in one's own language, against others", "viewers",
        "Click rate of titles in the language of the profile on pages filled uniformly at random, over that of titles "
        "in other languages.", "(Σ clicks / Σ shown, own) / (the same, others)", "ratio",
        "analysis.measures.own_language_clicks", {}, "visits", _four("own_clicks", "own_shown", "other_clicks",
                                                                      "other_shown"),
    )  # fmt: skip
    yield Expectation(
        "clicks on artwork of the favourite genre, against others", "viewers",
        "Click rate of artwork that stresses the genre the viewer watched most before, over that of the same titles' "
        "other artwork.", "(Σ clicks / Σ shown, fitting) / (the same, others)", "ratio",
        "analysis.measures.artwork_clicks", {}, "artworks", _four("fitting_clicks", "fitting_shown", "other_clicks",
                                                                 "other_shown"),
    )  # fmt: skip
    yield Expectation(
        "comedy, United States against elsewhere", "viewers",
        f"Share of minutes that go to titles with the genre {HOME_GENRE}, of viewers in the United States, over the "
        "same of all others.", "(Σ minutes of it / Σ minutes, here) / (the same elsewhere)", "ratio",
        "analysis.measures.genre_by_country", {"genre": HOME_GENRE, "country": HOME}, "plays",
        _against(HOME_GENRE, lambda log: log["at_home"], lambda log: ~log["at_home"]),
    )  # fmt: skip


def _loyalty() -> Iterator[Expectation]:
    yield Expectation(
        "monthly churn", "viewers", "Mean probability to leave at a monthly renewal, over the renewals that came.",
        "Σ h(viewer, renewal) / renewals", "share", "analysis.measures.monthly_churn", {}, "renewals",
        _of("left", "renewals"),
    )  # fmt: skip
    yield Expectation(
        "monthly churn, plan with ads against the others", "viewers",
        "Mean probability to leave at a monthly renewal on the plan with ads, over the same on the other plans: by "
        "plan and by who chooses it.", "mean h here / mean h there", "ratio", "analysis.measures.churn_ratio",
        {"plan": PLANS[0]}, "renewals", _four("left_ads", "renewals_ads", "left_others", "renewals_others"),
    )  # fmt: skip
    yield Expectation(
        "returns among additions", "viewers",
        "Share of all who joined or came back in the period that had been subscribed before.",
        "returned / (returned + joined)", "share", "analysis.measures.returns_among_additions", {}, "additions",
        _of("returned", "additions"),
    )  # fmt: skip
