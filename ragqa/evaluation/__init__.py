"""How good the answers are, and why a document is found or not."""
