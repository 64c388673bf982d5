"""Example strategies: each runs from the command line by its name, and each is a golden test."""
