"""Whether features are still what they were: live values against those of a reference period.

Rules: values of one feature of one symbol are compared with those of the same; nothing is pooled. NumPy alone: the two tests used
here are a sum and a series, and SciPy takes 1.8 s to import.
"""

from onepath.drift.comparing import Drift, Verdict, compared
from onepath.drift.gathering import Gathered, of_reference, of_session

__all__ = ["Drift", "Gathered", "Verdict", "compared", "of_reference", "of_session"]
