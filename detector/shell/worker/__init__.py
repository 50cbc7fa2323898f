"""The worker process: one task for each shard, and a watchdog that ends a worker that stands still."""
