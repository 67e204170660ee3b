"""Models of the library implicit: factors learnt from plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from analysis.recommend.base import Recommender, one_blas_thread, require_at_least
from analysis.recommend.interactions import Index, Interactions, Scores
from analysis.results import Progress


@dataclass(frozen=True)
class ALSParameters:
    """Parameters of ALS; the defaults did best on validation periods before the test periods (docs/recommenders.md)."""

    factors: int = 16
    """Length of the taste vectors of viewers and titles; many plays a viewer bear more."""

    regularization: float = 10.0
    """λ: how strongly the vectors are held small; more is safer when there is little data."""

    alpha: float = 10.0
    """α: how much more one play counts than no play; confidence is 1 + α × weight."""

    iterations: int = 15
    """How many times viewers' and titles' vectors are solved in turn."""

    def __post_init__(self) -> None:
        require_at_least(
            "ALS",
            factors=(self.factors, 1),
            regularization=(self.regularization, 0),
            alpha=(self.alpha, 0),
            iterations=(self.iterations, 1),
        )


class ALS(Recommender):
    """Matrix factorisation of plays, minimising Σ c(p − x·y)² + λ(‖x‖² + ‖y‖²) with c = 1 + α r."""

    name = "als"
    label = "ALS"
    description = "Taste vectors for viewers and titles learnt from who watched what; the classic that is hard to beat."
    source = "Hu, Koren & Volinsky, ICDM 2008"
    finds_similar = True
    Parameters: ClassVar[type[ALSParameters]] = ALSParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        p: ALSParameters = self.parameters
        confidence = train.matrix.copy()
        confidence.data = 1 + np.float32(p.alpha) * confidence.data
        with one_blas_thread():
            library = AlternatingLeastSquares(
                factors=p.factors,
                regularization=p.regularization,
                alpha=1.0,
                iterations=p.iterations,
                random_state=self.seed,
            )
            library.fit(confidence, show_progress=False, callback=_reporter(progress, p.iterations))
        self.viewer_factors_: Scores = library.user_factors
        self.title_factors_: Scores = library.item_factors

    def _score(self, viewers: Index) -> Scores:
        scores: Scores = self.viewer_factors_[viewers] @ self.title_factors_.T
        return scores

    def _similar(self, titles: Index) -> Scores:
        lengths = np.maximum(np.linalg.norm(self.title_factors_, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        unit = self.title_factors_ / lengths
        likeness: Scores = unit[titles] @ unit.T
        return likeness


def _reporter(progress: Progress, iterations: int) -> Any:
    def report(iteration: int, _seconds: float, _loss: float | None) -> None:
        progress((iteration + 1) / iterations, f"ALS, iteration {iteration + 1} of {iterations}")

    return report
