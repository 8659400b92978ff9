"""The rows of connections: lease, pauses, region, profile, tokens."""
