"""Files of interactions, read as they would be produced to Kafka."""
