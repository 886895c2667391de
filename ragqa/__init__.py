"""ragqa answers questions from a folder of documents, on the user's own machine.

This module holds the version and nothing else: importing it costs nothing.
"""

__version__ = "0.1.0"
