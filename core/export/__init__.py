"""Export a loss as torch or sympy source, LaTeX or MathML. Returns text and objects; writes no files."""
