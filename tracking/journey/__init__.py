"""What a stored story means: route, silence, deadlines, advice, timeline, usual waits, standing."""
