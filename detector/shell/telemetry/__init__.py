"""Metrics, log lines and the endpoints that serve them."""
