"""Losses of rankings evaluated: `python -m studies.evaluate --task ranking`."""
