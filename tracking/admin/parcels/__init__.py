"""Desk pages for parcels and what customers write about them."""
