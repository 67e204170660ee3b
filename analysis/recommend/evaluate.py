"""Train models on the past, test them on what came after, and say which is best and how sure that is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.data.dataset import Dataset
from analysis.errors import DataError, ParameterError
from analysis.recommend import metrics
from analysis.recommend.base import Recommender, capabilities, one_blas_thread
from analysis.recommend.compare import DRAWS, Estimate, bootstrap_ratios, compare_all, interval
from analysis.recommend.interactions import Index, Interactions, Signal
from analysis.recommend.leaderboard import Entry, Leaderboard
from analysis.recommend.measure import MEANS, RATIOS, STARS, Measured, fit_and_measure
from analysis.recommend.metrics import Floats
from analysis.recommend.protocols import AnySplit, RollingSplit, describe
from analysis.recommend.registry import DEFAULT, models
from analysis.recommend.registry import model as registered
from analysis.recommend.segments import segment_contrasts, segment_scores, segment_values, segments_of
from analysis.recommend.splits import Split, TemporalSplit
from analysis.results import Progress, plain


def evaluate(
    dataset: Dataset,
    models: Sequence[str | Recommender] | None = None,
    *,
    signal: Signal | None = None,
    split: AnySplit | None = None,
    k: int = 10,
    seed: int = 0,
    limit_seconds: float | None = None,
    progress: Progress | None = None,
) -> Leaderboard:
    """Fit models on the training period and rank them by NDCG@k on the test period.

    All models see the same split, the same viewers and the same resamples. A model that raises, takes too long or
    returns nonsense is reported on its row.

    Args:
        dataset: The data.
        models: Names, or models that are not fitted yet; `DEFAULT` by default.
        signal: `views` or `ratings`; plays by default where there are any.
        split: How training and test are parted; by default the latest 20 % of the interactions are the test.
        k: Length of the lists that are judged.
        seed: Of the models given by name, and of the resampling.
        limit_seconds: Time that a model may take for each split; only in a process's main thread.
        progress: Called with the share done and a few words.

    Returns:
        The leaderboard, which also holds each model's lists for all viewers it serves, where the split is in time.

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
    parts = split.splits(interactions)
    if not any(len(part.viewers) for part in parts):
        raise DataError(
            f"No viewer with history watched anything new from {str(parts[0].at)[:10]} on, so nothing can be tested.",
            "Choose an earlier moment, or a larger share to test on.",
        )
    measured = [
        fit_and_measure(model, parts, k, limit_seconds, _part_of(tell, place, len(chosen)))
        for place, model in enumerate(chosen)
    ]
    tell(0.95, "Taking intervals over viewers")
    with one_blas_thread():
        return _judge(dataset, interactions.signal, split, parts, measured, k, seed)


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


def _judge(
    dataset: Dataset,
    signal: Signal,
    split: AnySplit,
    parts: tuple[Split, ...],
    measured: list[Measured],
    k: int,
    seed: int,
) -> Leaderboard:
    """Intervals and comparisons for all models from the same resamples of viewers."""
    finished = [one for one in measured if not one.error]
    estimates: dict[str, dict[str, Estimate]] = {one.model.name: {} for one in measured}
    draws: dict[str, Floats] = {}
    ndcg: dict[str, Floats] = {}
    if finished:
        viewers = np.unique(np.concatenate([part.viewers for part in parts]))
        ndcg = {one.model.name: one.mean("ndcg", viewers) for one in finished}
        draws = _ranking_intervals(finished, viewers, estimates, seed)
        _star_intervals(finished, estimates, seed)
        for one in finished:
            estimates[one.model.name] |= {name: Estimate(value) for name, value in one.catalogue().items()}
    entries = [
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
            can=() if type(one.model) in models().values() else _declared(one.model),
        )
        for one in measured
    ]
    ranked = sorted(entries, key=lambda entry: -entry.estimates["ndcg"].value if not entry.error else 1.0)
    by_name = {one.model.name: one for one in finished}
    best = [by_name[entry.model] for entry in ranked if entry.model in by_name]
    best_first = {entry.model: ndcg[entry.model] for entry in ranked if entry.model in ndcg}
    last = parts[-1]
    cut = {} if split.leaks or not best else segment_values(segments_of(dataset, last, signal), last, best)
    names = [one.model.name for one in best if one.judged is not None]
    return Leaderboard(
        dataset=dataset.name,
        dataset_folder=dataset.folder.name if dataset.folder else "",
        dataset_hash=dataset.content_hash,
        signal=signal,
        share=split.share if isinstance(split, TemporalSplit) and not split.at else None,
        split_at=pd.Timestamp(last.at).isoformat(),
        k=k,
        seed=seed,
        entries=tuple(ranked),
        comparisons=compare_all("ndcg", best_first, draws),
        counts=_counts(parts),
        unlearnable_share=last.unlearnable_share,
        made_at=dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0).isoformat(),
        split=describe(split),
        segments=segment_scores(cut, names),
        contrasts=segment_contrasts(cut, names),
        lists={one.model.name: one.lists for one in finished if one.lists is not None and _for_everybody(split)},
        fitted={one.model.name: one.model for one in finished if _for_everybody(split)},
    )


def _declared(model: Recommender) -> tuple[str, ...]:
    return tuple(name for name, able in capabilities(type(model)).items() if able)


def _for_everybody(split: AnySplit) -> bool:
    """Whether the lists are what every viewer would have been shown on one day, knowing only what was before."""
    return isinstance(split, TemporalSplit | RollingSplit)


def _counts(parts: tuple[Split, ...]) -> dict[str, int]:
    """What was split, tested and left out; of several splits the training of the last and the sum of the tests."""
    counts = dict(parts[-1].counts)
    for part in parts[:-1]:
        for name, count in part.counts.items():
            if "training" not in name:
                counts[name] += count
    return counts


def _ranking_intervals(
    finished: list[Measured], viewers: Index, estimates: dict[str, dict[str, Estimate]], seed: int
) -> dict[str, Floats]:
    """Fill in estimates of what has a value for each tested viewer; returns each model's draws of NDCG."""
    columns: list[tuple[Measured, str]] = []
    above, below = [], []
    for one in finished:
        for name in (*MEANS, *RATIOS):
            if name not in one.sums:
                continue
            columns.append((one, name))
            if name in RATIOS:
                numerator, denominator = (total[viewers] for total in one.sums[name])
                below.append(denominator)
                above.append(numerator)
            else:
                mean = one.mean(name, viewers)
                known = np.isfinite(mean)
                above.append(np.where(known, mean, 0.0))
                below.append(known.astype(np.float64))
    numerators, denominators = np.column_stack(above), np.column_stack(below)
    resampled = bootstrap_ratios(numerators, denominators, seed, DRAWS)
    totals = denominators.sum(axis=0)
    values = np.divide(numerators.sum(axis=0), totals, out=np.full(len(totals), np.nan), where=totals > 0)
    draws = {}
    for column, (one, name) in enumerate(columns):
        shift = -1.0 if name == "popularity_lift" else 0.0
        estimates[one.model.name][name] = Estimate(
            float(values[column]) + shift, *interval(resampled[:, column] + shift)
        )
        if name == "ndcg":
            draws[one.model.name] = resampled[:, column]
    return draws


def _star_intervals(finished: list[Measured], estimates: dict[str, dict[str, Estimate]], seed: int) -> None:
    """RMSE, MAE and FCP with intervals over the viewers who rated: a viewer's ratings are drawn together."""
    rating = [one for one in finished if "rmse" in one.sums]
    if not rating:
        return
    who = np.flatnonzero(rating[0].sums["rmse"][1])
    for one in rating:
        above = np.column_stack([one.sums[name][0][who] for name in STARS])
        below = np.column_stack([one.sums[name][1][who] for name in STARS])
        draws = bootstrap_ratios(above, below, seed)
        totals = below.sum(axis=0)
        values = np.divide(above.sum(axis=0), totals, out=np.full(len(STARS), np.nan), where=totals > 0)
        for column, name in enumerate(STARS):
            root = np.sqrt if name == "rmse" else np.asarray
            estimates[one.model.name][name] = Estimate(
                float(root(values[column])), *interval(np.asarray(root(draws[:, column])))
            )
