"""What follows a search, whatever is searched for: the tally, who goes on, training to convergence, what to compare."""
