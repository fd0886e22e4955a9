"""Losses side by side, as curves in one picture."""
