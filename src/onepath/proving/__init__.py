"""Proves of a feature what a definition promises: the same number everywhere, nothing from the future, warm when it says so.

Rules: every check runs the feature's own step on data made for it; what fails is told with the first counterexample. What cannot
be checked is said, and neither passes nor fails.
"""

from onepath.proving.kit import Check, Proof, prove

__all__ = ["Check", "Proof", "prove"]
