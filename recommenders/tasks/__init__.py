"""What is trained for what: tasks and metrics, where candidates are measured, screening, training to convergence."""
