"""From a record's bytes to what an interaction counts as."""
