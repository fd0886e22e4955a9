"""Several searchers on equal terms: runs, statistics, pictures, pages."""
