"""What all commands share: ends, terminals, processes, pictures, pages."""
