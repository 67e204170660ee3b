"""How good lists and predicted stars are, one array entry a viewer, so that intervals can be taken over viewers.

Notation: a viewer's list holds k places; `hits[v, i]` says whether place i + 1 of viewer v's list is relevant (novel
and watched in the test period); `relevant[v]` is the number of relevant titles, at least 1. Nothing is sampled: every
title competes (Krichene & Rendle, CACM 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.recommend.interactions import Flags, Ids, Interactions, pair_keys
from analysis.recommend.lists import RecommendationTable

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """What a person should know of a metric.

    Attributes:
        name: Short name, a column of results.
        label: Name as shown; `k` stands for the length of a list.
        doc: What it says, in one plain sentence.
        better: Whether more or less is better, or None where it depends.
        of: What it measures: the ranking, the catalogue that is shown, or predicted stars.
    """

    name: str
    label: str
    doc: str
    better: Literal["higher", "lower"] | None
    of: Literal["ranking", "catalogue", "stars"]


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("ndcg", "NDCG@k", "How high up in the list the hits are; 1 is a perfect list.", "higher", "ranking"),
        Metric(
            "recall", "Recall@k", "Share of what the viewer went on to watch that the list held.", "higher", "ranking"
        ),
        Metric(
            "recall_capped",
            "Recall@k, capped",
            "The same, divided by no more than k, so that a perfect list always reaches 1.",
            "higher",
            "ranking",
        ),
        Metric("precision", "Precision@k", "Share of the list's k places that were hits.", "higher", "ranking"),
        Metric("map", "MAP@k", "Precision at each hit, averaged; rewards early hits.", "higher", "ranking"),
        Metric("mrr", "MRR@k", "One over the place of the first hit, averaged.", "higher", "ranking"),
        Metric("hit_rate", "Hit rate@k", "Share of viewers whose list held at least one hit.", "higher", "ranking"),
        Metric(
            "novelty",
            "Novelty@k",
            "How little known the listed titles are, in bits; one bit more is half as many viewers.",
            None,
            "catalogue",
        ),
        Metric("coverage", "Coverage@k", "Share of the catalogue that is in anybody's list.", "higher", "catalogue"),
        Metric(
            "gini",
            "Gini@k",
            "How unevenly places go to titles: 0 all titles alike, 1 all places to one.",
            "lower",
            "catalogue",
        ),
        Metric(
            "diversity",
            "Variety within lists",
            "How different the genres of a list's titles are: 0 all the same, 1 nothing in common.",
            "higher",
            "catalogue",
        ),
        Metric(
            "personalization",
            "Variety across viewers",
            "Share of the places that two viewers' lists do not have in common: 0 the same list for everybody.",
            "higher",
            "catalogue",
        ),
        Metric(
            "serendipity",
            "Serendipity@k",
            "Share of the list's places that were hits and not simply the most popular titles.",
            "higher",
            "catalogue",
        ),
        Metric(
            "popularity_lift",
            "Popularity lift",
            "How much more popular the listed titles are than what the viewers had watched: 0.5 is half as much again.",
            None,
            "catalogue",
        ),
        Metric(
            "calibration",
            "Miscalibration",
            "How far a list's mix of genres is from the viewer's own (Kullback–Leibler divergence); 0 is the same mix.",
            "lower",
            "catalogue",
        ),
        Metric(
            "hit_rate_again",
            "Hit rate@k, watched before",
            "Share of viewers for whom a list that may repeat held something they went on with; easy, so kept apart.",
            None,
            "ranking",
        ),
        Metric(
            "fcp",
            "FCP",
            "Share of a viewer's pairs of rated titles that the predicted stars put in the right order.",
            "higher",
            "stars",
        ),
        Metric("rmse", "RMSE", "Typical error of predicted stars; large errors weigh more.", "lower", "stars"),
        Metric("mae", "MAE", "Mean absolute error of predicted stars.", "lower", "stars"),
    )
}
"""All metrics by name, in the order in which they are shown."""


def hits_and_relevant(lists: RecommendationTable, relevant_pairs: Ids, data: Interactions) -> tuple[Flags, Ids]:
    """Which places of the lists are relevant, and how many relevant titles each viewer has.

    Args:
        lists: Lists of n viewers.
        relevant_pairs: Sorted pair keys (see `Split.relevant`).
        data: Interactions with the dense numbers of the pair keys.

    Returns:
        Hits of shape (n, k) and counts of shape (n,).
    """
    viewer = data.viewer_index(lists.ids)
    title = np.searchsorted(data.titles, np.where(lists.filled, lists.title_ids, data.titles[0]))
    keys = pair_keys(viewer[:, None], title, data.n_titles)
    place = np.minimum(np.searchsorted(relevant_pairs, keys), len(relevant_pairs) - 1)
    hits = lists.filled & (relevant_pairs[place] == keys)
    counts = np.bincount(relevant_pairs // data.n_titles, minlength=data.n_viewers)[viewer]
    return hits, counts.astype(np.int64)


def precision(hits: Flags) -> Floats:
    """Precision@k = hits in the list / k; empty places count as misses. Shape (n,)."""
    values: Floats = hits.mean(axis=1)
    return values


def recall(hits: Flags, relevant: Ids) -> Floats:
    """Recall@k = hits / |relevant| (the textbook's; can't reach 1 where |relevant| > k). Shape (n,)."""
    values: Floats = hits.sum(axis=1) / relevant
    return values


def recall_capped(hits: Flags, relevant: Ids) -> Floats:
    """Capped recall@k = hits / min(|relevant|, k) (Liang et al., WWW 2018, eq. 9). Shape (n,)."""
    values: Floats = hits.sum(axis=1) / np.minimum(relevant, hits.shape[1])
    return values


def ndcg(hits: Flags, relevant: Ids) -> Floats:
    """NDCG@k = Σ hit_i / log2(i + 1) over the same sum of an ideal list (Järvelin & Kekäläinen, TOIS 2002), binary.

    Shape (n,).
    """
    k = hits.shape[1]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(relevant, k) - 1]
    values: Floats = (hits @ discounts) / ideal
    return values


def average_precision(hits: Flags, relevant: Ids) -> Floats:
    """AP@k = Σ precision@i over hits i, divided by min(|relevant|, k); its mean is MAP@k. Shape (n,)."""
    k = hits.shape[1]
    at_hits = np.cumsum(hits, axis=1) / np.arange(1, k + 1) * hits
    values: Floats = at_hits.sum(axis=1) / np.minimum(relevant, k)
    return values


def reciprocal_rank(hits: Flags) -> Floats:
    """RR@k = 1 / place of the first hit, 0 without one; its mean is MRR@k (Voorhees, TREC-8 1999). Shape (n,)."""
    values: Floats = hits.max(axis=1) / (hits.argmax(axis=1) + 1.0)
    return values


def hit_rate(hits: Flags) -> Floats:
    """1 where the list holds at least one hit, else 0. Shape (n,)."""
    values: Floats = hits.max(axis=1).astype(np.float64)
    return values


def novelty(lists: RecommendationTable, train: Interactions) -> Floats:
    """Mean self-information −log2(viewers of the title / viewers) of the listed titles, in bits.

    Vargas & Castells, RecSys 2011, section 4.1. Shape (n,); NaN for an empty list.
    """
    listeners = max(int((train.plays_per_viewer > 0).sum()), 1)
    filled = lists.filled
    title = np.searchsorted(train.titles, np.where(filled, lists.title_ids, train.titles[0]))
    bits = -np.log2(np.maximum(train.viewers_per_title, 1) / listeners)[title]
    lengths = filled.sum(axis=1)
    values: Floats = (bits * filled).sum(axis=1) / np.maximum(lengths, 1)
    values[lengths == 0] = np.nan
    return values


def exposure(lists: RecommendationTable, data: Interactions) -> Ids:
    """How many lists hold each title, shape (n_titles,)."""
    title = np.searchsorted(data.titles, lists.title_ids[lists.filled])
    return np.bincount(title, minlength=data.n_titles).astype(np.int64)


def coverage(shown: Ids) -> float:
    """Share of the catalogue that is in at least one list, from `exposure`."""
    return float((shown > 0).mean())


def gini(shown: Ids) -> float:
    """Gini coefficient of `exposure` over the catalogue, titles that are never shown included.

    G = Σ (2i − n − 1) x_i / (n Σ x), x ascending (Fleder & Hosanagar, Management Science 2009). 0 where all titles are
    shown alike, (n − 1) / n where all places go to one; NaN where nothing is shown.
    """
    n, total = len(shown), shown.sum()
    if total == 0:
        return float("nan")
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return float((ranks * np.sort(shown)).sum() / (n * total))


def rmse(predicted: Floats, stars: Floats) -> float:
    """Root mean squared error, in stars."""
    return float(np.sqrt(np.mean((predicted - stars) ** 2)))


def mae(predicted: Floats, stars: Floats) -> float:
    """Mean absolute error, in stars."""
    return float(np.mean(np.abs(predicted - stars)))
