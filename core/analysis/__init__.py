"""What is known of losses without training, and of a search: what became of its candidates, which loss to pick."""
