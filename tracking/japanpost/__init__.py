"""Queries Japan Post and reads its answer. Uses neither Django nor our database."""
