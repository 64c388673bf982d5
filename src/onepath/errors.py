"""The exceptions a user can meet. Each class says whose fault it is and what happens next.

Rules: a message is one sentence that names what was wrong, where, what was expected and what to do.
The command line prints the message alone and ends with exit code 2; a traceback is for our own bugs.
"""

from __future__ import annotations


class OnepathError(Exception):
    """Anything onepath raises on purpose. Catch this to catch all of the below."""


class ConfigError(OnepathError):
    """The configuration is at fault: fix the file or the flag; nothing has started."""


class DataError(OnepathError):
    """The market data is at fault: fix or re-import it; nothing was traded on it."""


class StrategyError(OnepathError):
    """The strategy's code or parameters are at fault: that strategy ends, the journal stays whole."""


class OrderError(StrategyError):
    """An order that can never be valid, whatever the market does: raised where it was asked for."""


class QuarantineError(StrategyError):
    """A strategy used up more than it may, in time or in orders: it ends, its call leaves nothing, the others go on."""

    def __init__(self, text: str, where: str = "") -> None:
        """`where` is file:line of the strategy, where that is known already."""
        super().__init__(text)
        self.where = where


class JournalError(OnepathError):
    """The journal cannot be written or read: the session stops, because what is not recorded did not happen."""


class TransitionError(OnepathError):
    """An order was asked to take a step that its life cycle does not have: refused, and recorded."""


class CommandError(OnepathError):
    """A command to a session cannot be carried out as it was given: nothing has changed, give it again."""


class ConservationError(OnepathError):
    """What was about to leave for the venue is not what was decided: our own fault, and the session stops before it leaves."""


class OverrunError(BaseException):
    """Breaks off a strategy's call that has run for too long. Not an Exception, so that a strategy that catches those does not
    catch this; whoever called it turns it into a QuarantineError, and nobody else ever sees one."""
