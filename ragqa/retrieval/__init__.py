"""Query -> the best passages."""
