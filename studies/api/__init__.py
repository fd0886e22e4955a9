"""Searching a loss from a notebook or a script, as short as the command."""

from studies.api.result import SearchResult
from studies.api.searching import load_result, search_loss

__all__ = ["SearchResult", "load_result", "search_loss"]
