"""What all rooms build on, and what knows nothing of clients: hashing, growing arrays, decay, partitions."""
