"""The recommendation task: metrics, environments that measure candidates, screening, and training to convergence."""
