"""The worker process: one task for each shard, and what watches it."""
