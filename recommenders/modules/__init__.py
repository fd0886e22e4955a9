"""Use any torch module as a recommender."""
