"""Exact ranking of held-out items among all items, and metrics of it."""

from recommenders.tasks.ranking.exposure import Exposure, measure_exposure
from recommenders.tasks.ranking.metrics import RANKING_METRICS, RankingMetric, find_ranking_metric
from recommenders.tasks.ranking.ranks import Ranks, rank_items
from recommenders.tasks.ranking.scores import ScoreFunction, VectorScores

__all__ = [
    "RANKING_METRICS",
    "Exposure",
    "RankingMetric",
    "Ranks",
    "ScoreFunction",
    "VectorScores",
    "find_ranking_metric",
    "measure_exposure",
    "rank_items",
]
