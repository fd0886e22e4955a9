"""Weight decay for every row: matrix factorisation by BPR, and decays that are learned or given."""
