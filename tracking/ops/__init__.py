"""What keeps the site running? Watch, prune, back-up, metrics, readiness, digest, privacy, doctor."""
