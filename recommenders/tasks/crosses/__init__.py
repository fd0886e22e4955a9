"""Crossed features searched for logistic regression (AutoCross), in machine code."""
