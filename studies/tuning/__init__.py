"""Tuning with Optuna what the paper fixes by hand: the smoothing term of a loss, or the thresholds of a search."""
