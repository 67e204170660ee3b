"""Recommenders: one contract, the classic models, honest evaluation."""

from analysis.recommend.base import (
    ParameterDoc,
    RecommendationTable,
    Recommender,
    parameter_docs,
)
from analysis.recommend.compare import Comparison, Estimate
from analysis.recommend.evaluate import evaluate
from analysis.recommend.home import (
    Recommended,
    Shelf,
    ViewerChoices,
    ViewerHome,
    Watched,
    any_viewer,
    find_viewers,
    viewer_home,
)
from analysis.recommend.interactions import Interactions, default_signal
from analysis.recommend.leaderboard import Entry, Leaderboard, LeaderboardBrief
from analysis.recommend.metrics import METRICS, Metric
from analysis.recommend.models import ALS, SVD, ItemKNN, Popularity, RecentPopularity
from analysis.recommend.registry import model, models
from analysis.recommend.runs import (
    Run,
    RunInfo,
    RunList,
    delete_run,
    keep_run,
    list_runs,
    load_run,
    newest_run,
    reference_run,
    write_reference,
)
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
    "LeaderboardBrief",
    "Metric",
    "ParameterDoc",
    "Popularity",
    "RecentPopularity",
    "RecommendationTable",
    "Recommended",
    "Recommender",
    "Run",
    "RunInfo",
    "RunList",
    "Shelf",
    "Split",
    "TemporalSplit",
    "ViewerChoices",
    "ViewerHome",
    "Watched",
    "any_viewer",
    "default_signal",
    "delete_run",
    "evaluate",
    "find_viewers",
    "keep_run",
    "list_runs",
    "load_run",
    "model",
    "models",
    "newest_run",
    "parameter_docs",
    "reference_run",
    "viewer_home",
    "write_reference",
]
