"""What a shard knows of its clients, and its durable form."""
