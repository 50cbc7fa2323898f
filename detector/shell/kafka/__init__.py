"""All that speaks to Kafka. No other folder imports a Kafka client."""
