"""What is known of a loss without training: bounds, shorter forms, likeness, the Pareto front."""
