"""The interface of recommenders, and the built-in ones."""
