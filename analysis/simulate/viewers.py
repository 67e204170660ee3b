"""The viewers: where they live, what they like, how much, when and on what they watch."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from analysis.simulate import calendars, clock, languages
from analysis.simulate.catalogue import LATENT
from analysis.simulate.clock import GENRES
from analysis.simulate.config import SimulationConfig
from analysis.simulate.experiments import PLANS as PLANS
from analysis.simulate.keyed import Floats, Ints, Stream, cumulate, pick, ticks

AGE_BANDS = ("under 18", "18–24", "25–34", "35–49", "50–64", "65 and over")
AGE_VARIANCE_SHARE = 0.03
"""Share of the variance of genre tastes within a country that the age band explains."""

COUNTRY_TASTES = {
    ("US", "Comedy"): 0.5,
    ("US", "Reality"): 0.4,
    ("GB", "Crime"): 0.5,
    ("GB", "Comedy"): 0.2,
    ("DE", "Crime"): 0.6,
    ("FR", "Drama"): 0.4,
    ("FR", "Romance"): 0.4,
    ("BR", "Drama"): 0.5,
    ("BR", "Romance"): 0.3,
    ("IN", "Romance"): 0.5,
    ("IN", "Action"): 0.6,
}
"""By how many standard deviations the mean taste for a genre lies higher in a country."""

PLAN_CHURN = (0.25, 0.0, -0.35)
"""Change of the log-odds to leave on each plan, at the same price sensitivity."""

# Mean and standard deviation of log(12 s + 0.2) where s is one of twelve Dirichlet(½) shares.
_LOG_SHARE_MEAN, _LOG_SHARE_SPREAD = -0.279, 0.956
_AGE_SHARES = (0.08, 0.14, 0.24, 0.28, 0.17, 0.09)
# Standard normal quantiles between the plans, so that they hold 33, 47 and 20 % of the viewers.
_PLAN_ENDS = (-0.440, 0.842)
# Habits: share of viewers, then tv, computer, phone, tablet.
_HABITS = (
    (0.58, (0.88, 0.06, 0.04, 0.02)),
    (0.22, (0.60, 0.20, 0.12, 0.08)),
    (0.10, (0.22, 0.62, 0.11, 0.05)),
    (0.10, (0.20, 0.10, 0.48, 0.22)),
)
SHIFTS = 9
"""Personal clocks: from four hours early to four hours late."""


@dataclass(frozen=True)
class Viewers:
    """Viewers as arrays; the viewer with number i has `viewer_id` i + 1.

    Attributes:
        number: Number of the viewer, which keys all of their luck.
        place: Row of `calendars.PLACES`.
        country: Row of `calendars.COUNTRIES`.
        language: Row of `languages.LANGUAGES`.
        age: Row of `AGE_BANDS`.
        plan: Row of `PLANS`.
        household: Number of the household.
        joined: Day of joining, counted from the first simulated day (negative before).
        activity: Sessions a day relative to the mean viewer.
        shift: Personal clock, 0 (four hours early) to 8 (four hours late).
        habit: Device habit.
        leaving: Change of the log-odds to leave, by price sensitivity and by plan.
        taste: Weights on the titles' factors, viewers × factors.
        drift: Direction in which taste drifts, viewers × factors.
        estimated: The service's imperfect estimate of taste.
        artwork: Liking of pictures that stress a genre, viewers × genres, ticks.
    """

    number: Ints
    place: Ints
    country: Ints
    language: Ints
    age: Ints
    plan: Ints
    household: Ints
    joined: Ints
    activity: Floats
    shift: Ints
    habit: Ints
    leaving: Floats
    taste: Floats
    drift: Floats
    estimated: Floats
    artwork: Ints

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: Ints) -> Viewers:
        """Some of the viewers."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def make_viewers(config: SimulationConfig, seed: int, *, service: int | None = None) -> Viewers:
    """All viewers of a simulated service; `service` is the seed of what age does to taste, `seed` by default."""
    luck = Stream(seed, "viewers")
    number = np.arange(config.viewers)
    household, leader = _households(luck, number)

    def one_of(shares: tuple[float, ...], who: Ints, slot: int) -> Ints:
        return np.searchsorted(cumulate(np.array(shares)), luck.uniform(who, slot), side="right")

    place = one_of(tuple(p.share for p in calendars.PLACES), leader, 0)
    country = np.array([calendars.COUNTRIES.index(p.country) for p in calendars.PLACES])[place]
    age = one_of(_AGE_SHARES, number, 2)
    behaviour = config.behaviour
    taste = _taste(luck, number, age, country, Stream(seed if service is None else service, "viewers"))
    # A household shares its purse: half of the variance of price sensitivity is the household's.
    sensitivity = (luck.normal(leader, 8) + luck.normal(number, 13)) / np.sqrt(2)
    plan = _plans(luck, leader)
    # What the service knows of a taste is blurred: half of the variance is signal.
    noise = luck.normal(number[:, None], 40, np.arange(taste.shape[1]))
    activity = np.exp(behaviour.activity_spread * luck.normal(number, 5) - behaviour.activity_spread**2 / 2)
    return Viewers(
        number=number,
        place=place,
        country=country,
        language=pick(languages.of_viewers(), country, luck.uniform(leader, 4)),
        age=age,
        plan=plan,
        household=household,
        joined=_joined(config, luck, number),
        activity=np.round(activity, 6),
        shift=np.clip(np.rint(luck.normal(number, 6) * 1.6), -4, 4).astype(np.int64) + 4,
        habit=one_of(tuple(share for share, _ in _HABITS), number, 7),
        leaving=np.round(behaviour.price_sensitivity * sensitivity + np.array(PLAN_CHURN)[plan], 6),
        taste=taste,
        drift=np.round(behaviour.drift * luck.normal(number[:, None], 41, np.arange(taste.shape[1])), 6),
        estimated=np.round(0.75 * taste + 0.5 * noise, 6),
        artwork=ticks(behaviour.artwork_taste * taste[:, : len(GENRES)]),
    )


def _households(luck: Stream, number: Ints) -> tuple[Ints, Ints]:
    """Household number and its first profile: profiles that follow each other live together in ones to fours."""
    starts = luck.uniform(number, 9) < 0.48
    starts[::4] = True
    household = np.cumsum(starts) - 1
    leader = number[starts][household]
    return household, leader


def _plans(luck: Stream, leader: Ints) -> Ints:
    """Plans, chosen by the household's first profile: who minds the price takes a cheaper one."""
    thrift = 0.7 * luck.normal(leader, 8) + np.sqrt(1 - 0.7**2) * luck.normal(leader, 3)
    plan: Ints = np.searchsorted(np.array(_PLAN_ENDS), -np.round(thrift, 6), side="right")
    return plan


def _joined(config: SimulationConfig, luck: Stream, number: Ints) -> Ints:
    """Day of joining: six tenths before the first day, the rest through the period with more in winter."""
    before = -1 - (1100 * luck.uniform(number, 10) ** 1.3).astype(int)
    months = np.array([config.date(day).month for day in range(config.days)])
    cumulative = cumulate(
        clock.raised(np.where(np.isin(months, (11, 12, 1)), clock.WINTER_JOININGS, 1.0), config.rhythm.months)
    )
    during = np.searchsorted(cumulative, luck.uniform(number, 11), side="right")
    share_before = max(0.5, 1 - config.days / 1600)
    return np.where(luck.uniform(number, 12) < share_before, before, np.minimum(during, config.days - 1))


def country_tastes() -> Floats:
    """Shift of the mean taste for each genre, countries × genres, in standard deviations."""
    shift = np.zeros((len(calendars.COUNTRIES), len(GENRES)))
    for (country, genre), size in COUNTRY_TASTES.items():
        shift[calendars.COUNTRIES.index(country), GENRES.index(genre)] = size
    return shift


def taste_variances() -> tuple[float, float]:
    """Shares of the variance of genre tastes that lie between age bands, and between countries."""
    weight = np.array([[sum(p.share for p in calendars.PLACES if p.country == c)] for c in calendars.COUNTRIES])
    shift = country_tastes()
    between = float((weight * (shift - (weight * shift).sum(axis=0)) ** 2).sum(axis=0).mean())
    return AGE_VARIANCE_SHARE / (1 + between), between / (1 + between)


def _taste(luck: Stream, number: Ints, age: Ints, country: Ints, of_ages: Stream) -> Floats:
    """Genre tastes as logs of Dirichlet(½) shares with what age and country add, and tastes in latent dimensions."""
    genres = np.arange(len(GENRES))
    # A squared normal is a Gamma(½), and gammas over their sum are Dirichlet.
    gamma = luck.normal(number[:, None], 20, genres) ** 2
    shares = gamma / gamma.sum(axis=1, keepdims=True)
    logs = np.log(shares * len(GENRES) + 0.2)
    logs = (logs - _LOG_SHARE_MEAN) / _LOG_SHARE_SPREAD
    by_age = of_ages.normal(np.arange(len(AGE_BANDS))[:, None], 21, genres)
    by_age = (by_age - by_age.mean(axis=0)) / by_age.std(axis=0)
    blend = np.sqrt(1 - AGE_VARIANCE_SHARE) * logs + np.sqrt(AGE_VARIANCE_SHARE) * by_age[age]
    blend += country_tastes()[country]
    latent = 0.75 * luck.normal(number[:, None], 22, np.arange(LATENT))
    return np.round(np.hstack([1.5 * blend, latent]), 6)


def device_shares(rhythm: clock.Rhythm) -> Floats:
    """Cumulative device shares, (habit × hour) × devices: phones gain on the way to work and late at night."""
    hours = np.arange(24)
    phone = 1 + 1.6 * np.exp(-0.5 * ((hours - 8) / 1.3) ** 2) + 0.6 * (hours < 5)
    computer = 1 + 0.6 * ((hours >= 10) & (hours <= 16))
    television = 1 + 0.25 * ((hours >= 19) & (hours <= 22))
    factors = np.stack([television, computer, phone, np.ones(24)], axis=1)
    factors = clock.raised(factors, rhythm.devices)
    base = np.array([shares for _, shares in _HABITS])
    return cumulate((base[:, None, :] * factors[None]).reshape(-1, 4))


def start_hours(rhythm: clock.Rhythm) -> Floats:
    """Cumulative shares of starting hours, (shift × weekday) × hours."""
    hours = clock.raised(clock.HOURS, rhythm.hours)
    table = np.stack([np.roll(hours, shift - SHIFTS // 2, axis=1) for shift in range(SHIFTS)])
    return cumulate(table.reshape(-1, 24))
