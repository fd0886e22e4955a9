"""What every room uses: errors, seeds, reading of stored values, compiled code."""
