"""The compiled back end: an epoch of one copy after the other in machine code, spread over CPU cores.

A copy's epoch is computed by one call on one core, so its result depends neither on the other copies nor on
the number of threads.
"""
