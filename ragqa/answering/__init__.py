"""Question and hits -> an answer, or that there is none."""
