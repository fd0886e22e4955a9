"""Searching a loss, and training a recommender, from a notebook or a script, as short as the command."""

from studies.api.ranking import TrainedRecommender, train_recommender
from studies.api.result import SearchResult
from studies.api.searching import load_result, search_loss

__all__ = ["SearchResult", "TrainedRecommender", "load_result", "search_loss", "train_recommender"]
