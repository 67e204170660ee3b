"""Train models on the past, test them on what came after, and say which is best and how sure that is."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.data.dataset import Dataset
from analysis.errors import DataError, ParameterError, PrimetimeError
from analysis.recommend import metrics
from analysis.recommend.base import Recommender, one_blas_thread
from analysis.recommend.compare import DRAWS, Estimate, bootstrap_ratios, compare_all, interval
from analysis.recommend.interactions import Interactions, Signal
from analysis.recommend.leaderboard import Entry, Leaderboard
from analysis.recommend.lists import RecommendationTable
from analysis.recommend.metrics import Floats
from analysis.recommend.registry import DEFAULT
from analysis.recommend.registry import model as registered
from analysis.recommend.splits import Split, TemporalSplit
from analysis.results import Progress, plain

RANKING = ("ndcg", "recall", "recall_capped", "precision", "map", "mrr", "hit_rate")
"""Ranking metrics in the order of `_ranking`."""

LIST_LENGTH = 20
"""Titles kept for each viewer at least, so that the Recommendations page can fill a row."""


@dataclass
class _Trained:
    """What one model left behind before intervals are taken over all models at once."""

    model: Recommender
    fit_seconds: float = float("nan")
    recommend_seconds: float = float("nan")
    error: str = ""
    lists: RecommendationTable | None = None
    ranking: dict[str, Floats] = field(default_factory=dict)
    catalogue: dict[str, float] = field(default_factory=dict)
    novelty: Floats | None = None
    errors: Floats | None = None


def evaluate(
    dataset: Dataset,
    models: Sequence[str | Recommender] | None = None,
    *,
    signal: Signal | None = None,
    split: TemporalSplit | None = None,
    k: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Leaderboard:
    """Fit models on the training period and rank them by NDCG@k on the test period.

    All models see the same split, the same viewers and the same resamples. A model that raises is reported on its row.

    Args:
        dataset: The data.
        models: Names, or models that are not fitted yet; a first line-up by default.
        signal: `views` or `ratings`; plays by default where there are any.
        split: Where training ends; by default the latest 20 % of the interactions are the test.
        k: Length of the lists that are judged.
        seed: Of the models given by name, and of the resampling.
        progress: Called with the share done and a few words.

    Returns:
        The leaderboard, which also holds each model's lists for all viewers it serves.

    Raises:
        DataError: The dataset lacks the signal or times, or the split leaves nothing to learn from or to test on.
        ModelError: A model's name is unknown.
        ParameterError: k is not positive, or a model is named twice.
    """
    if k < 1:
        raise ParameterError(f"A list can't have {k} titles.", "Ask for k of 1 or more.")
    chosen = _instances(models, seed)
    tell = progress or (lambda share, words: None)
    split = split or TemporalSplit()
    tell(0.0, "Reading the dataset")
    interactions = Interactions.from_dataset(dataset, signal)
    parts = split.split(interactions)
    if not len(parts.viewers):
        raise DataError(
            f"No viewer with history watched anything new from {str(parts.at)[:10]} on, so nothing can be tested.",
            "Choose an earlier moment, or a larger share to test on.",
        )
    trained = [_train(model, parts, k, _part_of(tell, place, len(chosen))) for place, model in enumerate(chosen)]
    tell(0.95, "Taking intervals over viewers")
    with one_blas_thread():
        return _judge(dataset, interactions.signal, split, parts, trained, k, seed)


def _instances(models: Sequence[str | Recommender] | None, seed: int) -> list[Recommender]:
    wanted = list(models) if models is not None else list(DEFAULT)
    chosen = [registered(item)(seed=seed) if isinstance(item, str) else item for item in wanted]
    names = [model.name for model in chosen]
    if not names:
        raise ParameterError("No model was chosen.", f"Choose from: {', '.join(DEFAULT)}.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(f"The model {twice[0]} is named twice.", "Name each model once.")
    return chosen


def _part_of(tell: Progress, place: int, count: int) -> Progress:
    """Progress of one model of several, from 5 % to 95 % of the whole."""
    return lambda share, words: tell(0.05 + 0.9 * (place + share) / count, words)


def _train(model: Recommender, parts: Split, k: int, tell: Progress) -> _Trained:
    """Fit one model, make its lists, and measure them viewer by viewer."""
    result = _Trained(model)
    try:
        tell(0.0, f"Fitting {model.label}")
        start = time.perf_counter()
        model.fit(parts.train, lambda share, words: tell(0.7 * share, words))
        result.fit_seconds = time.perf_counter() - start
        tell(0.7, f"Making lists with {model.label}")
        everybody = parts.train.viewers[model.cold_viewers | (parts.train.plays_per_viewer > 0)]
        start = time.perf_counter()
        result.lists = model.recommend(everybody, max(k, LIST_LENGTH))
        result.recommend_seconds = time.perf_counter() - start
        _measure(result, result.lists, parts, k)
    except PrimetimeError as error:
        result.error = str(error)
    except MemoryError:
        result.error = "The model needs more memory than there is. Use a smaller model or a part of the data."
    except Exception as error:
        # Whatever a model does, the others' results are kept and its row says what happened.
        result.error = f"The model stopped with {type(error).__name__}: {error}"
    return result


def _measure(result: _Trained, lists: RecommendationTable, parts: Split, k: int) -> None:
    tested = np.searchsorted(lists.ids, parts.train.viewers[parts.viewers])
    judged = RecommendationTable("viewer_id", lists.ids[tested], lists.title_ids[tested, :k], lists.scores[tested, :k])
    hits, relevant = metrics.hits_and_relevant(judged, parts.relevant, parts.train)
    values = (
        metrics.ndcg(hits, relevant),
        metrics.recall(hits, relevant),
        metrics.recall_capped(hits, relevant),
        metrics.precision(hits),
        metrics.average_precision(hits, relevant),
        metrics.reciprocal_rank(hits),
        metrics.hit_rate(hits),
    )
    result.ranking = dict(zip(RANKING, values, strict=True))
    result.novelty = metrics.novelty(judged, parts.train)
    shown = metrics.exposure(judged, parts.train)
    result.catalogue = {"coverage": metrics.coverage(shown), "gini": metrics.gini(shown)}
    if result.model.predicts_ratings and parts.ratings is not None:
        stars = parts.ratings
        viewers, titles = parts.train.viewers[stars.viewer], parts.train.titles[stars.title]
        result.errors = result.model.predict(viewers, titles) - stars.stars


def _judge(
    dataset: Dataset, signal: Signal, split: TemporalSplit, parts: Split, trained: list[_Trained], k: int, seed: int
) -> Leaderboard:
    """Intervals and comparisons for all models from the same resamples of viewers."""
    finished = [one for one in trained if one.ranking]
    estimates: dict[str, dict[str, Estimate]] = {one.model.name: {} for one in trained}
    draws: dict[str, Floats] = {}
    if finished:
        draws = _ranking_intervals(finished, estimates, seed)
        _star_intervals(finished, parts, estimates, seed)
        for one in finished:
            estimates[one.model.name] |= {name: Estimate(value) for name, value in one.catalogue.items()}
    entries = tuple(
        Entry(
            model=one.model.name,
            label=one.model.label,
            parameters=plain(one.model.parameters),
            seed=one.model.seed,
            estimates={
                name: estimates[one.model.name][name] for name in metrics.METRICS if name in estimates[one.model.name]
            },
            fit_seconds=one.fit_seconds,
            recommend_seconds=one.recommend_seconds,
            error=one.error,
        )
        for one in trained
    )
    ranked = sorted(entries, key=lambda entry: -entry.estimates["ndcg"].value if "ndcg" in entry.estimates else 1.0)
    ndcg = {one.model.name: one.ranking["ndcg"] for one in finished}
    best_first = {entry.model: ndcg[entry.model] for entry in ranked if entry.model in ndcg}
    return Leaderboard(
        dataset=dataset.name,
        dataset_folder=dataset.folder.name if dataset.folder else "",
        dataset_hash=dataset.content_hash,
        signal=signal,
        share=None if split.at else split.share,
        split_at=pd.Timestamp(parts.at).isoformat(),
        k=k,
        seed=seed,
        entries=tuple(ranked),
        comparisons=compare_all("ndcg", best_first, draws),
        counts=parts.counts,
        unlearnable_share=parts.unlearnable_share,
        made_at=dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0).isoformat(),
        lists={one.model.name: one.lists for one in finished if one.lists is not None},
    )


def _ranking_intervals(
    finished: list[_Trained], estimates: dict[str, dict[str, Estimate]], seed: int
) -> dict[str, Floats]:
    """Fill in estimates of what has a value for each tested viewer; returns each model's draws of NDCG."""
    names = (*RANKING, "novelty")
    above, below = [], []
    for one in finished:
        assert one.novelty is not None
        listed = np.isfinite(one.novelty)
        above += [*one.ranking.values(), np.where(listed, one.novelty, 0.0)]
        below += [np.ones(len(listed))] * len(RANKING) + [listed.astype(np.float64)]
    numerators, denominators = np.column_stack(above), np.column_stack(below)
    resampled = bootstrap_ratios(numerators, denominators, seed, DRAWS)
    totals = denominators.sum(axis=0)
    values = np.divide(numerators.sum(axis=0), totals, out=np.full(len(totals), np.nan), where=totals > 0)
    for place, one in enumerate(finished):
        for offset, name in enumerate(names):
            column = place * len(names) + offset
            estimates[one.model.name][name] = Estimate(float(values[column]), *interval(resampled[:, column]))
    return {one.model.name: resampled[:, place * len(names)] for place, one in enumerate(finished)}


def _star_intervals(
    finished: list[_Trained], parts: Split, estimates: dict[str, dict[str, Estimate]], seed: int
) -> None:
    """RMSE and MAE with intervals over the viewers who rated: a viewer's ratings are drawn together."""
    if parts.ratings is None:
        return
    _, viewer = np.unique(parts.ratings.viewer, return_inverse=True)
    counts = np.bincount(viewer).astype(np.float64)
    for one in finished:
        if one.errors is None:
            continue
        sums: Floats = np.column_stack([np.bincount(viewer, one.errors**2), np.bincount(viewer, np.abs(one.errors))])
        draws = bootstrap_ratios(sums, np.column_stack([counts, counts]), seed)
        rmse_low, rmse_high = interval(np.sqrt(draws[:, 0]))
        zero = np.zeros_like(one.errors)
        estimates[one.model.name]["rmse"] = Estimate(metrics.rmse(one.errors, zero), rmse_low, rmse_high)
        estimates[one.model.name]["mae"] = Estimate(metrics.mae(one.errors, zero), *interval(draws[:, 1]))
