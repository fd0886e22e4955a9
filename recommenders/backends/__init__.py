"""Train many copies of a recommender at once: batches, copies, back ends and the trainer."""
