"""Content: what titles are about, and a hybrid that maps it onto factors, for titles and viewers nobody has met yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from analysis.errors import ModelError
from analysis.recommend.base import Recommender
from analysis.recommend.interactions import Index, Interactions, Scores
from analysis.recommend.models.implicit_models import ALS
from analysis.recommend.models.knn import rows_of
from analysis.recommend.parameters import Settings, number
from analysis.results import Progress

KINDS = {"genres": ("has_genre",), "people": ("stars", "directed_by"), "concepts": ("about",)}
"""Relations of the knowledge graph by what they tell; others count as concepts."""


@dataclass(frozen=True)
class ContentParameters(Settings):
    """Parameters of the content model."""

    model = "Content"

    genres: float = number(1.0, 0.0, 3.0)
    """How much a shared genre counts."""

    people: float = number(1.0, 0.0, 3.0)
    """How much a shared actor or director counts."""

    concepts: float = number(1.0, 0.0, 3.0)
    """How much a shared subject counts."""


class Content(Recommender):
    """Cosine of what titles are about (genres, people, subjects; TF-IDF), summed over what the viewer has watched."""

    name = "content"
    label = "Content"
    description = "Titles with the genres, people and subjects of what the viewer has watched; knows new titles too."
    source = "Lops, de Gemmis & Semeraro 2011, Recommender Systems Handbook, chapter 3"
    cold_titles = folds_in = explains = finds_similar = True
    Parameters: ClassVar[type[Settings]] = ContentParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        p: ContentParameters = self.parameters
        self.features_: sparse.csr_matrix = title_features(
            train, {"genres": p.genres, "people": p.people, "concepts": p.concepts}
        )
        if not self.features_.nnz:
            raise ModelError(
                f"{self.label} knows nothing of what the titles are about.",
                "Bring genres with the titles, or a table title_links; or leave this model out.",
            )

    def _score(self, viewers: Index) -> Scores:
        return self._score_history(self._fitted().matrix[viewers])

    def _score_history(self, histories: sparse.csr_matrix) -> Scores:
        scores: Scores = ((histories @ self.features_) @ self.features_.T).toarray().astype(np.float32, copy=False)
        scores[:, np.diff(self.features_.indptr) == 0] = -np.inf
        return scores

    def _contributions(self, history: sparse.csr_matrix, title: int) -> npt.NDArray[np.float64]:
        alike = (self.features_[history.indices] @ self.features_[[title]].T).toarray().ravel()
        contributions: npt.NDArray[np.float64] = history.data.astype(np.float64) * alike
        return contributions

    def _similar(self, titles: Index) -> Scores:
        alike: Scores = (self.features_[titles] @ self.features_.T).toarray().astype(np.float32, copy=False)
        alike[:, np.diff(self.features_.indptr) == 0] = -np.inf
        return alike


@dataclass(frozen=True)
class HybridParameters(Settings):
    """Parameters of the hybrid."""

    model = "Hybrid"

    factors: int = number(16, 8, 128, least=1, log=True)
    """Length of the taste vectors of viewers and titles."""

    regularization: float = number(10.0, 0.01, 100.0, log=True)
    """λ of the taste vectors: how strongly they are held small."""

    alpha: float = number(10.0, 0.5, 50.0, log=True)
    """α: how much more one play counts than no play."""

    iterations: int = number(15, 5, 30, least=1)
    """How many times viewers' and titles' vectors are solved in turn."""

    metadata: float = number(10.0, 0.1, 100.0, log=True)
    """λ of the map from metadata to vectors: how strongly it is held small."""

    known_after: float = number(20.0, 1.0, 200.0, log=True)
    """Viewers after which a title's own vector counts as much as the one that its metadata say."""


class Hybrid(ALS):
    """ALS whose titles' vectors are pulled towards what their metadata say; new titles and viewers have only that."""

    name = "hybrid"
    label = "Hybrid"
    description = "ALS that reads genres, people and subjects, so that it can place new titles and greet new viewers."
    source = "after Gantner et al., ICDM 2010 (attribute-to-factor mapping)"
    cold_titles = cold_viewers = True
    Parameters: ClassVar[type[Settings]] = HybridParameters

    def _fit(self, train: Interactions, progress: Progress) -> None:
        p: HybridParameters = self.parameters
        features = title_features(train, dict.fromkeys(KINDS, 1.0))
        if not features.nnz:
            raise ModelError(
                f"{self.label} knows nothing of what the titles are about.",
                "Bring genres with the titles, or a table title_links; or use ALS.",
            )
        super()._fit(train, lambda share, words: progress(0.8 * share, words))
        progress(0.8, "Hybrid, metadata of titles")
        viewers = train.viewers_per_title.astype(np.float64)
        said = _ridge(features, self.title_factors_, viewers, p.metadata)
        own = (viewers / (viewers + p.known_after))[:, None]
        self.title_factors_ = (own * self.title_factors_ + (1 - own) * said).astype(np.float32)
        self.viewer_factors_ = self._solve(train.matrix)
        progress(0.9, "Hybrid, profiles of viewers")
        plays = train.plays_per_viewer.astype(np.float64)
        greeting = _ridge(viewer_features(train), self.viewer_factors_, (plays > 0).astype(np.float64), p.metadata)
        self.viewer_factors_ = np.where((plays > 0)[:, None], self.viewer_factors_, greeting).astype(np.float32)
        self.stranger_: Scores = self.viewer_factors_[plays > 0].mean(axis=0)

    def _score_history(self, histories: sparse.csr_matrix) -> Scores:
        scores = super()._score_history(histories)
        # Somebody of whom nothing is known at all is met as the average viewer.
        scores[np.diff(histories.indptr) == 0] = self.title_factors_ @ self.stranger_
        return scores


def title_features(train: Interactions, weights: dict[str, float]) -> sparse.csr_matrix:
    """TF-IDF of the titles' edges, each kind of its own weight, rows of length 1; shape (n_titles, entities)."""
    links = train.links
    kind_of = {relation: kind for kind, relations in KINDS.items() for relation in relations}
    weight = links["relation"].map(lambda relation: weights[kind_of.get(relation, "concepts")]).to_numpy(np.float64)
    # Somebody who acts in a title and directs another is two things.
    names = links["relation"].astype("str") + "\n" + links["entity"].astype("str")
    entities, column = np.unique(names.to_numpy(dtype=object).astype(str), return_inverse=True)
    titles = links["title"].to_numpy(np.int32)
    rarity = np.log1p(len(np.unique(titles)) / np.maximum(np.bincount(column, minlength=len(entities)), 1))
    shape = (train.n_titles, max(len(entities), 1))
    features = sparse.coo_matrix((weight * rarity[column], (titles, column)), shape=shape).tocsr()
    features.eliminate_zeros()
    lengths = np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
    features.data /= lengths[rows_of(features)]
    return features.astype(np.float32)


def viewer_features(train: Interactions) -> sparse.csr_matrix:
    """A one for each thing known of a viewer (country, age band, plan); shape (n_viewers, things)."""
    known = [pd.get_dummies(train.profiles[c].astype("str").to_numpy()) for c in train.profiles.columns]
    if not known:
        return sparse.csr_matrix(np.zeros((train.n_viewers, 1), np.float32))
    return sparse.csr_matrix(np.column_stack([frame.to_numpy(np.float32) for frame in known]))


def _ridge(
    features: sparse.csr_matrix, factors: Scores, weight: npt.NDArray[np.float64], penalty: float
) -> npt.NDArray[np.float64]:
    """What the features say of the factors: weighted ridge regression with an intercept that is not held small."""
    from scipy.sparse.linalg import LinearOperator, cg

    share = weight / weight.sum()
    middle = share @ factors
    # Conjugate gradients on the normal equations: there may be many thousand entities.
    x = features.astype(np.float64)
    scaled = weight / max(weight.max(), 1.0)

    def product(v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = x.T @ (scaled * (x @ v)) + penalty * 0.01 * v
        return found

    operator = LinearOperator((x.shape[1], x.shape[1]), matvec=product, dtype=np.float64)
    said = np.empty((x.shape[0], factors.shape[1]))
    for column in range(factors.shape[1]):
        right = x.T @ (scaled * (factors[:, column] - middle[column]))
        coefficients, _ = cg(operator, right, rtol=1e-6, maxiter=200)
        said[:, column] = middle[column] + x @ coefficients
    return said
