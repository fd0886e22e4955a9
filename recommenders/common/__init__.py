"""The machine that recommenders are trained on, and its memory."""
