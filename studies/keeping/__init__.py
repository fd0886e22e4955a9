"""Keeping what a study has come to, so that nothing is lost whatever ends it."""
