"""The compiled back end of vectors: matrix factorisation on the cores of a CPU, a few microseconds an example."""
