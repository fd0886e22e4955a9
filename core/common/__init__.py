"""Helpers that all packages use: errors, seeds, validation of stored values, compiled code."""
