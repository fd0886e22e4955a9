"""The tables and figures of the paper beside ours, one reproduction a file."""
