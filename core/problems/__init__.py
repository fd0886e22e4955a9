"""What is searched: the problem of a loss, with its proxy test, validation check, scale and evaluator."""
