"""Losses of one positive score and its negatives as expressions: data that compiled code evaluates.

`expression` writes them, `encoded` turns them into lines, `interpreter` runs these: values and gradients in one pass.
"""
