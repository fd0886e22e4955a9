"""The science: loss programs, the space they come from, the tests they pass, and Algorithm 1."""
