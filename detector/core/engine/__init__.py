"""One shard at work: records wait for their turn, are applied in the order of time, and leave as effects."""
