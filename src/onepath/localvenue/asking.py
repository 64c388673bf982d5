"""What a client asks for, read as the venue reads it; a refusal has the venue's status, code and words.

Rules: what is wrong is a RefusalError; limits above the most are cut to it, as the venue does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

from onepath.localvenue.market import Listed, Market

_SYMBOL = re.compile(r"[A-Z0-9\-_.]{1,20}")


class RefusalError(Exception):
    """The venue says no."""

    def __init__(self, status: int, code: int, text: str, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.retry_after = status, code, text, retry_after


def missing(name: str) -> RefusalError:
    return RefusalError(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, legal: str) -> RefusalError:
    return RefusalError(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


class Asked:
    """The parameters of one request."""

    def __init__(self, query: Mapping[str, str], market: Market) -> None:
        self._query, self._market = query, market

    def has(self, name: str) -> bool:
        return name in self._query

    def listed(self) -> Listed:
        """The symbol asked for."""
        name = self._query.get("symbol", "")
        if not name:
            raise missing("symbol")
        return self._symbol(name, "symbol")

    def _symbol(self, name: str, parameter: str) -> Listed:
        if not _SYMBOL.fullmatch(name):
            raise illegal(parameter, "^[A-Z0-9-_.]{1,20}$")
        if name not in self._market.symbols:
            raise RefusalError(400, -1121, "Invalid symbol.")
        return self._market.symbols[name]

    def several(self) -> tuple[list[Listed], bool]:
        """The symbols asked for, all where none was; and whether it was one alone."""
        if self.has("symbol") and self.has("symbols"):
            raise RefusalError(
                400, -1128, "Combination of optional parameters invalid. Recommendation: 'symbol' or 'symbols'."
            )
        if self.has("symbol"):
            return [self.listed()], True
        if not self.has("symbols"):
            return list(self._market.symbols.values()), False
        legal = '^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$'
        try:
            names = json.loads(self._query["symbols"])
        except ValueError:
            raise illegal("symbols", legal) from None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise illegal("symbols", legal)
        return [self._symbol(name, "symbols") for name in names], False

    def integer(self, name: str) -> int | None:
        """A whole number, None where it was not sent."""
        said = self._query.get(name)
        if said is None:
            return None
        if not said:
            raise RefusalError(400, -1105, f"Parameter '{name}' was empty.")
        if not said.isdecimal() or len(said) > 20:
            raise illegal(name, "^[0-9]{1,20}$")
        return int(said)

    def limit(self, usual: int, most: int) -> int:
        """How many."""
        said = self.integer("limit")
        if said == 0:
            raise RefusalError(400, -1130, "Data sent for parameter 'limit' is not valid.")
        return usual if said is None else min(said, most)

    def choice(self, name: str, among: Collection[str], code: int, words: str) -> str:
        """One of several words."""
        said = self._query.get(name, "")
        if not said:
            raise missing(name)
        if said not in among:
            raise RefusalError(400, code, words)
        return said
