"""One model on one or several splits: fitted, asked for lists, and measured viewer by viewer."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

import numpy as np

from analysis.errors import ModelError, ParameterError, PrimetimeError
from analysis.recommend import metrics, variety
from analysis.recommend.base import Recommender
from analysis.recommend.interactions import Flags, Ids, Index, Interactions
from analysis.recommend.lists import RecommendationTable
from analysis.recommend.metrics import Floats
from analysis.recommend.models.popularity import Popularity
from analysis.recommend.splits import Split
from analysis.results import Progress

MEANS = (
    "ndcg",
    "recall",
    "recall_capped",
    "precision",
    "map",
    "mrr",
    "hit_rate",
    "novelty",
    "diversity",
    "serendipity",
    "calibration",
    "hit_rate_again",
)
"""Metrics that are the mean of a number that each viewer has."""

RATIOS = ("popularity_lift",)
"""Metrics of the ranking that are a ratio of two means over viewers."""

STARS = ("rmse", "mae", "fcp")
"""Metrics of predicted stars: ratios of sums over viewers' ratings (of the squares, for RMSE)."""

LIST_LENGTH = 20
"""Titles kept for each viewer at least, so that the Recommendations page can fill a row."""


@dataclass(eq=False)
class Measured:
    """What one model left behind before intervals are taken over all models at once.

    Attributes:
        model: The model, fitted on the last split.
        fit_seconds: Time of all fits.
        recommend_seconds: Time of making all lists.
        error: What went wrong, or empty.
        lists: Lists of all viewers served, of the last split.
        sums: For each metric numerators and denominators by dense viewer number, summed over the splits.
        of_catalogue: For each split the metrics of all its lists together.
        hits: Places of the tested viewers' lists that are relevant, of the last split, shape (n_tested, k).
        judged: The tested viewers' lists of the last split.
    """

    model: Recommender
    fit_seconds: float = 0.0
    recommend_seconds: float = 0.0
    error: str = ""
    lists: RecommendationTable | None = None
    sums: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)
    of_catalogue: list[dict[str, float]] = field(default_factory=list)
    hits: Flags | None = None
    judged: RecommendationTable | None = None

    def mean(self, name: str, viewers: Index) -> Floats:
        """Each viewer's own mean over the splits, NaN where they have none."""
        numerator, denominator = (total[viewers] for total in self.sums[name])
        unknown: Floats = np.full(len(viewers), np.nan)
        return np.divide(numerator, denominator, out=unknown, where=denominator > 0)

    def catalogue(self) -> dict[str, float]:
        """Metrics of all lists together, mean over the splits."""
        names = self.of_catalogue[0] if self.of_catalogue else {}
        return {name: float(np.mean([one[name] for one in self.of_catalogue])) for name in names}

    def add(
        self, name: str, n_viewers: int, viewers: Index | Ids, values: Floats, counts: Floats | None = None
    ) -> None:
        """Add values of some viewers; without counts each counts once, and NaN does not count."""
        above, below = self.sums.setdefault(name, (np.zeros(n_viewers), np.zeros(n_viewers)))
        known = np.isfinite(values)
        np.add.at(above, viewers[known], values[known])
        np.add.at(below, viewers[known], np.ones(known.sum()) if counts is None else counts[known])


def fit_and_measure(
    model: Recommender, parts: tuple[Split, ...], k: int, limit_seconds: float | None, tell: Progress
) -> Measured:
    """Fit a model on each split and measure it; whatever it does, what happened is on its row."""
    result = Measured(model)
    try:
        for place, part in enumerate(parts):
            if not len(part.viewers):
                continue
            share = _within(tell, place, len(parts))
            with at_most(limit_seconds, model.label):
                _one_split(result, part, k, share)
        if not result.sums:
            result.error = "None of the splits left anything to test."
    except Exception as error:
        # Whatever a model does, the others' results are kept and its row says what happened.
        result.error = failure(error)
    return result


def failure(error: Exception) -> str:
    """What a model did wrong, in words for its row."""
    if isinstance(error, PrimetimeError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The model needs more memory than there is. Use a smaller model or a part of the data."
    return f"The model stopped with {type(error).__name__}: {error}"


@contextlib.contextmanager
def at_most(seconds: float | None, label: str) -> Iterator[None]:
    """Stop what runs longer, as a model of somebody's own that hangs.

    Raises:
        ModelError: It took longer.
        ParameterError: This is not the main thread, which alone can be interrupted.
    """
    if seconds is None:
        yield
        return
    if threading.current_thread() is not threading.main_thread():
        raise ParameterError("Only a process's main thread can stop a model.", "Leave the limit out, or run a command.")

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise ModelError(f"{label} took longer than {seconds:g} seconds.", "Give it more time, or less to do.")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _within(tell: Progress, place: int, count: int) -> Progress:
    return lambda share, words: tell((place + share) / count, words if count == 1 else f"{words} ({place + 1}/{count})")


def _one_split(result: Measured, part: Split, k: int, tell: Progress) -> None:
    model = result.model
    tell(0.0, f"Fitting {model.label}")
    start = time.perf_counter()
    model.fit(part.train, lambda share, words: tell(0.7 * share, words))
    result.fit_seconds += time.perf_counter() - start
    tell(0.7, f"Making lists with {model.label}")
    start = time.perf_counter()
    result.lists, judged = _lists(model, part, max(k, LIST_LENGTH), k)
    result.recommend_seconds += time.perf_counter() - start
    tell(0.9, f"Measuring {model.label}")
    _measure(result, judged, part)
    if model.predicts_ratings and part.ratings is not None:
        _measure_stars(result, part)


def _lists(model: Recommender, part: Split, kept: int, k: int) -> tuple[RecommendationTable, RecommendationTable]:
    """Lists of everybody the model serves, to be kept; and lists of the tested viewers, to be judged."""
    train = part.train
    tested = train.viewers[part.viewers]
    if part.given is not None:
        everybody = _of_newcomers(model, part, kept)
    else:
        served = train.viewers[model.cold_viewers | (train.plays_per_viewer > 0)]
        everybody = model.recommend(served, kept, among=part.among)
    if model.follows_time:
        model.observe(part.test)
        return everybody, model.recommend(tested, k, among=part.among, at=part.first_visits)
    place = np.searchsorted(everybody.ids, tested)
    titles, scores = everybody.title_ids[place, :k], everybody.scores[place, :k]
    return everybody, RecommendationTable("viewer_id", tested, titles, scores)


def _of_newcomers(model: Recommender, part: Split, k: int) -> RecommendationTable:
    """Lists of new viewers from the titles they began with; or from nothing but their profile, where that is all."""
    assert part.given is not None
    viewers = part.train.viewers[part.viewers]
    if not part.given.nnz and not model.cold_viewers:
        raise ModelError(
            f"{model.label} has no list for viewers of whom nothing is known.", "Tell it some of their titles."
        )
    if not model.folds_in or not part.given.nnz:
        if not model.cold_viewers:
            raise ModelError(
                f"{model.label} can't serve new viewers without a new fit.", "Leave it out of a test on new viewers."
            )
        return model.recommend(viewers, k)
    found = model.recommend_to(part.given[part.viewers], k)
    return RecommendationTable("viewer_id", viewers, found.title_ids, found.scores)


def _measure(result: Measured, judged: RecommendationTable, part: Split) -> None:
    train, viewers = part.train, part.viewers
    hits, relevant = metrics.hits_and_relevant(judged, part.relevant, train)
    result.hits, result.judged = hits, judged
    values = {
        "ndcg": metrics.ndcg(hits, relevant),
        "recall": metrics.recall(hits, relevant),
        "recall_capped": metrics.recall_capped(hits, relevant),
        "precision": metrics.precision(hits),
        "map": metrics.average_precision(hits, relevant),
        "mrr": metrics.reciprocal_rank(hits),
        "hit_rate": metrics.hit_rate(hits),
        "novelty": metrics.novelty(judged, train),
        "serendipity": variety.serendipity(hits, judged, _obvious(part, judged)),
    }
    title = variety.places(judged, train)
    shares = variety.genre_shares(train)
    if shares is not None:
        values["diversity"] = variety.diversity(judged, title, shares)
        values["calibration"] = variety.calibration(judged, title, viewers, train, shares)
    for name, value in values.items():
        result.add(name, train.n_viewers, viewers, value)
    listed, known = variety.popularity_of(judged, title, viewers, train)
    result.add("popularity_lift", train.n_viewers, viewers, listed, known)
    if len(part.again):
        again = np.unique(part.again // train.n_titles).astype(np.int32)
        repeating = result.model.recommend(train.viewers[again], judged.title_ids.shape[1], filter_seen=False)
        result.add(
            "hit_rate_again",
            train.n_viewers,
            again,
            metrics.hit_rate(metrics.hits_and_relevant(repeating, part.again, train)[0]),
        )
    shown = metrics.exposure(judged, train)
    lists = int(judged.filled.any(axis=1).sum())
    result.of_catalogue.append(
        {
            "coverage": metrics.coverage(shown if part.among is None else shown[part.among]),
            "gini": metrics.gini(shown if part.among is None else shown[part.among]),
            "personalization": variety.personalization(shown, lists),
        }
    )


def _obvious(part: Split, judged: RecommendationTable) -> RecommendationTable:
    """The lists that popularity alone would give the tested viewers."""
    model, k = Popularity().fit(part.train), judged.title_ids.shape[1]
    if part.given is None:
        return model.recommend(judged.ids, k)
    return model.recommend_to(part.given[part.viewers], k)


def _measure_stars(result: Measured, part: Split) -> None:
    stars = part.ratings
    assert stars is not None
    train: Interactions = part.train
    predicted = result.model.predict(train.viewers[stars.viewer], train.titles[stars.title])
    errors = predicted - stars.stars
    ones = np.ones(len(errors))
    result.add("rmse", train.n_viewers, stars.viewer, errors**2, ones)
    result.add("mae", train.n_viewers, stars.viewer, np.abs(errors), ones)
    viewer, right, wrong = variety.concordance(stars.viewer, predicted, stars.stars.astype(np.float64))
    result.add("fcp", train.n_viewers, viewer, right, right + wrong)
