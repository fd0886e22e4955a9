"""MLflow: what studies, comparisons, tunings and evaluations write there, and how it is reached."""
