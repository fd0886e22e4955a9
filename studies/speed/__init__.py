"""How fast this machine is: what `python -m studies.benchmark` measures."""
