"""Desk pages for users and groups."""
