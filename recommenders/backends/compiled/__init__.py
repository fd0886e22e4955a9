"""The compiled back end: numba kernels, each of which trains one copy for an epoch on one CPU core.

The result of a copy therefore depends neither on the other copies nor on the number of threads.
"""
