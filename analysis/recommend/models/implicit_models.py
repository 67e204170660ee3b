"""Models of the library implicit: factors learnt from plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from analysis.recommend.base import Recommender, one_blas_thread
from analysis.recommend.interactions import Flags, Index, Interactions, Scores
from analysis.recommend.parameters import Settings, number
from analysis.results import Progress


class Factors(Recommender):
    """Base of models with a vector for each viewer and each title, whose product is the score."""

    finds_similar = True

    viewer_factors_: Scores
    title_factors_: Scores

    def _score(self, viewers: Index) -> Scores:
        scores: Scores = self.viewer_factors_[viewers] @ self.title_factors_.T
        return scores

    def _similar(self, titles: Index) -> Scores:
        taste = self._taste(self.title_factors_)
        lengths = np.maximum(np.linalg.norm(taste, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        unit = taste / lengths
        likeness: Scores = unit[titles] @ unit.T
        return likeness

    def _taste(self, factors: Scores) -> Scores:
        """The part of the titles' vectors that says what they are like."""
        return factors

    def _memory(self, train: Interactions) -> int:
        return 8 * int(self.parameters.factors) * (train.n_viewers + train.n_titles) + 24 * train.matrix.nnz


@dataclass(frozen=True)
class ALSParameters(Settings):
    """Parameters of ALS; the defaults did best on validation periods before the test periods (docs/recommenders.md)."""

    model = "ALS"

    factors: int = number(16, 8, 128, least=1, log=True)
    """Length of the taste vectors of viewers and titles; many plays a viewer bear more."""

    regularization: float = number(10.0, 0.01, 100.0, log=True)
    """λ: how strongly the vectors are held small; more is safer when there is little data."""

    alpha: float = number(10.0, 0.5, 50.0, log=True)
    """α: how much more one play counts than no play; confidence is 1 + α × weight."""

    iterations: int = number(15, 5, 30, least=1)
    """How many times viewers' and titles' vectors are solved in turn."""


class ALS(Factors):
    """Matrix factorisation of plays, minimising Σ c(p − x·y)² + λ(‖x‖² + ‖y‖²) with c = 1 + α r."""

    name = "als"
    label = "ALS"
    description = "Taste vectors for viewers and titles learnt from who watched what; the classic that is hard to beat."
    source = "Hu, Koren & Volinsky, ICDM 2008"
    folds_in = explains = True
    Parameters: ClassVar[type[Settings]] = ALSParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        p: ALSParameters = self.parameters
        with one_blas_thread():
            library = AlternatingLeastSquares(
                factors=p.factors,
                regularization=p.regularization,
                alpha=1.0,
                iterations=p.iterations,
                random_state=self.seed,
            )
            library.fit(
                self._confidence(train.matrix), show_progress=False, callback=_reporter(self, progress, p.iterations)
            )
        self.viewer_factors_: Scores = library.user_factors
        self.title_factors_: Scores = library.item_factors

    def _confidence(self, weights: sparse.csr_matrix) -> sparse.csr_matrix:
        confidence = weights.astype(np.float32)
        confidence.data = 1 + np.float32(self.parameters.alpha) * confidence.data
        return confidence

    def _score_history(self, histories: sparse.csr_matrix) -> Scores:
        scores: Scores = self._solve(histories) @ self.title_factors_.T
        return scores

    def _solve(self, histories: sparse.csr_matrix) -> Scores:
        """Viewers' vectors for given titles' vectors, solved exactly; shape (n, factors)."""
        from implicit.cpu.als import AlternatingLeastSquares

        factors: Scores = np.zeros((histories.shape[0], self.title_factors_.shape[1]), np.float32)
        solver = AlternatingLeastSquares(use_cg=False).solver
        solver(self._confidence(histories), factors, self.title_factors_, self.parameters.regularization, num_threads=1)
        return factors

    def _contributions(self, history: sparse.csr_matrix, title: int) -> npt.NDArray[np.float64]:
        return self._falls(history, self.title_factors_[title].astype(np.float64))

    def _falls(self, history: sparse.csr_matrix, wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How far the product with a vector falls without each watched title, exactly: its equations without one term.

        The parts of Hu, Koren & Volinsky's section 5 add up to the score, but the rest of the solution moves too when a
        title is taken out, so the largest part is not always the one that matters most. Taking out one title changes
        the inverse by a product of two vectors (Sherman & Morrison 1950), so no equations are solved again.
        """
        if not history.nnz:
            return np.zeros(0)
        confidence = self._confidence(history).data.astype(np.float64)
        left, right = self._equations(self._gram(), history.indices, confidence)
        watched = right / confidence
        inverse = np.linalg.inv(left)
        turned = inverse @ watched
        total = right.sum(axis=1)
        extra = confidence - 1
        grown = extra / (1 - extra * (watched * turned).sum(axis=0))
        # b − c y for each title that is taken out, seen through the changed inverse.
        rest = total[:, None] - right
        after = wanted @ inverse @ rest + grown * (wanted @ turned) * (turned * rest).sum(axis=0)
        contributions: npt.NDArray[np.float64] = wanted @ inverse @ total - after
        return contributions

    def _gram(self) -> npt.NDArray[np.float64]:
        titles = self.title_factors_.astype(np.float64)
        gram: npt.NDArray[np.float64] = titles.T @ titles
        gram[np.diag_indices_from(gram)] += float(self.parameters.regularization)
        return gram

    def _equations(
        self, gram: npt.NDArray[np.float64], watched: Index, confidence: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """YᵀCY + λI, and the columns c y of what was watched, whose sum is its right side."""
        titles = self.title_factors_[watched].astype(np.float64)
        left = gram + (titles.T * (confidence - 1)) @ titles
        return left, titles.T * confidence


@dataclass(frozen=True)
class BPRParameters(Settings):
    """Parameters of BPR."""

    model = "BPR"

    factors: int = number(32, 8, 128, least=1, log=True)
    """Length of the taste vectors of viewers and titles."""

    learning_rate: float = number(0.05, 0.005, 0.2, log=True)
    """Size of a step of gradient descent."""

    regularization: float = number(0.01, 0.0001, 0.1, log=True)
    """How strongly the vectors are held small."""

    iterations: int = number(60, 20, 200, least=1, log=True)
    """How many times gradient descent goes over as many pairs as there are plays."""


class BPR(Factors):
    """Taste vectors that put what a viewer watched above what they did not, pair by pair."""

    name = "bpr"
    label = "BPR"
    description = "Taste vectors learnt from pairs: what was watched should stand above what was not."
    source = "Rendle, Freudenthaler, Gantner & Schmidt-Thieme, UAI 2009"
    Parameters: ClassVar[type[Settings]] = BPRParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        p: BPRParameters = self.parameters
        # One thread: several would write over each other's steps, and the same seed would give another list.
        library = BayesianPersonalizedRanking(
            factors=p.factors,
            learning_rate=p.learning_rate,
            regularization=p.regularization,
            iterations=p.iterations,
            random_state=self.seed,
            num_threads=1,
        )
        _fit_on_watched(self, library, train, _reporter(self, progress, p.iterations))

    def _taste(self, factors: Scores) -> Scores:
        # The last number of a title's vector is its popularity, not its taste.
        return factors[:, :-1]


@dataclass(frozen=True)
class LogisticMFParameters(Settings):
    """Parameters of logistic matrix factorisation."""

    model = "Logistic MF"

    factors: int = number(16, 8, 128, least=1, log=True)
    """Length of the taste vectors of viewers and titles."""

    learning_rate: float = number(1.0, 0.1, 3.0, log=True)
    """Size of a step of gradient ascent."""

    regularization: float = number(1.0, 0.05, 10.0, log=True)
    """How strongly the vectors are held small."""

    negatives: int = number(10, 2, 60, least=1, log=True)
    """How many titles that were not watched are drawn for each that was."""

    iterations: int = number(30, 10, 60, least=1)
    """How many times viewers' and titles' vectors are improved in turn."""


class LogisticMF(Factors):
    """The probability that a viewer watches a title, as the logistic function of a product of vectors and biases."""

    name = "logistic_mf"
    label = "Logistic MF"
    description = "Taste vectors for the probability of a play."
    source = "Johnson, NIPS workshop 2014"
    Parameters: ClassVar[type[Settings]] = LogisticMFParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        from implicit.cpu.lmf import LogisticMatrixFactorization

        p: LogisticMFParameters = self.parameters
        library = LogisticMatrixFactorization(
            factors=p.factors,
            learning_rate=p.learning_rate,
            regularization=p.regularization,
            neg_prop=p.negatives,
            iterations=p.iterations,
            random_state=self.seed,
            num_threads=1,
        )
        _fit_on_watched(self, library, train, _reporter(self, progress, p.iterations))

    def _taste(self, factors: Scores) -> Scores:
        # The last two numbers of a title's vector are biases.
        return factors[:, :-2]


def _fit_on_watched(model: Factors, library: Any, train: Interactions, callback: Any) -> None:
    """Fit on viewers and titles with plays only: others would keep vectors drawn by chance."""
    viewers: Flags = train.plays_per_viewer > 0
    titles: Flags = train.viewers_per_title > 0
    watched = train.matrix[viewers][:, titles].tocsr()
    watched.sort_indices()
    with one_blas_thread():
        library.fit(watched, show_progress=False, callback=callback)
    width = library.item_factors.shape[1]
    model.viewer_factors_ = np.zeros((train.n_viewers, width), np.float32)
    model.title_factors_ = np.zeros((train.n_titles, width), np.float32)
    model.viewer_factors_[viewers] = library.user_factors
    model.title_factors_[titles] = library.item_factors


def _reporter(model: Recommender, progress: Progress, iterations: int) -> Any:
    def report(iteration: int, *_more: Any) -> None:
        progress((iteration + 1) / iterations, f"{model.label}, iteration {iteration + 1} of {iterations}")

    return report
