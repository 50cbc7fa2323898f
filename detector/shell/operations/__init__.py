"""Commands that act on topics: rebuild, erase, produce, watch."""
