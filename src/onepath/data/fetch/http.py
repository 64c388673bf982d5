"""Requests to sources of history: patient with networks and limits, clear about refusals.

Rules: GET only. Lost connections, answers cut short, 429 and 5xx are asked again, with growing pauses or after as long as
`Retry-After` says (two minutes at most); then the user is told. Redirects are not followed: keys stay where they belong,
and a page that asks for consent is no data. `pause` keeps as many seconds between requests as the source's limit asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec

from onepath.data.fetch.port import FetchError, UnreachableError
from onepath.errors import ConfigError
from onepath.ports import Clock

SECOND = 1_000_000_000
ATTEMPTS = 5
LONGEST_WAIT = 120
_BUSY, _FIRST_SERVER_ERROR, _REDIRECTS = 429, 500, range(300, 400)
_REFUSED = (401, 403)
_T = TypeVar("_T")


class Answer(NamedTuple):
    """What a server said."""

    status: int
    body: bytes


class Http:
    """One source's server. `name` is what sentences call it."""

    def __init__(
        self,
        name: str,
        url: str,
        headers: Mapping[str, str],
        clock: Clock,
        *,
        patience: float = 1.0,
        pause: float = 0.0,
    ) -> None:
        self.name, self._url, self._clock = name, url.rstrip("/"), clock
        self._pause, self._free_at = round(pause * SECOND), 0
        library = _library()
        retries = library.Retry(
            total=ATTEMPTS,
            connect=2,
            redirect=False,
            status_forcelist=(_BUSY, 500, 502, 503, 504),
            allowed_methods=("GET",),
            backoff_factor=0.5 * patience,
            backoff_max=30 * patience,
            raise_on_status=False,
        )
        retries.retry_after_max = LONGEST_WAIT  # an attribute, because older versions do not know the argument
        self._pool = library.PoolManager(
            headers=dict(headers), retries=retries, timeout=library.Timeout(connect=10.0, read=30.0)
        )
        self._library = library

    def get(self, path: str, query: Mapping[str, Any]) -> Answer:
        """The answer, whatever its status, but for those that mean nothing will come. Raises FetchError."""
        self._wait()
        url = f"{self._url}{path}?{urlencode(query)}"
        try:
            got = self._pool.request("GET", url, redirect=False)
        except self._library.exceptions.HTTPError as error:
            raise UnreachableError(self._no_way(error)) from None
        self._refused(got.status, got.headers.get("Location", ""))
        return Answer(got.status, got.data)

    def _wait(self) -> None:
        self._clock.wait_until(self._free_at)
        self._free_at = self._clock.now() + self._pause

    def _no_way(self, error: Exception) -> str:
        reason = getattr(error, "reason", None) or error
        if "IncompleteRead" in repr(reason):
            return f"{self.name} breaks off its answers, {ATTEMPTS + 1} times in a row; try again later, it goes on from here."
        host = self._url.partition("://")[2]
        return f"{self.name} cannot be reached at {host} ({type(reason).__name__}); check the network, or --url."

    def _refused(self, status: int, where: str) -> None:
        if status == _BUSY:
            raise UnreachableError(
                f"{self.name} answers 429, too many requests, even after pauses; what was fetched is kept: go on later."
            )
        if status >= _FIRST_SERVER_ERROR:
            raise UnreachableError(
                f"{self.name} has trouble of its own (HTTP {status}) after {ATTEMPTS} more attempts; "
                "what was fetched is kept: go on later."
            )
        if status in _REDIRECTS:
            raise UnreachableError(
                f"{self.name} sends us elsewhere (HTTP {status} to {where[:80] or 'nowhere'}), as to a page that asks for "
                "consent; open it in a browser, or use --url."
            )

    def read(self, answer: Answer, kind: type[_T], symbol: str) -> _T:
        """The answer's JSON as the words expected. Raises FetchError where it is something else."""
        try:
            return msgspec.json.decode(answer.body, type=kind, strict=False)
        except msgspec.ValidationError as error:
            raise FetchError(f"{self.name} answers {symbol} in an unknown shape ({error}); report it to us.") from None
        except msgspec.DecodeError:
            start = answer.body.lstrip()[:200].lower()
            what = "a web page" if start.startswith((b"<", b"<!")) else "something that is no JSON"
            shown = answer.body[:40].decode("utf-8", "replace")
            raise FetchError(
                f"{self.name} answers {symbol} with {what} instead of data (HTTP {answer.status}, {shown!r}); "
                "check --url and the network's proxy, or try later."
            ) from None


def no_entry(status: int) -> bool:
    """Whether a status says that the keys are missing, wrong or not enough."""
    return status in _REFUSED


def _library() -> Any:
    try:
        import urllib3
    except ImportError:
        raise ConfigError("fetching needs urllib3; install it with: pip install 'onepath[fetch]'.") from None
    return urllib3
