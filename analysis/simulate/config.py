"""What can be set about the simulated service, and the limits of each setting."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, fields

from analysis.errors import ParameterError
from analysis.simulate.checks import check_whole, check_within
from analysis.simulate.clock import Rhythm
from analysis.simulate.experiments import Experiment, standard_experiments

_FIRST_DAY, _LAST_DAY = dt.date(1971, 1, 1), dt.date(2099, 12, 31)

ROWS = ("top picks", "trending", "new", "because you like", "hidden gems")
"""The rows of the logging policy's page, from the top."""

CONTINUE_ROW = len(ROWS)
"""Number of the row that holds the title under way. No policy fills it: it stands apart from the others."""


@dataclass(frozen=True)
class Behaviour:
    """How viewers behave. Log-odds unless a unit is named; the defaults are calibrated (`docs/simulator.md`).

    Attributes:
        sessions_per_day: Mean sessions a day of a viewer who is neither keen nor idle.
        activity_spread: Standard deviation of log activity between viewers.
        session_minutes: Median minutes a viewer has for a session.
        click: Log-odds that an examined title of average appeal and fit is clicked.
        appeal_spread: Standard deviation of the titles' log appeal.
        quality_spread: Standard deviation of the titles' quality, independent of appeal.
        taste: Weight of taste in a click.
        artwork_spread: Standard deviation of how inviting artwork variants are to everybody.
        artwork_taste: Weight of the taste for the genre that an artwork variant stresses.
        foreign: How much less likely a title in a foreign language is clicked.
        foreign_english: The same for titles in English, where that is not the viewer's language.
        freshness: Extra appeal on the day of release.
        freshness_days: Days until it has fallen to 1/e.
        seen_penalty: How much less likely a finished title is clicked.
        begun_penalty: How much less likely a title is clicked that was begun before.
        scroll: Chance to go on to the next row of the page.
        swipe: Chance to swipe a row beyond its fifth title, in the first row.
        swipe_fall: Factor on that chance with each further row. With 1, examination is a clean product of a row's and a
            column's chance, as position-based click models have it; eye tracking and the default say it is not.
        attention: Factor on examination for each column to the right.
        resume: Chance that a session with something unfinished resumes it.
        notification: Chance that a session begins with a notification.
        search_direct: Chance that a session goes straight to search.
        search_after: Chance to search after a page without a click.
        search_abandoned: Chance that a search ends without a choice.
        bail: Log-odds that a play ends in the first minutes, at average enjoyment.
        bail_slope: How much a unit of enjoyment lowers it.
        complete: Log-odds that a play which does not bail runs to its end, at average enjoyment.
        complete_slope: How much a unit of enjoyment raises it.
        resumed: How much more committed a play is that was resumed, searched for or chained.
        chain: Log-odds that the next episode follows.
        satisfaction_step: Weight of one session in the moving average of satisfaction.
        churn: Log-odds to leave at a monthly renewal, at average satisfaction.
        churn_slope: How much a unit of satisfaction lowers it.
        price_sensitivity: Standard deviation of what price sensitivity adds to it; the sensitive take cheaper plans.
        return_per_day: Chance a day to come back, in the first month after leaving; halves every two months.
        rating: Chance that a play is rated when it was neither loved nor hated.
        rating_extreme: How much more (log-odds a star) the extremes are rated.
        drift: Standard deviation of the change of taste over a year.
    """

    sessions_per_day: float = 0.33
    activity_spread: float = 0.75
    session_minutes: float = 60.0
    click: float = -5.6
    appeal_spread: float = 2.4
    quality_spread: float = 0.7
    taste: float = 0.8
    artwork_spread: float = 0.15
    artwork_taste: float = 0.12
    foreign: float = 0.9
    foreign_english: float = 0.35
    freshness: float = 1.5
    freshness_days: float = 16.0
    seen_penalty: float = 2.5
    begun_penalty: float = 2.0
    scroll: float = 0.72
    swipe: float = 0.40
    swipe_fall: float = 0.80
    attention: float = 0.90
    resume: float = 0.50
    notification: float = 0.03
    search_direct: float = 0.2
    search_after: float = 0.5
    search_abandoned: float = 0.25
    bail: float = 0.7
    bail_slope: float = 0.6
    complete: float = -3.3
    complete_slope: float = 0.7
    resumed: float = 1.6
    chain: float = 0.2
    satisfaction_step: float = 0.08
    churn: float = -3.5
    churn_slope: float = 6.0
    price_sensitivity: float = 0.4
    return_per_day: float = 0.0095
    rating: float = 0.05
    rating_extreme: float = 0.8
    drift: float = 0.25


@dataclass(frozen=True)
class SimulationConfig:
    """A simulated service: how large, when, and how its viewers behave.

    Attributes:
        viewers: Number of profiles.
        titles: Number of films and series.
        starts_on: First local day of views.
        ends_on: Last local day of views, included.
        warm_up_days: Days simulated before the first and forgotten, so that nobody begins with an empty history.
        impressions_days: Impressions are kept for this many last days.
        uniform_share: Share of page visits whose page is filled uniformly at random.
        columns: Titles in a row of the page.
        pool: Candidates a row draws from.
        experiments: Experiments that ran; those outside the period are left out.
        views_only: Write titles, viewers, views and the calendar alone.
        behaviour: How viewers behave.
        rhythm: How strongly hour, weekday and season move viewing and releases; each effect can be turned off.

    Raises:
        ParameterError: A setting is outside of what it may be.
    """

    viewers: int = 3_000
    titles: int = 700
    starts_on: dt.date = dt.date(2024, 7, 1)
    ends_on: dt.date = dt.date(2026, 8, 31)
    warm_up_days: int = 35
    impressions_days: int = 28
    uniform_share: float = 0.1
    columns: int = 8
    pool: int = 24
    experiments: tuple[Experiment, ...] = field(default_factory=standard_experiments)
    views_only: bool = False
    behaviour: Behaviour = field(default_factory=Behaviour)
    rhythm: Rhythm = field(default_factory=Rhythm)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("viewers", 1, 10_000_000),
            ("titles", 60, 4_000),
            ("warm_up_days", 0, 365),
            ("impressions_days", 0, 10_000),
            ("columns", 1, 20),
            ("pool", self.columns, 60),
        ):
            check_whole(name, getattr(self, name))
            check_within(name, getattr(self, name), low, high)
        check_within("uniform_share", self.uniform_share, 0, 1)
        self._check_period()
        self._check_experiments()
        for name in ("scroll", "swipe", "swipe_fall", "attention", "notification", "search_direct", "search_after"):
            check_within(f"behaviour.{name}", getattr(self.behaviour, name), 0, 1)
        for name in ("search_abandoned", "return_per_day", "satisfaction_step"):
            check_within(f"behaviour.{name}", getattr(self.behaviour, name), 0, 1)
        for name in ("resume", "rating"):
            # Their log-odds are taken, so certainty is out of reach.
            check_within(f"behaviour.{name}", getattr(self.behaviour, name), 1e-6, 1 - 1e-6)
        for setting in fields(Behaviour):
            check_within(f"behaviour.{setting.name}", getattr(self.behaviour, setting.name), -1e6, 1e6)
            if setting.name.endswith(("_spread", "_days", "_minutes", "_per_day", "drift")):
                check_within(f"behaviour.{setting.name}", getattr(self.behaviour, setting.name), 0, 1e6)
        for setting in fields(Rhythm):
            high = 1_000 if setting.name == "horror_releases_in_october" else 5
            check_within(f"rhythm.{setting.name}", getattr(self.rhythm, setting.name), 0, high)

    def _check_period(self) -> None:
        for name in ("starts_on", "ends_on"):
            date = getattr(self, name)
            # A datetime is a date too, and would be off by its hours.
            if type(date) is not dt.date or not _FIRST_DAY <= date <= _LAST_DAY:
                raise ParameterError(
                    f"{name} is {date!s}.", f"It must be a date between {_FIRST_DAY} and {_LAST_DAY}, without a time."
                )
        if self.ends_on < self.starts_on:
            raise ParameterError(
                f"The simulation ends on {self.ends_on}, before it starts on {self.starts_on}.",
                "Choose a last day that is not before the first.",
            )

    def _check_experiments(self) -> None:
        names = [experiment.experiment_id for experiment in self.experiments]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ParameterError(f"Two experiments are named {twice[0]}.", "Give each experiment a name of its own.")

    @property
    def days(self) -> int:
        """Number of local days simulated."""
        return (self.ends_on - self.starts_on).days + 1

    def day(self, date: dt.date) -> int:
        """Number of a date, counted from the first day as 0."""
        return (date - self.starts_on).days

    def date(self, day: int) -> dt.date:
        """Date of a numbered day."""
        return self.starts_on + dt.timedelta(days=day)

    def midnight(self, day: int) -> int:
        """Wall-clock second at which a day begins, counted from 1970."""
        return ((self.date(day) - dt.date(1970, 1, 1)).days) * 86_400


def small() -> SimulationConfig:
    """A few hundred viewers and four months: seconds to simulate, for tests and examples."""
    return SimulationConfig(
        viewers=300, titles=160, starts_on=dt.date(2025, 8, 1), ends_on=dt.date(2025, 11, 30), impressions_days=14
    )
