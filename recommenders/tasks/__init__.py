"""What is trained for what: the task, its metrics, both environments of the search, training to convergence."""
