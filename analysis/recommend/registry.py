"""The models there are, by name."""

from __future__ import annotations

from analysis.errors import ModelError
from analysis.recommend import models as families
from analysis.recommend.base import Recommender

_MODELS: tuple[type[Recommender], ...] = (
    families.Random,
    families.Popularity,
    families.RecentPopularity,
    families.PopularityAtTime,
    families.ItemKNN,
    families.TfidfKNN,
    families.BM25KNN,
    families.EASE,
    families.ALS,
    families.BPR,
    families.LogisticMF,
    families.Content,
    families.Hybrid,
    families.PopularityTaste,
    families.SVD,
    families.SVDpp,
    families.NMF,
    families.KNNBaseline,
    families.SlopeOne,
    families.CoClustering,
    families.Bias,
)

DEFAULT = (
    "popularity", "recent_popularity", "item_knn", "ease", "als", "content", "hybrid", "popularity_taste", "svd"
)  # fmt: skip
"""Models that are trained where none are named: the baselines and one of each family, quick enough for a first look."""


def models() -> dict[str, type[Recommender]]:
    """All models by name, simple ones first."""
    return {model.name: model for model in _MODELS}


def model(name: str) -> type[Recommender]:
    """The model called `name`.

    Raises:
        ModelError: There is none.
    """
    known = models()
    if name not in known:
        raise ModelError(f"There is no model {name!r}.", f"The models are: {', '.join(known)}.")
    return known[name]
