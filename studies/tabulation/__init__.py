"""A table of all losses of a few operators: which there are, how each trains, in one file."""
