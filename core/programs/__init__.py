"""Loss programs: operators, lines, formulas, the space that they come from, and running them."""
