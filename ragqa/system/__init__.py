"""Terminal, files, processors: what knows nothing of documents."""
