"""The models, one file a family."""

from analysis.recommend.models.implicit_models import ALS
from analysis.recommend.models.knn import ItemKNN
from analysis.recommend.models.popularity import Popularity, RecentPopularity
from analysis.recommend.models.surprise_models import SVD

__all__ = ["ALS", "SVD", "ItemKNN", "Popularity", "RecentPopularity"]
