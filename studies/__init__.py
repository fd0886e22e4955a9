"""The command line and every outside effect: files, terminal, MLflow."""
