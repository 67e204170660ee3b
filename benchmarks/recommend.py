"""Recommenders: lists, fits and metrics against the libraries and a plain product, on data of MovieLens-1M's size.

    python -m benchmarks.recommend
    python -m benchmarks.recommend --repeats 3 --only lists metrics

Ratios are of medians, ours and the yardstick in turn, both warm, in one process. The ratings are random, made here:
6,040 viewers, 3,706 titles, about 1 million ratings, some titles far more popular than others.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from analysis.data import Dataset
from analysis.recommend import ALS, EASE, SVD, Interactions, ItemKNN, RecommendationTable, Split, TemporalSplit, metrics
from analysis.recommend.models.surprise_models import trainset
from benchmarks.common import Measured, report

VIEWERS, TITLES, DRAWN, BLOCK, K, FACTORS = 6_040, 3_706, 1_250_000, 1_024, 10, 64
TASKS = ("lists", "metrics", "als", "knn", "svd", "ease")


def make() -> Interactions:
    """Random ratings, one a viewer and title, in random order of time."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "viewer_id": (rng.random(DRAWN) ** 1.5 * VIEWERS).astype(int),
            "title_id": (rng.random(DRAWN) ** 2 * TITLES).astype(int),
            "stars": rng.integers(1, 6, DRAWN).astype(float),
            "rated_at": np.datetime64("2024-01-01", "us") + rng.integers(0, 365 * 86_400, DRAWN).astype("m8[s]"),
        }
    )
    frame = frame.drop_duplicates(["viewer_id", "title_id"], ignore_index=True)
    return Interactions.from_dataset(Dataset.from_frames(ratings=frame))


def in_turn(ours: Callable[[], object], yardstick: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds of both, called in turn so that both meet the same noise; one call each to warm up."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats + 1):
        for place, call in enumerate((ours, yardstick)):
            start = time.perf_counter()
            call()
            if turn:
                seconds[place].append(time.perf_counter() - start)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def show(what: str, ours: float, yardstick: float, name: str, promise: float) -> Measured:
    """One row of the table."""
    ratio = ours / yardstick
    return Measured(
        what, f"{ratio:.2f} × ({ours:.3f} s against {yardstick:.3f} s, {name})", f"≤ {promise} ×", ratio <= promise
    )


def plain_lists(model: ALS) -> None:
    """The yardstick of lists: product and argpartition in blocks, nothing filtered, nothing sorted."""
    for start in range(0, VIEWERS, BLOCK):
        scores = model.viewer_factors_[start : start + BLOCK] @ model.title_factors_.T
        np.argpartition(scores, TITLES - K, axis=1)


def nine(lists: RecommendationTable, split: Split) -> None:
    """Nine metrics from given lists."""
    hits, relevant = metrics.hits_and_relevant(lists, split.relevant, split.train)
    metrics.precision(hits)
    metrics.recall(hits, relevant)
    metrics.ndcg(hits, relevant)
    metrics.average_precision(hits, relevant)
    metrics.reciprocal_rank(hits)
    metrics.hit_rate(hits)
    metrics.novelty(lists, split.train)
    shown = metrics.exposure(lists, split.train)
    metrics.coverage(shown)
    metrics.gini(shown)


def lists_and_metrics(data: Interactions, repeats: int, wanted: list[str]) -> list[Measured]:
    rows = []
    model = ALS(ALS.Parameters(factors=FACTORS, iterations=3)).fit(data)
    if "lists" in wanted:
        ours, plain = in_turn(lambda: model.recommend(data.viewers, K), lambda: plain_lists(model), repeats)
        rows.append(
            show("lists for all viewers, seen titles left out, sorted", ours, plain, "product and argpartition", 1.2)
        )
    if "metrics" in wanted:
        split = TemporalSplit(0.2).split(data)
        trained = ALS(ALS.Parameters(factors=FACTORS, iterations=3)).fit(split.train)
        tested = data.viewers[split.viewers]
        lists = trained.recommend(tested, K)
        ours, scoring = in_turn(lambda: nine(lists, split), lambda: trained.recommend(tested, K), repeats)
        rows.append(show(f"nine metrics, {len(tested):,} viewers", ours, scoring, "scoring and top-k", 0.5))
        rows.append(Measured("the same", f"{ours:.3f} s", "≤ 0.15 s", ours <= 0.15, budget=True))
    return rows


def als(data: Interactions, repeats: int) -> Measured:
    from implicit.cpu.als import AlternatingLeastSquares

    parameters = ALS.Parameters(factors=FACTORS, iterations=15)
    confidence = data.matrix.copy()
    confidence.data = 1 + np.float32(parameters.alpha) * confidence.data

    def library() -> None:
        with threadpool_limits(1, "blas"):
            AlternatingLeastSquares(
                factors=FACTORS, regularization=parameters.regularization, alpha=1.0, iterations=15, random_state=0
            ).fit(confidence, show_progress=False)

    ours, theirs = in_turn(lambda: ALS(parameters).fit(data), library, repeats)
    return show(f"ALS, {FACTORS} factors, 15 iterations", ours, theirs, "implicit", 1.1)


def knn(data: Interactions, repeats: int) -> Measured:
    from implicit.nearest_neighbours import ItemItemRecommender, normalize

    ready = normalize(data.matrix.T.astype(np.float64)).T.tocsr()

    def library() -> None:
        ItemItemRecommender(K=101).fit(ready, show_progress=False)

    ours, theirs = in_turn(lambda: ItemKNN().fit(data), library, repeats)
    return show("item kNN, 100 neighbours", ours, theirs, "implicit", 1.1)


def svd(data: Interactions, repeats: int) -> Measured:
    from surprise import SVD as Library

    assert data.ratings is not None
    ready = trainset(data.ratings, data.n_viewers, data.n_titles)
    ours, theirs = in_turn(lambda: SVD().fit(data), lambda: Library(random_state=0).fit(ready), repeats)
    return show("SVD, 100 factors, 20 epochs", ours, theirs, "Surprise", 1.1)


def ease(data: Interactions, repeats: int) -> Measured:
    from scipy.linalg import cho_factor, cho_solve

    penalty = np.float32(EASE.Parameters().regularization)

    def textbook() -> None:
        # Dense Gram matrix and one Cholesky inverse, in the same precision as ours.
        watched = data.matrix.toarray()
        gram = watched.T @ watched
        gram[np.diag_indices_from(gram)] += penalty
        inverse = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), np.eye(len(gram), dtype=np.float32))
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0)

    ours, plain = in_turn(lambda: EASE().fit(data), textbook, repeats)
    return show("EASE, closed form", ours, plain, "numpy and scipy", 1.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="calls of which the median is taken")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS), help="what is measured")
    options = parser.parse_args()
    data = make()
    # The matrix is made here once for all, so that no fit pays for it alone.
    density = data.matrix.nnz / (data.n_viewers * data.n_titles)
    rows = lists_and_metrics(data, options.repeats, options.only)
    for name, task in (("als", als), ("knn", knn), ("svd", svd), ("ease", ease)):
        if name in options.only:
            rows.append(task(data, options.repeats))
    size = f"{len(data):,} ratings, {data.n_viewers:,} viewers, {data.n_titles:,} titles, {density:.1%} of all pairs"
    report(f"Recommenders: {size}", rows)


if __name__ == "__main__":
    main()
