"""From a transition's numbers to the alert that is published."""
