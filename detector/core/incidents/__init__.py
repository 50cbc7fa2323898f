"""When an incident opens, gets worse and ends, and the numbers that are reported of each transition."""
