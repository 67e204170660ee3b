"""The best k of each row of a score matrix, ties in the order of the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.recommend.interactions import Index


def top_k(scores: npt.NDArray[Any], k: int) -> tuple[Index, npt.NDArray[Any]]:
    """Columns with the highest scores of each row, best first; of equal scores the lower column comes first.

    Args:
        scores: Shape (rows, columns); −inf where a column may not be taken. A NaN sorts above everything, so that a
            caller finds it in the result.
        k: How many, at most the number of columns.

    Returns:
        Column numbers and their scores, both of shape (rows, k). Where fewer than k columns may be taken the rest of
        the row has the score −inf.
    """
    columns = scores.shape[1]
    if k >= columns:
        chosen = np.argsort(-scores, axis=1, kind="stable")
        return chosen.astype(np.int32), np.take_along_axis(scores, chosen, axis=1)
    # One more than asked: the best of the rest shows whether a tie crosses the edge of the list.
    edge = columns - k - 1
    order = np.argpartition(scores, edge, axis=1)[:, edge:]
    found = np.take_along_axis(scores, order, axis=1)
    rest, chosen, best = found[:, 0], order[:, 1:], found[:, 1:]
    last = best.min(axis=1)
    for row in np.flatnonzero((last == rest) & (last > -np.inf)):
        chosen[row] = _with_ties(scores[row], last[row], k)
        best[row] = scores[row, chosen[row]]
    by_rank = np.lexsort((chosen, -best), axis=1)
    return np.take_along_axis(chosen, by_rank, axis=1).astype(np.int32), np.take_along_axis(best, by_rank, axis=1)


def _with_ties(scores: npt.NDArray[Any], last: Any, k: int) -> npt.NDArray[np.int64]:
    above = np.flatnonzero(scores > last)
    return np.concatenate([above, np.flatnonzero(scores == last)[: k - len(above)]])
