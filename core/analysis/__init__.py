"""Analysis of losses without training: equivalent gradients, bounds of values, simplification."""
