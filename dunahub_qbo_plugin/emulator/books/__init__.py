"""The books of one company: entities, their rules and their sums."""
