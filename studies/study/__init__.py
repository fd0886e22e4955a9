"""One study: its settings, its three phases, what it found."""
