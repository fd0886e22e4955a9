"""Losses, as programs or in closed form: values and gradients with respect to the logit, one by one or batched."""
