"""The task `rating`: predict how users rate items, by an interaction function of their vectors."""
