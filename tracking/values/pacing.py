"""How work in batches leaves room for others."""

BREATH = 0.05  # seconds between two batches, in which other processes get the database's lock
