"""What tuning may aim at: a metric of lists or of predicted stars, as one number a viewer whose mean is the metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.errors import DataError
from analysis.recommend import metrics
from analysis.recommend.base import Recommender
from analysis.recommend.metrics import METRICS, Floats
from analysis.recommend.splits import Split
from analysis.results import Progress

_LISTS: dict[str, Callable[[Any, Any], Floats]] = {
    "ndcg": metrics.ndcg,
    "recall": metrics.recall,
    "recall_capped": metrics.recall_capped,
    "precision": lambda hits, _relevant: metrics.precision(hits),
    "map": metrics.average_precision,
    "mrr": lambda hits, _relevant: metrics.reciprocal_rank(hits),
    "hit_rate": lambda hits, _relevant: metrics.hit_rate(hits),
}
OF_STARS = ("rmse", "mae")
"""Goals that only models which predict stars can be tuned for; less is better."""

GOALS = (*_LISTS, *OF_STARS)
"""Metrics that tuning may aim at, the default first."""


def goal_label(goal: str, k: int) -> str:
    """A goal's name with the length of the lists.

    >>> goal_label("ndcg", 10), goal_label("rmse", 10)
    ('NDCG@10', 'RMSE')
    """
    return METRICS[goal].label.replace("@k", f"@{k}")


def less_is_better(goal: str) -> bool:
    """Whether a smaller value of a goal is the better one.

    >>> less_is_better("rmse"), less_is_better("map")
    (True, False)
    """
    return METRICS[goal].better == "lower"


def viewers_tested(part: Split, goal: str) -> int:
    """How many viewers of a split a goal is measured on."""
    if goal not in OF_STARS:
        return len(part.viewers)
    return 0 if part.ratings is None else len(np.unique(part.ratings.viewer))


def goal_of(model: Recommender, part: Split, goal: str, k: int, progress: Progress | None = None) -> Floats:
    """Fit a model on a split's training and judge it: one number for each tested viewer, whose mean is the metric.

    An error of stars is no mean over viewers, but a ratio of sums over their ratings. Its numbers are the ratio plus
    each viewer's influence on it (the delta method), so that means, intervals and paired tests are those of the ratio.

    Raises:
        DataError: The split has no ratings to test on, and the goal is an error of stars.
    """
    model.fit(part.train, progress)
    if goal in OF_STARS:
        return _errors(model, part, goal)
    tested = part.train.viewers[part.viewers]
    at = None
    if model.follows_time:
        model.observe(part.test)
        at = part.first_visits
    return _LISTS[goal](*metrics.hits_and_relevant(model.recommend(tested, k, at=at), part.relevant, part.train))


def _errors(model: Recommender, part: Split, goal: str) -> Floats:
    stars = part.ratings
    if stars is None:
        raise DataError("There are no ratings to test predicted stars on.", "Tune for a metric of lists.")
    apart = np.abs(
        model.predict(part.train.viewers[stars.viewer], part.train.titles[stars.title]) - stars.stars.astype(np.float64)
    )
    who, place = np.unique(stars.viewer, return_inverse=True)
    size = np.bincount(place).astype(np.float64)
    squared = goal == "rmse"
    total = np.bincount(place, apart**2 if squared else apart)
    mean = float(total.sum() / size.sum())
    influence: Floats = len(who) * (total - mean * size) / size.sum()
    if not squared:
        return mean + influence
    root = float(np.sqrt(mean))
    linear: Floats = root + influence / (2 * root) if root > 0 else np.zeros(len(who))
    return linear
