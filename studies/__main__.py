"""`python -m studies` is `loss-search`."""

from __future__ import annotations

from studies.main import main

if __name__ == "__main__":
    main()
