"""A loss in other languages: torch, sympy, LaTeX. Text and objects only; no file is touched here."""
