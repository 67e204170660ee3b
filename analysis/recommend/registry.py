"""The models there are, by name."""

from __future__ import annotations

from analysis.errors import ModelError
from analysis.recommend.base import Recommender
from analysis.recommend.models import ALS, SVD, ItemKNN, Popularity, RecentPopularity

_MODELS: tuple[type[Recommender], ...] = (Popularity, RecentPopularity, ItemKNN, ALS, SVD)


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
