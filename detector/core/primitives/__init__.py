"""What the rooms above build on and knows nothing of clients: hashing, growing arrays, decay, distributions, partitions."""
