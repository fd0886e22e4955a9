"""Work cut into tasks that are computed alone, in any order and any process, and whose results are kept in files."""
