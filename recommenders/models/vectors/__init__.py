"""Recommenders that give every user and every item a vector, for ranking."""
