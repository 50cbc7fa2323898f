"""What is in a file, for people who do not know it yet."""
