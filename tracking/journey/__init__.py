"""What does a stored story mean? Route, silence, deadlines, advice, timeline, usual waits, standing."""
