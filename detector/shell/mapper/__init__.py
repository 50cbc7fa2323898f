"""Maps the records of other tools, as an agent of its own: from a topic to the sources."""
