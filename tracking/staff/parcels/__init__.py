"""Staff's work on parcels: details, evidence, replies, registration."""
