"""What acts: Kafka, logs, metrics, processes. It takes no decision about data."""
