"""The machine that recommenders are trained on, its free memory, and random draws of training passes."""
