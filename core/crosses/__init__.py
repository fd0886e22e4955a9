"""Crossed features: which columns of a table are looked at together, and the tree that crosses are searched in."""
