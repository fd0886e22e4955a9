"""Interaction functions: how the vectors of a user and of an item become what a rating is predicted from."""
