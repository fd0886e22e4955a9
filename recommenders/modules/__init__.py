"""Any torch module as a recommender."""
