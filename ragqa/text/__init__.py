"""Words, sentences and characters."""
