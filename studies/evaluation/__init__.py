"""Known losses and formulas, trained to convergence and compared fairly."""
