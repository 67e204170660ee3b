"""Beyond accuracy: how varied lists are, how surprising, how popular, and how well they keep a viewer's mix of genres.

One array entry a viewer, as in `metrics`. Genres are the edges `has_genre`; a title of k genres counts 1/k in each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.recommend.interactions import Flags, Ids, Index, Interactions
from analysis.recommend.lists import RecommendationTable

Floats = npt.NDArray[np.float64]

SMOOTHING = 0.01
"""How much of the viewer's own mix is added to a list's, so that a missing genre is far away and not infinitely far."""


def genre_shares(data: Interactions) -> Floats | None:
    """Each title's share of each genre, rows that add up to 1 or 0, shape (n_titles, genres); None without genres."""
    links = data.links[data.links["relation"] == "has_genre"]
    if not len(links):
        return None
    genres, column = np.unique(links["entity"].to_numpy(dtype=object).astype(str), return_inverse=True)
    shares = np.zeros((data.n_titles, len(genres)))
    shares[links["title"].to_numpy(), column] = 1.0
    found: Floats = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
    return found


def places(lists: RecommendationTable, data: Interactions) -> Index:
    """Dense numbers of the listed titles, 0 where a list is empty, shape (n, k)."""
    title = np.searchsorted(data.titles, np.where(lists.filled, lists.title_ids, data.titles[0]))
    return title.astype(np.int32)


def diversity(lists: RecommendationTable, title: Index, shares: Floats) -> Floats:
    """Mean of 1 − cosine over all pairs of a list's titles that have genres (Ziegler et al., WWW 2005, section 3.3).

    Shape (n,); NaN for a list with fewer than two such titles.
    """
    lengths = np.linalg.norm(shares, axis=1)
    unit = shares / np.where(lengths > 0, lengths, 1.0)[:, None]
    counted = lists.filled & (lengths[title] > 0)
    # Σ over pairs of cosines = (|Σ u|² − Σ |u|²) / 2, so no pair has to be looked at.
    total = np.zeros((len(title), shares.shape[1]))
    for place in range(title.shape[1]):
        total += unit[title[:, place]] * counted[:, [place]]
    n = counted.sum(axis=1).astype(np.float64)
    alike = (total**2).sum(axis=1) - n
    values: Floats = np.full(len(n), np.nan)
    np.divide(alike, n * (n - 1), out=values, where=n > 1)
    return 1.0 - values


def personalization(shown: Ids, lists: int) -> float:
    """1 − the mean overlap of two viewers' lists, over all pairs, from how many lists hold each title.

    Zhou et al., PNAS 2010, inter-user diversity: 1 − |L_u ∩ L_v| / k. NaN for fewer than two lists.
    """
    length = shown.sum() / lists if lists else 0.0
    if lists < 2 or length == 0:
        return float("nan")
    counts = shown.astype(np.float64)
    return float(1.0 - (counts * (counts - 1)).sum() / (lists * (lists - 1) * length))


def serendipity(hits: Flags, lists: RecommendationTable, expected: RecommendationTable) -> Floats:
    """Share of the k places that hold a hit which popularity alone would not have listed, shape (n,).

    Ge, Delgado-Battenfeld & Jannach, RecSys 2010, with popularity as the primitive model.
    """
    obvious = np.zeros_like(hits)
    for place in range(expected.title_ids.shape[1]):
        obvious |= lists.title_ids == expected.title_ids[:, [place]]
    values: Floats = (hits & ~obvious).mean(axis=1)
    return values


def popularity_of(
    lists: RecommendationTable, title: Index, viewers: Index, train: Interactions
) -> tuple[Floats, Floats]:
    """Mean number of viewers of the titles in each list, and of those in each viewer's history, both of shape (n,).

    Their means' ratio − 1 is the popularity lift (Abdollahpouri et al., UMAP 2021). 0 without a list or a history.
    """
    crowd = train.viewers_per_title.astype(np.float64)
    listed = (crowd[title] * lists.filled).sum(axis=1) / np.maximum(lists.filled.sum(axis=1), 1)
    seen = train.matrix[viewers]
    rows = np.repeat(np.arange(len(viewers)), np.diff(seen.indptr))
    known = np.bincount(rows, crowd[seen.indices], minlength=len(viewers)) / np.maximum(np.diff(seen.indptr), 1)
    return listed, known


def calibration(
    lists: RecommendationTable, title: Index, viewers: Index, train: Interactions, shares: Floats
) -> Floats:
    """Kullback–Leibler divergence of a list's mix of genres from the history's, in nats (Steck, RecSys 2018, eq. 6).

    The history is weighted as the models see it. Shape (n,); NaN without a list or a history with genres.
    """
    p = np.asarray(train.matrix[viewers] @ shares)
    q = np.zeros_like(p)
    for place in range(title.shape[1]):
        q += shares[title[:, place]] * lists.filled[:, [place]]
    p_total, q_total = p.sum(axis=1, keepdims=True), q.sum(axis=1, keepdims=True)
    p = p / np.where(p_total > 0, p_total, 1.0)
    q = (1 - SMOOTHING) * q / np.where(q_total > 0, q_total, 1.0) + SMOOTHING * p
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    values: Floats = (p * np.log(ratio)).sum(axis=1)
    values[(p_total[:, 0] <= 0) | (q_total[:, 0] <= 0)] = np.nan
    return np.maximum(values, 0.0)


def concordance(viewer: Index, predicted: Floats, stars: Floats) -> tuple[Ids, Floats, Floats]:
    """Pairs of a viewer's ratings in the right and in the wrong order; pairs of equal stars do not count.

    FCP = Σ right / Σ (right + wrong) (Koren & Sill, IJCAI 2011, section 5).

    Returns:
        The viewers who rated, ascending, and their numbers of right and wrong pairs; equal predictions are wrong.
    """
    order = np.argsort(viewer, kind="stable")
    names, starts = np.unique(viewer[order], return_index=True)
    right, wrong = np.zeros(len(names)), np.zeros(len(names))
    for row, (start, end) in enumerate(zip(starts, [*starts[1:], len(viewer)], strict=True)):
        here = order[start:end]
        given = np.sign(np.subtract.outer(stars[here], stars[here]))
        said = np.sign(np.subtract.outer(predicted[here], predicted[here]))
        counted = given > 0
        right[row] = (counted & (said > 0)).sum()
        wrong[row] = (counted & (said <= 0)).sum()
    return names.astype(np.int64), right, wrong
