"""Algorithm 1 of the paper: the interfaces of searchers and evaluators, the proxy test, the filters, the loop."""
