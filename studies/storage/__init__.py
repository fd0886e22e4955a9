"""Files that are kept: whole or not at all, by whom they were written, checkpoints."""
