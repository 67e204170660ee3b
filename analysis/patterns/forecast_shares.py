"""Genre shares of the next eight weeks, as parts of one whole.

Shares add up to one, so they are forecast as logarithms of their ratios (each share to the geometric mean of all) and
turned back, which keeps them between 0 and 1 and their sum at 1.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import cubes
from analysis.patterns.events import NO_GENRE, Events, events
from analysis.patterns.filters import Filters
from analysis.patterns.forecast import check_length, whole_days
from analysis.patterns.forecast_backtest import HORIZON, LEAST_TRAINING, MOST_ORIGINS
from analysis.patterns.forecast_calendar import PAIRS
from analysis.patterns.forecast_models import WEEK, YEAR, Prediction, harmonic, level, mean_of, waves, widening
from analysis.patterns.selection import Measure, check_measure
from analysis.patterns.words import percent
from analysis.results import Progress, Result
from analysis.workspace import Workspace

WEEKS = HORIZON // WEEK
MOST_GENRES = 8
"""Genres shown, the largest first; the rest is one part, so that the whole stays the whole."""
OTHERS = "all other"
NAIVE = "the last week's shares"
LEVEL = "exponential smoothing"
REGRESSION = "harmonic regression"
BOTH = "mean of regression and smoothing"
COVERED = 0.95
_STEP = 2
_LAGS = 2

Array = npt.NDArray[np.float64]
Method = Callable[[Array], Prediction]


@dataclass(frozen=True)
class Shares:
    """Forecast of a composition: parts of one whole, with the record of the methods.

    Attributes:
        method: The method with the smallest error in backtests.
        methods: All methods, the naive one first, length M.
        errors: Mean absolute scaled error of each at each origin, shape (M, O).
        coverage: Share of weeks and parts inside of the 95 % intervals that the method claims for itself.
        mean: Forecast, shape (8, G); each week adds up to 1.
        low: Lower end of the 95 % interval, shape (8, G).
        high: Upper end.
        held_out: Mean, low and high of the last eight weeks as forecast before them, each (8, G); the method was
            chosen without them.
        held_out_method: That method.
    """

    method: str
    methods: tuple[str, ...]
    errors: Array
    coverage: float
    mean: Array
    low: Array
    high: Array
    held_out: tuple[Array, Array, Array]
    held_out_method: str


@dataclass(frozen=True)
class GenreForecast(Result):
    """Genre shares by week, and those of the eight weeks to come.

    Attributes:
        what: What was counted, and on whose clock.
        measure: `events` or `minutes`.
        weeks: First day of each whole week, counted back from the last day, length W.
        genres: The largest genres and `all other`, length G.
        shares: Share of each genre in each week, shape (W, G).
        ahead: First day of each week to come, length 8.
        found: Forecast, intervals and backtests.
    """

    what: Events
    measure: Measure
    weeks: tuple[dt.date, ...]
    genres: tuple[str, ...]
    shares: Array
    ahead: tuple[dt.date, ...]
    found: Shares

    @property
    def noun(self) -> str:
        """What is measured, in the plural."""
        return "minutes" if self.measure == "minutes" else self.what.noun

    @property
    def beats_naive(self) -> bool:
        """Whether the forecast did better than the last week's shares, on average over the backtests."""
        return self.found.method != self.found.methods[0]

    @property
    def mover(self) -> int:
        """The genre whose share is forecast to change most against the last eight weeks, in points."""
        named = [place for place, genre in enumerate(self.genres) if genre != OTHERS] or [0]
        change = self.found.mean.mean(axis=0) - self.shares[-WEEKS:].mean(axis=0)
        return max(named, key=lambda place: abs(float(change[place])))

    @property
    def inside(self) -> tuple[int, int]:
        """Weeks and genres of the held-out weeks inside of their intervals, and how many there are."""
        _, low, high = self.found.held_out
        actual = self.shares[-WEEKS:]
        return int(((actual >= low) & (actual <= high)).sum()), int(actual.size)

    def to_frame(self) -> pd.DataFrame:
        """One row a week and genre: the weeks ahead, then the weeks held out."""
        parts = []
        rows = (
            ("ahead", self.ahead, (self.found.mean, self.found.low, self.found.high)),
            ("held out", self.weeks[-WEEKS:], self.found.held_out),
        )
        for part, weeks, (mean, low, high) in rows:
            frame = pd.DataFrame(
                {
                    "part": part, "week_from": np.repeat(np.array(weeks, dtype=object), len(self.genres)),
                    "genre": np.tile(self.genres, len(weeks)), f"share_of_{self.noun}_forecast": mean.ravel(),
                    "low_95": low.ravel(), "high_95": high.ravel(),
                }
            )  # fmt: skip
            parts.append(frame if part == "ahead" else frame.assign(share=self.shares[-WEEKS:].ravel()))
        return pd.concat(parts, ignore_index=True).assign(clock=self.what.zone_label)

    def headline(self) -> str:
        """Which genre moves most, and whether the forecast is better than none, for the title of a chart."""
        if not self.beats_naive:
            return "No method beats keeping the last week's shares, so that is all the forecast there is"
        errors = self.found.errors.mean(axis=1)
        gain = 1 - errors[self.found.methods.index(self.found.method)] / errors[0]
        way = "gains" if self._moves > 0 else "loses"
        return (
            f"{self.genres[self.mover]} {way} most, {abs(self._moves) * 100:.1f} points; the forecast errs "
            f"{percent(float(gain), 0)} less than last week's shares"
        )

    @property
    def _moves(self) -> float:
        change = self.found.mean.mean(axis=0) - self.shares[-WEEKS:].mean(axis=0)
        return float(change[self.mover])

    def summary(self) -> str:
        """The genre that moves most, with its interval, the method's record and the held-out weeks."""
        g, found = self.mover, self.found
        errors = found.errors.mean(axis=1)
        inside, of = self.inside
        text = (
            f"{self.genres[g]} is forecast to hold {percent(float(found.mean[-1, g]))} of {self.noun} in the week from "
            f"{self.ahead[-1]} (95 % interval {found.low[-1, g] * 100:.1f} to {found.high[-1, g] * 100:.1f} %), after "
            f"{percent(float(self.shares[-WEEKS:, g].mean()))} in the last eight weeks, by {found.method}"
        )
        count = found.errors.shape[1]
        if self.beats_naive:
            own = errors[found.methods.index(found.method)]
            proof = (
                f"its mean absolute scaled error in {count} backtests is {own:.2f}, against {errors[0]:.2f} for "
                "keeping the last week's shares"
            )
        else:
            proof = f"no method did better in {count} backtests (mean absolute scaled error {errors[0]:.2f})"
        return f"{text}; {proof}. Of the last eight weeks, {inside} of {of} shares fell into their 95 % interval."


def forecast_genres(
    dataset: Dataset,
    *,
    measure: Measure | None = None,
    zone: str | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> GenreForecast:
    """Forecast the genre shares of the next eight weeks.

    A title of k genres counts 1/k in each. Shares of weeks are taken to centred log-ratios; there, four methods
    compete as in `forecast`: the last week again, a level that drifts (simple exponential smoothing), a regression on
    the season of the year and a trend with autoregressive errors, and the mean of the two. Intervals are on the logit
    scale, and wider than the method's own where those held too little in the backtests.

    Args:
        dataset: A dataset with genres, and views or timed ratings.
        measure: What shares are of; minutes where they are known, by default.
        zone: IANA zone for rating times.
        workspace: Where cubes are kept; the default workspace if None.
        progress: Told about the building of cubes and the backtests.

    Raises:
        DataError: No title has a genre, or there are too few days.
        ParameterError: Unknown zone or measure.

    Source: Aitchison (1986), The statistical analysis of compositional data, chapter 4; for forecasts, Snyder, Ord,
    Koehler, McLaren and Beaumont (2017), Forecasting compositional time series.
    """
    what = events(dataset, zone)
    chosen: Measure = measure or ("minutes" if what.has_minutes else "events")
    check_measure(chosen, what)
    if "genre" not in what.splits:
        raise DataError(f"The titles of {dataset.name} have no genres.", "Import a catalogue with genres beside them.")
    cube = cubes.build(dataset, cubes.DAILY_PLAIN, what, workspace=workspace, progress=progress)
    first, values = whole_days(cube, chosen)
    check_length(dataset.name, values)
    weeks, genres, sums, half = _weekly(cube, chosen, first, len(values))
    if set(genres) <= {NO_GENRE, OTHERS}:
        raise DataError(f"The titles of {dataset.name} have no genres.", "Import a catalogue with genres beside them.")
    shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-12)
    found = project_shares((sums + half) / (sums + half).sum(axis=1, keepdims=True), progress=progress)
    ahead = tuple(weeks[-1] + dt.timedelta(days=WEEK * (i + 1)) for i in range(WEEKS))
    return GenreForecast(what, chosen, weeks, genres, shares, ahead, found)


def _weekly(
    cube: cubes.Cube, measure: Measure, first: dt.date, days: int
) -> tuple[tuple[dt.date, ...], tuple[str, ...], Array, float]:
    """First days of weeks, genres, sums by week and genre, and half a play in the unit of the measure."""
    names = sorted({f"{measure}_shared", "events_shared"})
    found = cube.sums(["date", "genre"], Filters(), measures=names)
    start = (first - dt.date(1970, 1, 1)).days + days % WEEK
    week = (found.keys["date"].astype(np.int64) - start) // WEEK
    whole = (week >= 0) & (week < days // WEEK)
    words, count = found.words["genre"], days // WEEK
    at = week[whole] * len(words) + found.keys["genre"][whole]
    values = found.sums[f"{measure}_shared"][whole]
    sums = np.bincount(at, weights=values, minlength=count * len(words)).reshape(count, len(words))
    half = 0.5 * values.sum() / max(found.sums["events_shared"][whole].sum(), 1.0)
    size = sums.sum(axis=0)
    order = [g for g in np.argsort(-size, kind="stable").tolist() if size[g] > 0 and words[g] != NO_GENRE]
    shown = order[:MOST_GENRES]
    rest = [g for g in range(len(words)) if g not in shown]
    table = np.column_stack([sums[:, shown], sums[:, rest].sum(axis=1)])
    genres = (*(words[g] for g in shown), OTHERS)
    if not table[:, -1].any():
        table, genres = table[:, :-1], genres[:-1]
    begin = dt.date(1970, 1, 1) + dt.timedelta(days=start)
    return tuple(begin + dt.timedelta(days=WEEK * i) for i in range(count)), genres, table, float(half)


def centred(shares: Array) -> Array:
    """Centred log-ratios: logarithms less their mean over the parts."""
    logs = np.log(shares)
    return np.asarray(logs - logs.mean(axis=-1, keepdims=True), dtype=np.float64)


def closed(ratios: Array) -> Array:
    """Back to shares that add up to 1."""
    parts = np.exp(ratios - ratios.max(axis=-1, keepdims=True))
    return np.asarray(parts / parts.sum(axis=-1, keepdims=True), dtype=np.float64)


def methods(shortest: int) -> Mapping[str, Method]:
    """The methods by name, each for one log-ratio; `shortest` is the shortest history in weeks."""
    pairs = next((pairs for least, pairs in PAIRS if shortest * WEEK >= least), 0)

    def regression(y: Array) -> Prediction:
        time = np.arange(len(y) + WEEKS, dtype=np.float64)
        design = np.column_stack([np.ones(len(time)), time * WEEK / YEAR, waves(time * WEEK, YEAR, pairs)])
        return harmonic(y, design[: len(y)], design[len(y) :], _LAGS)

    def last(y: Array) -> Prediction:
        sigma = float(np.sqrt(np.mean(np.diff(y) ** 2)))
        return Prediction(np.full(WEEKS, y[-1]), sigma * np.sqrt(np.arange(1.0, WEEKS + 1)))

    return {NAIVE: last, REGRESSION: regression, LEVEL: lambda y: level(y, WEEKS)}


def project_shares(shares: Array, *, progress: Progress | None = None) -> Shares:
    """Backtest all methods on a composition, and forecast eight weeks with the best.

    Args:
        shares: Shares by week, all above 0, each week adding up to 1, shape (W, G); W at least 26.
        progress: Called with the share of the backtests done.
    """
    ratios = centred(shares)
    last = len(shares) - WEEKS
    least = LEAST_TRAINING // WEEK
    origins = [last - _STEP * i for i in range(MOST_ORIGINS) if last - _STEP * i >= least][::-1]
    ways = methods(origins[0])
    names = (*ways, BOTH)
    errors = np.zeros((len(names), len(origins)))
    scores = np.zeros((len(names), len(origins), WEEKS, shares.shape[1]))
    made: dict[str, Prediction] = {}
    for number, origin in enumerate(origins):
        if progress:
            progress(number / len(origins), f"Backtest {number + 1} of {len(origins)}")
        made = _all(ways, ratios[:origin])
        actual = shares[origin : origin + WEEKS]
        scale = np.abs(np.diff(shares[:origin], axis=0)).mean()
        for place, name in enumerate(names):
            guess = closed(made[name].mean)
            errors[place, number] = np.abs(actual - guess).mean() / max(scale, 1e-12)
            scores[place, number] = (_logit(actual) - _logit(guess)) / np.maximum(made[name].sd, 1e-9)
    best = int(np.argmin(errors.mean(axis=1)))
    now = _all(ways, ratios)[names[best]]
    mean, low, high = _bands(now, scores[best])
    # The last origin, with what was known at it: errors of weeks that had come by then.
    known = (np.array(origins[:-1])[:, None] + np.arange(WEEKS)) < last
    weights = known.sum(axis=1) / WEEKS
    then = int(np.argmin((errors[:, :-1] * weights).sum(axis=1)))
    seen = np.where(known[:, :, None], scores[then, :-1], np.nan)
    from scipy.special import ndtri

    coverage = float(np.mean(np.abs(scores[best]) <= ndtri(0.5 + COVERED / 2)))
    held = _bands(made[names[then]], seen)
    return Shares(names[best], names, errors, coverage, mean, low, high, held, names[then])


def _all(ways: Mapping[str, Method], ratios: Array) -> dict[str, Prediction]:
    """Every method on every log-ratio; means and deviations are (8, G)."""
    made = {}
    for name, way in ways.items():
        each = [way(np.ascontiguousarray(column)) for column in ratios.T]
        made[name] = Prediction(np.stack([p.mean for p in each], axis=1), np.stack([p.sd for p in each], axis=1))
    made[BOTH] = mean_of(made[REGRESSION], made[LEVEL])
    return made


def _bands(guess: Prediction, scores: Array) -> tuple[Array, Array, Array]:
    """Shares with the ends of their 95 % intervals; `scores` are those of backtests, (O, 8, G)."""
    from scipy.special import ndtri

    mean = closed(guess.mean)
    normal = ndtri(0.5 + COVERED / 2)
    valid = scores[np.isfinite(scores)]
    wide = np.ones(WEEKS)
    if len(valid) and np.mean(np.abs(valid) <= normal) < COVERED:
        near = [np.abs(np.arange(WEEKS) - week) <= 1 for week in range(WEEKS)]
        wide = np.array([widening(scores[:, weeks].ravel(), COVERED) for weeks in near])
    half = normal * guess.sd * wide[:, None]
    return mean, _expit(_logit(mean) - half), _expit(_logit(mean) + half)


def _logit(share: Array) -> Array:
    return np.asarray(np.log(share) - np.log1p(-share), dtype=np.float64)


def _expit(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)
