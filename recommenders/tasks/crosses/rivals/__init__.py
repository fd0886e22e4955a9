"""What crosses are compared with: boosted trees, additive models, networks, and crosses chosen otherwise."""
