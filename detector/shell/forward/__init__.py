"""Alerts on their way to webhooks and Alertmanager."""
