"""Found losses on their way out of the house."""
