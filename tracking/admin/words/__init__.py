"""Desk pages for the words: statuses, wordings, phrases, destinations, notices, the shop."""
