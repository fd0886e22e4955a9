"""A study in a folder: begun, gone on with, and what it leaves there."""
