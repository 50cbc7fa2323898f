"""Takes webhooks of other tools: verifies them, maps them, and answers when Kafka has them."""
