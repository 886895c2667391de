"""A process that keeps models and index in memory."""
