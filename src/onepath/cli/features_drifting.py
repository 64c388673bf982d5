"""`onepath features drift`: whether the features of a session are still what they were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onepath.cli.printing import say, say_json, say_table
from onepath.cli.sessions import AsJson, Named


def drift(
    session: Named,
    reference: Annotated[
        str, typer.Option(help="What to hold them against: a data set's name, a file or folder of bars, or a session.")
    ],
    *,
    since: Annotated[
        str | None, typer.Option("--from", help="Of the session, from this day or moment on (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Of the session, up to the end of this day, or to a moment.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report, with histograms, here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the features of a session with a reference.

    All features that its strategies ask for, over what it saw and over the reference: distribution (population stability index,
    Kolmogorov-Smirnov), mean, spread, missing values and correlations. Ends with 1 where a feature has drifted.

    Example:  onepath features drift last --reference us10 --html drift.html
    """
    from onepath.drift import Verdict, compared, of_reference, of_session
    from onepath.drift.comparing import as_plain
    from onepath.drift.gathering import started_of
    from onepath.errors import DataError
    from onepath.report import drifting
    from onepath.workspace import find

    workspace = find(Path.cwd())
    entry = workspace.session(session)
    live = of_session(workspace, entry.id, _moment(since, "--from"), _moment(until, "--to", end=True))
    if not live.columns:
        raise DataError(
            f"session {entry.id} has no features that became ready in that time: there is nothing to compare"
        )
    before = of_reference(workspace, started_of(workspace, entry.id)[0], reference)
    found = compared(live, before)
    path = None if html is None else drifting.write(found, live, before, (entry.id, reference), html)
    if as_json:
        told = {"session_id": entry.id, "reference": reference, "html": None if path is None else str(path)}
        say_json(told | as_plain(found))
    else:
        heads = ("feature", "symbol", "verdict", *(f"{head}>" for head in drifting.HEADS[3:]))
        say_table(heads, ([f.feature, f.symbol, str(f.verdict), *drifting.figures(f)] for f in found.features))
        for one in found.correlations:
            say(f"{one.one} and {one.two} of {one.symbol}: correlation {one.reference:.2f} then, {one.live:.2f} now")
        if found.absent:
            say(f"not in the reference: {', '.join(found.absent)}")
        say(f"{found.verdict}" + ("" if path is None else f"; report {path}"))
    if found.verdict is Verdict.DRIFTED:
        raise typer.Exit(1)


def _moment(text: str | None, option: str, *, end: bool = False) -> int | None:
    """Nanoseconds of a day or moment; of a day that ends something, its end."""
    from onepath.data.sources import moment
    from onepath.errors import ConfigError, DataError

    try:
        at = moment(text)
    except DataError as error:
        raise ConfigError(f"{option}: {error}") from None
    whole_day = end and text is not None and len(text.strip()) == len("2024-01-31")
    return at if at is None or not whole_day else at + 86_400 * 1_000_000_000
