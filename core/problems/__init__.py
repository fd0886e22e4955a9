"""The problem of searching a loss: proxy test, validation check, gradient normalisation and evaluator."""
