"""Asking Japan Post and reading its answer. Knows nothing of Django or of our database."""
