"""Work cut into parts that are computed alone, in any order and any process, and kept in files."""
