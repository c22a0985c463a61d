"""The pause between two batches of database work."""

BREATH = 0.05  # seconds, in which other processes can take the database's lock
