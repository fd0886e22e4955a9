"""Loss programs: operators, lines, formulas, the search space, compilation and interpretation."""
