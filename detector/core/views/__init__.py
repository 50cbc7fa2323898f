"""How the clients stand, for people and metrics. Nothing here decides."""
