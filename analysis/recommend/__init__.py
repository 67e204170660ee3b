"""Recommenders: one contract, the classic models, honest evaluation."""

from analysis.recommend.base import (
    ParameterDoc,
    RecommendationTable,
    Recommender,
    parameter_docs,
)
from analysis.recommend.compare import Comparison, Estimate
from analysis.recommend.evaluate import evaluate
from analysis.recommend.interactions import Interactions, default_signal
from analysis.recommend.leaderboard import Entry, Leaderboard
from analysis.recommend.metrics import METRICS, Metric
from analysis.recommend.models import ALS, SVD, ItemKNN, Popularity, RecentPopularity
from analysis.recommend.registry import model, models
from analysis.recommend.splits import Split, TemporalSplit

__all__ = [
    "ALS",
    "METRICS",
    "SVD",
    "Comparison",
    "Entry",
    "Estimate",
    "Interactions",
    "ItemKNN",
    "Leaderboard",
    "Metric",
    "ParameterDoc",
    "Popularity",
    "RecentPopularity",
    "RecommendationTable",
    "Recommender",
    "Split",
    "TemporalSplit",
    "default_signal",
    "evaluate",
    "model",
    "models",
    "parameter_docs",
]
