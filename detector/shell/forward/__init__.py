"""Forwards alerts to webhooks and Alertmanager."""
