"""Desk pages for how Japan Post answers: health, kept pages, requests, usual waits."""
