"""The models, one file a family."""

from analysis.recommend.models.blend import PopularityTaste
from analysis.recommend.models.content import Content, Hybrid
from analysis.recommend.models.ease import EASE
from analysis.recommend.models.implicit_models import ALS, BPR, LogisticMF
from analysis.recommend.models.knn import BM25KNN, ItemKNN, TfidfKNN
from analysis.recommend.models.popularity import Popularity, PopularityAtTime, Random, RecentPopularity
from analysis.recommend.models.stars import Bias, KNNBaseline, SlopeOne
from analysis.recommend.models.surprise_models import NMF, SVD, CoClustering, SVDpp

__all__ = [
    "ALS",
    "BM25KNN",
    "BPR",
    "EASE",
    "NMF",
    "SVD",
    "Bias",
    "CoClustering",
    "Content",
    "Hybrid",
    "ItemKNN",
    "KNNBaseline",
    "LogisticMF",
    "Popularity",
    "PopularityAtTime",
    "PopularityTaste",
    "Random",
    "RecentPopularity",
    "SVDpp",
    "SlopeOne",
    "TfidfKNN",
]
