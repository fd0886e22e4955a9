"""Training of many copies at once: batches, memory, and the back ends that do it."""
