"""Faults on purpose: a session of any configuration in a simulated world in which everything goes wrong, by a seed."""
