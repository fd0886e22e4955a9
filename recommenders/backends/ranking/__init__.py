"""Training of vectors on rankings: the recipe, optimisers, back ends in a registry."""
