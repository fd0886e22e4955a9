"""The interface of recommenders, and those of the house."""
