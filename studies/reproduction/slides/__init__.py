"""Tables of the systems in the slides on automated machine learning for recommender systems: lambda-opt."""
