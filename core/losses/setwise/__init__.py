"""Losses of one positive score and the scores of its negatives: values and gradients, for training on rankings.

Formulas write p for the positive score, n for a negative one and d = n - p; mean, sum and max run over the N negatives.
`core.losses.setwise.registry` names the losses and reads lines such as `MML:margins=.7,.9:weights=.2,.8`.
A SetLoss is one of these scores. A VectorLoss is one of the vectors that they are products of, for what scores of one
user's items do not tell: DirectAU compares users with users and items with items.
"""
