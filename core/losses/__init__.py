"""Losses: value and gradient with respect to the logit, of programs and of closed forms, one or many at once."""
