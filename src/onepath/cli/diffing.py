"""`onepath diff`: where the difference between two sessions comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onepath.cli.printing import say, say_json, say_table
from onepath.cli.replaying import say_chain
from onepath.cli.sessions import AsJson

if TYPE_CHECKING:
    from onepath.versus import Versus

First = Annotated[str, typer.Argument(metavar="A", help="A session's id, its first characters, or `last`.")]
Second = Annotated[str, typer.Argument(metavar="B", help="The session it is compared with.")]


def diff(
    one: First,
    two: Second,
    as_json: AsJson = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that shows it.")] = None,
) -> None:
    """Show where two sessions differ, and what each cause is worth.

    Data, clock, latency, fills, parameters, code: the shares add up to the difference of the profits.

    Example:  onepath diff paper-20240102-100000-9f3a last
    """
    from onepath.versus import versus
    from onepath.workspace import find

    workspace = find(Path.cwd())
    first, second = workspace.session(one), workspace.session(two)
    found = versus(first.journal, second.journal, workspace.root)
    if html is not None:
        from onepath.versus.page import write

        write(found, html)
    if as_json:
        from onepath.versus.wording import as_json as json_of

        say_json(json_of(found) | {"page": None if html is None else str(html)})
        return
    _say(found)
    if html is not None:
        say(f"page  {html}")


def _say(found: Versus) -> None:
    from onepath.versus.wording import heading, reasons

    a, b = found.one.session_id, found.two.session_id
    if found.identical:
        decisions, digest = found.decisions[0]
        say(f"identical: {decisions:,} decisions, {found.inputs.compared:,} events and all fills, hash {digest}")
        return
    say_table(("", f"{a}>", f"{b}>"), heading(found))
    say()
    say_table(("cause", "share>", "of it>", "what"), reasons(found))
    for remark in found.notes:
        say(f"note  {remark}")
    if found.chain is not None:
        say()
        say("the first decision that is not the same")
        say_chain(found.chain)
