"""Watching a session at work, from outside its core: what it does, how fast, and what a person should look at.

Rules: nothing here moves a session. What is said here is output (`alert` rows of the journal at most), never an input of a
decision. The session's own thread pays for a number now and then; files, terminal and log are written by another.
"""
